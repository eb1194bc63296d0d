//! Bots and hooks: how programs take part.

use serde::Serialize;
use utoipa::ToSchema;

use super::User;
use crate::model::hook::{self, Way};
use crate::service::hooks::MadeHook;

#[derive(Serialize, ToSchema)]
pub struct Bots {
    pub bots: Vec<User>,
}

/// A bot just made. The token is told once.
#[derive(Serialize, ToSchema)]
pub struct NewBot {
    pub id: u64,
    pub name: String,
    pub nickname: String,
    pub token: String,
}

#[derive(Serialize, ToSchema)]
pub struct BotToken {
    pub token: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookKind {
    Incoming,
    Outgoing,
}

#[derive(Serialize, ToSchema)]
pub struct Hook {
    pub id: u64,
    pub kind: HookKind,
    pub name: String,
    /// Who made it.
    pub creator: u64,
    pub created_at: i64,
    /// Of an incoming one: the user it speaks as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot: Option<u64>,
    /// Of an outgoing one: where it is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Of an outgoing one: everything up to this place was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_seq: Option<u64>,
    /// Since when its receiver fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<i64>,
    /// Why it is told no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<String>,
}

impl From<hook::Hook> for Hook {
    fn from(hook: hook::Hook) -> Hook {
        let (kind, bot, url, cursor) = match hook.way {
            Way::In { bot, .. } => (HookKind::Incoming, Some(bot.0), None, None),
            Way::Out { url, .. } => (HookKind::Outgoing, None, Some(url), Some(hook.cursor.0)),
        };
        Hook {
            id: hook.id,
            kind,
            name: hook.name,
            creator: hook.creator.0,
            created_at: hook.created_at,
            bot,
            url,
            delivered_seq: cursor,
            failing_since: hook.failing_since,
            disabled: Some(hook.disabled).filter(|reason| !reason.is_empty()),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Hooks {
    pub hooks: Vec<Hook>,
}

/// A hook just made, with what is told once.
#[derive(Serialize, ToSchema)]
pub struct NewHook {
    pub id: u64,
    pub kind: HookKind,
    pub name: String,
    /// Of an incoming one: where to post, below this server's address. Of an outgoing one: where it is told.
    pub url: String,
    /// Of an incoming one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Of an outgoing one: what its requests are signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl From<MadeHook> for NewHook {
    fn from(made: MadeHook) -> NewHook {
        let MadeHook { hook, secret } = made;
        let (kind, url, token, secret) = match hook.way {
            Way::In { .. } => {
                let url = format!("/hooks/{secret}");
                (HookKind::Incoming, url, Some(secret), None)
            }
            Way::Out { url, .. } => (HookKind::Outgoing, url, None, Some(secret)),
        };
        NewHook {
            id: hook.id,
            kind,
            name: hook.name,
            url,
            token,
            secret,
        }
    }
}
