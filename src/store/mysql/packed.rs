//! How drafts are handed to the procedures: a run of messages as two values, any other change as one row of parameters.
//!
//! The layouts are described at the head of `routines/append.sql` and `routines/change.sql`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use mysql_async::{Params, Value};

use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft};
use crate::model::entry::UnixMillis;
use crate::model::group::{GroupPatch, JoinMode, NewGroup, Role};
use crate::model::ids::{GroupId, ID_MAX, SessionId, UserId};
use crate::model::policy::{StoreRules, Strangers};
use crate::store::folding::folded;

pub(super) const APPEND: &str = "CALL starling_append_1(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
pub(super) const APPEND_ONE: &str = "CALL starling_append_one_1(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
pub(super) const CHANGE: &str = "CALL starling_change_1(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// No account has this id.
const NOBODY: u64 = 0;

/// Who is asked whether a message may be written.
pub(super) enum Way {
    ToGroup(GroupId),
    ToUser(UserId),
    ToOneself,
    Forbidden,
}

impl Way {
    pub(super) fn of(draft: &Draft) -> Way {
        match draft.conv {
            Conv::Group(group) => Way::ToGroup(group),
            Conv::Private(..) => match draft.conv.peer_of(draft.from) {
                Some(peer) if peer == draft.from => Way::ToOneself,
                Some(peer) => Way::ToUser(peer),
                None => Way::Forbidden,
            },
            Conv::Notices | Conv::Account(_) => Way::Forbidden,
        }
    }

    /// As the procedures have it: which of them it is, and whom it names.
    pub(super) fn code(&self) -> (u8, u64) {
        match self {
            Way::ToGroup(group) => (0, group.0),
            Way::ToUser(user) => (1, user.0),
            Way::ToOneself => (2, 0),
            Way::Forbidden => (3, 0),
        }
    }
}

/// What a draft adds to a packet, about: its record and what it says.
pub(super) fn weight(draft: &Draft) -> usize {
    draft.body.len() + 256
}

/// The parameters of [`APPEND`].
pub(super) fn run<'d>(
    drafts: impl Iterator<Item = (&'d Draft, i64)>,
    past: Option<UnixMillis>,
    rules: &StoreRules,
) -> Params {
    let mut records = String::new();
    let mut texts = Vec::new();
    let mut needs = Needs::default();
    let mut count = 0u64;
    for (draft, fingerprint) in drafts {
        let way = Way::of(draft);
        needs.add(draft.from, &way);
        let (way, target) = way.code();
        count += 1;
        let kind = draft.kind.code();
        // Writing to a string cannot fail.
        let _ = write!(
            records,
            "{:016}{fingerprint:019}{:016}{kind:03}{way:01}",
            draft.from.0.min(ID_MAX),
            target.min(ID_MAX),
        );
        let conv = draft.conv.to_string();
        for (text, digits) in [
            (draft.cid.as_str().as_bytes(), 2),
            (conv.as_bytes(), 2),
            (&draft.body[..], 8),
        ] {
            let place = texts.len() + 1;
            let _ = write!(records, "{:0digits$}{place:07}", text.len());
            texts.extend_from_slice(text);
        }
    }
    Params::Positional(vec![
        count.into(),
        records.into(),
        texts.into(),
        (needs.people.len() as u64).into(),
        listed(&needs.people).into(),
        (needs.seats.len() as u64).into(),
        listed_pairs(&needs.seats).into(),
        (needs.pairs.len() as u64).into(),
        listed_pairs(&needs.pairs).into(),
        past.into(),
        friends_only(rules).into(),
    ])
}

/// The parameters of [`APPEND_ONE`].
pub(super) fn one(
    draft: &Draft,
    fingerprint: i64,
    past: Option<UnixMillis>,
    rules: &StoreRules,
) -> Params {
    let (way, target) = Way::of(draft).code();
    Params::Positional(vec![
        draft.from.0.into(),
        fingerprint.into(),
        draft.kind.code().into(),
        draft.cid.as_str().into(),
        draft.conv.to_string().into(),
        Value::from(&draft.body[..]),
        way.into(),
        target.into(),
        past.into(),
        friends_only(rules).into(),
    ])
}

