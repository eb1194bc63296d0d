//! Friendships and blocks as they are, remarks and blocking. Friendships begin and end in `changes`.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::{Sqlite, changes, rows};
use crate::model::ids::UserId;
use crate::model::user::{Friend, FriendRequest, Friendships};
use crate::store::{FriendStore, Result};

#[async_trait]
impl FriendStore for Sqlite {
    async fn friendships(&self, user: UserId) -> Result<Friendships> {
        self.readers
            .run(move |connection| Ok(friendships(connection, user)?))
            .await
    }

    async fn are_friends(&self, one: UserId, other: UserId) -> Result<bool> {
        self.readers
            .run(move |connection| Ok(changes::are_friends(connection, one, other)?))
            .await
    }

    async fn set_remark(&self, user: UserId, friend: UserId, remark: &str) -> Result<bool> {
        let remark = remark.to_owned();
        self.writer
            .run(move |connection| {
                let rows = connection
                    .prepare_cached(
                        "UPDATE friendships SET remark = ?3 WHERE user_id = ?1 AND friend_id = ?2",
                    )?
                    .execute(params![user, friend, remark])?;
                Ok(rows > 0)
            })
            .await
    }

    async fn set_blocked(&self, user: UserId, other: UserId, blocked: bool) -> Result<()> {
        let sql = if blocked {
            "INSERT INTO blocks (user_id, blocked_id) VALUES (?1, ?2)
             ON CONFLICT (user_id, blocked_id) DO NOTHING"
        } else {
            "DELETE FROM blocks WHERE user_id = ?1 AND blocked_id = ?2"
        };
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached(sql)?
                    .execute(params![user, other])?;
                Ok(())
            })
            .await
    }

    async fn blocks(&self, user: UserId) -> Result<Vec<UserId>> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT blocked_id FROM blocks WHERE user_id = ?1 ORDER BY blocked_id",
                )?;
                let rows = statement.query_map([user], |row| row.get(0))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn blockers(&self, user: UserId, users: &[UserId]) -> Result<Vec<UserId>> {
        let users = users.to_vec();
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT 1 FROM blocks WHERE user_id = ?1 AND blocked_id = ?2",
                )?;
                let mut blockers = Vec::new();
                for other in users {
                    if statement.exists(params![other, user])? {
                        blockers.push(other);
                    }
                }
                Ok(blockers)
            })
            .await
    }
}

fn friendships(connection: &mut Connection, user: UserId) -> rusqlite::Result<Friendships> {
    let tx = connection.transaction()?;
    let friends = tx
        .prepare_cached(
            "SELECT friend_id, remark, since FROM friendships WHERE user_id = ?1 ORDER BY friend_id",
        )?
        .query_map([user], |row| {
            Ok(Friend {
                user: row.get(0)?,
                remark: row.get(1)?,
                since: row.get(2)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Friendships {
        friends,
        incoming: open_requests(&tx, "to_user", user)?,
        outgoing: open_requests(&tx, "from_user", user)?,
    })
}

fn open_requests(
    connection: &Connection,
    side: &str,
    user: UserId,
) -> rusqlite::Result<Vec<FriendRequest>> {
    connection
        .prepare_cached(&format!(
            "SELECT id, from_user, to_user, message, at FROM friend_requests
             WHERE {side} = ?1 AND open = 1 ORDER BY id DESC"
        ))?
        .query_map([user], rows::friend_request)?
        .collect()
}
