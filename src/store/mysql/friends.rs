//! Friendships and blocks as they are, remarks and blocking. Friendships begin and end through the log.

use std::cmp::Reverse;

use async_trait::async_trait;
use mysql_async::Value;

use super::Mysql;
use super::many::{chunks, listed, positional};
use super::rows;
use crate::model::ids::UserId;
use crate::model::user::{Friend, FriendRequest, Friendships};
use crate::store::{FriendStore, Result, StoreError};

/// One statement, and so one snapshot. The first column says which part a row belongs to.
const FRIENDSHIPS: &str = "SELECT 0, NULL, user_id, friend_id, remark, since FROM friendships WHERE user_id = ?
     UNION ALL
     SELECT 1, id, from_user, to_user, message, at FROM friend_requests WHERE to_user = ? AND open = 1
     UNION ALL
     SELECT 2, id, from_user, to_user, message, at FROM friend_requests WHERE from_user = ? AND open = 1";
/// Users asked about by one statement.
const USERS_MAX: usize = 512;
const ARE_FRIENDS: &str = "SELECT 1 FROM friendships WHERE user_id = ? AND friend_id = ?";

#[async_trait]
impl FriendStore for Mysql {
    async fn friendships(&self, user: UserId) -> Result<Friendships> {
        let mut link = self.readers.link().await?;
        let rows = link.rows(FRIENDSHIPS, (user, user, user)).await?;
        let mut all = Friendships::default();
        rows::all(rows, |row| {
            let (part, id): (u8, Option<u64>) = (row.next()?, row.next()?);
            let (from, to): (UserId, UserId) = (row.next()?, row.next()?);
            let (message, at) = (row.next()?, row.next()?);
            let Some(id) = id else {
                all.friends.push(Friend {
                    user: to,
                    remark: message,
                    since: at,
                });
                return Ok(());
            };
            let request = FriendRequest {
                id,
                from,
                to,
                message,
                at,
            };
            match part {
                1 => all.incoming.push(request),
                2 => all.outgoing.push(request),
                _ => return Err(StoreError::Corrupt("a request of no side".to_owned())),
            }
            Ok(())
        })?;
        all.friends.sort_by_key(|friend| friend.user);
        all.incoming.sort_by_key(|request| Reverse(request.id));
        all.outgoing.sort_by_key(|request| Reverse(request.id));
        Ok(all)
    }

    async fn are_friends(&self, one: UserId, other: UserId) -> Result<bool> {
        let mut link = self.readers.link().await?;
        Ok(link.first(ARE_FRIENDS, (one, other)).await?.is_some())
    }

    async fn set_remark(&self, user: UserId, friend: UserId, remark: &str) -> Result<bool> {
        let sql = "UPDATE friendships SET remark = ? WHERE user_id = ? AND friend_id = ?";
        let mut link = self.writers.link().await?;
        // A remark that was the same before counts as no change.
        let changed = link.execute(sql, (remark, user, friend)).await?.affected > 0;
        Ok(changed || link.first(ARE_FRIENDS, (user, friend)).await?.is_some())
    }

    async fn set_blocked(&self, user: UserId, other: UserId, blocked: bool) -> Result<()> {
        let sql = if blocked {
            "INSERT INTO blocks (user_id, blocked_id) VALUES (?, ?) ON DUPLICATE KEY UPDATE user_id = user_id"
        } else {
            "DELETE FROM blocks WHERE user_id = ? AND blocked_id = ?"
        };
        let mut link = self.writers.link().await?;
        link.execute(sql, (user, other)).await?;
        Ok(())
    }

    async fn blocks(&self, user: UserId) -> Result<Vec<UserId>> {
        let sql = "SELECT blocked_id FROM blocks WHERE user_id = ? ORDER BY blocked_id";
        let mut link = self.readers.link().await?;
        rows::all(link.rows(sql, (user,)).await?, rows::Columns::next)
    }
    async fn blockers(&self, user: UserId, users: &[UserId]) -> Result<Vec<UserId>> {
        let mut blockers = Vec::new();
        if users.is_empty() {
            return Ok(blockers);
        }
        let mut link = self.readers.link().await?;
        for users in chunks(users, USERS_MAX) {
            let places = listed("?", users.len());
            let sql = format!(
                "SELECT user_id FROM blocks WHERE blocked_id = ? AND user_id IN ({places})"
            );
            let params = positional([user].into_iter().chain(users).map(Value::from));
            let found = link.rows(&sql, params).await?;
            let found: Vec<UserId> = rows::all(found, rows::Columns::next)?;
            blockers.extend(found);
        }
        Ok(blockers)
    }
}
