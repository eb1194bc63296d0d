//! What people say and where they are: the meaning of entries, for runs in which whole nodes are simulated.
//!
//! Responsible for the truth about a log: who was in which group at which place, and so who may see what. Deliberately
//! folds the log by itself and shares no code with a node's view, which is judged by it. Owned by the model store.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use starling::model::conversation::Conv;
use starling::model::entry::{Entry, EntryKind, MembershipBody};
use starling::model::group::Interval;
use starling::model::ids::{GroupId, Seq, UserId};

use crate::store::Cid;

/// What a send is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Say(Conv),
    Join(GroupId),
    Leave(GroupId),
}

/// What somebody wants to happen.
#[derive(Debug, Clone, Copy)]
pub struct Draft {
    pub from: UserId,
    pub what: What,
}

impl Draft {
    pub fn entry(&self, seq: Seq, cid: Cid, at: u64, size: usize) -> Entry {
        let (conv, kind, body) = match self.what {
            What::Say(conv) => {
                let text = "x".repeat(size);
                (
                    conv,
                    EntryKind::Message,
                    serde_json::json!({ "text": text }),
                )
            }
            What::Join(group) | What::Leave(group) => {
                let kind = if matches!(self.what, What::Join(_)) {
                    EntryKind::Joined
                } else {
                    EntryKind::Left
                };
                let body = MembershipBody::oneself(self.from);
                (Conv::Group(group), kind, serde_json::json!(body))
            }
        };
        Entry {
            seq,
            conv,
            from: self.from,
            at: at.cast_signed(),
            kind,
            cid: cid.to_string().parse().unwrap(),
            body: Bytes::from(body.to_string()),
        }
    }
}

/// A log by its meaning.
#[derive(Debug, Clone, Default)]
pub struct Story {
    entries: Vec<Arc<Entry>>,
    stays: BTreeMap<(UserId, GroupId), Vec<Interval>>,
}

impl Story {
    fn is_in(&self, user: UserId, group: GroupId) -> bool {
        let stays = self.stays.get(&(user, group));
        stays.is_some_and(|stays| stays.iter().any(|stay| stay.to.is_none()))
    }

    /// Whether the next place of the log may hold this.
    pub fn allows(&self, draft: &Draft) -> bool {
        match draft.what {
            What::Say(Conv::Group(group)) | What::Leave(group) => self.is_in(draft.from, group),
            What::Say(Conv::Private(..) | Conv::Notices | Conv::Account(_)) => true,
            What::Join(group) => !self.is_in(draft.from, group),
        }
    }

    pub fn tell(&mut self, entry: &Entry) {
        self.entries.push(Arc::new(entry.clone()));
        let (Conv::Group(group), user) = (entry.conv, entry.from) else {
            return;
        };
        let stays = self.stays.entry((user, group)).or_default();
        if entry.kind == EntryKind::Joined {
            stays.push(Interval {
                group,
                from: entry.seq,
                to: None,
            });
        } else if entry.kind == EntryKind::Left
            && let Some(open) = stays.iter_mut().find(|stay| stay.to.is_none())
        {
            open.to = Some(entry.seq);
        }
    }

    pub fn forget_above(&mut self, seq: Seq) {
        self.entries.truncate(seq.0 as usize);
        for stays in self.stays.values_mut() {
            stays.retain(|stay| stay.from <= seq);
            for stay in stays {
                stay.to = stay.to.filter(|to| *to <= seq);
            }
        }
    }

    /// All stays of a user.
    pub fn intervals(&self, user: UserId) -> Vec<Interval> {
        let of_user = self.stays.iter().filter(|((one, _), _)| *one == user);
        of_user.flat_map(|(_, stays)| stays.clone()).collect()
    }

    pub fn entry(&self, seq: Seq) -> Option<&Arc<Entry>> {
        self.entries.get((seq.0 as usize).checked_sub(1)?)
    }

    pub fn may_see(&self, user: UserId, entry: &Entry) -> bool {
        match entry.conv {
            Conv::Private(low, high) => user == low || user == high,
            Conv::Group(group) => self
                .stays
                .get(&(user, group))
                .is_some_and(|stays| stays.iter().any(|stay| stay.holds(entry.seq))),
            Conv::Notices | Conv::Account(_) => false,
        }
    }

    /// What a user may see in `(after, upto]`.
    pub fn visible(
        &self,
        user: UserId,
        after: Seq,
        upto: Seq,
    ) -> impl Iterator<Item = &Arc<Entry>> {
        let entries = self.entries.iter();
        let stretch = entries.skip(after.0 as usize);
        stretch
            .take_while(move |entry| entry.seq <= upto)
            .filter(move |entry| self.may_see(user, entry))
    }

    /// The first entry up to `upto` whose author was not where he wrote.
    pub fn trespass(&self, upto: Seq) -> Option<&Arc<Entry>> {
        let entries = self.entries.iter().take(upto.0 as usize);
        let mut messages = entries.filter(|entry| entry.kind == EntryKind::Message);
        messages.find(|entry| !self.may_see(entry.from, entry))
    }
}
