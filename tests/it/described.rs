//! The operations of the node's description, for tests that walk it.

use serde_json::{Value, json};

use crate::lab::{Lab, User};

/// What placeholders in paths are filled with: ids that are well-formed.
const WORDS: [(&str, &str); 13] = [
    ("/files/{id}", "/files/AAAAAAAAAAAAAAAAAAAAAA"),
    ("{code}", "AAAAAAAAAAAAAAAAAAAAAA"),
    ("{invite}", "AAAAAAAAAAAAAAAAAAAAAA"),
    ("{token}", "AAAAAAAAAAAAAAAAAAAAAA"),
    ("{conv}", "u:1"),
    ("{emoji}", "%F0%9F%90%A6"),
    ("{name}", "a.txt"),
    ("{hook}", "1"),
    ("{id}", "1"),
    ("{request}", "1"),
    ("{seq}", "1"),
    ("{user}", "1"),
    ("{invitation}", "1"),
];

/// A method of a path.
pub struct Operation {
    pub method: String,
    pub path: String,
    pub described: Value,
}

impl Operation {
    /// Whether it is refused to whoever has no token.
    pub fn needs_login(&self) -> bool {
        let alternatives = self.described["security"].as_array();
        !alternatives.is_some_and(|all| all.contains(&json!({})))
    }

    /// The path with something in each place.
    pub fn real_path(&self) -> String {
        real_path(&self.path)
    }

    /// Its parameters in paths (`path`) or queries (`query`).
    pub fn parameters(&self, place: &str) -> Vec<&Value> {
        let all = self.described["parameters"].as_array();
        let all = all.into_iter().flatten();
        all.filter(|parameter| parameter["in"] == place).collect()
    }

    /// How its body of this kind is described.
    pub fn body(&self, kind: &str) -> Option<&Value> {
        self.described["requestBody"]["content"].get(kind)
    }

    /// Asks it, as somebody or nobody.
    pub async fn ask(
        &self,
        lab: &Lab,
        user: Option<&User>,
        (path, kind, body): (&str, &str, &str),
    ) -> crate::lab::Reply {
        let token = user.map(|user| format!("Bearer {}", user.token));
        let mut headers = vec![("content-type", kind)];
        headers.extend(token.as_deref().map(|token| ("authorization", token)));
        lab.ask(&self.method.to_uppercase(), path, &headers, body)
            .await
    }
}

/// A described path with something in each place.
pub fn real_path(path: &str) -> String {
    let fill = |path: String, (word, value)| path.replace(word, value);
    WORDS.into_iter().fold(path.to_owned(), fill)
}

/// What the node says of itself.
pub async fn document(lab: &Lab) -> Value {
    lab.ask("GET", "/openapi.json", &[], "").await.is(200)
}

/// All of its operations.
pub fn operations(document: &Value) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, described) in item.as_object().unwrap() {
            operations.push(Operation {
                method: method.clone(),
                path: path.clone(),
                described: described.clone(),
            });
        }
    }
    operations
}
