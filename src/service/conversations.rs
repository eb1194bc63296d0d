//! A user's conversations: the list, their past, read positions and settings.
//!
//! Shows nothing above what this node knows to be durable. Who may look into a conversation is decided here,
//! what he sees of it by the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use tracing::error;

use super::groups::{GroupView, Groups};
use super::outcomes::{Outcomes, Told};
use super::profiles::{Person, Profiles, take};
use super::reads::Reads;
use crate::journal::position::Position;
use crate::model::conversation::{Address, Conv};
use crate::model::entry::{Entry, EntryKind, UnixMillis};
use crate::model::error::{Code, Failure};
use crate::model::ids::{Epoch, GroupId, Seq, UserId};
use crate::model::message::TEXT_BYTES_MAX;
use crate::model::signal::Signal;
use crate::presence::Signals;
use crate::store::{
    ConversationState, ConversationStore, FriendStore, GroupStore, LogHead, LogStore,
};

pub use crate::store::{ConversationSettings as Settings, SettingsPatch, Window};

/// Group conversations whose unread messages are searched for mentions, the most recent ones.
const MENTIONS_CONVERSATIONS_MAX: usize = 20;
/// Unread messages of one group that are searched for mentions.
const MENTIONS_ENTRIES_MAX: usize = 200;

/// What a conversation is about.
#[derive(Clone, Debug)]
pub enum About {
    /// Another person.
    Peer(Person),
    /// A group the user is in.
    Group(Box<GroupView>),
    /// Notes to self and notices.
    Notes,
}

/// One line of the list.
#[derive(Clone, Debug)]
pub struct ConversationView {
    pub address: Address,
    pub about: About,
    pub title: String,
    pub icon: String,
    pub last: Option<Entry>,
    pub unread: u32,
    /// Whether an unread message mentions the user.
    pub mentioned: bool,
    pub read_seq: Seq,
    pub peer_read_seq: Option<Seq>,
    pub settings: Settings,
}

/// The list, and the place of the log it is true at.
#[derive(Clone, Debug)]
pub struct ConversationList {
    pub conversations: Vec<ConversationView>,
    pub head: Seq,
    /// The log that place belongs to.
    pub epoch: Epoch,
}

/// Part of a conversation as the user may see it, ascending.
#[derive(Clone, Debug)]
pub struct Page {
    pub entries: Vec<Told>,
    pub more_before: bool,
    pub more_after: bool,
}

/// What [`Conversations`] works with.
pub struct ConversationParts {
    pub log: Arc<dyn LogStore>,
    pub conversations: Arc<dyn ConversationStore>,
    pub friends: Arc<dyn FriendStore>,
    pub groups: Arc<dyn GroupStore>,
    pub outcomes: Outcomes,
    pub rooms: Groups,
    pub profiles: Profiles,
    pub reads: Reads,
    pub signals: Signals,
    pub position: Position,
}

/// The conversations. Cheap to clone.
#[derive(Clone)]
pub struct Conversations(Arc<ConversationParts>);

impl Conversations {
    #[must_use]
    pub fn new(parts: ConversationParts) -> Conversations {
        Conversations(Arc::new(parts))
    }

    /// The user's conversations, the most recent first. A hidden one is left out until something new is in it.
    pub async fn list(&self, user: UserId) -> Result<ConversationList, Failure> {
        // All that follows is read at or after this place. A group that is in one read and not yet in the other was
        // joined above it, and the entry that says so is still to come.
        let upto = self.0.position.durable();
        let ((log, states), groups, remarks) = tokio::try_join!(
            self.states(user, upto),
            self.groups(user),
            self.remarks(user)
        )?;
        let (persons, mentioning) = tokio::try_join!(
            self.peers(user, &states),
            self.mentioning(user, &states, upto)
        )?;
        let mut names = Names {
            persons,
            remarks,
            groups,
        };
        let mut conversations = Vec::with_capacity(states.len());
        for state in states {
            let mentioned = mentioning.contains(&state.conv);
            conversations.extend(names.view(user, state, mentioned));
        }
        Ok(ConversationList {
            conversations,
            head: upto.min(log.head),
            epoch: log.epoch,
        })
    }

    async fn states(
        &self,
        user: UserId,
        upto: Seq,
    ) -> Result<(LogHead, Vec<ConversationState>), Failure> {
        let (log, mut states) = self.0.conversations.conversations(user, upto).await?;
        for state in &mut states {
            self.apply_pending(user, state, upto).await?;
        }
        states.retain_mut(|state| {
            let last = state.last.as_ref().map_or(Seq::ZERO, |last| last.seq);
            let is_hidden = state.settings.hides(last);
            state.settings.hidden_at = Seq::ZERO;
            !is_hidden
        });
        Ok((log, states))
    }

