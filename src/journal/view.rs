//! Who may see what, at which place of the log: the stays of the users connected here.
//!
//! Holds local users only, not the deployment. A user is loaded from one snapshot of the store at head H;
//! entries above H change him here, entries at or below H are in the snapshot already and are skipped.
//! Stays are closed, never forgotten: entitlement to an old entry does not change by what came after it.
//! Pure data; owned by the replica.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::conversation::Conv;
use crate::model::entry::{Entry, EntryKind, GroupBody, MembershipBody, RevokedBody};
use crate::model::group::Interval;
use crate::model::ids::{GroupId, Seq, SessionId, UserId};
use crate::model::policy::History;
use crate::store::UserSnapshot;

/// What an entry changed for the users here. Those who opened get this entry, and so do those who closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// They are in the group from this entry on.
    pub opened: Vec<(UserId, GroupId)>,
    /// They are out of the group after this entry.
    pub closed: Vec<(UserId, GroupId)>,
    /// These sessions are over.
    pub sessions_ended: Vec<SessionId>,
}

#[derive(Debug)]
struct LocalUser {
    loaded_at: Seq,
    registered: Seq,
    stays: BTreeMap<GroupId, Vec<Interval>>,
}

impl LocalUser {
    fn is_in(&self, group: GroupId) -> bool {
        self.stays
            .get(&group)
            .is_some_and(|stays| stays.iter().any(|stay| stay.to.is_none()))
    }
}

/// The users connected here and their stays.
#[derive(Debug)]
pub struct View {
    history: History,
    users: BTreeMap<UserId, LocalUser>,
    present: BTreeMap<GroupId, BTreeSet<UserId>>,
}

impl View {
    /// A view of nobody.
    #[must_use]
    pub fn new(history: History) -> View {
        View {
            history,
            users: BTreeMap::new(),
            present: BTreeMap::new(),
        }
    }

