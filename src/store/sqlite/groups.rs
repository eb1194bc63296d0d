//! Groups and their present members as they are. They change in `changes`.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{self, GROUP, GROUP_COLUMNS, int};
use super::{Sqlite, changes};
use crate::model::group::{Group, JoinMode, Member, Role};
use crate::model::ids::{GroupId, UserId, parse_id};
use crate::store::folding::folded;
use crate::store::{GroupStore, Result};

#[async_trait]
impl GroupStore for Sqlite {
    async fn draw_id(&self) -> Result<GroupId> {
        self.writer
            .run(|connection| {
                Ok(connection
                    .prepare_cached(
                        "UPDATE ids SET last_id = last_id + 1 WHERE name = 'group' RETURNING last_id",
                    )?
                    .query_row([], |row| row.get(0))?)
            })
            .await
    }

    async fn group(&self, id: GroupId) -> Result<Option<Group>> {
        self.readers
            .run(move |connection| {
                Ok(connection
                    .prepare_cached(&format!(
                        "SELECT {GROUP} FROM chat_groups g WHERE g.id = ?1"
                    ))?
                    .query_row([id], rows::group)
                    .optional()?)
            })
            .await
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<(Group, Role)>> {
        self.readers
            .run(move |connection| Ok(of_user(connection, user)?))
            .await
    }

    async fn search(&self, query: &str, limit: usize) -> Result<Vec<Group>> {
        let query = query.to_owned();
        self.readers
            .run(move |connection| Ok(search(connection, &query, limit)?))
            .await
    }

    async fn role(&self, group: GroupId, user: UserId) -> Result<Option<Role>> {
        self.readers
            .run(move |connection| Ok(changes::role(connection, group, user)?))
            .await
    }

    async fn owned(&self, user: UserId) -> Result<u64> {
        self.readers
            .run(move |connection| {
                let count: i64 = connection
                    .prepare_cached(
                        "SELECT count(*) FROM memberships WHERE user_id = ?1 AND to_seq IS NULL AND role = ?2",
                    )?
                    .query_row(params![user, Role::Owner], |row| row.get(0))?;
                Ok(count.unsigned_abs())
            })
            .await
    }

    async fn members(&self, group: GroupId, after: UserId, limit: usize) -> Result<Vec<Member>> {
        self.readers
            .run(move |connection| Ok(members(connection, group, after, limit)?))
            .await
    }
}

fn of_user(connection: &Connection, user: UserId) -> rusqlite::Result<Vec<(Group, Role)>> {
    connection
        .prepare_cached(&format!(
            "SELECT {GROUP}, m.role FROM memberships m JOIN chat_groups g ON g.id = m.group_id
             WHERE m.user_id = ?1 AND m.to_seq IS NULL ORDER BY g.id"
        ))?
        .query_map([user], |row| {
            Ok((rows::group(row)?, row.get(GROUP_COLUMNS)?))
        })?
        .collect()
}

/// Exact hits first, then names that begin with the query, then the rest; larger groups first among equals.
fn search(connection: &Connection, query: &str, limit: usize) -> rusqlite::Result<Vec<Group>> {
    let key = folded(query);
    // An id is never negative.
    let id = parse_id(query).map_or(-1, int);
    connection
        .prepare_cached(&format!(
            "SELECT {GROUP} FROM chat_groups g
             WHERE g.dissolved = 0 AND g.join_mode <> ?3 AND (instr(g.name_key, ?1) > 0 OR g.id = ?2)
             ORDER BY CASE
                 WHEN g.name_key = ?1 OR g.id = ?2 THEN 0
                 WHEN instr(g.name_key, ?1) = 1 THEN 1
                 ELSE 2 END, g.members DESC, g.id
             LIMIT ?4"
        ))?
        .query_map(
            params![key, id, JoinMode::Invite, int(limit as u64)],
            rows::group,
        )?
        .collect()
}

fn members(
    connection: &Connection,
    group: GroupId,
    after: UserId,
    limit: usize,
) -> rusqlite::Result<Vec<Member>> {
    connection
        .prepare_cached(
            "SELECT user_id, role, joined_at FROM memberships
             WHERE group_id = ?1 AND user_id > ?2 AND to_seq IS NULL ORDER BY user_id LIMIT ?3",
        )?
        .query_map(params![group, after, int(limit as u64)], |row| {
            Ok(Member {
                user: row.get(0)?,
                role: row.get(1)?,
                joined_at: row.get(2)?,
            })
        })?
        .collect()
}
