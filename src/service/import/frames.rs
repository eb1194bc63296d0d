//! Messages that a system kept as the frames its clients sent, in lists under `msg_<user>_<user>`.
//!
//! The lists' own order is not to be trusted (scores there are random or repeat), and a group's message stands in the
//! list of each of its members. So all are read, put in the order of their `CreateTime`, and what is byte for byte the
//! same is one message.

use serde_json::{Map, Value};

use super::report::Kind;
use super::talk::{Said, To, Touched, key_of};
use super::{ImportError, ROWS_PER_PAGE, Run, plausible};
use crate::model::entry::UnixMillis;
use crate::model::message::MessageBody;
use crate::store::foreign::redis::{Listed, ListedFrame, MessageLists};

/// What all frames together may take: they are sorted in memory.
const FRAMES_BYTES_MAX: usize = 2 << 30;
/// What a frame costs beside its bytes.
const FRAME_BYTES: usize = 128;
/// Below it a time is in seconds: as milliseconds it would be in 1973.
const SECONDS_BELOW: i64 = 100_000_000_000;

/// A frame and what it is sorted by.
pub(super) struct Frame {
    pub(super) at: UnixMillis,
    score: f64,
    key: String,
    fields: Fields,
    hash: String,
}

/// A frame's fields in lower case: readers there took any.
struct Fields(Map<String, Value>);

impl Fields {
    fn read(body: &[u8]) -> Option<Fields> {
        let fields: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let mut lower = Map::new();
        for (name, value) in fields {
            let name = name.to_ascii_lowercase();
            let empty = value.is_null() || value == "" || value == 0;
            if !empty || !lower.contains_key(&name) {
                lower.insert(name, value);
            }
        }
        Some(Fields(lower))
    }

    fn number(&self, name: &str) -> Option<i64> {
        let value = self.0.get(name)?;
        match value.as_str() {
            Some(text) => text.trim().parse().ok(),
            None => value.as_i64(),
        }
    }

    fn id(&self, name: &str) -> Option<u64> {
        self.number(name).and_then(|id| u64::try_from(id).ok())
    }

    fn text(&self, name: &str) -> String {
        let text = self.0.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    }

    fn at(&self) -> Option<UnixMillis> {
        let time = self.number("createtime")?;
        let at = if time < SECONDS_BELOW {
            time.checked_mul(1_000)?
        } else {
            time
        };
        plausible(Some(at))
    }
}

/// Reads all lists; ascending by time.
pub(super) async fn read(
    run: &mut Run<'_>,
    servers: Vec<MessageLists>,
) -> Result<Vec<Frame>, ImportError> {
    let mut frames: Vec<(Option<UnixMillis>, Frame)> = Vec::new();
    let mut bytes = 0;
    for mut server in servers {
        while let Some(listed) = server.next().await? {
            let some = match listed {
                Listed::Frames(some) => some,
                Listed::Odd(key, form) => {
                    let reason = format!("it is no list but a {form}");
                    run.report.skipped(Kind::Messages, &key, &reason)?;
                    continue;
                }
            };
            for listed in some {
                bytes += listed.body.len() + FRAME_BYTES;
                if bytes > FRAMES_BYTES_MAX {
                    return Err(ImportError::Plan(format!(
                        "the message lists are larger than {} MiB, which is as much as is sorted at once",
                        FRAMES_BYTES_MAX >> 20
                    )));
                }
                let hash = key_of(&[&listed.body]);
                let Some(fields) = Fields::read(&listed.body) else {
                    let id = called(&listed.key, &hash);
                    run.report
                        .skipped(Kind::Messages, &id, "it is no JSON object")?;
                    continue;
                };
                let ListedFrame { key, score, .. } = listed;
                let frame = Frame {
                    at: 0,
                    score,
                    key,
                    hash,
                    fields,
                };
                frames.push((frame.fields.at(), frame));
            }
        }
    }
    // What has no time goes before what has one.
    let first = frames.iter().filter_map(|(at, _)| *at).min();
    let mut frames: Vec<Frame> = frames
        .into_iter()
        .map(|(at, frame)| Frame {
            at: at.or(first).unwrap_or(UnixMillis::MAX),
            ..frame
        })
        .collect();
    frames.sort_by(|a, b| {
        let order = a.at.cmp(&b.at).then(a.score.total_cmp(&b.score));
        order.then_with(|| a.hash.cmp(&b.hash))
    });
    Ok(frames)
}