    /// Positions this node has not written yet count already.
    async fn apply_pending(
        &self,
        user: UserId,
        state: &mut ConversationState,
        upto: Seq,
    ) -> Result<(), Failure> {
        let reads = &self.0.reads;
        if let Some(read) = reads.pending(user, state.conv)
            && read > state.read_seq
        {
            state.read_seq = read;
            let counted = &self.0.conversations;
            state.unread = counted.unread(user, state.conv, read, upto).await?;
        }
        let peer = state.conv.peer_of(user);
        let pending = peer.and_then(|peer| reads.pending(peer, state.conv));
        if let Some(stored) = &mut state.peer_read_seq {
            *stored = pending.unwrap_or_default().max(*stored);
        }
        Ok(())
    }

    async fn groups(&self, user: UserId) -> Result<BTreeMap<GroupId, GroupView>, Failure> {
        let groups = self.0.rooms.of_user(user).await?.into_iter();
        Ok(groups.map(|view| (view.group.id, view)).collect())
    }

    async fn remarks(&self, user: UserId) -> Result<BTreeMap<UserId, String>, Failure> {
        let friends = self.0.friends.friendships(user).await?.friends.into_iter();
        Ok(friends.map(|f| (f.user, f.remark)).collect())
    }

    async fn peers(
        &self,
        user: UserId,
        states: &[ConversationState],
    ) -> Result<BTreeMap<UserId, Person>, Failure> {
        let peers = states.iter().filter_map(|state| state.conv.peer_of(user));
        let peers: Vec<UserId> = peers.filter(|peer| *peer != user).collect();
        self.0.profiles.persons_for(user, &peers).await
    }

    /// The groups in which an unread message mentions the user.
    async fn mentioning(
        &self,
        user: UserId,
        states: &[ConversationState],
        upto: Seq,
    ) -> Result<BTreeSet<Conv>, Failure> {
        let groups = states.iter().filter(|state| {
            let is_group = matches!(state.conv, Conv::Group(_));
            is_group && state.unread > 0
        });
        let searched: Vec<(Conv, Seq)> = groups
            .take(MENTIONS_CONVERSATIONS_MAX)
            .map(|state| (state.conv, state.read_seq))
            .collect();
        if searched.is_empty() {
            return Ok(BTreeSet::new());
        }
        let store = &self.0.conversations;
        let entries = store
            .above(user, &searched, upto, MENTIONS_ENTRIES_MAX)
            .await?;
        let entries = entries.iter().filter(|entry| mentions(entry, user));
        Ok(entries.map(|entry| entry.conv).collect())
    }

    /// Part of a conversation, ascending.
    pub async fn page(
        &self,
        user: UserId,
        address: Address,
        window: Window,
        limit: usize,
    ) -> Result<Page, Failure> {
        self.may_look_into(user, address).await?;
        let (conv, upto) = (address.conv_of(user), self.0.position.durable());
        let page = self.0.log.page(user, conv, window, upto, limit).await?;
        Ok(Page {
            entries: self.0.outcomes.of(page.entries).await?,
            more_before: page.more_before,
            more_after: page.more_after,
        })
    }

    /// The first place of the log that is as late as a time; above its end, if nothing is. Times never go back in it, so
    /// the place is halved in on: as many reads of one entry as its number has bits, 64 at most.
    pub async fn place_at(
        &self,
        user: UserId,
        address: Address,
        at: UnixMillis,
    ) -> Result<Seq, Failure> {
        self.may_look_into(user, address).await?;
        let floor = self.0.log.head().await?.floor;
        let (mut low, mut high) = (floor.next(), self.0.position.durable().next());
        while low < high {
            let middle = Seq(low.0 + (high.0 - low.0) / 2);
            let range = self.0.log.range(middle.prev(), 1).await?;
            match range.entries.first() {
                Some(entry) if entry.at < at => low = entry.seq.next(),
                Some(_) | None => high = middle,
            }
        }
        Ok(low)
    }

    /// Moves the user's read position forward, to at most what is durable, tells who is concerned, and returns
    /// where it is now.
    pub async fn read(&self, user: UserId, address: Address, seq: Seq) -> Result<Seq, Failure> {
        self.may_look_into(user, address).await?;
        let conv = address.conv_of(user);
        let seq = seq.min(self.0.position.durable());
        let before = self.0.reads.position(user, conv).await?;
        if seq <= before {
            return Ok(before);
        }
        self.0.reads.advance(user, conv, seq).await?;
        self.0.signals.publish(Signal::Read {
            conv: conv.to_string(),
            user,
            seq,
        });
        Ok(seq)
    }

    /// Unread messages above a read position, counted up to 1,000.
    pub async fn unread(&self, user: UserId, address: Address, read: Seq) -> Result<u32, Failure> {
        let conv = address.conv_of(user);
        let upto = self.0.position.durable();
        Ok(self.0.conversations.unread(user, conv, read, upto).await?)
    }

    /// Where the log is, for hiding a conversation from here on; never zero.
    #[must_use]
    pub fn head(&self) -> Seq {
        self.0.position.durable().max(Seq(1))
    }

