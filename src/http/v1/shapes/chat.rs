//! Conversations, their entries and what is sent to them.
//!
//! Entries are encoded by `model::encode`, which splices a stored body without parsing it; [`Entry`] is their
//! description only, and pages of them are put together as bytes here.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{Group, User};
use crate::model::encode::encode_entry;
use crate::model::entry;
use crate::model::ids::Seq;
use crate::model::ids::UserId;
use crate::service::Appended;
use crate::service::conversations::{
    About, ConversationList, ConversationView, Page, Settings as State,
};
use crate::service::entries;
use crate::service::outcomes::{self, Told};

/// Something that happened in a conversation. Which fields there are depends on `kind`.
#[derive(Serialize, ToSchema)]
pub struct Entry {
    /// Its place in the order of everything; also its id.
    pub seq: u64,
    /// As the reader names it.
    pub conv: String,
    /// The author's user id; 0: the system.
    pub from: u64,
    pub at: i64,
    /// `message`, `recall`, `edit`, `reaction`, `joined`, `left`, `group`, `friend`, `notice`; more to come.
    pub kind: String,
    /// The sender's own id of it; only for the sender.
    pub cid: Option<String>,
    /// Of a message: 1 text, 2 article, 3 voice, 4 picture, 5 red packet, 6 sticker, 7 link, 8 video, 9 contact, 10 file,
    /// 11 location, 100 and above the client's own.
    pub media: Option<u16>,
    pub content: Option<String>,
    pub url: Option<String>,
    pub pic: Option<String>,
    pub memo: Option<String>,
    pub amount: Option<i64>,
    #[schema(value_type = Option<Object>)]
    pub meta: Option<()>,
    pub reply_to: Option<u64>,
    pub mentions: Option<Vec<u64>>,
    /// Of a message whose author changed its text since.
    pub edited_at: Option<i64>,
    /// Of a message that was taken back, which has no content then; and of an edit of it.
    pub recalled: Option<bool>,
    /// Of a message in pages of the past: what is on it, in the order in which the emojis came.
    pub reactions: Option<Vec<Reaction>>,
    /// Of `recall`, `edit`, `reaction` and a notice about a packet: the message it is about.
    pub target: Option<u64>,
    /// Of `reaction`: put on or taken off.
    pub emoji: Option<String>,
    pub on: Option<bool>,
    /// Of a notice about a packet: `claimed` or `refunded`.
    pub packet: Option<String>,
    /// Of `joined`, `left` and a new group: who.
    pub users: Option<Vec<u64>>,
    /// Who did it, when it was somebody else.
    pub by: Option<u64>,
    /// Of `group`: it begins.
    pub created: Option<bool>,
    /// Of `group`: it ends.
    pub dissolved: Option<bool>,
    /// Whose invitation they came in with, of `joined`.
    pub invited_by: Option<u64>,
    /// Of `group`: its new name.
    pub name: Option<String>,
    /// Of `group`: its new picture; empty: none. Its new announcement is `memo`.
    pub icon: Option<String>,
    /// Of `group`: its new category.
    pub category: Option<u8>,
    /// Of `group`: how it lets in from now on.
    #[schema(value_type = Option<super::JoinMode>)]
    pub join: Option<()>,
    /// Of `group`: somebody has this role from now on.
    #[schema(value_type = Option<super::RoleOf>)]
    pub role: Option<()>,
    /// Of `group`: somebody may not write until then.
    #[schema(value_type = Option<super::MutedUntil>)]
    pub muted: Option<()>,
    /// Of `group`: the user id of its new owner; who was it before is an admin now.
    pub owner: Option<u64>,
    /// Of `friend`: `requested`, `friends`, `refused` or `removed`.
    pub state: Option<String>,
    /// Of `friend`: the words of a request.
    pub message: Option<String>,
}

impl Entry {
    /// The JSON of an entry with what became of it.
    pub(in crate::http) fn encode(told: &Told, reader: UserId) -> Vec<u8> {
        let mut json = Vec::new();
        push_told(&mut json, told, reader);
        json
    }
}

/// An emoji on a message.
#[derive(Serialize, ToSchema)]
pub struct Reaction {
    pub emoji: String,
    /// How many have put it on.
    pub count: u64,
    /// Some of them, at most 50.
    pub users: Vec<u64>,
}

impl From<&outcomes::Reaction> for Reaction {
    fn from(reaction: &outcomes::Reaction) -> Reaction {
        Reaction {
            emoji: reaction.emoji.to_string(),
            count: reaction.count,
            users: reaction.users.iter().map(|user| user.0).collect(),
        }
    }
}

/// Appends an entry's JSON with what became of it.
pub(in crate::http) fn push_told(json: &mut Vec<u8>, told: &Told, reader: UserId) {
    encode_entry(json, &told.entry, reader, false);
    if told.reactions.is_empty() {
        return;
    }
    let reactions: Vec<Reaction> = told.reactions.iter().map(Reaction::from).collect();
    // Into the object that just ended. Writing numbers and texts to a vector cannot fail.
    json.pop();
    json.extend_from_slice(br#","reactions":"#);
    let _ = serde_json::to_writer(&mut *json, &reactions);
    json.push(b'}');
}

/// Who has read an entry.
#[derive(Serialize, ToSchema)]
pub struct Readers {
    /// At most 200 of them.
    pub readers: Vec<User>,
    /// How many there are.
    pub total: u64,
}

impl From<entries::Readers> for Readers {
    fn from(readers: entries::Readers) -> Readers {
        Readers {
            readers: readers.readers.into_iter().map(User::from).collect(),
            total: readers.total,
        }
    }
}

/// Part of a conversation, ascending.
#[derive(Serialize, ToSchema)]
pub struct Entries {
    pub entries: Vec<Entry>,
    pub more_before: bool,
    pub more_after: bool,
}

impl Entries {
    /// The page's JSON.
    pub(in crate::http) fn encode(page: &Page, reader: UserId) -> Vec<u8> {
        let mut json = br#"{"entries":["#.to_vec();
        for (index, entry) in page.entries.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            push_told(&mut json, entry, reader);
        }
        let (before, after) = (page.more_before, page.more_after);
        json.extend_from_slice(
            format!(r#"],"more_before":{before},"more_after":{after}}}"#).as_bytes(),
        );
        json
    }
}

/// `self`: notes to oneself, and notices.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    Private,
    Group,
    #[serde(rename = "self")]
    Own,
}

