//! The sockets of ginchat's and imooc's pages: their JSON frames, both ways.
//!
//! A page shows its own group message only when it comes back, and its own private one at once; so the one is echoed
//! and the other is not. Frames of ours that are no messages would be drawn as empty bubbles: a refusal is a text
//! without a brace, which pages ignore, and everything else is left unsaid.

#[cfg(test)]
mod fuzz;
mod telling;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use uuid::Uuid;

use telling::OldSpeech;
pub(super) use telling::ginchat_text;

use super::media::{self, Place};
use super::uses::Uses;
use crate::http::ws::{About, Ack, Heard, Invalid, Message, Voice};
use crate::model::conversation::{Address, Conv};
use crate::model::entry::Entry;
use crate::model::error::{Code, Failure, Language};
use crate::model::ids::{GroupId, ID_MAX, Seq, UserId};
use crate::service::connections::{Link, Speech, frame};
use crate::service::messages::SendRequest;
use crate::service::reads::{Bookmark, Reads};

/// Most messages a page is told at connect.
pub(super) const MISSED_MAX: usize = 200;
/// Ways of speaking that are kept: by page, language and address. More is somebody playing with the Host header; what
/// is beyond works and shares nothing.
const SPEECHES_MAX: usize = 64;

/// Entries, and the place of the log up to which they are all.
pub(super) type Missed = (Vec<Arc<Entry>>, Seq);

/// A page's own ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Ginchat {
        /// What it sends is not taken.
        receives_only: bool,
    },
    Imooc {
        /// It shows its own group messages when they come back.
        echo: bool,
        /// It shows text, voice and pictures, and nothing else.
        basic: bool,
    },
}

/// How entries look to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    Ginchat,
    Imooc,
    ImoocBasic,
}

impl Page {
    fn look(self) -> Look {
        match self {
            Page::Ginchat { .. } => Look::Ginchat,
            Page::Imooc { basic: false, .. } => Look::Imooc,
            Page::Imooc { basic: true, .. } => Look::ImoocBasic,
        }
    }
}

/// Whether a page is told of this entry when it comes too late to see it happen. ginchat's loads private history
/// itself, and would show it twice.
pub(super) fn is_told_late(page: Page, entry: &Entry) -> bool {
    let is_message = media::message(entry).is_some();
    match page {
        Page::Ginchat { .. } => is_message && matches!(entry.conv, Conv::Group(_)),
        Page::Imooc { .. } => is_message,
    }
}

/// Makes the voices of pages, so that those that speak alike share what is encoded.
pub(super) struct Voices {
    reads: Reads,
    uses: Arc<Uses>,
    speeches: Mutex<BTreeMap<(Look, Place), Arc<dyn Speech>>>,
}

impl Voices {
    pub(super) fn new(reads: Reads, uses: Arc<Uses>) -> Voices {
        Voices {
            reads,
            uses,
            speeches: Mutex::default(),
        }
    }

    pub(super) fn voice(&self, user: UserId, page: Page, place: Place) -> OldVoice {
        OldVoice {
            user,
            page,
            speech: self.speech(page.look(), place),
            reads: self.reads.clone(),
            uses: Arc::clone(&self.uses),
            bookmark: None,
        }
    }

    fn speech(&self, look: Look, place: Place) -> Arc<dyn Speech> {
        let mut known = self.speeches.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (look, place);
        if let Some(speech) = known.get(&key) {
            return Arc::clone(speech);
        }
        let speech: Arc<dyn Speech> = Arc::new(OldSpeech {
            look,
            place: key.1.clone(),
        });
        if known.len() < SPEECHES_MAX {
            known.insert(key, Arc::clone(&speech));
        }
        speech
    }
}

/// One page's socket.
pub(super) struct OldVoice {
    user: UserId,
    page: Page,
    speech: Arc<dyn Speech>,
    reads: Reads,
    uses: Arc<Uses>,
    /// Remembers how far the page was told, also when it is gone.
    bookmark: Option<Bookmark>,
}

impl Voice for OldVoice {
    fn speech(&self) -> Arc<dyn Speech> {
        Arc::clone(&self.speech)
    }

    fn joined(&mut self, link: &Arc<Link>) {
        self.bookmark = Some(self.reads.bookmark(self.user, link));
    }

