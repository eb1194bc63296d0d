//! Hooks: who runs a group lets programs outside speak in it, or be told what is said there.
//!
//! An incoming hook has a bot of its own in the group; whoever knows its token speaks as that bot. An outgoing one is
//! delivered to by `delivery`. Secrets are told once, when a hook is made.

pub mod delivery;
pub mod outgoing;

use std::sync::Arc;

use ring::rand::SystemRandom;
use uuid::Uuid;

use super::accounts::Accounts;
use super::append::Appended;
use super::bots::Bots;
use super::groups::Groups;
use super::messages::{Messages, SendRequest};
use super::rules;
use super::sessions::{draw_token, hash};
use crate::model::conversation::Address;
use crate::model::error::{Code, Failure};
use crate::model::group::Role;
use crate::model::hook::{Hook, NewHook, Way};
use crate::model::ids::{GroupId, UserId};
use crate::model::message::URL_BYTES_MAX;
use crate::store::{GroupStore, HookStore};

/// Most hooks of one group: each outgoing one costs a request for each message.
const HOOKS_MAX: usize = 20;
/// Longer than any token: not worth a hash.
const TOKEN_TEXT_MAX: usize = 128;
/// What is said as text when nothing else is named.
const MEDIA_TEXT: u16 = 1;

/// Which way a wanted hook leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedWay {
    Incoming,
    /// To this address.
    Outgoing(String),
}

/// A hook just made, with what is told once: the token of an incoming one, the secret of an outgoing one.
pub struct MadeHook {
    pub hook: Hook,
    pub secret: String,
}

/// What [`Hooks`] works with.
pub struct HookParts {
    pub hooks: Arc<dyn HookStore>,
    pub groups: Arc<dyn GroupStore>,
    pub rooms: Groups,
    pub bots: Bots,
    pub accounts: Accounts,
    pub messages: Messages,
    /// Whether hooks may lead to addresses of this network.
    pub allow_private: bool,
}

/// The hooks. Cheap to clone.
#[derive(Clone)]
pub struct Hooks(Arc<HookParts>);

impl Hooks {
    #[must_use]
    pub fn new(parts: HookParts) -> Hooks {
        Hooks(Arc::new(parts))
    }

    /// Makes a hook; for the group's owner and admins.
    pub async fn create(
        &self,
        user: UserId,
        group: GroupId,
        name: &str,
        way: WantedWay,
    ) -> Result<MadeHook, Failure> {
        let name = rules::hook_name(name)?;
        if let WantedWay::Outgoing(url) = &way {
            let good =
                url.len() <= URL_BYTES_MAX && outgoing::may_lead_to(url, self.0.allow_private);
            if !good {
                return Err(Failure::field(Code::BadRequest, "url"));
            }
        }
        self.may_run(user, group).await?;
        if self.0.hooks.of_group(group).await?.len() >= HOOKS_MAX {
            return Err(Failure::new(Code::NotAllowed));
        }
        let secret = draw_token(&SystemRandom::new())?;
        let way = match way {
            WantedWay::Incoming => Way::In {
                bot: self.bot_in(user, group, &name).await?,
                token: hash(&secret),
            },
            WantedWay::Outgoing(url) => Way::Out {
                url,
                secret: secret.clone(),
            },
        };
        let new = NewHook {
            group,
            name,
            creator: user,
            way,
        };
        let hook = self.0.hooks.create(new).await?;
        Ok(MadeHook { hook, secret })
    }

    /// A bot in the group, for a hook of this name.
    async fn bot_in(&self, user: UserId, group: GroupId, name: &str) -> Result<UserId, Failure> {
        let unique = format!("hook-{}", Uuid::new_v4().simple());
        let unique = unique.chars().take(24).collect();
        let bots = &self.0.bots;
        let bot = bots.make(UserId::SYSTEM, unique, name.to_owned()).await?;
        match self.0.rooms.add(user, group, vec![bot.id]).await {
            Ok(_) => Ok(bot.id),
            Err(failure) => {
                self.0.accounts.disable(bot.id).await?;
                Err(failure)
            }
        }
    }

    /// The group's hooks, without their secrets; for its owner and admins.
    pub async fn list(&self, user: UserId, group: GroupId) -> Result<Vec<Hook>, Failure> {
        self.may_run(user, group).await?;
        Ok(self.0.hooks.of_group(group).await?)
    }

    /// Lets an outgoing hook be told again, from where it stopped; for the group's owner and admins.
    pub async fn enable(&self, user: UserId, group: GroupId, id: u64) -> Result<Hook, Failure> {
        self.may_run(user, group).await?;
        let enabled = self.0.hooks.enable(group, id).await?;
        enabled.ok_or(Failure::new(Code::NotFound))
    }

    /// Takes a hook away, and its bot.
    pub async fn delete(&self, user: UserId, group: GroupId, id: u64) -> Result<(), Failure> {
        self.may_run(user, group).await?;
        let removed = self.0.hooks.remove(group, id).await?;
        let hook = removed.ok_or(Failure::new(Code::NotFound))?;
        match hook.way {
            Way::In { bot, .. } => self.0.accounts.end(bot).await,
            Way::Out { .. } => Ok(()),
        }
    }

    /// Says something as the hook with this token. Without a client id every call is a message of its own.
    pub async fn say(&self, token: &str, mut said: SendRequest) -> Result<Appended, Failure> {
        let unknown = Failure::new(Code::NotFound);
        if token.is_empty() || token.len() > TOKEN_TEXT_MAX {
            return Err(unknown);
        }
        let hook = self.0.hooks.by_token(&hash(token)).await?;
        let Some(hook) = hook else {
            return Err(unknown);
        };
        match hook.way {
            Way::In { bot, .. } => {
                said.to = Some(Address::Group(hook.group).to_string());
                said.media = Some(said.media.unwrap_or(MEDIA_TEXT));
                let cid = said.cid.take();
                said.cid = Some(cid.unwrap_or_else(|| Uuid::new_v4().to_string()));
                let sent = self.0.messages.send(bot, &said, None).await;
                // A hook is as good as its bot's account.
                sent.map_err(|failure| {
                    if failure.code == Code::Unauthorized {
                        unknown
                    } else {
                        failure
                    }
                })
            }
            Way::Out { .. } => Err(unknown),
        }
    }

    /// `not_found` without such a group, `not_member` for a stranger, `not_allowed` for a plain member.
    async fn may_run(&self, user: UserId, group: GroupId) -> Result<(), Failure> {
        match self.0.groups.role(group, user).await? {
            Some(Role::Owner | Role::Admin) => Ok(()),
            Some(Role::Member) => Err(Failure::new(Code::NotAllowed)),
            None => match self.0.groups.group(group).await? {
                Some(found) if !found.dissolved => Err(Failure::new(Code::NotMember)),
                Some(_) | None => Err(Failure::new(Code::NotFound)),
            },
        }
    }
}