    /// Changes the user's settings of a conversation and tells his other devices.
    pub async fn change_settings(
        &self,
        user: UserId,
        address: Address,
        patch: SettingsPatch,
    ) -> Result<Settings, Failure> {
        if patch
            .draft
            .as_ref()
            .is_some_and(|draft| draft.len() > TEXT_BYTES_MAX)
        {
            return Err(Failure::field(Code::TooLarge, "draft"));
        }
        self.may_look_into(user, address).await?;
        let conv = address.conv_of(user);
        let changed = changed(&patch);
        let mut settings = self
            .0
            .conversations
            .patch_settings(user, conv, patch)
            .await?;
        if settings.hidden_at > Seq::ZERO {
            let upto = self.0.position.durable();
            let latest = self.0.log.page(user, conv, Window::Latest, upto, 1).await?;
            let last = latest.entries.last().map_or(Seq::ZERO, |last| last.seq);
            if !settings.hides(last) {
                settings.hidden_at = Seq::ZERO;
            }
        }
        self.0.signals.publish(Signal::Settings {
            conv: conv.to_string(),
            user,
            changed,
        });
        Ok(settings)
    }

    /// Present and former members see their part of a group. Strangers: `not_member`; no such conversation:
    /// `not_found`.
    pub(super) async fn may_look_into(
        &self,
        user: UserId,
        address: Address,
    ) -> Result<(), Failure> {
        match address {
            Address::User(peer) => match self.0.profiles.person(peer).await? {
                Some(_) => Ok(()),
                None => Err(Failure::new(Code::NotFound)),
            },
            Address::Group(group) => self.may_look_into_group(user, group).await,
        }
    }

    async fn may_look_into_group(&self, user: UserId, group: GroupId) -> Result<(), Failure> {
        if self.0.groups.role(group, user).await?.is_some() {
            return Ok(());
        }
        let snapshot = self.0.log.snapshot(user).await?;
        let stays = snapshot
            .map(|snapshot| snapshot.intervals)
            .unwrap_or_default();
        if stays.iter().any(|stay| stay.group == group) {
            return Ok(());
        }
        match self.0.groups.group(group).await? {
            Some(found) if !found.dissolved => Err(Failure::new(Code::NotMember)),
            Some(_) | None => Err(Failure::new(Code::NotFound)),
        }
    }
}

/// What the lines of a list are called.
struct Names {
    persons: BTreeMap<UserId, Person>,
    remarks: BTreeMap<UserId, String>,
    groups: BTreeMap<GroupId, GroupView>,
}

impl Names {
    /// `None` for what the user left between two reads of the store.
    fn view(
        &mut self,
        user: UserId,
        state: ConversationState,
        mentioned: bool,
    ) -> Option<ConversationView> {
        let (title, icon, about) = match state.conv {
            Conv::Group(id) => {
                let view = self.groups.remove(&id)?;
                let (name, icon) = (view.group.name.clone(), view.group.icon.clone());
                (name, icon, About::Group(Box::new(view)))
            }
            Conv::Private(..) | Conv::Notices | Conv::Account(_) => {
                match state.conv.peer_of(user) {
                    Some(peer) if peer != user => {
                        let person = take(&self.persons, peer);
                        let remark = self.remarks.get(&peer).filter(|remark| !remark.is_empty());
                        let title = remark.unwrap_or(&person.profile.nickname).clone();
                        (title, person.profile.avatar.clone(), About::Peer(person))
                    }
                    Some(_) | None => (String::new(), String::new(), About::Notes),
                }
            }
        };
        Some(ConversationView {
            address: state.conv.as_seen_by(user)?,
            about,
            title,
            icon,
            last: state.last,
            unread: state.unread,
            mentioned,
            read_seq: state.read_seq,
            peer_read_seq: state.peer_read_seq,
            settings: state.settings,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Mentions {
    mentions: Vec<UserId>,
}

fn mentions(entry: &Entry, user: UserId) -> bool {
    if entry.kind != EntryKind::Message || entry.from == user {
        return false;
    }
    match serde_json::from_slice::<Mentions>(&entry.body) {
        Ok(body) => body.mentions.iter().any(|m| *m == user || *m == UserId(0)),
        Err(error) => {
            error!(seq = entry.seq.0, %error, "a stored message cannot be read");
            false
        }
    }
}

/// The fields of a patch that are set, for the user's other devices.
fn changed(patch: &SettingsPatch) -> String {
    let mut fields = serde_json::Map::new();
    let flags = [
        ("muted", patch.muted),
        ("pinned", patch.pinned),
        ("hidden", patch.hidden_at.map(|at| at > Seq::ZERO)),
        ("marked_unread", patch.marked_unread),
    ];
    for (name, flag) in flags {
        if let Some(flag) = flag {
            fields.insert(name.to_owned(), json!(flag));
        }
    }
    if let Some(draft) = &patch.draft {
        fields.insert("draft".to_owned(), json!(draft));
    }
    serde_json::Value::Object(fields).to_string()
}
