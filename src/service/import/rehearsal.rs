//! A dry run's target: answers as the stores would, from what they hold and what the run would have added, and writes
//! nothing. Keeps what it would have added in memory.
//!
//! Where the stores' own conditions depend on more than a run brings (an account that was disabled, a block), it asks
//! them as far as they can be asked without writing.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::target::{Real, Target};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome, Refusal};
use crate::model::entry::UnixMillis;
use crate::model::ids::{Cid, GroupId, ID_MAX, Seq, UserId};
use crate::model::user::{NewUser, User};
use crate::store::{AccountError, StoreError};

/// Ids from here on are of accounts and groups that would be made.
const PROVISIONAL: u64 = ID_MAX / 2;

/// The stores as they would be.
pub(super) struct Rehearsal {
    real: Real,
    group_max: usize,
    drawn: u64,
    head: Option<Seq>,
    mapped: BTreeMap<(String, String), u64>,
    /// Names, phone numbers and addresses that would be given.
    taken: BTreeSet<String>,
    added: BTreeMap<(UserId, Cid), Seq>,
    members: BTreeMap<GroupId, BTreeSet<UserId>>,
}

impl Rehearsal {
    pub(super) fn new(real: Real, group_max: u32) -> Rehearsal {
        Rehearsal {
            real,
            group_max: usize::try_from(group_max).unwrap_or(usize::MAX),
            drawn: PROVISIONAL,
            head: None,
            mapped: BTreeMap::new(),
            taken: BTreeSet::new(),
            added: BTreeMap::new(),
            members: BTreeMap::new(),
        }
    }

    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    async fn judge(&mut self, draft: &Draft) -> Result<Outcome, StoreError> {
        let at = 0;
        let key = (draft.from, draft.cid.clone());
        if let Some(seq) = self.added.get(&key) {
            return Ok(Outcome::Duplicate { seq: *seq, at });
        }
        if let Some((seq, at)) = self.real.stores.log.find(draft.from, &draft.cid).await? {
            return Ok(Outcome::Duplicate { seq, at });
        }
        if let Some(refusal) = self.refusal(draft).await? {
            return Ok(Outcome::Refused(refusal));
        }
        let before = match self.head {
            Some(head) => head,
            None => self.real.stores.log.head().await?.head,
        };
        let seq = before.next();
        self.head = Some(seq);
        self.added.insert(key, seq);
        Ok(Outcome::Appended { seq, at })
    }

    async fn refusal(&mut self, draft: &Draft) -> Result<Option<Refusal>, StoreError> {
        if self.is_disabled(draft.from).await? {
            return Ok(Some(Refusal::Disabled));
        }
        match &draft.change {
            Change::Befriend { other, .. } => {
                let friends = &self.real.stores.friends;
                if friends.are_friends(draft.from, *other).await? {
                    return Ok(Some(Refusal::AlreadyFriends));
                }
                self.blocked(draft.from, *other).await
            }
            Change::CreateGroup { group, members } => {
                if members.len() >= self.group_max {
                    return Ok(Some(Refusal::GroupFull));
                }
                let all = members.iter().copied().chain([draft.from]).collect();
                self.members.insert(group.id, all);
                Ok(None)
            }
            Change::Join => self.join(draft).await,
            Change::Message => self.message(draft).await,
            Change::Add { .. }
            | Change::Recall { .. }
            | Change::Edit { .. }
            | Change::React { .. }
            | Change::Leave
            | Change::Kick { .. }
            | Change::Dissolve
            | Change::EditGroup { .. }
            | Change::EditMember { .. }
            | Change::Transfer { .. }
            | Change::Ask { .. }
            | Change::Approve { .. }
            | Change::Decline { .. }
            | Change::JoinByInvite { .. }
            | Change::AnswerFriend { .. }
            | Change::Unfriend { .. }
            | Change::Revoke { .. }
            | Change::SendPacket { .. }
            | Change::ClaimPacket { .. }
            | Change::RefundPacket { .. }
            | Change::Notice => Ok(None),
        }
    }

    async fn join(&mut self, draft: &Draft) -> Result<Option<Refusal>, StoreError> {
        let Conv::Group(group) = draft.conv else {
            return Ok(Some(Refusal::Unstorable));
        };
        if self.is_member(group, draft.from).await? {
            return Ok(Some(Refusal::AlreadyMember));
        }
        let found = self.real.stores.groups.group(group).await?;
        let stored = found.map_or(0, |group| {
            usize::try_from(group.members).unwrap_or(usize::MAX)
        });
        let members = self.members.entry(group).or_default();
        if stored.saturating_add(members.len()) >= self.group_max {
            return Ok(Some(Refusal::GroupFull));
        }
        members.insert(draft.from);
        Ok(None)
    }

