//! Saying something: one way for every protocol, from a request to its place in the log.
//!
//! Limits come first, then the checks that need no store, then those that do, then the append, which decides. What
//! becomes of messages later is `alterations`' business.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::append::{Appended, append};
use super::files::FileUses;
use super::rate::{SendRate, Senders};
use super::sight::Sight;
use crate::journal::committer::{Committer, Pending};
use crate::model::conversation::{Address, Conv};
use crate::model::draft::{Change, Draft};
use crate::model::entry::EntryKind;
use crate::model::error::{Code, Failure};
use crate::model::group::Role;
use crate::model::ids::{Cid, ConnId, Seq, UserId};
use crate::model::message::{InvalidMessage, MessageBody, TEXT_BYTES_MAX};
use crate::store::{GroupStore, LogStore, MessageStore};

/// Mentions everybody in the group.
const EVERYBODY: UserId = UserId(0);

/// How much one user may send.
#[derive(Clone, Copy, Debug)]
pub struct SendSettings {
    /// Sends a second on average.
    pub per_second: u32,
    /// Sends at once.
    pub burst: u32,
    /// Longest text.
    pub text_bytes_max: usize,
}

impl Default for SendSettings {
    fn default() -> Self {
        SendSettings {
            per_second: 20,
            burst: 60,
            text_bytes_max: TEXT_BYTES_MAX,
        }
    }
}

/// A message as a client sends it. What is missing or null counts as empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SendRequest {
    pub cid: Option<String>,
    pub to: Option<String>,
    pub media: Option<u16>,
    pub content: Option<String>,
    pub url: Option<String>,
    pub pic: Option<String>,
    pub memo: Option<String>,
    pub amount: Option<i64>,
    pub meta: Option<Box<RawValue>>,
    pub reply_to: Option<Seq>,
    pub mentions: Option<Vec<UserId>>,
    /// A red packet (media 5) that is drawn and moves no money, as old pages send it.
    #[serde(skip)]
    pub is_drawn_packet: bool,
}

impl SendRequest {
    fn body(&self) -> MessageBody {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        MessageBody {
            media: self.media.unwrap_or_default(),
            content: text(&self.content),
            url: text(&self.url),
            pic: text(&self.pic),
            memo: text(&self.memo),
            amount: self.amount.unwrap_or_default(),
            meta: self.meta.clone().filter(|meta| meta.get() != "null"),
            reply_to: self.reply_to,
            mentions: self.mentions.clone().unwrap_or_default(),
            is_drawn_packet: self.is_drawn_packet,
            ..MessageBody::default()
        }
    }

    fn mentions_everybody(&self) -> bool {
        let mentions = self.mentions.as_deref().unwrap_or_default();
        mentions.contains(&EVERYBODY)
    }
}

/// The way of messages into the log. Cheap to clone.
#[derive(Clone)]
pub struct Messages {
    committer: Committer,
    log: Arc<dyn LogStore>,
    groups: Arc<dyn GroupStore>,
    messages: Arc<dyn MessageStore>,
    sight: Sight,
    files: FileUses,
    rate: Arc<SendRate>,
    text_bytes_max: usize,
}

impl Messages {
    #[must_use]
    pub fn new(
        committer: Committer,
        log: Arc<dyn LogStore>,
        groups: Arc<dyn GroupStore>,
        messages: Arc<dyn MessageStore>,
        files: FileUses,
        settings: SendSettings,
    ) -> Messages {
        Messages {
            committer,
            sight: Sight::new(Arc::clone(&log)),
            log,
            groups,
            messages,
            files,
            rate: Arc::new(SendRate::new(settings.per_second, settings.burst)),
            text_bytes_max: settings.text_bytes_max,
        }
    }

    /// Takes one send out of the user's allowance, or refuses it with `rate_limited`.
    pub fn admit(&self, user: UserId) -> Result<(), Failure> {
        self.rate.admit(user, Instant::now())
    }

    /// The allowances of users, for who counts them together with those of other nodes.
    #[must_use]
    pub fn senders(&self) -> Senders {
        Senders::of(&self.rate)
    }

    /// A text that a message can have.
    pub(super) fn check_text(&self, content: &str) -> Result<(), Failure> {
        if content.trim().is_empty() {
            return Err(InvalidMessage::Field("content").into());
        }
        if content.len() > self.text_bytes_max {
            return Err(InvalidMessage::TooLarge("content").into());
        }
        Ok(())
    }