    /// Whether the user is loaded.
    #[must_use]
    pub fn knows(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    /// Loads a user as of his snapshot's head.
    pub fn load(&mut self, user: UserId, snapshot: &UserSnapshot) {
        let mut stays: BTreeMap<GroupId, Vec<Interval>> = BTreeMap::new();
        for stay in &snapshot.intervals {
            stays.entry(stay.group).or_default().push(*stay);
            if stay.to.is_none() {
                self.present.entry(stay.group).or_default().insert(user);
            }
        }
        let loaded = LocalUser {
            loaded_at: snapshot.log.head,
            registered: snapshot.registered_seq,
            stays,
        };
        self.users.insert(user, loaded);
    }

    /// Forgets a user.
    pub fn unload(&mut self, user: UserId) {
        let Some(gone) = self.users.remove(&user) else {
            return;
        };
        for group in gone.stays.keys() {
            self.leave_index(user, *group);
        }
    }

    fn leave_index(&mut self, user: UserId, group: GroupId) {
        if let Some(present) = self.present.get_mut(&group) {
            present.remove(&user);
            if present.is_empty() {
                self.present.remove(&group);
            }
        }
    }

    /// Groups the user is in now.
    #[must_use]
    pub fn groups_of(&self, user: UserId) -> Vec<GroupId> {
        let Some(local) = self.users.get(&user) else {
            return Vec::new();
        };
        local
            .stays
            .keys()
            .copied()
            .filter(|group| local.is_in(*group))
            .collect()
    }

    /// Applies an entry to everybody loaded.
    pub fn apply(&mut self, entry: &Entry) -> Changes {
        self.apply_to(entry, None)
    }

    /// Applies an entry to one user, who was loaded while the view had moved on without him.
    pub fn replay(&mut self, entry: &Entry, user: UserId) -> Changes {
        self.apply_to(entry, Some(user))
    }

    fn apply_to(&mut self, entry: &Entry, only: Option<UserId>) -> Changes {
        let mut changes = Changes::default();
        let (joined, left) = match (entry.kind, entry.conv) {
            (EntryKind::Joined, Conv::Group(_)) => (users_of(entry), Vec::new()),
            (EntryKind::Left, Conv::Group(_)) => (Vec::new(), users_of(entry)),
            (EntryKind::Group, Conv::Group(group)) => self.group_changes(entry, group),
            (EntryKind::Revoked, _) => {
                changes.sessions_ended = sessions_of(entry);
                return changes;
            }
            (
                EntryKind::Message
                | EntryKind::Recall
                | EntryKind::Edit
                | EntryKind::Reaction
                | EntryKind::Friend
                | EntryKind::Notice
                | EntryKind::Asked
                | EntryKind::Unknown(_)
                | EntryKind::Joined
                | EntryKind::Left
                | EntryKind::Group,
                _,
            ) => return changes,
        };
        let Conv::Group(group) = entry.conv else {
            return changes;
        };
        for user in joined {
            if only.is_none_or(|one| one == user) && self.open(user, group, entry.seq) {
                changes.opened.push((user, group));
            }
        }
        for user in left {
            if only.is_none_or(|one| one == user) && self.close(user, group, entry.seq) {
                changes.closed.push((user, group));
            }
        }
        changes
    }

    fn group_changes(&self, entry: &Entry, group: GroupId) -> (Vec<UserId>, Vec<UserId>) {
        let Ok(body) = serde_json::from_slice::<GroupBody>(&entry.body) else {
            return Default::default();
        };
        let mut joined = Vec::new();
        if body.created {
            joined = body.users;
            if !joined.contains(&entry.from) {
                joined.push(entry.from);
            }
        }
        let left = match self.present.get(&group) {
            Some(present) if body.dissolved => present.iter().copied().collect(),
            Some(_) | None => Vec::new(),
        };
        (joined, left)
    }

    fn open(&mut self, user: UserId, group: GroupId, at: Seq) -> bool {
        let Some(local) = self.users.get_mut(&user) else {
            return false;
        };
        if at <= local.loaded_at || local.is_in(group) {
            return false;
        }
        local.stays.entry(group).or_default().push(Interval {
            group,
            from: at,
            to: None,
        });
        self.present.entry(group).or_default().insert(user);
        true
    }

    fn close(&mut self, user: UserId, group: GroupId, at: Seq) -> bool {
        let Some(local) = self.users.get_mut(&user) else {
            return false;
        };
        if at <= local.loaded_at {
            return false;
        }
        let open = local
            .stays
            .get_mut(&group)
            .and_then(|stays| stays.iter_mut().find(|s| s.to.is_none()));
        let Some(stay) = open else { return false };
        stay.to = Some(at);
        self.leave_index(user, group);
        true
    }

    /// Whether the user is in the conversation at this moment, whatever was before.
    #[doc(hidden)]
    #[must_use]
    pub fn is_in_now(&self, user: UserId, conv: Conv) -> bool {
        match conv {
            Conv::Private(low, high) => user == low || user == high,
            Conv::Group(group) => self
                .users
                .get(&user)
                .is_some_and(|local| local.is_in(group)),
            Conv::Notices => true,
            Conv::Account(_) => false,
        }
    }

    /// Whether a loaded user may see the entry and it is one that clients are shown.
    #[must_use]
    pub fn entitled(&self, user: UserId, entry: &Entry) -> bool {
        let Some(local) = self.users.get(&user) else {
            return false;
        };
        if entry.kind.name().is_none() {
            return false;
        }
        match entry.conv {
            Conv::Private(low, high) => user == low || user == high,
            Conv::Notices => entry.seq > local.registered,
            Conv::Account(_) => false,
            Conv::Group(group) => {
                let in_past = self.history == History::All && local.is_in(group);
                let stays = local.stays.get(&group);
                in_past || stays.is_some_and(|stays| stays.iter().any(|stay| stay.holds(entry.seq)))
            }
        }
    }
}

fn users_of(entry: &Entry) -> Vec<UserId> {
    serde_json::from_slice::<MembershipBody>(&entry.body)
        .map(|body| body.users)
        .unwrap_or_default()
}

fn sessions_of(entry: &Entry) -> Vec<SessionId> {
    serde_json::from_slice::<RevokedBody>(&entry.body)
        .map(|body| body.sessions)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::ids::Epoch;
    use crate::store::LogHead;

    const GROUP: GroupId = GroupId(5);

    fn entry(seq: u64, kind: EntryKind, body: &'static str) -> Entry {
        Entry {
            seq: Seq(seq),
            conv: Conv::Group(GROUP),
            from: UserId(1),
            at: 0,
            kind,
            cid: "c".parse().unwrap(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    fn snapshot(head: u64, intervals: Vec<Interval>) -> UserSnapshot {
        let log = LogHead {
            epoch: Epoch(1),
            floor: Seq(0),
            head: Seq(head),
        };
        UserSnapshot {
            log,
            registered_seq: Seq(0),
            intervals,
        }
    }

    fn message(seq: u64) -> Entry {
        entry(seq, EntryKind::Message, "{}")
    }

    #[test]
    fn a_stay_includes_its_own_join_and_leave_and_nothing_around_them() {
        let mut view = View::new(History::Joined);
        view.load(UserId(2), &snapshot(10, vec![]));
        let join = entry(12, EntryKind::Joined, r#"{"users":[2]}"#);
        let leave = entry(15, EntryKind::Left, r#"{"users":[2]}"#);
        assert_eq!(view.apply(&join).opened, [(UserId(2), GROUP)]);
        assert_eq!(view.apply(&leave).closed, [(UserId(2), GROUP)]);
        let seen: Vec<u64> = (11..=16)
            .filter(|s| view.entitled(UserId(2), &message(*s)))
            .collect();
        assert_eq!(seen, [12, 13, 14, 15]);
    }

    #[test]
    fn leaving_and_coming_back_makes_two_stays_with_a_blind_spot_between() {
        let mut view = View::new(History::Joined);
        let stay = Interval {
            group: GROUP,
            from: Seq(3),
            to: None,
        };
        view.load(UserId(2), &snapshot(10, vec![stay]));
        view.apply(&entry(11, EntryKind::Left, r#"{"users":[2]}"#));
        view.apply(&entry(14, EntryKind::Joined, r#"{"users":[2]}"#));
        let seen: Vec<u64> = (1..=15)
            .filter(|s| view.entitled(UserId(2), &message(*s)))
            .collect();
        assert_eq!(seen, [3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15]);
    }

    #[test]
    fn what_the_snapshot_already_holds_is_not_applied_again() {
        let mut view = View::new(History::Joined);
        let ended = Interval {
            group: GROUP,
            from: Seq(3),
            to: Some(Seq(9)),
        };
        view.load(UserId(2), &snapshot(10, vec![ended]));
        assert_eq!(
            view.apply(&entry(3, EntryKind::Joined, r#"{"users":[2]}"#)),
            Changes::default()
        );
        assert!(!view.entitled(UserId(2), &message(10)));
    }

    #[test]
    fn dissolving_closes_everybodys_stay_at_that_entry() {
        let mut view = View::new(History::All);
        let stay = Interval {
            group: GROUP,
            from: Seq(3),
            to: None,
        };
        view.load(UserId(2), &snapshot(10, vec![stay]));
        assert!(
            view.entitled(UserId(2), &message(1)),
            "history = all opens the past"
        );
        view.apply(&entry(11, EntryKind::Group, r#"{"dissolved":true}"#));
        assert!(view.entitled(UserId(2), &message(11)));
        assert!(!view.entitled(UserId(2), &message(12)));
    }
}
