//! Who speaks in the measurements of the store: users, the groups they are in, and what they say to each other.

use anyhow::Context as _;
use bytes::Bytes;
use starling::model::conversation::Conv;
use starling::model::draft::{Change, Draft};
use starling::model::entry::EntryKind;
use starling::model::group::{JoinMode, NewGroup};
use starling::model::ids::{Cid, GroupId, UserId};
use starling::model::user::{NewUser, Sex};
use starling::store::Stores;

const USERS: usize = 64;
const GROUPS: usize = 8;
const TEXT: &str = "A text of about the length people write in a chat, which is a hundred bytes or so, rarely much more.";

/// Users who are all in all groups.
pub(crate) struct People {
    users: Vec<UserId>,
    groups: Vec<GroupId>,
    body: Bytes,
}

impl People {
    /// Makes accounts and groups in an empty store.
    pub(crate) async fn settle(stores: &Stores) -> anyhow::Result<People> {
        let mut users = Vec::new();
        for index in 0..USERS {
            users.push(stores.users.create(account(index)).await?.id);
        }
        let mut groups = Vec::new();
        for index in 0..GROUPS {
            let group = stores.groups.draw_id().await?;
            let draft = Draft {
                conv: Conv::Group(group),
                from: users[0],
                kind: EntryKind::Group,
                cid: client_id()?,
                body: Bytes::from_static(b"{}"),
                change: Change::CreateGroup {
                    group: NewGroup {
                        id: group,
                        name: format!("group {index}"),
                        icon: String::new(),
                        category: 0,
                        memo: String::new(),
                        join: JoinMode::Open,
                    },
                    members: users.clone(),
                },
            };
            stores.log.append(vec![draft]).await?;
            groups.push(group);
        }
        let body = serde_json::to_vec(&serde_json::json!({"media": 1, "content": TEXT}))?;
        Ok(People {
            users,
            groups,
            body: body.into(),
        })
    }

    /// So many messages, of anybody: one half in groups, the other to somebody.
    pub(crate) fn say(&self, count: usize) -> anyhow::Result<Vec<Draft>> {
        (0..count).map(|_| self.message()).collect()
    }

    fn message(&self) -> anyhow::Result<Draft> {
        let from = *fastrand::choice(&self.users).context("nobody is there")?;
        let conv = if fastrand::bool() {
            Conv::Group(*fastrand::choice(&self.groups).context("no group is there")?)
        } else {
            Conv::private(
                from,
                *fastrand::choice(&self.users).context("nobody is there")?,
            )
        };
        Ok(Draft {
            conv,
            from,
            kind: EntryKind::Message,
            cid: client_id()?,
            body: self.body.clone(),
            change: Change::Message,
        })
    }
}

/// Random, as the ids of clients are.
pub(crate) fn client_id() -> anyhow::Result<Cid> {
    Ok(uuid::Uuid::new_v4().to_string().parse()?)
}

pub(crate) fn account(index: usize) -> NewUser {
    NewUser {
        name: Some(format!("user{index}")),
        nickname: format!("User {index}"),
        avatar: String::new(),
        sex: Sex::U,
        memo: String::new(),
        phone: None,
        email: None,
        password_hash: format!("no password {index}"),
    }
}
