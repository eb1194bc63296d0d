//! What a deployment's admins may do: see accounts, disable them, reset passwords, speak to everybody.
//!
//! Whether somebody is an admin is read from the store each time: nothing here is frequent, and a right that was
//! taken away must not linger in a cache.

use std::sync::Arc;

use serde::Serialize;

use super::accounts::Accounts;
use super::append::{Appended, append, draw_cid, encode};
use super::audit::{Actor, Audit, TracePage};
use super::rules;
use crate::journal::committer::Committer;
use crate::model::admin::Action;
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft};
use crate::model::entry::EntryKind;
use crate::model::error::{Code, Failure};
use crate::model::ids::UserId;
use crate::model::message::TEXT_BYTES_MAX;
use crate::model::user::User;
use crate::store::UserStore;

/// Some accounts, by id.
#[derive(Clone, Debug)]
pub struct AccountPage {
    pub users: Vec<User>,
    /// Ask for those above it; `None`: these were the last.
    pub next: Option<UserId>,
}

/// What an admin's notice says.
#[derive(Serialize)]
struct NoticeBody<'a> {
    content: &'a str,
}

/// The admins' desk. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    users: Arc<dyn UserStore>,
    accounts: Accounts,
    committer: Committer,
    audit: Audit,
}

impl Admin {
    #[must_use]
    pub fn new(
        users: Arc<dyn UserStore>,
        accounts: Accounts,
        committer: Committer,
        audit: Audit,
    ) -> Admin {
        Admin {
            users,
            accounts,
            committer,
            audit,
        }
    }

    /// `forbidden` for whoever is no admin.
    pub async fn check(&self, user: UserId) -> Result<(), Failure> {
        match self.users.user(user).await? {
            Some(user) if user.admin && !user.disabled => Ok(()),
            Some(_) | None => Err(Failure::new(Code::Forbidden)),
        }
    }

    /// Accounts with ids above `after`; with a query those that match it, best first, without going on.
    pub async fn users(
        &self,
        admin: UserId,
        query: Option<&str>,
        after: UserId,
        limit: usize,
    ) -> Result<AccountPage, Failure> {
        self.check(admin).await?;
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            let users = self.users.search_all(query, limit).await?;
            return Ok(AccountPage { users, next: None });
        }
        let mut users = self.users.list(after, limit + 1).await?;
        let more = users.len() > limit;
        users.truncate(limit);
        let next = users.last().map(|user| user.id).filter(|_| more);
        Ok(AccountPage { users, next })
    }

    /// Disables an account (which ends its sessions) or enables it; makes somebody an admin or not. An admin does
    /// neither to himself, so there is always one left who can undo it: `self`.
    pub async fn change(
        &self,
        actor: &Actor,
        user: UserId,
        disabled: Option<bool>,
        to_admin: Option<bool>,
    ) -> Result<User, Failure> {
        self.check(actor.user).await?;
        if actor.user == user && (disabled == Some(true) || to_admin == Some(false)) {
            return Err(Failure::new(Code::OneSelf));
        }
        let before = self.existing(user).await?;
        if let Some(to_admin) = to_admin.filter(|to_admin| *to_admin != before.admin) {
            let action = if to_admin {
                Action::UserPromoted
            } else {
                Action::UserDemoted
            };
            self.trace(actor, action, &before).await?;
            self.users.set_admin(user, to_admin).await?;
            self.accounts.tell_changed(user);
        }
        match disabled {
            // Again, too: sessions may have been left by an attempt that broke off.
            Some(true) => {
                self.trace(actor, Action::UserDisabled, &before).await?;
                self.accounts.disable(user).await?;
            }
            Some(false) if before.disabled => {
                self.trace(actor, Action::UserEnabled, &before).await?;
                self.users.set_disabled(user, false).await?;
                self.accounts.tell_changed(user);
            }
            Some(false) | None => {}
        }
        self.existing(user).await
    }

    /// Sets somebody's password and ends his sessions.
    pub async fn reset_password(
        &self,
        actor: &Actor,
        user: UserId,
        password: String,
    ) -> Result<(), Failure> {
        self.check(actor.user).await?;
        rules::password(&password, "password")?;
        let account = self.existing(user).await?;
        self.trace(actor, Action::PasswordReset, &account).await?;
        self.accounts.set_password(user, password, None).await
    }

    /// Ends all sessions of somebody, who may log in again.
    pub async fn end_sessions(&self, actor: &Actor, user: UserId) -> Result<(), Failure> {
        self.check(actor.user).await?;
        let account = self.existing(user).await?;
        self.trace(actor, Action::SessionsEnded, &account).await?;
        self.accounts.end_sessions(user).await
    }

    /// Speaks to everybody, as the system.
    pub async fn notice(&self, actor: &Actor, content: &str) -> Result<Appended, Failure> {
        self.check(actor.user).await?;
        if content.trim().is_empty() {
            return Err(Failure::field(Code::BadRequest, "content"));
        }
        if content.len() > TEXT_BYTES_MAX {
            return Err(Failure::field(Code::TooLarge, "content"));
        }
        let detail = format!("{} characters", content.chars().count());
        self.audit
            .leave(actor, Action::NoticeSent, None, detail)
            .await?;
        let draft = Draft {
            conv: Conv::Notices,
            from: UserId::SYSTEM,
            kind: EntryKind::Notice,
            cid: draw_cid()?,
            body: encode(&NoticeBody { content })?,
            change: Change::Notice,
        };
        append(&self.committer, draft, None).await
    }

    /// What admins did, newest first.
    pub async fn traces(
        &self,
        admin: UserId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<TracePage, Failure> {
        self.check(admin).await?;
        self.audit.traces(before, limit).await
    }

    async fn existing(&self, user: UserId) -> Result<User, Failure> {
        let found = self.users.user(user).await?;
        found.ok_or(Failure::new(Code::NotFound))
    }

    /// Names as they are now are part of a trace: accounts are renamed.
    async fn trace(&self, actor: &Actor, action: Action, account: &User) -> Result<(), Failure> {
        let detail = account.name.clone();
        self.audit
            .leave(actor, action, Some(account.id), detail)
            .await
    }
}
