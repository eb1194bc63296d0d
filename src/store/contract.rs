//! The traits, what each promises, and the shapes that cross them.

mod admin;
mod files;
mod groups;
mod hooks;
mod messages;
mod packets;
mod search;

pub use groups::*;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::conversation::Conv;
use crate::model::draft::{Draft, Outcome};
use crate::model::entry::{Entry, UnixMillis};
use crate::model::group::{Group, Interval, Member, Role};
use crate::model::ids::{Cid, Epoch, GroupId, Incarnation, Seq, SessionId, UserId};
use crate::model::user::{
    Friendships, LoginName, NewSession, NewUser, Session, TokenHash, User, UserPatch,
};
use crate::store::calls::CallTimes;
use crate::store::tables::TableStore;

pub use admin::{AuditStore, INVITATIONS_KEPT_MS, InvitationStore};
pub use files::{AddedFile, FileStore, RECALLED_ENDING, Sight};
pub use messages::{MessageStore, Reaction};
pub use search::*;

/// Why the store did not answer. State did not change, or what changed is safe to repeat.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Gone, locked, full or slow: try again later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It answers, but what it holds contradicts its own rules (a gap in the log, an unreadable row).
    #[error("the store is damaged: {0}")]
    Corrupt(String),
}

pub use hooks::{AfterFailure, HookStore};
pub use packets::PacketStore;

/// Shorthand of this module.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Where the log begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// Which log this is.
    pub epoch: Epoch,
    /// Entries at and below it were pruned; 0 when nothing was.
    pub floor: Seq,
    /// The last entry; 0 when empty.
    pub head: Seq,
}

/// Consecutive entries and, from the same snapshot, where the log begins and ends.
#[derive(Clone, Debug)]
pub struct LogRange {
    pub log: LogHead,
    /// Dense from `after + 1`; empty when `after` is at the head, or below the floor (then reload).
    pub entries: Vec<Entry>,
}

/// What a user is in, and the place of the log at which this was so.
#[derive(Clone, Debug)]
pub struct UserSnapshot {
    pub log: LogHead,
    /// Notices after it concern him.
    pub registered_seq: Seq,
    /// All his stays in groups, ended ones included.
    pub intervals: Vec<Interval>,
}

impl UserSnapshot {
    /// The same as it was at an earlier place. A store may show what a crash takes back: a reader who must not be
    /// fooled cuts a snapshot back to what he knew to be durable before he asked for it. Possible because stays are
    /// closed and never deleted.
    #[must_use]
    pub fn as_of(mut self, upto: Seq) -> UserSnapshot {
        self.log.head = self.log.head.min(upto);
        self.intervals.retain(|stay| stay.from <= upto);
        for stay in &mut self.intervals {
            stay.to = stay.to.filter(|to| *to <= upto);
        }
        self
    }
}

/// A step of catching up: what a user may see of a stretch of the log.
#[derive(Clone, Debug)]
pub struct VisiblePage {
    pub log: LogHead,
    /// Ascending; at most the asked number.
    pub entries: Vec<Entry>,
    /// Everything visible up to here is in this page or was before it.
    pub position: Seq,
    /// Whether visible entries remain between `position` and the asked end.
    pub more: bool,
}

/// Which part of a conversation is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The last ones.
    Latest,
    /// The last ones below this seq.
    Before(Seq),
    /// The first ones above this seq.
    After(Seq),
    /// Some below, this one, and some above.
    Around(Seq),
}

/// Part of one conversation as one user may see it, ascending.
#[derive(Clone, Debug)]
pub struct ConversationPage {
    pub entries: Vec<Entry>,
    pub more_before: bool,
    pub more_after: bool,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdicts {
    /// The log it was judged by. A store that was put back or replaced answers with another one, whose seqs say
    /// nothing about the log before.
    pub epoch: Epoch,
    /// One for each draft, in their order.
    pub outcomes: Vec<Outcome>,
}

/// The log.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// Adds drafts in their order and returns a verdict for each.
    ///
    /// - What a verdict tells of is durable when it is returned: new entries, and those found again.
    /// - New entries get the next seqs: dense, in commit order over all processes; `at` is the later of the
    ///   store's clock and the last entry's. An entry is never visible before one with a lower seq.
    /// - A (sender, client id) already in the log, or earlier in the batch, is `Duplicate` with the first
    ///   seq (`CidReused` when [`Draft::fingerprint`] differs), whatever became of the sender since. This is
    ///   looked at before any other condition.
    /// - The conditions and changes of [`crate::model::draft::Change`] are evaluated in order, each seeing
    ///   the ones before it. A refused draft changes nothing.
    /// - An author who does not exist or is disabled is `Disabled`, but for [`crate::model::draft::Change::Revoke`]:
    ///   the sessions of a disabled account can be ended. The system needs no account.
    /// - A draft whose conversation is not the one its change is about is `Unstorable`.
    /// - On `Err` the outcome is unknown, nothing happened, or the first ones only are in the log: repeat with the
    ///   same drafts.
    async fn append(&self, drafts: Vec<Draft>) -> Result<Verdicts>;