    fn parting(&mut self) -> Option<BoxFuture<'_, ()>> {
        let bookmark = self.bookmark.as_mut()?;
        Some(Box::pin(bookmark.write()))
    }

    fn greeting(&self, _hello: &dyn Fn() -> Value) -> Option<Bytes> {
        None
    }

    fn understand(&mut self, message: Message) -> Result<Heard, Invalid> {
        let Message::Text(text) = message else {
            return Err(refused(Code::BadRequest));
        };
        let frame = read(&text)?;
        let heard = match self.page {
            Page::Ginchat {
                receives_only: true,
            } => Ok(None),
            Page::Ginchat { .. } => ginchat_send(&frame),
            Page::Imooc { .. } => imooc_send(&frame),
        }?;
        let Some(request) = heard else {
            return Ok(Heard::Nothing);
        };
        let counts = match self.page {
            Page::Ginchat { .. } => &self.uses.ginchat,
            Page::Imooc { .. } => &self.uses.imooc,
        };
        counts.messages.inc();
        Ok(Heard::Send {
            request: Box::new(request),
            tag: 0,
        })
    }

    fn ack(&self, _ack: &Ack<'_>) -> Option<Bytes> {
        None
    }

    fn acks_in_order(&self) -> bool {
        false
    }

    /// Pages ignore a text without a brace.
    fn error(&self, failure: &Failure, _about: About<'_>, language: Language) -> Option<Bytes> {
        let words = format!(
            "{}: {}",
            failure.code.name(),
            failure.code.message(language)
        );
        Some(frame::text(words.as_bytes()))
    }

    fn is_echoed(&self, conv: Conv) -> bool {
        let echoes = match self.page {
            Page::Ginchat { .. } => true,
            Page::Imooc { echo, .. } => echo,
        };
        echoes && matches!(conv, Conv::Group(_))
    }

    fn reads_by_sending(&self) -> bool {
        true
    }

    fn fetched(&self, _entries: &[Entry], _more: bool) -> Option<Bytes> {
        None
    }
}

fn refused(code: Code) -> Invalid {
    Invalid {
        failure: Failure::new(code),
        cid: None,
    }
}

/// A frame's fields; their names in any case, as those systems read them.
fn read(text: &str) -> Result<Map<String, Value>, Invalid> {
    let fields: Map<String, Value> =
        serde_json::from_str(text).map_err(|_| refused(Code::InvalidJson))?;
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value));
    Ok(fields.collect())
}

fn number(frame: &Map<String, Value>, name: &str) -> Result<i64, Invalid> {
    match frame.get(name) {
        None | Some(Value::Null) => Ok(0),
        Some(Value::Number(number)) => number.as_i64().ok_or_else(|| refused(Code::BadRequest)),
        // Pages read ids out of form fields and addresses.
        Some(Value::String(text)) if text.trim().is_empty() => Ok(0),
        Some(Value::String(text)) => text.trim().parse().map_err(|_| refused(Code::BadRequest)),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => Err(refused(Code::BadRequest)),
    }
}

fn text(frame: &Map<String, Value>, name: &str) -> String {
    match frame.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        None | Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            String::new()
        }
    }
}

/// A private conversation or a group by its number.
fn address(is_group: bool, target: i64) -> Result<Address, Invalid> {
    match u64::try_from(target) {
        Ok(id) if (1..=ID_MAX).contains(&id) => Ok(if is_group {
            Address::Group(GroupId(id))
        } else {
            Address::User(UserId(id))
        }),
        Ok(_) | Err(_) => Err(refused(Code::NotFound)),
    }
}

/// `None`: a heartbeat, which is a frame of type 3, without a medium, or to nobody.
fn ginchat_send(frame: &Map<String, Value>) -> Result<Option<SendRequest>, Invalid> {
    let (kind, medium, target) = (
        number(frame, "type")?,
        number(frame, "media")?,
        number(frame, "targetid")?,
    );
    if kind == 3 || medium == -1 || target == 0 {
        return Ok(None);
    }
    let is_group = match kind {
        1 => false,
        2 => true,
        _ => return Err(refused(Code::BadRequest)),
    };
    let url = text(frame, "url");
    // 2 is a sticker to some of its pages, and to none an article.
    let medium = if medium == 2 && !url.is_empty() {
        6
    } else {
        medium
    };
    let said = Said {
        memo: text(frame, "desc"),
        url,
        ..Said::of(frame)?
    };
    said.request(address(is_group, target)?, medium).map(Some)
}

fn imooc_send(frame: &Map<String, Value>) -> Result<Option<SendRequest>, Invalid> {
    let is_group = match number(frame, "cmd")? {
        0 => return Ok(None),
        10 => false,
        11 => true,
        _ => return Err(refused(Code::BadRequest)),
    };
    let to = address(is_group, number(frame, "dstid")?)?;
    let said = Said {
        memo: text(frame, "memo"),
        ..Said::of(frame)?
    };
    said.request(to, number(frame, "media")?).map(Some)
}

struct Said {
    content: String,
    url: String,
    pic: String,
    memo: String,
    amount: i64,
}

impl Said {
    fn of(frame: &Map<String, Value>) -> Result<Said, Invalid> {
        Ok(Said {
            content: text(frame, "content"),
            url: text(frame, "url"),
            pic: text(frame, "pic"),
            memo: String::new(),
            amount: number(frame, "amount")?,
        })
    }