pub(super) fn friends_only(rules: &StoreRules) -> u64 {
    match rules.strangers {
        Strangers::Allow => 0,
        Strangers::FriendsOnly => 1,
    }
}

/// What the drafts of a run take, each once.
#[derive(Default)]
struct Needs {
    people: BTreeSet<u64>,
    seats: BTreeSet<(u64, u64)>,
    pairs: BTreeSet<(u64, u64)>,
}

impl Needs {
    fn add(&mut self, author: UserId, way: &Way) {
        if author != UserId::SYSTEM {
            self.people.insert(author.0);
        }
        match way {
            Way::ToGroup(group) => {
                self.seats.insert((group.0, author.0));
            }
            Way::ToUser(peer) => {
                self.people.insert(peer.0);
                self.pairs.insert((author.0, peer.0));
            }
            Way::ToOneself => {}
            Way::Forbidden => {
                self.people.insert(NOBODY);
            }
        }
    }
}

fn listed(ids: &BTreeSet<u64>) -> String {
    ids.iter()
        .map(|id| format!("{:016}", (*id).min(ID_MAX)))
        .collect()
}

fn listed_pairs(pairs: &BTreeSet<(u64, u64)>) -> String {
    let mut listed = String::with_capacity(pairs.len() * 32);
    for (one, other) in pairs {
        let _ = write!(
            listed,
            "{:016}{:016}",
            (*one).min(ID_MAX),
            (*other).min(ID_MAX)
        );
    }
    listed
}

/// What [`CHANGE`] takes besides the entry.
#[derive(Default)]
struct Effect {
    operation: u64,
    target: u64,
    other: u64,
    request: u64,
    agreed: bool,
    ids: BTreeSet<u64>,
    profile: GroupPatch,
    greeting: String,
    role: Option<Role>,
    muted_until: Option<UnixMillis>,
    invite: String,
}

/// The parameters of [`CHANGE`].
pub(super) fn change(
    draft: &Draft,
    fingerprint: i64,
    past: Option<UnixMillis>,
    rules: &StoreRules,
) -> Params {
    let effect = effect(draft);
    let mut ids = String::new();
    for id in &effect.ids {
        let _ = write!(ids, "{:016}", (*id).min(ID_MAX));
    }
    let profile = effect.profile;
    Params::Positional(vec![
        effect.operation.into(),
        draft.from.0.into(),
        fingerprint.into(),
        draft.kind.code().into(),
        draft.cid.as_str().into(),
        draft.conv.to_string().into(),
        Value::from(&draft.body[..]),
        past.into(),
        effect.target.into(),
        effect.other.into(),
        effect.request.into(),
        effect.agreed.into(),
        rules.group_max.into(),
        (effect.ids.len() as u64).into(),
        ids.into(),
        profile.name.clone().into(),
        profile.name.as_deref().map(folded).into(),
        profile.icon.into(),
        profile.category.into(),
        profile.memo.into(),
        profile.join.map(JoinMode::code).into(),
        effect.greeting.into(),
        effect.role.map(Role::code).into(),
        effect.muted_until.into(),
        effect.invite.into(),
    ])
}