    /// As [`LogStore::append`], for what happened in the past: `at` takes the place of the store's clock, so new
    /// entries get the later of `at` (at most the store's clock) and the last entry's time.
    async fn append_at(&self, at: UnixMillis, drafts: Vec<Draft>) -> Result<Verdicts>;

    /// Where the log begins and ends: one indexed row.
    async fn head(&self) -> Result<LogHead>;

    /// Draws another epoch for the log if this one is still its own; durable when it returns. For a log that went
    /// back: what is remembered of its later entries must not pass for what takes their places.
    async fn renew_epoch(&self, old: Epoch) -> Result<()>;

    /// Up to `limit` entries above `after` and their snapshot's head. A gap above the floor is `Corrupt`.
    async fn range(&self, after: Seq, limit: usize) -> Result<LogRange>;

    /// The place and time of the entry with this sender and client id.
    async fn find(&self, sender: UserId, cid: &Cid) -> Result<Option<(Seq, UnixMillis)>>;

    /// One entry by its place; `None` below the floor and above the head.
    async fn entry(&self, seq: Seq) -> Result<Option<Entry>>;

    /// What the user is in and the head, from one snapshot. Unknown users: `None`.
    async fn snapshot(&self, user: UserId) -> Result<Option<UserSnapshot>>;

    /// Up to `limit` entries above `after` and at most at `upto` that the user may see, did not hide, and that are
    /// shown to clients, ascending: private conversations he is one of, notices after his registration, groups within
    /// his stays. Never scans the whole log for one user.
    async fn visible(
        &self,
        user: UserId,
        after: Seq,
        upto: Seq,
        limit: usize,
    ) -> Result<VisiblePage>;

    /// Part of one conversation as the user may see it, without what he hid, at most at `upto`. For his notes to self the notices are merged in.
    /// Somebody never in it gets an empty page; who may ask at all is the caller's to check.
    async fn page(
        &self,
        user: UserId,
        conv: Conv,
        window: Window,
        upto: Seq,
        limit: usize,
    ) -> Result<ConversationPage>;
}

/// Why an account could not be made or changed. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("the name is taken")]
    NameTaken,
    #[error("the phone number is taken")]
    PhoneTaken,
    #[error("the e-mail address is taken")]
    EmailTaken,
    #[error("no such user")]
    NotFound,
    #[error("the invitation is not open")]
    NotInvited,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Accounts.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Makes an account; the deployment's first one is an admin. `registered_seq` is the head of that moment.
    /// Names, phone numbers and e-mail addresses are unique; names and addresses without regard to case.
    /// What is taken by an account with the same password hash (which has its own salt) is this request, repeated:
    /// that account is returned.
    async fn create(&self, user: NewUser) -> Result<User, AccountError>;
    async fn user(&self, id: UserId) -> Result<Option<User>>;
    /// Those of `ids` that exist, in any order.
    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>>;
    /// The account and its stored password hash. Disabled ones too.
    async fn credentials(&self, name: &LoginName) -> Result<Option<(User, String)>>;
    /// Users whose name or nickname contains `query`, or whose phone number or id is `query`, not disabled; best match first.
    async fn search(&self, query: &str, limit: usize) -> Result<Vec<User>>;
    /// As [`UserStore::search`], disabled ones too.
    async fn search_all(&self, query: &str, limit: usize) -> Result<Vec<User>>;
    async fn update(&self, id: UserId, patch: UserPatch) -> Result<User, AccountError>;
    async fn set_password(&self, id: UserId, password_hash: &str) -> Result<(), AccountError>;
    /// As [`UserStore::set_password`], but only while the stored hash is `old`, byte for byte; whether it was.
    async fn replace_password(&self, id: UserId, old: &str, new: &str) -> Result<bool>;
    async fn set_admin(&self, id: UserId, admin: bool) -> Result<User, AccountError>;
    async fn set_disabled(&self, id: UserId, disabled: bool) -> Result<User, AccountError>;
    /// Users with ids above `after`, ascending.
    async fn list(&self, after: UserId, limit: usize) -> Result<Vec<User>>;
    /// Moves "last seen" forward, never back.
    async fn seen(&self, users: &[(UserId, UnixMillis)]) -> Result<()>;
}

