//! Bots: accounts that programs use, made and owned by people.
//!
//! A bot is a user like others and speaks the same API. It has no password that anybody knows; its one session lasts
//! until its token is drawn anew or the bot is deleted.

use std::sync::Arc;

use ring::rand::SystemRandom;

use super::accounts::Accounts;
use super::profiles::{Person, Profiles};
use super::rules;
use super::sessions::{Device, Sessions, draw_token};
use crate::model::error::{Code, Failure};
use crate::model::ids::UserId;
use crate::model::user::{NewUser, Sex, User};
use crate::store::{HookStore, UserStore};

/// Most bots of one person: enough for every purpose, too few to fill a deployment.
const BOTS_MAX: usize = 20;
/// What a bot's session is called.
const DEVICE: &str = "bot";

/// A bot whose token was just drawn. It is told once and stored nowhere.
pub struct NewBot {
    pub user: User,
    pub token: String,
}

/// The bots. Cheap to clone.
#[derive(Clone)]
pub struct Bots {
    hooks: Arc<dyn HookStore>,
    users: Arc<dyn UserStore>,
    accounts: Accounts,
    sessions: Sessions,
    profiles: Profiles,
    random: SystemRandom,
}

impl Bots {
    #[must_use]
    pub fn new(
        hooks: Arc<dyn HookStore>,
        users: Arc<dyn UserStore>,
        accounts: Accounts,
        sessions: Sessions,
        profiles: Profiles,
    ) -> Bots {
        Bots {
            hooks,
            users,
            accounts,
            sessions,
            profiles,
            random: SystemRandom::new(),
        }
    }

    /// Makes a bot. A bot makes none: `not_allowed`, as is one too many.
    pub async fn create(
        &self,
        owner: UserId,
        name: &str,
        nickname: Option<&str>,
    ) -> Result<NewBot, Failure> {
        let name = rules::name(name)?;
        let nickname = rules::nickname(nickname.unwrap_or(&name))?;
        if self.hooks.owner_of(owner).await?.is_some()
            || self.hooks.bots_of(owner).await?.len() >= BOTS_MAX
        {
            return Err(Failure::new(Code::NotAllowed));
        }
        let user = self.make(owner, name, nickname).await?;
        let token = self.draw(user.id).await?;
        Ok(NewBot { user, token })
    }

    /// An account for a program. Its stored password is the hash of nothing.
    pub(super) async fn make(
        &self,
        owner: UserId,
        name: String,
        nickname: String,
    ) -> Result<User, Failure> {
        let new = NewUser {
            name: Some(name),
            nickname,
            avatar: String::new(),
            sex: Sex::U,
            memo: String::new(),
            phone: None,
            email: None,
            // By chance, so that no two accounts have the same, and in a form that no password fits.
            password_hash: format!("!bot {}", draw_token(&self.random)?),
        };
        let user = self.users.create(new).await?;
        self.hooks.mark_bot(user.id, owner).await?;
        Ok(user)
    }

    /// The person's bots.
    pub async fn list(&self, owner: UserId) -> Result<Vec<Person>, Failure> {
        let bots = self.hooks.bots_of(owner).await?;
        let persons = self.profiles.persons(&bots).await?;
        Ok(persons.into_values().collect())
    }

    /// Draws another token; the one before is good no more.
    pub async fn renew_token(&self, owner: UserId, bot: UserId) -> Result<String, Failure> {
        self.check(owner, bot).await?;
        self.sessions.revoke_all(bot, None).await?;
        self.draw(bot).await
    }

    /// Ends the bot's account.
    pub async fn delete(&self, owner: UserId, bot: UserId) -> Result<(), Failure> {
        self.check(owner, bot).await?;
        self.accounts.end(bot).await
    }

    async fn check(&self, owner: UserId, bot: UserId) -> Result<(), Failure> {
        if self.hooks.bots_of(owner).await?.contains(&bot) {
            Ok(())
        } else {
            Err(Failure::new(Code::NotFound))
        }
    }

    async fn draw(&self, bot: UserId) -> Result<String, Failure> {
        let device = Device {
            label: DEVICE.to_owned(),
            address: String::new(),
        };
        Ok(self.sessions.open_lasting(bot, device).await?.token)
    }
}
