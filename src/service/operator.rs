//! What the operator does to accounts from the command line, without a session of his own: whoever can write the
//! store may. Running nodes learn of it through the store, as of anything another node does.

use std::sync::Arc;

use super::audit::{Actor, Audit};
use super::passwords::Passwords;
use super::rules;
use super::sessions::Sessions;
use crate::model::admin::Action;
use crate::model::error::Failure;
use crate::model::ids::UserId;
use crate::model::user::{NewUser, Sex, User};
use crate::store::UserStore;

/// Makes accounts, sets passwords and rights, by the rules everybody keeps, and leaves traces of it.
pub struct Operator {
    users: Arc<dyn UserStore>,
    sessions: Sessions,
    passwords: Passwords,
    audit: Audit,
}

impl Operator {
    #[must_use]
    pub fn new(
        users: Arc<dyn UserStore>,
        sessions: Sessions,
        passwords: Passwords,
        audit: Audit,
    ) -> Operator {
        Operator {
            users,
            sessions,
            passwords,
            audit,
        }
    }

    /// Makes an account, also where registration is closed. An empty nickname is the name.
    pub async fn create(
        &self,
        name: &str,
        nickname: &str,
        password: String,
    ) -> Result<User, Failure> {
        let name = rules::name(name)?;
        let nickname = rules::nickname(nickname)?;
        rules::password(&password, "password")?;
        let new = NewUser {
            nickname: if nickname.is_empty() {
                name.clone()
            } else {
                nickname
            },
            name: Some(name),
            avatar: String::new(),
            sex: Sex::U,
            memo: String::new(),
            phone: None,
            email: None,
            password_hash: self.passwords.hash(password).await?,
        };
        // Its id is not known before it is there.
        self.trace(Action::UserAdded, None, new.name.as_deref())
            .await?;
        Ok(self.users.create(new).await?)
    }

    /// Sets a password and ends the account's sessions, on every node.
    pub async fn set_password(&self, account: &User, password: String) -> Result<(), Failure> {
        rules::password(&password, "password")?;
        let hash = self.passwords.hash(password).await?;
        self.trace(Action::PasswordReset, Some(account.id), Some(&account.name))
            .await?;
        self.users.set_password(account.id, &hash).await?;
        self.sessions.revoke_all(account.id, None).await
    }

    /// Makes somebody an admin, or no longer one.
    pub async fn set_admin(&self, account: &User, admin: bool) -> Result<(), Failure> {
        let action = if admin {
            Action::UserPromoted
        } else {
            Action::UserDemoted
        };
        self.trace(action, Some(account.id), Some(&account.name))
            .await?;
        self.users.set_admin(account.id, admin).await?;
        Ok(())
    }

    async fn trace(
        &self,
        action: Action,
        target: Option<UserId>,
        name: Option<&str>,
    ) -> Result<(), Failure> {
        let detail = name.unwrap_or_default().to_owned();
        self.audit
            .leave(&Actor::operator(), action, target, detail)
            .await
    }
}