/// Login sessions. They end through the log ([`crate::model::draft::Change::Revoke`]).
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// A token that is known already is this request, repeated: that session is returned.
    async fn create(&self, session: NewSession) -> Result<Session>;
    /// The session with this token and its user, ended and expired ones included: the caller judges.
    async fn by_token(&self, token: &TokenHash) -> Result<Option<(Session, User)>>;
    /// The user's sessions that are not revoked, newest first.
    async fn of_user(&self, user: UserId) -> Result<Vec<Session>>;
    /// Moves "last seen" forward, never back.
    async fn seen(&self, sessions: &[(SessionId, UnixMillis)]) -> Result<()>;
}

/// Friendships and blocks. Friendships begin and end through the log.
#[async_trait]
pub trait FriendStore: Send + Sync {
    async fn friendships(&self, user: UserId) -> Result<Friendships>;
    async fn are_friends(&self, one: UserId, other: UserId) -> Result<bool>;
    /// Sets the name `user` gives `friend`; `false` when they are not friends.
    async fn set_remark(&self, user: UserId, friend: UserId, remark: &str) -> Result<bool>;
    /// Idempotent in both directions.
    async fn set_blocked(&self, user: UserId, other: UserId, blocked: bool) -> Result<()>;
    async fn blocks(&self, user: UserId) -> Result<Vec<UserId>>;
    /// Those of `users` who have blocked `user`, in any order.
    async fn blockers(&self, user: UserId, users: &[UserId]) -> Result<Vec<UserId>>;
}

/// Groups and their present members. They change through the log.
#[async_trait]
pub trait GroupStore: Send + Sync {
    /// Draws an id no group has or will have otherwise. Unused ids are harmless.
    async fn draw_id(&self) -> Result<GroupId>;
    /// Dissolved ones included.
    async fn group(&self, id: GroupId) -> Result<Option<Group>>;
    /// Groups the user is a member of now, with his role.
    async fn of_user(&self, user: UserId) -> Result<Vec<(Group, Role)>>;
    /// Groups that are open or let in by approval, not dissolved, whose name contains `query` or whose id is `query`.
    async fn search(&self, query: &str, limit: usize) -> Result<Vec<Group>>;
    async fn role(&self, group: GroupId, user: UserId) -> Result<Option<Role>>;
    /// How many groups the user owns now.
    async fn owned(&self, user: UserId) -> Result<u64>;
    /// Present members with ids above `after`, by user id.
    async fn members(&self, group: GroupId, after: UserId, limit: usize) -> Result<Vec<Member>>;
}

/// A user's own settings of one conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConversationSettings {
    pub muted: bool,
    pub pinned: bool,
    /// Hidden from his list until something above this place is in it. Zero: not hidden.
    pub hidden_at: Seq,
    pub draft: String,
    pub marked_unread: bool,
}

impl ConversationSettings {
    /// Whether a conversation whose last entry is there is hidden.
    #[must_use]
    pub fn hides(&self, last: Seq) -> bool {
        self.hidden_at > Seq::ZERO && last <= self.hidden_at
    }
}

/// Changes to [`ConversationSettings`]; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsPatch {
    pub muted: Option<bool>,
    pub pinned: Option<bool>,
    pub hidden_at: Option<Seq>,
    pub draft: Option<String>,
    pub marked_unread: Option<bool>,
}

/// One line of a user's conversation list.
#[derive(Clone, Debug)]
pub struct ConversationState {
    pub conv: Conv,
    /// The last entry he may see, but for what became of others: recalls, edits, reactions.
    pub last: Option<Entry>,
    /// Messages, and notices for everybody, above his read position, not his own, that he may see and did not hide;
    /// counted up to 1,000.
    pub unread: u32,
    pub read_seq: Seq,
    /// In a private conversation: how far the other has read.
    pub peer_read_seq: Option<Seq>,
    pub settings: ConversationSettings,
}