#[derive(Serialize, ToSchema)]
pub struct Conversation {
    pub conv: String,
    pub kind: ConversationKind,
    /// The group's name, the remark for a friend, or the other's nickname; empty for notes to oneself.
    pub title: String,
    pub icon: String,
    /// In a private conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<User>,
    /// In a group's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// Messages above `read_seq`, not one's own, counted up to 1,000.
    pub unread: u32,
    /// Whether one of them mentions the reader.
    pub mentioned: bool,
    pub read_seq: u64,
    /// How far the other one has read, in a private conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_read_seq: Option<u64>,
    pub muted: bool,
    pub pinned: bool,
    pub marked_unread: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// The last entry but for recalls, edits and reactions; null when there is none to see.
    #[schema(value_type = Option<Entry>, required)]
    pub last: Option<Box<RawValue>>,
}

impl Conversation {
    fn of(view: ConversationView, reader: UserId) -> serde_json::Result<Conversation> {
        let (kind, peer, group) = match view.about {
            About::Peer(person) => (ConversationKind::Private, Some(person.into()), None),
            About::Group(view) => (ConversationKind::Group, None, Some(Group::from(*view))),
            About::Notes => (ConversationKind::Own, None, None),
        };
        let last = view.last.map(|entry| raw(&entry, reader)).transpose()?;
        Ok(Conversation {
            conv: view.address.to_string(),
            kind,
            title: view.title,
            icon: view.icon,
            peer,
            group,
            last,
            unread: view.unread,
            mentioned: view.mentioned,
            read_seq: view.read_seq.0,
            peer_read_seq: view.peer_read_seq.map(|seq| seq.0),
            muted: view.settings.muted,
            pinned: view.settings.pinned,
            marked_unread: view.settings.marked_unread,
            draft: Some(view.settings.draft).filter(|draft| !draft.is_empty()),
        })
    }
}

fn raw(entry: &entry::Entry, reader: UserId) -> serde_json::Result<Box<RawValue>> {
    let mut json = Vec::new();
    encode_entry(&mut json, entry, reader, false);
    serde_json::from_slice(&json)
}

#[derive(Serialize, ToSchema)]
pub struct Conversations {
    pub conversations: Vec<Conversation>,
    /// The place of the log this is true at: the position to go on from.
    pub head: u64,
    /// The log that place belongs to, for the first frame on `/ws`.
    pub epoch: u64,
}

impl Conversations {
    pub(in crate::http) fn of(
        list: ConversationList,
        reader: UserId,
    ) -> serde_json::Result<Conversations> {
        let views = list.conversations.into_iter();
        Ok(Conversations {
            conversations: views
                .map(|view| Conversation::of(view, reader))
                .collect::<serde_json::Result<_>>()?,
            head: list.head.0,
            epoch: list.epoch.0,
        })
    }
}

/// A message to send: the fields of a `send` frame.
#[derive(Serialize, ToSchema)]
pub struct SendBody {
    /// The sender's own id of it, 1-64 printable ASCII characters, the same on each retry.
    pub cid: String,
    /// As in [`Entry`].
    pub media: u16,
    pub content: Option<String>,
    pub url: Option<String>,
    pub pic: Option<String>,
    pub memo: Option<String>,
    pub amount: Option<i64>,
    #[schema(value_type = Option<Object>)]
    pub meta: Option<()>,
    pub reply_to: Option<u64>,
    pub mentions: Option<Vec<u64>>,
}

/// A message's place; `duplicate`: it was there before.
#[derive(Serialize, ToSchema)]
pub struct Accepted {
    pub seq: u64,
    pub at: i64,
    pub duplicate: bool,
}

impl From<Appended> for Accepted {
    fn from(appended: Appended) -> Accepted {
        Accepted {
            seq: appended.seq.0,
            at: appended.at,
            duplicate: appended.duplicate,
        }
    }
}

/// Where one's read position is now.
#[derive(Serialize, ToSchema)]
pub struct ChangedReading {
    pub read_seq: u64,
    pub unread: u32,
}

/// One's own settings of a conversation.
#[derive(Serialize, ToSchema)]
pub struct Settings {
    pub conv: String,
    pub muted: bool,
    pub pinned: bool,
    pub hidden: bool,
    pub marked_unread: bool,
    pub draft: String,
}

impl Settings {
    pub(in crate::http) fn of(conv: String, state: State) -> Settings {
        Settings {
            conv,
            muted: state.muted,
            pinned: state.pinned,
            hidden: state.hidden_at > Seq::ZERO,
            marked_unread: state.marked_unread,
            draft: state.draft,
        }
    }
}
