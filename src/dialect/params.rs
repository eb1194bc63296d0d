//! The parameters of a request, wherever an old client put them: query, form, or JSON body.

use serde_json::{Map, Value};

use crate::model::error::{Code, Failure};

/// Most parameters of one request; more is no client of ours.
const PARAMS_MAX: usize = 1_200;

/// Names and values in the order they came. Names are case-sensitive: by them dialects are told apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// The query's parameters.
    pub(super) fn from_query(query: &str) -> Params {
        Params(form(query.as_bytes()))
    }

    /// Adds a body's: a form or a JSON object. What is neither is `unsupported_media`.
    pub(super) fn add_body(&mut self, content_type: &str, body: &[u8]) -> Result<(), Failure> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if body.is_empty() {
            return Ok(());
        }
        let added = if essence.eq_ignore_ascii_case("application/json") {
            json(body)?
        } else if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            form(body)
        } else {
            return Err(Failure::new(Code::UnsupportedMedia));
        };
        self.0.extend(added);
        if self.0.len() > PARAMS_MAX {
            return Err(Failure::new(Code::TooLarge));
        }
        Ok(())
    }

    /// The first value with one of these names that is not empty.
    pub(super) fn get(&self, names: &[&str]) -> Option<&str> {
        let named = |name: &&str| {
            let found = self
                .0
                .iter()
                .find(|(known, value)| known == name && !value.trim().is_empty());
            found.map(|(_, value)| value.as_str())
        };
        names.iter().find_map(named)
    }

    /// The same, as text; empty when it is missing.
    pub(super) fn text(&self, names: &[&str]) -> String {
        self.get(names).unwrap_or_default().trim().to_owned()
    }

    /// Every value with this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Whether there is a parameter with this name, empty or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// A number; `bad_request` when it is none.
    pub(super) fn number<T: std::str::FromStr>(
        &self,
        names: &[&str],
        field: &'static str,
    ) -> Result<Option<T>, Failure> {
        let parse = |text: &str| text.trim().parse();
        let parsed = self.get(names).map(parse).transpose();
        parsed.map_err(|_| Failure::field(Code::BadRequest, field))
    }
}

fn form(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body)
        .take(PARAMS_MAX + 1)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

fn json(body: &[u8]) -> Result<Vec<(String, String)>, Failure> {
    let invalid = |_| Failure::new(Code::InvalidJson);
    let object: Map<String, Value> = serde_json::from_slice(body).map_err(invalid)?;
    let mut found = Vec::new();
    for (name, value) in object {
        match value {
            Value::Array(values) => found.extend(
                values
                    .iter()
                    .filter_map(|value| Some((name.clone(), plain(value)?))),
            ),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => {
                found.extend(plain(&value).map(|value| (name, value)));
            }
        }
    }
    Ok(found)
}

/// A value as a form would carry it; objects and nulls it could not.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_a_query_and_json_say_the_same() {
        let mut form = Params::from_query("id=7");
        form.add_body(
            "application/x-www-form-urlencoded; charset=UTF-8",
            b"name=%E5%BC%A0+a&ids=1&ids=2",
        )
        .unwrap();
        let mut json = Params::from_query("id=7");
        json.add_body(
            "application/json",
            r#"{"name":"张 a","ids":[1,"2"],"x":null,"y":{}}"#.as_bytes(),
        )
        .unwrap();
        for params in [form, json] {
            assert_eq!(params.number::<u64>(&["id"], "id"), Ok(Some(7)));
            assert_eq!(params.get(&["nick", "name"]), Some("张 a"));
            assert_eq!(params.all("ids").collect::<Vec<_>>(), ["1", "2"]);
            assert!(!params.has("x") && !params.has("y"));
        }
    }

    #[test]
    fn what_is_no_form_and_no_object_is_refused() {
        let refused =
            |kind: &str, body: &[u8]| Params::default().add_body(kind, body).unwrap_err().code;
        assert_eq!(refused("text/plain", b"x"), Code::UnsupportedMedia);
        for body in ["[]", "1", "{", ""].iter().take(3) {
            assert_eq!(
                refused("application/json", body.as_bytes()),
                Code::InvalidJson
            );
        }
        let many = "a=1&".repeat(PARAMS_MAX + 5);
        assert_eq!(
            refused("application/x-www-form-urlencoded", many.as_bytes()),
            Code::TooLarge
        );
        assert_eq!(
            Params::from_query("n=1x").number::<u64>(&["n"], "n"),
            Err(Failure::field(Code::BadRequest, "n"))
        );
    }
}