/// Read positions and settings of conversations, per user. [`Conv::Notices`] means his notes to self here, where
/// the notices are shown.
#[async_trait]
pub trait ConversationStore: Send + Sync {
    /// Private conversations with at least one entry, groups the user is a member of now, and his notes to
    /// self (with notices) when they hold anything; the most recent first. Also the head this is true at.
    async fn conversations(
        &self,
        user: UserId,
        upto: Seq,
    ) -> Result<(LogHead, Vec<ConversationState>)>;
    /// Moves read positions forward, never back.
    async fn set_read(&self, positions: &[(UserId, Conv, Seq)]) -> Result<()>;
    async fn read_position(&self, user: UserId, conv: Conv) -> Result<Seq>;
    /// Unread messages above `read` and at most at `upto`, as in [`ConversationState::unread`].
    async fn unread(&self, user: UserId, conv: Conv, read: Seq, upto: Seq) -> Result<u32>;
    /// The first entries above a read position in each of several conversations, at most `limit` of each and at most at
    /// `upto`: what a page of each after that place holds, in one answer.
    async fn above(
        &self,
        user: UserId,
        positions: &[(Conv, Seq)],
        upto: Seq,
        limit: usize,
    ) -> Result<Vec<Entry>>;
    async fn patch_settings(
        &self,
        user: UserId,
        conv: Conv,
        patch: SettingsPatch,
    ) -> Result<ConversationSettings>;
}

/// A node as the registry shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    pub incarnation: Incarnation,
    pub name: String,
    /// Where the node's own socket is reached.
    pub address: SocketAddr,
    /// Version of the bus protocol it speaks.
    pub version: u16,
    /// The bus packet number it has reached, so that a restarted receiver refuses older ones.
    pub packet_number: u64,
    /// Rises while the node lives; readers watch it move on their own clocks.
    pub counter: u64,
}

/// The registry of running nodes.
#[async_trait]
pub trait NodeStore: Send + Sync {
    /// Writes this node's row: a small durable commit. Returns once it is durable.
    async fn beat(&self, row: NodeRow) -> Result<()>;
    async fn nodes(&self) -> Result<Vec<NodeRow>>;
    /// Deletes rows, those whose counter is still the given one.
    async fn forget(&self, rows: &[(Incarnation, u64)]) -> Result<()>;
}

/// What was brought in from other systems: which id of ours stands for an id of theirs.
#[async_trait]
pub trait ImportStore: Send + Sync {
    /// Those of `old_ids` that were remembered, with their ids here. `source` names the system and the deployment of
    /// it, `kind` what the ids are of; texts compare byte for byte.
    async fn mapped(
        &self,
        source: &str,
        kind: &str,
        old_ids: &[String],
    ) -> Result<BTreeMap<String, u64>>;
    /// Remembers what ids became. What was remembered first stays.
    async fn remember(&self, source: &str, kind: &str, ids: &[(String, u64)]) -> Result<()>;
}

/// How much of the log is kept. Who decides that is not the store.
#[async_trait]
pub trait RetentionStore: Send + Sync {
    /// The first entry younger than `age` by the store's clock; the place after the head when there is none.
    async fn first_within(&self, age: Duration) -> Result<Seq>;
    /// Deletes the oldest entries up to `upto`, at most `limit` of them and never the last one, and moves the floor
    /// with them in one transaction. The log as it is then. Appends wait for it no longer than for one another.
    async fn prune(&self, upto: Seq, limit: usize) -> Result<LogHead>;
}

/// All of them: what a node is given.
#[derive(Clone)]
pub struct Stores {
    pub log: Arc<dyn LogStore>,
    pub users: Arc<dyn UserStore>,
    pub sessions: Arc<dyn SessionStore>,
    pub friends: Arc<dyn FriendStore>,
    pub groups: Arc<dyn GroupStore>,
    pub mutes: Arc<dyn MuteStore>,
    pub admissions: Arc<dyn AdmissionStore>,
    pub conversations: Arc<dyn ConversationStore>,
    pub messages: Arc<dyn MessageStore>,
    pub nodes: Arc<dyn NodeStore>,
    pub imports: Arc<dyn ImportStore>,
    pub retention: Arc<dyn RetentionStore>,
    pub packets: Arc<dyn PacketStore>,
    pub hooks: Arc<dyn HookStore>,
    pub files: Arc<dyn FileStore>,
    pub audit: Arc<dyn AuditStore>,
    pub invitations: Arc<dyn InvitationStore>,
    pub tables: Arc<dyn TableStore>,
    /// How long their calls take.
    pub calls: CallTimes,
    pub search: Arc<dyn SearchStore>,
}

/// What a database says about its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The last migration applied.
    pub version: i64,
    /// The oldest program's newest migration that can still work with it.
    pub min_reader: i64,
}