/// What is to be done. An entry in another conversation than its change is about would be shown to the wrong people:
/// operation 0, which the procedure refuses.
fn effect(draft: &Draft) -> Effect {
    match &draft.change {
        // Messages go in runs, what alters them has a procedure of its own.
        Change::Message | Change::Recall { .. } | Change::Edit { .. } | Change::React { .. } => {
            Effect::default()
        }
        Change::CreateGroup { group, members } => create(draft, group, members),
        Change::Join => in_group(draft, 2),
        Change::Add { users } => Effect {
            ids: users.iter().map(|user| user.0).collect(),
            ..in_group(draft, 3)
        },
        Change::Leave => in_group(draft, 4),
        Change::Kick { user } => upon(draft, 5, *user),
        Change::Dissolve => in_group(draft, 6),
        Change::EditGroup { patch } => Effect {
            profile: patch.clone(),
            muted_until: patch.muted_until,
            ..in_group(draft, 7)
        },
        Change::EditMember { user, patch } => Effect {
            role: patch.role,
            muted_until: patch.muted_until,
            ..upon(draft, 13, *user)
        },
        Change::Transfer { user } => upon(draft, 14, *user),
        Change::Ask { group, message } => Effect {
            greeting: message.clone(),
            ..of_account(draft, 15, *group, draft.from)
        },
        Change::Approve { request, user } => Effect {
            request: *request,
            ..upon(draft, 16, *user)
        },
        Change::Decline {
            group,
            request,
            user,
        } => Effect {
            request: *request,
            ..of_account(draft, 17, *group, *user)
        },
        Change::JoinByInvite { invite } => Effect {
            invite: invite.as_str().to_owned(),
            ..in_group(draft, 18)
        },
        Change::Befriend { .. } | Change::AnswerFriend { .. } | Change::Unfriend { .. } => {
            friendship(draft)
        }
        Change::Revoke { sessions } if draft.conv == Conv::Account(draft.from) => revoke(sessions),
        Change::Notice if draft.conv == Conv::Notices => Effect {
            operation: 12,
            ..Effect::default()
        },
        Change::Revoke { .. } | Change::Notice => Effect::default(),
        // Money has a procedure of its own.
        Change::SendPacket { .. } | Change::ClaimPacket { .. } | Change::RefundPacket { .. } => {
            Effect::default()
        }
    }
}

fn friendship(draft: &Draft) -> Effect {
    if let Change::Befriend {
        other,
        message,
        auto,
    } = &draft.change
    {
        return Effect {
            agreed: *auto,
            greeting: message.clone(),
            ..between(draft, 8, *other)
        };
    }
    if let Change::AnswerFriend {
        request,
        other,
        accept,
    } = &draft.change
    {
        return Effect {
            request: *request,
            agreed: *accept,
            ..between(draft, 9, *other)
        };
    }
    if let Change::Unfriend { other } = &draft.change {
        return between(draft, 10, *other);
    }
    Effect::default()
}

fn create(draft: &Draft, group: &NewGroup, members: &[UserId]) -> Effect {
    if draft.conv != Conv::Group(group.id) {
        return Effect::default();
    }
    let others = members.iter().filter(|user| **user != draft.from);
    Effect {
        ids: others.map(|user| user.0).collect(),
        profile: profile(group),
        ..in_group(draft, 1)
    }
}

/// A change of the group whose conversation it is in.
fn in_group(draft: &Draft, operation: u64) -> Effect {
    match draft.conv {
        Conv::Group(target) => Effect {
            operation,
            target: target.0,
            ..Effect::default()
        },
        Conv::Notices | Conv::Private(..) | Conv::Account(_) => Effect::default(),
    }
}

/// The same, done to somebody.
fn upon(draft: &Draft, operation: u64, user: UserId) -> Effect {
    Effect {
        other: user.0,
        ..in_group(draft, operation)
    }
}

/// A change about a group in the conversation of the account that it is about, too.
fn of_account(draft: &Draft, operation: u64, group: GroupId, user: UserId) -> Effect {
    if draft.conv != Conv::Account(user) {
        return Effect::default();
    }
    Effect {
        operation,
        target: group.0,
        other: user.0,
        ..Effect::default()
    }
}

fn revoke(sessions: &[SessionId]) -> Effect {
    Effect {
        operation: 11,
        ids: sessions.iter().map(|session| session.0).collect(),
        ..Effect::default()
    }
}

/// A change between the author and another, in the conversation of the two.
fn between(draft: &Draft, operation: u64, other: UserId) -> Effect {
    let belongs = draft.conv == Conv::private(draft.from, other);
    Effect {
        operation: if belongs { operation } else { 0 },
        other: other.0,
        ..Effect::default()
    }
}

fn profile(group: &NewGroup) -> GroupPatch {
    GroupPatch {
        name: Some(group.name.clone()),
        icon: Some(group.icon.clone()),
        category: Some(group.category),
        memo: Some(group.memo.clone()),
        join: Some(group.join),
        muted_until: None,
    }
}
