//! How drafts are handed to the procedures: a run of messages as two values, any other change as one row of parameters.
//!
//! The layouts are described at the head of `routines/append.sql` and `routines/change.sql`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use mysql_async::{Params, Value};

use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft};
use crate::model::entry::UnixMillis;
use crate::model::group::{GroupPatch, JoinMode, NewGroup};
use crate::model::ids::{ID_MAX, SessionId, UserId};
use crate::model::policy::{StoreRules, Strangers};
use crate::store::folding::folded;

pub(super) const APPEND: &str = "CALL starling_append_1(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
pub(super) const APPEND_ONE: &str =
    "CALL starling_append_one_1(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
pub(super) const CHANGE: &str =
    "CALL starling_change_1(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

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
    let mut rights = BTreeSet::new();
    let mut latest = BTreeMap::new();
    let mut count = 0u64;
    for (draft, fingerprint) in drafts {
        let (way, target) = way(draft);
        count += 1;
        rights.insert((draft.from, target, way));
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
        let conv_place = texts.len() - draft.body.len() - conv.len() + 1;
        latest.insert(draft.conv, (count, conv.len(), conv_place));
    }
    Params::Positional(vec![
        count.into(),
        records.into(),
        texts.into(),
        (rights.len() as u64).into(),
        listed_rights(&rights).into(),
        (latest.len() as u64).into(),
        listed_conversations(&latest).into(),
        (latest.keys().filter(|conv| is_private(conv)).count() as u64).into(),
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
    let (way, target) = way(draft);
    let (low, high) = pair(&draft.conv);
    Params::Positional(vec![
        draft.from.0.into(),
        fingerprint.into(),
        draft.kind.code().into(),
        draft.cid.as_str().into(),
        draft.conv.to_string().into(),
        Value::from(&draft.body[..]),
        way.into(),
        target.into(),
        low.into(),
        high.into(),
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

/// The two of a private conversation, else nobody.
fn pair(conv: &Conv) -> (u64, u64) {
    match conv {
        Conv::Private(low, high) => (low.0.min(ID_MAX), high.0.min(ID_MAX)),
        Conv::Notices | Conv::Group(_) | Conv::Account(_) => (0, 0),
    }
}

fn is_private(conv: &Conv) -> bool {
    matches!(conv, Conv::Private(..))
}

/// Each author, target and way once.
fn listed_rights(rights: &BTreeSet<(UserId, u64, u8)>) -> String {
    let mut listed = String::with_capacity(rights.len() * 33);
    for (author, target, way) in rights {
        let (author, target) = (author.0.min(ID_MAX), (*target).min(ID_MAX));
        let _ = write!(listed, "{author:016}{target:016}{way:01}");
    }
    listed
}

/// Each conversation with the number of its last draft and where its name is.
fn listed_conversations(latest: &BTreeMap<Conv, (u64, usize, usize)>) -> String {
    let mut listed = String::with_capacity(latest.len() * 45);
    for (conv, (last, length, place)) in latest {
        let (low, high) = pair(conv);
        let _ = write!(listed, "{last:04}{low:016}{high:016}{length:02}{place:07}");
    }
    listed
}

/// The way into a conversation that takes nothing from the author.
pub(super) const NO_WAY: u8 = 3;

/// Who is asked whether the message may be written, and his id.
pub(super) fn way(draft: &Draft) -> (u8, u64) {
    match draft.conv {
        Conv::Group(group) => (0, group.0),
        Conv::Private(..) => match draft.conv.peer_of(draft.from) {
            Some(peer) if peer == draft.from => (2, peer.0),
            Some(peer) => (1, peer.0),
            None => (NO_WAY, 0),
        },
        Conv::Notices | Conv::Account(_) => (NO_WAY, 0),
    }
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
    ])
}

/// What is to be done. An entry in another conversation than its change is about would be shown to the wrong people:
/// operation 0, which the procedure refuses.
fn effect(draft: &Draft) -> Effect {
    let group = match draft.conv {
        Conv::Group(group) => Some(group.0),
        Conv::Notices | Conv::Private(..) | Conv::Account(_) => None,
    };
    let in_group = |operation| match group {
        Some(target) => Effect {
            operation,
            target,
            ..Effect::default()
        },
        None => Effect::default(),
    };
    match &draft.change {
        // Messages go in runs, what alters them has a procedure of its own.
        Change::Message | Change::Recall { .. } | Change::Edit { .. } | Change::React { .. } => {
            Effect::default()
        }
        Change::CreateGroup { group, members } if draft.conv == Conv::Group(group.id) => Effect {
            ids: members
                .iter()
                .filter(|user| **user != draft.from)
                .map(|user| user.0)
                .collect(),
            profile: profile(group),
            ..in_group(1)
        },
        Change::CreateGroup { .. } => Effect::default(),
        Change::Join => in_group(2),
        Change::Add { users } => Effect {
            ids: users.iter().map(|user| user.0).collect(),
            ..in_group(3)
        },
        Change::Leave => in_group(4),
        Change::Kick { user } => Effect {
            other: user.0,
            ..in_group(5)
        },
        Change::Dissolve => in_group(6),
        Change::EditGroup { patch } => Effect {
            profile: patch.clone(),
            ..in_group(7)
        },
        Change::Befriend {
            other,
            message,
            auto,
        } => Effect {
            agreed: *auto,
            greeting: message.clone(),
            ..between(draft, 8, *other)
        },
        Change::AnswerFriend {
            request,
            other,
            accept,
        } => Effect {
            request: *request,
            agreed: *accept,
            ..between(draft, 9, *other)
        },
        Change::Unfriend { other } => between(draft, 10, *other),
        Change::Revoke { sessions } if draft.conv == Conv::Account(draft.from) => revoke(sessions),
        Change::Notice if draft.conv == Conv::Notices => Effect {
            operation: 12,
            ..Effect::default()
        },
        Change::Revoke { .. } | Change::Notice => Effect::default(),
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
    }
}