    /// Checks everything that can be checked without a look into the store.
    pub fn prepare(&self, user: UserId, request: &SendRequest) -> Result<Draft, Failure> {
        let bad = |field| Failure::field(Code::BadRequest, field);
        let cid: Cid = match request.cid.as_deref().map(str::parse) {
            Some(Ok(cid)) => cid,
            Some(Err(_)) | None => return Err(bad("cid")),
        };
        let to: Address = match request.to.as_deref().map(str::parse) {
            Some(Ok(to)) => to,
            Some(Err(_)) | None => return Err(bad("to")),
        };
        let conv = to.conv_of(user);
        let mentions = request.mentions.as_deref().unwrap_or_default();
        if !matches!(conv, Conv::Group(_))
            && mentions.iter().any(|user| conv.peer_of(*user).is_none())
        {
            return Err(bad("mentions"));
        }
        Ok(Draft {
            conv,
            from: user,
            kind: EntryKind::Message,
            cid,
            body: request.body().encode(self.text_bytes_max)?,
            change: Change::Message,
        })
    }

    /// Puts a prepared message in line, without waiting: the order of calls is the order of entries.
    pub fn enqueue(&self, draft: Draft, origin: Option<ConnId>) -> Result<Pending, Failure> {
        Ok(self.committer.enqueue(draft, origin)?)
    }

    /// Sends a message and waits until it is durable. `origin` is the connection that is answered by an ack.
    pub async fn send(
        &self,
        user: UserId,
        request: &SendRequest,
        origin: Option<ConnId>,
    ) -> Result<Appended, Failure> {
        self.admit(user)?;
        let draft = self.prepare(user, request)?;
        self.authorize(request, &draft).await?;
        append(&self.committer, draft, origin).await
    }

    /// Checks what takes a look into the store: that files of ours are for the author to pass on, that what it answers
    /// to is there to be seen, that those it mentions are in the group, and that who mentions everybody may. What is in
    /// the log already was allowed once: its repetition is for the append to recognise (P4).
    pub async fn authorize(&self, request: &SendRequest, draft: &Draft) -> Result<(), Failure> {
        match self.refusal(request, draft).await? {
            Some(_) if self.log.find(draft.from, &draft.cid).await?.is_some() => Ok(()),
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    async fn refusal(
        &self,
        request: &SendRequest,
        draft: &Draft,
    ) -> Result<Option<Failure>, Failure> {
        let user = draft.from;
        let urls = [("url", &request.url), ("pic", &request.pic)]
            .map(|(field, url)| (field, url.as_deref().unwrap_or_default()));
        let shared = self.files.in_message(draft.conv, user, &draft.cid, urls);
        match shared.await {
            Ok(()) => {}
            Err(failure) if failure.code == Code::Unavailable => return Err(failure),
            Err(failure) => return Ok(Some(failure)),
        }
        if let Some(target) = request.reply_to
            && !self.can_reply(draft, target).await?
        {
            return Ok(Some(Failure::field(Code::BadRequest, "reply_to")));
        }
        let Conv::Group(group) = draft.conv else {
            return Ok(None);
        };
        if request.mentions_everybody() {
            match self.groups.role(group, user).await? {
                Some(Role::Member) => {
                    return Ok(Some(Failure::field(Code::NotAllowed, "mentions")));
                }
                // Whether he is a member at all is for the append to say.
                Some(Role::Admin | Role::Owner) | None => {}
            }
        }
        let mut named = request.mentions.clone().unwrap_or_default();
        named.retain(|mentioned| *mentioned != EVERYBODY && *mentioned != user);
        named.sort_unstable();
        named.dedup();
        if named.is_empty() {
            return Ok(None);
        }
        let present = self.messages.present(group, &named).await?;
        let is_strange = |user: &UserId| !present.contains(user);
        if !named.iter().any(is_strange) || self.groups.role(group, user).await?.is_none() {
            return Ok(None);
        }
        Ok(Some(Failure::field(Code::BadRequest, "mentions")))
    }

    /// Whether the author sees a message of this conversation there.
    async fn can_reply(&self, draft: &Draft, target: Seq) -> Result<bool, Failure> {
        match self.sight.entry(draft.from, target).await {
            Ok(entry) => Ok(entry.conv == draft.conv && entry.kind == EntryKind::Message),
            Err(failure) if failure.code == Code::NotFound => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}
