//! Taking messages back, editing them, reacting to them: from a request to its place in the log.
//!
//! The append decides about rights, time and what is so already; here is what it is told, and what is refused for
//! everybody. A request whose client id is in the log goes to the append as it is, whatever became of the message.

use std::sync::Arc;

use bytes::Bytes;

use super::append::{Appended, append, draw_cid, encode};
use super::messages::Messages;
use super::sight::Sight;
use crate::journal::committer::Committer;
pub use crate::journal::committer::Pending;
use crate::model::alteration::{EditBody, EditedBody, Emoji, ReactionBody, RecallBody};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft};
use crate::model::entry::{Entry, EntryKind};
use crate::model::error::{Code, Failure};
use crate::model::ids::{Cid, ConnId, Seq, UserId};
use crate::model::message::{Media, MessageBody};
use crate::store::LogStore;

/// What is to become of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alteration {
    /// It is taken back.
    Recall,
    /// It gets this text.
    Edit { content: String },
    /// An emoji is put on or taken off.
    React { emoji: String, on: bool },
}

/// The wish to alter a message. Without a client id a repetition is another request, which finds it done.
#[derive(Clone, Debug)]
pub struct AlterRequest {
    pub cid: Option<String>,
    pub seq: Seq,
    pub alteration: Alteration,
}

/// The way of alterations into the log. Cheap to clone.
#[derive(Clone)]
pub struct Alterations {
    committer: Committer,
    log: Arc<dyn LogStore>,
    sight: Sight,
    messages: Messages,
}

/// What is known of the message.
struct Target {
    conv: Conv,
    media: u16,
    body: Bytes,
}

/// A wish that is well-formed.
enum Checked<'a> {
    Recall,
    Edit(&'a str),
    React(Emoji, bool),
}

impl Alterations {
    /// They count as sends of `messages` do.
    #[must_use]
    pub fn new(committer: Committer, log: Arc<dyn LogStore>, messages: Messages) -> Alterations {
        Alterations {
            committer,
            sight: Sight::new(Arc::clone(&log)),
            log,
            messages,
        }
    }

    /// Alters a message and waits until that is durable.
    pub async fn alter(&self, user: UserId, request: &AlterRequest) -> Result<Appended, Failure> {
        let draft = self.prepare(user, request).await?;
        append(&self.committer, draft, None).await
    }

    /// Takes it out of the user's allowance and checks it.
    pub async fn prepare(&self, user: UserId, request: &AlterRequest) -> Result<Draft, Failure> {
        self.messages.admit(user)?;
        let target = request.seq;
        let cid: Cid = match &request.cid {
            Some(cid) => cid
                .parse()
                .map_err(|_| Failure::field(Code::BadRequest, "cid"))?,
            None => draw_cid()?,
        };
        let checked = self.check(&request.alteration)?;
        let found = match self.repeated(user, request, &cid).await? {
            Some(found) => found,
            None => self.target(user, request).await?,
        };
        let Target { conv, media, body } = found;
        let (kind, body, change) = match checked {
            Checked::Recall => (
                EntryKind::Recall,
                encode(&RecallBody { target })?,
                Change::Recall { target, media },
            ),
            Checked::Edit(content) => {
                let body = EditedBody::of(&body, content).ok_or(Code::Gone)?;
                let edit = EditBody {
                    target,
                    content: Some(content.to_owned()),
                    recalled: false,
                };
                let change = Change::Edit {
                    target,
                    media,
                    body,
                };
                (EntryKind::Edit, encode(&edit)?, change)
            }
            Checked::React(emoji, on) => {
                let reaction = ReactionBody { target, emoji, on };
                let body = encode(&reaction)?;
                let change = Change::React {
                    target,
                    media,
                    emoji: reaction.emoji,
                    on,
                };
                (EntryKind::Reaction, body, change)
            }
        };
        Ok(Draft {
            conv,
            from: user,
            kind,
            cid,
            body,
            change,
        })
    }

    /// Puts a prepared alteration in line, without waiting.
    pub fn enqueue(&self, draft: Draft, origin: Option<ConnId>) -> Result<Pending, Failure> {
        Ok(self.committer.enqueue(draft, origin)?)
    }

    /// What needs no look at the message.
    fn check<'a>(&self, alteration: &'a Alteration) -> Result<Checked<'a>, Failure> {
        match alteration {
            Alteration::Recall => Ok(Checked::Recall),
            Alteration::Edit { content } => {
                self.messages.check_text(content)?;
                Ok(Checked::Edit(content))
            }
            Alteration::React { emoji, on } => match emoji.parse() {
                Ok(emoji) => Ok(Checked::React(emoji, *on)),
                Err(_) => Err(Failure::field(Code::BadRequest, "emoji")),
            },
        }
    }

    /// Where a request went that is in the log already: the append finds it there before it asks for anything else.
    async fn repeated(
        &self,
        user: UserId,
        request: &AlterRequest,
        cid: &Cid,
    ) -> Result<Option<Target>, Failure> {
        if request.cid.is_none() {
            return Ok(None);
        }
        let Some((place, _)) = self.log.find(user, cid).await? else {
            return Ok(None);
        };
        let first = self.log.entry(place).await?;
        Ok(first.map(|first| Target {
            conv: first.conv,
            media: 1,
            body: Bytes::from_static(b"{}"),
        }))
    }

    async fn target(&self, user: UserId, request: &AlterRequest) -> Result<Target, Failure> {
        let entry = self.sight.entry(user, request.seq).await?;
        let message = read(&entry)?;
        if message.recalled {
            return Err(Failure::new(Code::Gone));
        }
        let media = Media::from_code(message.media);
        let is_possible = match request.alteration {
            // Money on its way is not taken back: what nobody claims returns by itself.
            Alteration::Recall => media != Some(Media::Packet),
            Alteration::Edit { .. } => media == Some(Media::Text) && entry.from == user,
            Alteration::React { .. } => true,
        };
        if !is_possible {
            return Err(Failure::new(Code::NotAllowed));
        }
        Ok(Target {
            conv: entry.conv,
            media: message.media,
            body: entry.body,
        })
    }
}

/// A message's fields; nothing else can be altered.
fn read(entry: &Entry) -> Result<MessageBody, Failure> {
    if entry.kind != EntryKind::Message {
        return Err(Failure::new(Code::NotAllowed));
    }
    serde_json::from_slice(&entry.body).map_err(|error| {
        tracing::error!(seq = entry.seq.0, %error, "a stored message cannot be read");
        Failure::new(Code::Internal)
    })
}
