//! What messages can be told apart by besides their words.

use super::{Fields, Token, hashed};
use crate::model::message::Media;

/// What a message has besides its words. None has more than one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    /// A picture or a video.
    Media,
    /// A file of any kind.
    File,
    /// A link or an article, or a text with the address of a page in it.
    Link,
}

impl Has {
    /// As requests name it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Has> {
        match name {
            "media" => Some(Has::Media),
            "file" => Some(Has::File),
            "link" => Some(Has::Link),
            _ => None,
        }
    }

    pub(super) fn of(fields: &Fields<'_>) -> Option<Has> {
        match Media::from_code(fields.media)? {
            Media::Picture | Media::Video => Some(Has::Media),
            Media::File => Some(Has::File),
            Media::Link | Media::Article => Some(Has::Link),
            Media::Text => has_address(fields.content()).then_some(Has::Link),
            Media::Voice
            | Media::Packet
            | Media::Sticker
            | Media::Contact
            | Media::Location
            | Media::Other(_) => None,
        }
    }

    pub(super) fn token(self) -> Token {
        let name = match self {
            Has::Media => b'm',
            Has::File => b'f',
            Has::Link => b'l',
        };
        hashed(3, [name])
    }
}

fn has_address(text: &str) -> bool {
    let has = |scheme: &[u8]| {
        let mut parts = text.as_bytes().windows(scheme.len());
        parts.any(|part| part.eq_ignore_ascii_case(scheme))
    };
    has(b"http://") || has(b"https://")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::model::search::{Query, tokens};

    #[test]
    fn what_a_message_has_is_found_without_words_and_with_them() {
        let has = [Has::Media, Has::File, Has::Link];
        for (media, content, expected) in [
            (1, "see HTTPS://example.org", Some(Has::Link)),
            (1, "http:/ and https are no address", None),
            (2, "an article", Some(Has::Link)),
            (3, "http://a voice", None),
            (4, "see", Some(Has::Media)),
            (6, "", None),
            (7, "see", Some(Has::Link)),
            (8, "", Some(Has::Media)),
            (10, "see http://x", Some(Has::File)),
            (12, "", None),
            (100, "http://own", None),
        ] {
            let body = json!({"media": media, "content": content}).to_string();
            let known = tokens(body.as_bytes());
            for has in has {
                let query = Query::parse("").having(has);
                let indexed = query.tokens().iter().all(|token| known.contains(token));
                assert_eq!(indexed, expected == Some(has), "{has:?} of {body}");
                assert_eq!(query.find(body.as_bytes()).is_some(), indexed, "{body}");
                let both = Query::parse("see").having(has).find(body.as_bytes());
                assert_eq!(both.is_some(), indexed && content.contains("see"), "{body}");
            }
        }
        let gone = json!({"media": 4, "recalled": true}).to_string();
        assert_eq!(tokens(gone.as_bytes()), BTreeSet::new());
        assert!(Query::parse("").is_empty());
    }
}