    async fn message(&self, draft: &Draft) -> Result<Option<Refusal>, StoreError> {
        match draft.conv {
            Conv::Group(group) if self.is_member(group, draft.from).await? => Ok(None),
            Conv::Group(_) => Ok(Some(Refusal::NotMember)),
            Conv::Private(..) => match draft.conv.peer_of(draft.from) {
                Some(peer) if peer == draft.from => Ok(None),
                Some(peer) if self.is_disabled(peer).await? => Ok(Some(Refusal::NotFound)),
                Some(peer) => self.blocked(draft.from, peer).await,
                None => Ok(Some(Refusal::NotAllowed)),
            },
            Conv::Notices | Conv::Account(_) => Ok(Some(Refusal::NotAllowed)),
        }
    }

    async fn is_member(&self, group: GroupId, user: UserId) -> Result<bool, StoreError> {
        if self
            .members
            .get(&group)
            .is_some_and(|members| members.contains(&user))
        {
            return Ok(true);
        }
        Ok(self.real.stores.groups.role(group, user).await?.is_some())
    }

    async fn is_disabled(&self, user: UserId) -> Result<bool, StoreError> {
        let found = self.real.stores.users.user(user).await?;
        Ok(found.is_some_and(|user| user.disabled))
    }

    async fn blocked(&self, by: UserId, other: UserId) -> Result<Option<Refusal>, StoreError> {
        let blocks = self.real.stores.friends.blocks(other).await?;
        Ok(blocks.contains(&by).then_some(Refusal::Blocked))
    }
}

#[async_trait]
impl Target for Rehearsal {
    async fn mapped(
        &self,
        kind: &str,
        old_ids: &[String],
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut mapped = self.real.mapped(kind, old_ids).await?;
        for old_id in old_ids {
            if let Some(new) = self.mapped.get(&(kind.to_owned(), old_id.clone())) {
                mapped.entry(old_id.clone()).or_insert(*new);
            }
        }
        Ok(mapped)
    }

    async fn remember(&mut self, kind: &str, ids: &[(String, u64)]) -> Result<(), StoreError> {
        let keyed = ids
            .iter()
            .map(|(old, new)| ((kind.to_owned(), old.clone()), *new));
        self.mapped.extend(keyed);
        Ok(())
    }

    async fn create(&mut self, user: NewUser) -> Result<User, AccountError> {
        if let Some(taken) = self.real.is_taken(&user).await? {
            return Err(taken);
        }
        let values = [
            (user.name.as_deref(), "name", AccountError::NameTaken),
            (user.phone.as_deref(), "phone", AccountError::PhoneTaken),
            (user.email.as_deref(), "email", AccountError::EmailTaken),
        ];
        let mut given = Vec::new();
        for (value, what, error) in values {
            let Some(value) = value else { continue };
            let key = format!("{what} {}", value.to_lowercase());
            if self.taken.contains(&key) {
                return Err(error);
            }
            given.push(key);
        }
        self.taken.extend(given);
        let id = self.draw();
        Ok(User {
            id: UserId(id),
            name: user.name.unwrap_or_default(),
            nickname: user.nickname,
            avatar: user.avatar,
            sex: user.sex,
            memo: user.memo,
            phone: user.phone,
            email: user.email,
            admin: false,
            disabled: false,
            registered_seq: Seq::ZERO,
            created_at: 0,
            last_seen_at: 0,
        })
    }

    async fn append(
        &mut self,
        _at: UnixMillis,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Outcome>, StoreError> {
        let mut outcomes = Vec::with_capacity(drafts.len());
        for draft in &drafts {
            outcomes.push(self.judge(draft).await?);
        }
        Ok(outcomes)
    }

    async fn draw_group(&mut self) -> Result<GroupId, StoreError> {
        Ok(GroupId(self.draw()))
    }

    async fn group_exists(&self, group: GroupId) -> Result<bool, StoreError> {
        if self.members.contains_key(&group) {
            return Ok(true);
        }
        self.real.group_exists(group).await
    }

    async fn remark(&mut self, _: UserId, _: UserId, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn read(&mut self, _: Conv, _: Seq) -> Result<(), StoreError> {
        Ok(())
    }
}
