//! Where a run writes: the deployment's own stores, by the ways everything else takes too.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tracing::warn;

use crate::model::conversation::Conv;
use crate::model::draft::{Draft, Outcome};
use crate::model::entry::UnixMillis;
use crate::model::ids::{GroupId, Seq, UserId};
use crate::model::user::{LoginName, NewUser, User};
use crate::store::{AccountError, StoreError, Stores};

/// How often an append is repeated while the store is busy.
const ATTEMPTS: u32 = 5;
/// Before it is repeated the first time; then twice as long each time.
const PAUSE: Duration = Duration::from_millis(200);
/// Members of a group read at a time.
const MEMBERS_PER_READ: usize = 1_000;

/// What a run asks of the deployment.
#[async_trait]
pub(super) trait Target: Send + Sync {
    async fn mapped(
        &self,
        kind: &str,
        old_ids: &[String],
    ) -> Result<BTreeMap<String, u64>, StoreError>;
    async fn remember(&mut self, kind: &str, ids: &[(String, u64)]) -> Result<(), StoreError>;
    /// Makes an account that is no admin, whoever comes first.
    async fn create(&mut self, user: NewUser) -> Result<User, AccountError>;
    async fn append(
        &mut self,
        at: UnixMillis,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Outcome>, StoreError>;
    async fn draw_group(&mut self) -> Result<GroupId, StoreError>;
    async fn group_exists(&self, group: GroupId) -> Result<bool, StoreError>;
    /// Names a friend.
    async fn remark(&mut self, user: UserId, friend: UserId, name: &str) -> Result<(), StoreError>;
    /// Everybody in the conversation has read up to here.
    async fn read(&mut self, conv: Conv, seq: Seq) -> Result<(), StoreError>;
}

/// The stores.
pub(super) struct Real {
    pub(super) stores: Stores,
    source: String,
}

impl Real {
    pub(super) fn new(stores: Stores, source: String) -> Real {
        Real { stores, source }
    }

    /// Whether somebody has it, as far as can be asked without trying.
    pub(super) async fn is_taken(
        &self,
        user: &NewUser,
    ) -> Result<Option<AccountError>, StoreError> {
        let users = &self.stores.users;
        if let Some(name) = &user.name {
            let name = LoginName::Name(name.clone());
            if users.credentials(&name).await?.is_some() {
                return Ok(Some(AccountError::NameTaken));
            }
        }
        if let Some(phone) = &user.phone {
            let phone = LoginName::Phone(phone.clone());
            if users.credentials(&phone).await?.is_some() {
                return Ok(Some(AccountError::PhoneTaken));
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl Target for Real {
    async fn mapped(
        &self,
        kind: &str,
        old_ids: &[String],
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        self.stores
            .imports
            .mapped(&self.source, kind, old_ids)
            .await
    }

    async fn remember(&mut self, kind: &str, ids: &[(String, u64)]) -> Result<(), StoreError> {
        self.stores.imports.remember(&self.source, kind, ids).await
    }

    async fn create(&mut self, user: NewUser) -> Result<User, AccountError> {
        let made = self.stores.users.create(user).await?;
        if made.admin {
            // Being the first in a table elsewhere is no right here.
            return self.stores.users.set_admin(made.id, false).await;
        }
        Ok(made)
    }

    async fn append(
        &mut self,
        at: UnixMillis,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Outcome>, StoreError> {
        let mut attempt = 1;
        loop {
            match self.stores.log.append_at(at, drafts.clone()).await {
                Ok(verdicts) => return Ok(verdicts.outcomes),
                Err(StoreError::Unavailable(reason)) if attempt < ATTEMPTS => {
                    warn!(reason, attempt, "the store is busy, an append is repeated");
                    tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn draw_group(&mut self) -> Result<GroupId, StoreError> {
        self.stores.groups.draw_id().await
    }

    async fn group_exists(&self, group: GroupId) -> Result<bool, StoreError> {
        Ok(self.stores.groups.group(group).await?.is_some())
    }

    async fn remark(&mut self, user: UserId, friend: UserId, name: &str) -> Result<(), StoreError> {
        let friends = &self.stores.friends;
        friends.set_remark(user, friend, name).await.map(|_| ())
    }

    async fn read(&mut self, conv: Conv, seq: Seq) -> Result<(), StoreError> {
        let conversations = &self.stores.conversations;
        let Conv::Group(group) = conv else {
            let Conv::Private(low, high) = conv else {
                return Ok(());
            };
            return conversations
                .set_read(&[(low, conv, seq), (high, conv, seq)])
                .await;
        };
        let mut after = UserId::SYSTEM;
        loop {
            let members = &self.stores.groups;
            let page = members.members(group, after, MEMBERS_PER_READ).await?;
            let positions: Vec<_> = page.iter().map(|member| (member.user, conv, seq)).collect();
            conversations.set_read(&positions).await?;
            match page.last() {
                Some(last) if page.len() == MEMBERS_PER_READ => after = last.user,
                Some(_) | None => return Ok(()),
            }
        }
    }
}