/// How the report names a frame.
fn called(key: &str, hash: &str) -> String {
    format!("{key}#{}", &hash[..8])
}

impl Run<'_> {
    pub(super) async fn frames(&mut self, frames: Vec<Frame>) -> Result<(), ImportError> {
        let mut touched = Touched::default();
        let mut frames = frames.into_iter();
        loop {
            let page: Vec<Frame> = frames.by_ref().take(ROWS_PER_PAGE).collect();
            if page.is_empty() {
                return self.mark_read(touched).await;
            }
            let mut said = Vec::new();
            for frame in page {
                let old_id = called(&frame.key, &frame.hash);
                match self.frame(frame, old_id.clone()) {
                    Ok(message) => said.push(message),
                    Err(reason) => self.report.skipped(Kind::Messages, &old_id, &reason)?,
                }
            }
            self.say(said, &mut touched).await?;
        }
    }

    fn frame(&self, frame: Frame, old_id: String) -> Result<Said, String> {
        let fields = &frame.fields;
        let from = fields.id("userid").ok_or("it names no sender")?;
        let target = fields.id("targetid").ok_or("it names no receiver")?;
        let to = match fields.number("type") {
            Some(1) if is_list_of(&frame.key, from, target) => To::User(target),
            Some(1) => return Err("it stands in the list of others".to_owned()),
            Some(2) => To::Group(target),
            Some(other) => return Err(format!("it is no message: type {other}")),
            None => return Err("it is no message: it has no type".to_owned()),
        };
        let url = fields.text("url");
        let media = match fields.number("media") {
            Some(1) => 1,
            Some(3) => 3,
            // One version sends stickers as 2 and pictures as 3 or 4; all have an address.
            Some(2 | 4) => 4,
            Some(other) => return Err(format!("its media {other} is not known")),
            None => return Err("it has no media".to_owned()),
        };
        let text = if media == 1 {
            fields.text("content")
        } else {
            url
        };
        let body = MessageBody {
            amount: fields.number("amount").unwrap_or(0).max(0),
            ..self.body(media, text)
        };
        Ok(Said {
            old_id,
            at: frame.at,
            from,
            to,
            body,
            key: frame.hash,
        })
    }
}

/// Whether the list is the one of these two.
fn is_list_of(key: &str, one: u64, other: u64) -> bool {
    key == format!("msg_{}_{}", one.min(other), one.max(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_any_case_and_the_filled_one_of_two_counts() {
        let fields = br#"{"userId":"7","TargetId":9,"Url":"","url":"/a","CreateTime":1700000000}"#;
        let fields = Fields::read(fields).unwrap();
        assert_eq!(
            (fields.id("userid"), fields.id("targetid")),
            (Some(7), Some(9))
        );
        assert_eq!(fields.text("url"), "/a");
        assert_eq!(fields.at(), Some(1_700_000_000_000));
        for odd in [&b"[]"[..], b"", b"{", b"\xff", br#"{"a":1}}"#] {
            assert!(Fields::read(odd).is_none(), "{odd:?}");
        }
        let odd = Fields::read(br#"{"userId":-1,"TargetId":1e99,"CreateTime":5}"#).unwrap();
        assert_eq!(
            (odd.id("userid"), odd.id("targetid"), odd.at()),
            (None, None, None)
        );
        let huge = Fields::read(br#"{"CreateTime":-9223372036854775808}"#).unwrap();
        assert_eq!(huge.at(), None);
    }

    #[test]
    fn a_list_is_of_two_whoever_is_named_first() {
        assert!(is_list_of("msg_3_12", 12, 3) && is_list_of("msg_3_12", 3, 12));
        assert!(!is_list_of("msg_12_3", 3, 12) && !is_list_of("msg_3_1", 3, 12));
    }
}
