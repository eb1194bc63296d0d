//! What a search finds.

use std::io::Write as _;

use serde::Serialize;
use utoipa::ToSchema;

use super::{Entry, push_told};
use crate::model::ids::UserId;
use crate::service::search::Hits;

/// A message or notice that was found.
#[derive(Serialize, ToSchema)]
pub struct FoundEntry {
    #[serde(flatten)]
    pub entry: Entry,
    /// Where in `content` what was searched for is: pairs of first and behind-the-last, in UTF-16 code units as
    /// JavaScript counts them, ascending. Empty when all of it is in `memo` or in `meta.name`.
    #[schema(example = json!([[0, 2], [7, 12]]))]
    pub highlights: Vec<Vec<u64>>,
}

/// What was found, newest first.
#[derive(Serialize, ToSchema)]
pub struct Found {
    pub entries: Vec<FoundEntry>,
    /// The `before` of the next page; null at the end.
    pub next: Option<String>,
}

impl Found {
    /// The page's JSON.
    pub(in crate::http) fn encode(hits: &Hits, reader: UserId) -> Vec<u8> {
        let mut json = br#"{"entries":["#.to_vec();
        for (index, hit) in hits.hits.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            push_told(&mut json, &hit.told, reader);
            // Inside the entry's braces.
            json.pop();
            let marks = hit.highlights.iter();
            let marks: Vec<String> = marks
                .map(|(start, end)| format!("[{start},{end}]"))
                .collect();
            // Writing to a vector cannot fail.
            let _ = write!(json, r#","highlights":[{}]}}"#, marks.join(","));
        }
        let _ = match hits.next {
            Some(next) => write!(json, r#"],"next":"{next}"}}"#),
            None => write!(json, r#"],"next":null}}"#),
        };
        json
    }
}
