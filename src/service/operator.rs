//! What the operator does to accounts from the command line, without a session of his own: whoever can write the
//! store may. Running nodes learn of it through the store, as of anything another node does.

use std::sync::Arc;

use super::passwords::Passwords;
use super::rules;
use super::sessions::Sessions;
use crate::model::error::Failure;
use crate::model::ids::UserId;
use crate::model::user::{NewUser, Sex, User};
use crate::store::UserStore;

/// Makes accounts and sets passwords, by the rules everybody keeps.
pub struct Operator {
    users: Arc<dyn UserStore>,
    sessions: Sessions,
    passwords: Passwords,
}

impl Operator {
    #[must_use]
    pub fn new(users: Arc<dyn UserStore>, sessions: Sessions, passwords: Passwords) -> Operator {
        Operator {
            users,
            sessions,
            passwords,
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
        Ok(self.users.create(new).await?)
    }

    /// Sets a password and ends the account's sessions, on every node.
    pub async fn set_password(&self, user: UserId, password: String) -> Result<(), Failure> {
        rules::password(&password, "password")?;
        let hash = self.passwords.hash(password).await?;
        self.users.set_password(user, &hash).await?;
        self.sessions.revoke_all(user, None).await
    }
}
