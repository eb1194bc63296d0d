//! One's own account, its sessions, and accounts as admins see them.

use serde::Serialize;
use utoipa::ToSchema;

use super::Sex;
use crate::model::{ids, user};
use crate::service::accounts;
use crate::service::admin;

/// One's own account.
#[derive(Serialize, ToSchema)]
pub struct OwnUser {
    pub id: u64,
    pub name: String,
    pub nickname: String,
    pub avatar: String,
    pub sex: Sex,
    pub memo: String,
    pub online: bool,
    pub last_seen_at: i64,
    pub created_at: i64,
    #[schema(required)]
    pub phone: Option<String>,
    #[schema(required)]
    pub email: Option<String>,
    /// Whether one is an admin of the deployment.
    pub admin: bool,
}

impl From<&user::User> for OwnUser {
    fn from(user: &user::User) -> OwnUser {
        OwnUser {
            id: user.id.0,
            name: user.name.clone(),
            nickname: user.nickname.clone(),
            avatar: user.avatar.clone(),
            sex: user.sex.into(),
            memo: user.memo.clone(),
            // Whoever asks for himself is there.
            online: true,
            last_seen_at: user.last_seen_at,
            created_at: user.created_at,
            phone: user.phone.clone(),
            email: user.email.clone(),
            admin: user.admin,
        }
    }
}

/// A new session. The token is told here and nowhere else.
#[derive(Serialize, ToSchema)]
pub struct LoggedIn {
    pub token: String,
    pub expires_at: i64,
    pub user: OwnUser,
}

impl From<&accounts::LoggedIn> for LoggedIn {
    fn from(login: &accounts::LoggedIn) -> LoggedIn {
        LoggedIn {
            token: login.opened.token.clone(),
            expires_at: login.opened.expires_at,
            user: OwnUser::from(&login.user),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Session {
    pub id: u64,
    /// What the client called its device at login.
    pub device: String,
    pub address: String,
    pub created_at: i64,
    pub last_seen_at: i64,
    /// The one that asks.
    pub current: bool,
}

#[derive(Serialize, ToSchema)]
pub struct Sessions {
    pub sessions: Vec<Session>,
}

impl Sessions {
    pub(in crate::http) fn of(sessions: Vec<user::Session>, current: ids::SessionId) -> Sessions {
        let session = |session: user::Session| Session {
            id: session.id.0,
            current: session.id == current,
            device: session.device,
            address: session.address,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
        };
        Sessions {
            sessions: sessions.into_iter().map(session).collect(),
        }
    }
}

/// An account as admins see it.
#[derive(Serialize, ToSchema)]
pub struct AdminUser {
    pub id: u64,
    pub name: String,
    pub nickname: String,
    pub avatar: String,
    #[schema(required)]
    pub phone: Option<String>,
    #[schema(required)]
    pub email: Option<String>,
    pub admin: bool,
    pub disabled: bool,
    pub last_seen_at: i64,
    pub created_at: i64,
}

impl From<user::User> for AdminUser {
    fn from(user: user::User) -> AdminUser {
        AdminUser {
            id: user.id.0,
            name: user.name,
            nickname: user.nickname,
            avatar: user.avatar,
            phone: user.phone,
            email: user.email,
            admin: user.admin,
            disabled: user.disabled,
            last_seen_at: user.last_seen_at,
            created_at: user.created_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct AccountPage {
    pub users: Vec<AdminUser>,
    /// The `after` of the next page; null at the end.
    #[schema(required)]
    pub next: Option<String>,
}

impl From<admin::AccountPage> for AccountPage {
    fn from(page: admin::AccountPage) -> AccountPage {
        AccountPage {
            users: page.users.into_iter().map(AdminUser::from).collect(),
            next: page.next.map(|id| id.to_string()),
        }
    }
}