    /// Each frame is new: these protocols know no repetition.
    fn request(self, to: Address, medium: i64) -> Result<SendRequest, Invalid> {
        Ok(SendRequest {
            cid: Some(Uuid::new_v4().to_string()),
            to: Some(to.to_string()),
            media: Some(u16::try_from(medium).map_err(|_| refused(Code::BadRequest))?),
            content: Some(self.content),
            url: Some(media::our_url(&self.url)),
            pic: Some(media::our_url(&self.pic)),
            memo: Some(self.memo),
            amount: Some(self.amount),
            // No page knows of a ledger: what it calls a red packet is a picture of one.
            is_drawn_packet: true,
            ..SendRequest::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::telling::{ginchat_json, imooc_json};
    use super::*;
    use crate::model::entry::EntryKind;
    use crate::model::ids::Seq;

    fn entry(conv: Conv, body: &str) -> Entry {
        Entry {
            seq: Seq(41),
            conv,
            from: UserId(7),
            at: 5_000,
            kind: EntryKind::Message,
            cid: "c".parse().unwrap(),
            body: Bytes::from(body.to_owned()),
        }
    }

    fn place() -> Place {
        Place::new("http://a.example".to_owned(), Language::English)
    }

    #[test]
    fn a_page_is_told_in_its_own_fields() {
        let private = entry(
            Conv::private(UserId(3), UserId(7)),
            r#"{"media":3,"url":"/files/1/a.webm","amount":4}"#,
        );
        assert_eq!(
            ginchat_json(&private, Some(&place())).unwrap(),
            json!({
                "userId": 7, "TargetId": 3, "Type": 1, "Media": 3, "Content": "", "CreateTime": 5_000,
                "url": "/files/1/a.webm", "amount": 4, "Pic": "", "Desc": "", "Id": 41,
            })
        );
        assert_eq!(
            imooc_json(&private, &place(), false).unwrap(),
            json!({"id": 41, "userid": 7, "cmd": 10, "dstid": 3, "media": 3, "at": 5_000, "url": "/files/1/a.webm", "amount": 4})
        );
        let group = entry(
            Conv::Group(GroupId(9)),
            r#"{"media":11,"content":"Harbour"}"#,
        );
        let told = ginchat_json(&group, Some(&place())).unwrap();
        assert_eq!(
            (&told["Type"], &told["Media"], &told["Content"]),
            (&json!(2), &json!(1), &json!("[Location] Harbour"))
        );
        let told = imooc_json(&group, &place(), false).unwrap();
        assert_eq!((&told["cmd"], &told["media"]), (&json!(11), &json!(1)));
    }

    #[test]
    fn what_was_taken_back_and_what_is_no_message_is_not_told() {
        let conv = Conv::Group(GroupId(9));
        assert!(ginchat_json(&entry(conv, r#"{"media":1,"recalled":true}"#), None).is_none());
        let joined = Entry {
            kind: EntryKind::Joined,
            ..entry(conv, r#"{"users":[1]}"#)
        };
        assert!(imooc_json(&joined, &place(), false).is_none());
    }

    #[test]
    fn heartbeats_say_nothing_whatever_their_type() {
        for beat in [
            r#"{"userId":1,"TargetId":0,"Type":3,"Media":-1,"Content":"beat"}"#,
            r#"{"userId":1,"TargetId":5,"Type":1,"Media":-1}"#,
            r#"{"userId":1,"TargetId":0,"Type":1,"Media":1,"Content":"x"}"#,
        ] {
            assert!(
                ginchat_send(&read(beat).unwrap()).unwrap().is_none(),
                "{beat}"
            );
        }
        assert!(
            imooc_send(&read(r#"{"cmd":0}"#).unwrap())
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_frame_becomes_a_send_whatever_case_its_fields_have_and_whoever_it_says_it_is_from() {
        let frame = read(
            r#"{"userId":99,"targetid":"5","TYPE":2,"media":4,"content":"","Url":"./asset/a.png","amount":0}"#,
        );
        let request = ginchat_send(&frame.unwrap()).unwrap().unwrap();
        assert_eq!(request.to.as_deref(), Some("g:5"));
        assert_eq!(
            (request.media, request.url.as_deref()),
            (Some(4), Some("/asset/a.png"))
        );
        for bad in [
            r#"{"Type":1,"TargetId":-5,"Media":1}"#,
            r#"{"Type":7,"TargetId":5,"Media":1}"#,
            r#"{"TargetId":[]}"#,
        ] {
            assert!(ginchat_send(&read(bad).unwrap()).is_err(), "{bad}");
        }
        assert!(read("[]").is_err() && read("{").is_err());
    }
}
