//! What becomes of messages: taken back, edited, reacted to; the bodies before, of and after it.
//!
//! The same functions make the body that a store writes and the one that a node keeps in memory, so that both are the
//! same bytes. Who may alter what is decided elsewhere.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, EntryKind, UnixMillis};
use super::ids::Seq;
use super::message::MessageBody;

/// Most emojis on one message: what a client can show, and a bound for what is looked at while the log is held.
pub const EMOJIS_MAX: u32 = 50;

/// Body of [`EntryKind::Recall`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecallBody {
    /// The message taken back.
    pub target: Seq,
}

/// Body of [`EntryKind::Edit`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditBody {
    /// The message edited.
    pub target: Seq,
    /// Its text from here on. Gone with the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The message was taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recalled: bool,
}

/// Body of [`EntryKind::Reaction`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactionBody {
    /// The message reacted to.
    pub target: Seq,
    pub emoji: Emoji,
    /// Put on, or taken off.
    pub on: bool,
}

/// The body of a message of this kind once it was taken back: nothing of what it said. By it the store tells a message
/// that was, and no message can say it of itself: it is not made of a message's fields.
#[must_use]
pub fn recalled_body(media: u16) -> Bytes {
    format!(r#"{{"media":{media},"recalled":true}}"#).into()
}

/// The body of an edit once its message was taken back.
#[must_use]
pub fn forgotten_body(target: Seq) -> Bytes {
    format!(r#"{{"target":{target},"recalled":true}}"#).into()
}

/// A message's body after an edit, but for its time, which only the store knows: [`EditedBody::at`] adds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditedBody(Bytes);

impl EditedBody {
    /// The body `stored` with another text. `None`: it is no message's, or that of one taken back.
    #[must_use]
    pub fn of(stored: &[u8], content: &str) -> Option<EditedBody> {
        let message: MessageBody = serde_json::from_slice(stored).ok()?;
        if message.recalled {
            return None;
        }
        let edited = MessageBody {
            content: content.to_owned(),
            edited_at: None,
            ..message
        };
        let mut json = serde_json::to_vec(&edited).ok()?;
        json.pop();
        Some(EditedBody(json.into()))
    }

    /// All of it but `,"edited_at":`, the time and the closing brace.
    #[must_use]
    pub fn beginning(&self) -> &[u8] {
        &self.0
    }

    /// The body of a message edited at this time.
    #[must_use]
    pub fn at(&self, at: UnixMillis) -> Bytes {
        let mut body = self.0.to_vec();
        body.extend_from_slice(format!(r#","edited_at":{at}}}"#).as_bytes());
        body.into()
    }
}

/// The message that an entry takes back or edits.
#[must_use]
pub fn rewritten_by(entry: &Entry) -> Option<Seq> {
    #[derive(Deserialize)]
    struct Target {
        target: Seq,
    }
    match entry.kind {
        EntryKind::Recall | EntryKind::Edit => serde_json::from_slice::<Target>(&entry.body)
            .ok()
            .map(|body| body.target),
        EntryKind::Message
        | EntryKind::Reaction
        | EntryKind::Joined
        | EntryKind::Left
        | EntryKind::Group
        | EntryKind::Friend
        | EntryKind::Notice
        | EntryKind::Revoked
        | EntryKind::Asked
        | EntryKind::Unknown(_) => None,
    }
}

/// What the body of `message` is after `alteration` of it; `None`: as it was. A message that was taken back stays so,
/// whatever edits before that are told of late.
#[must_use]
pub fn altered_body(message: &Entry, alteration: &Entry) -> Option<Bytes> {
    if message.kind != EntryKind::Message || message.conv != alteration.conv {
        return None;
    }
    if alteration.kind == EntryKind::Recall {
        let media = serde_json::from_slice::<MessageBody>(&message.body).ok()?;
        return Some(recalled_body(media.media));
    }
    let edit: EditBody = serde_json::from_slice(&alteration.body).ok()?;
    Some(EditedBody::of(&message.body, &edit.content?)?.at(alteration.at))
}

/// A sign put on a message: 1-32 bytes that show as one picture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Emoji(String);

/// Why a text is no emoji.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one emoji of at most {} bytes", Emoji::BYTES_MAX)]
pub struct InvalidEmoji;

impl Emoji {
    /// Longest one: families and flags of regions are joined from several signs.
    pub const BYTES_MAX: usize = 32;

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Emoji {
    type Err = InvalidEmoji;

    fn from_str(text: &str) -> Result<Emoji, InvalidEmoji> {
        if text.len() <= Emoji::BYTES_MAX && is_one_sign(text) {
            Ok(Emoji(text.to_owned()))
        } else {
            Err(InvalidEmoji)
        }
    }
}

impl TryFrom<String> for Emoji {
    type Error = InvalidEmoji;

    fn try_from(text: String) -> Result<Emoji, InvalidEmoji> {
        text.parse()
    }
}

impl From<Emoji> for String {
    fn from(emoji: Emoji) -> String {
        emoji.0
    }
}

impl fmt::Display for Emoji {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const JOINER: char = '\u{200d}';
const KEYCAP: char = '\u{20e3}';

/// Whether a text is one base sign with what belongs to it, or several by joiners (the shape of Unicode's emoji
/// sequences, UTS 51, section 1.4.9, without its table of which signs there are: that one grows each year).
fn is_one_sign(text: &str) -> bool {
    let mut chars = text.chars().peekable();
    loop {
        let Some(base) = chars.next() else {
            return false;
        };
        if !is_base(base) {
            return false;
        }
        let flag = is_regional(base) && chars.next_if(|c| is_regional(*c)).is_some();
        let mut has_keycap = false;
        while let Some(mark) = chars.next_if(|c| is_mark(*c)) {
            has_keycap |= mark == KEYCAP;
        }
        // Digits, # and * are signs on keycaps only; half a flag is none.
        if (base.is_ascii() && !has_keycap) || (is_regional(base) && !flag) {
            return false;
        }
        match chars.next() {
            None => return true,
            Some(JOINER) => {}
            Some(_) => return false,
        }
    }
}

fn is_base(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_digit() || c == '#' || c == '*';
    }
    let invisible = matches!(c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff0}'..='\u{ffff}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}');
    !invisible && !is_mark(c) && !c.is_control() && !c.is_whitespace()
}

/// Variants, skin tones, keycaps, tags, combining marks.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn is_regional(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::conversation::Conv;
    use crate::model::ids::UserId;

    fn entry(seq: u64, kind: EntryKind, body: &[u8]) -> Entry {
        Entry {
            seq: Seq(seq),
            conv: Conv::private(UserId(3), UserId(7)),
            from: UserId(7),
            at: 99,
            kind,
            cid: "c".parse().unwrap(),
            body: Bytes::copy_from_slice(body),
        }
    }

    #[test]
    fn an_edit_changes_the_text_and_nothing_else_and_says_when() {
        let body = br#"{"media":1,"content":"a","meta":{"x":1},"reply_to":2,"mentions":[7],"edited_at":5}"#;
        let message = entry(4, EntryKind::Message, body);
        let edit = entry(9, EntryKind::Edit, br#"{"target":4,"content":"say \"b\""}"#);
        assert_eq!(rewritten_by(&edit), Some(Seq(4)));
        let expected = br#"{"media":1,"content":"say \"b\"","meta":{"x":1},"reply_to":2,"mentions":[7],"edited_at":99}"#;
        assert_eq!(
            altered_body(&message, &edit).as_deref(),
            Some(&expected[..])
        );
    }

    #[test]
    fn a_recalled_message_says_nothing_and_no_late_edit_brings_it_back() {
        let message = entry(4, EntryKind::Message, br#"{"media":4,"url":"/files/1/a"}"#);
        let recall = entry(9, EntryKind::Recall, br#"{"target":4}"#);
        let gone = altered_body(&message, &recall).unwrap();
        assert_eq!(&gone[..], br#"{"media":4,"recalled":true}"#);
        let gone = entry(4, EntryKind::Message, &gone);
        let edit = entry(8, EntryKind::Edit, br#"{"target":4,"content":"b"}"#);
        assert_eq!(altered_body(&gone, &edit), None);
        assert_eq!(altered_body(&gone, &recall), Some(gone.body.clone()));
        let forgotten = entry(8, EntryKind::Edit, &forgotten_body(Seq(4)));
        assert_eq!(altered_body(&message, &forgotten), None);
    }

    #[test]
    fn an_alteration_of_another_conversation_alters_nothing() {
        let message = entry(4, EntryKind::Message, br#"{"media":1,"content":"a"}"#);
        let recall = Entry {
            conv: Conv::private(UserId(3), UserId(8)),
            ..entry(9, EntryKind::Recall, br#"{"target":4}"#)
        };
        assert_eq!(altered_body(&message, &recall), None);
    }

    #[test]
    fn one_picture_is_an_emoji_and_words_blanks_and_invisible_signs_are_none() {
        for good in ["👍", "❤️", "👍🏽", "👨‍👩‍👧", "🇨🇳", "1️⃣", "🏳️‍🌈", "☺", "中"]
        {
            assert!(good.parse::<Emoji>().is_ok(), "{good}");
        }
        let long = "👨‍👩‍👧‍👦".repeat(2);
        for bad in [
            "",
            "a",
            "ok",
            "1",
            " ",
            "👍 ",
            "👍👍",
            "\n",
            "\u{200d}",
            "👍\u{200d}",
            "\u{fe0f}",
            "🇨",
            "\u{202e}",
            "\u{0}",
            &long,
        ] {
            assert!(bad.parse::<Emoji>().is_err(), "{bad:?}");
        }
    }
}
