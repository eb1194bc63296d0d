//! Users and what they are to one another.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::user;
use crate::service::friends::{self, FriendList, FriendView, RequestView};
use crate::service::profiles::Person;

/// As given by the person; `U`: not given.
#[derive(Serialize, ToSchema)]
pub enum Sex {
    M,
    W,
    U,
}

impl From<user::Sex> for Sex {
    fn from(sex: user::Sex) -> Sex {
        match sex {
            user::Sex::M => Sex::M,
            user::Sex::W => Sex::W,
            user::Sex::U => Sex::U,
        }
    }
}

/// A user as everybody may see him. A deleted one is called `deleted`.
#[derive(Serialize, ToSchema)]
pub struct User {
    pub id: u64,
    pub name: String,
    pub nickname: String,
    pub avatar: String,
    pub sex: Sex,
    pub memo: String,
    pub online: bool,
    pub last_seen_at: i64,
    pub created_at: i64,
}

impl From<Person> for User {
    fn from(person: Person) -> User {
        let profile = &person.profile;
        User {
            id: profile.id.0,
            name: profile.name.clone(),
            nickname: profile.nickname.clone(),
            avatar: profile.avatar.clone(),
            sex: profile.sex.into(),
            memo: profile.memo.clone(),
            online: person.online,
            last_seen_at: profile.last_seen_at,
            created_at: profile.created_at,
        }
    }
}

/// Some users.
#[derive(Serialize, ToSchema)]
pub struct Users {
    pub users: Vec<User>,
}

impl Users {
    pub(in crate::http) fn of(persons: Vec<Person>) -> Users {
        Users {
            users: persons.into_iter().map(User::from).collect(),
        }
    }
}

/// Users one has blocked.
#[derive(Serialize, ToSchema)]
pub struct Blocks {
    pub blocks: Vec<User>,
}

impl Blocks {
    pub(in crate::http) fn of(persons: Vec<Person>) -> Blocks {
        Blocks {
            blocks: persons.into_iter().map(User::from).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Friend {
    pub user: User,
    /// The name one has given him, or empty.
    pub remark: String,
    pub since: i64,
}

impl From<FriendView> for Friend {
    fn from(friend: FriendView) -> Friend {
        Friend {
            user: friend.person.into(),
            remark: friend.remark,
            since: friend.since,
        }
    }
}

/// An open request; `user` is the other one.
#[derive(Serialize, ToSchema)]
pub struct FriendRequest {
    pub id: u64,
    pub user: User,
    pub message: String,
    pub at: i64,
}

impl From<RequestView> for FriendRequest {
    fn from(request: RequestView) -> FriendRequest {
        FriendRequest {
            id: request.id,
            user: request.person.into(),
            message: request.message,
            at: request.at,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Friends {
    pub friends: Vec<Friend>,
    pub incoming: Vec<FriendRequest>,
    pub outgoing: Vec<FriendRequest>,
}

impl From<FriendList> for Friends {
    fn from(list: FriendList) -> Friends {
        Friends {
            friends: list.friends.into_iter().map(Friend::from).collect(),
            incoming: list.incoming.into_iter().map(FriendRequest::from).collect(),
            outgoing: list.outgoing.into_iter().map(FriendRequest::from).collect(),
        }
    }
}

/// What came of asking for friendship.
#[derive(Serialize, ToSchema)]
pub struct Asked {
    /// `friends` or `requested`.
    pub state: &'static str,
}

impl From<friends::Asked> for Asked {
    fn from(asked: friends::Asked) -> Asked {
        Asked {
            state: match asked {
                friends::Asked::Friends => "friends",
                friends::Asked::Requested => "requested",
            },
        }
    }
}
