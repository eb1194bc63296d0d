//! What surrounds a message: reactions on it, who has read it, who hid it.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::Sqlite;
use super::rows::int;
use crate::model::alteration::Emoji;
use crate::model::conversation::Conv;
use crate::model::ids::{GroupId, Seq, UserId};
use crate::store::{MessageStore, Reaction, Result};

const COUNTS: &str =
    "SELECT emoji, users FROM reaction_counts WHERE target = ?1 ORDER BY first_seq, emoji";
const USERS: &str =
    "SELECT user_id FROM reactions WHERE target = ?1 AND emoji = ?2 ORDER BY user_id LIMIT ?3";
/// A user with two stays at one place is one: `GROUP BY` names him once.
const READINGS: &str = "SELECT m.user_id, coalesce(max(r.seq), 0) FROM memberships m
     LEFT JOIN read_positions r ON r.user_id = m.user_id AND r.conv = ?2
     WHERE m.group_id = ?1 AND m.from_seq <= ?3 AND (m.to_seq IS NULL OR m.to_seq >= ?3)
     GROUP BY m.user_id";

#[async_trait]
impl MessageStore for Sqlite {
    async fn reactions(&self, targets: &[Seq], users_max: usize) -> Result<Vec<Reaction>> {
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let mut targets = targets.to_vec();
        targets.sort_unstable();
        targets.dedup();
        self.readers
            .run(move |connection| {
                let tx = connection.transaction()?;
                let mut all = Vec::new();
                for target in targets {
                    reactions_on(&tx, target, users_max, &mut all)?;
                }
                Ok(all)
            })
            .await
    }

    async fn hide(&self, user: UserId, seq: Seq) -> Result<()> {
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT OR IGNORE INTO hidden_entries (user_id, seq) VALUES (?1, ?2)",
                    )?
                    .execute(params![user, seq])?;
                Ok(())
            })
            .await
    }

    async fn hidden_above(&self, user: UserId, after: Seq) -> Result<Vec<Seq>> {
        self.readers
            .run(move |connection| {
                Ok(connection
                    .prepare_cached(
                        "SELECT seq FROM hidden_entries WHERE user_id = ?1 AND seq > ?2 ORDER BY seq",
                    )?
                    .query_map(params![user, after], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn readings(&self, group: GroupId, at: Seq) -> Result<Vec<(UserId, Seq)>> {
        self.readers
            .run(move |connection| {
                Ok(connection
                    .prepare_cached(READINGS)?
                    .query_map(params![group, Conv::Group(group), at], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?
                    .collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn present(&self, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>> {
        let users = users.to_vec();
        self.readers
            .run(move |connection| {
                let mut present = connection.prepare_cached(
                    "SELECT 1 FROM memberships
                     WHERE group_id = ?1 AND user_id = ?2 AND to_seq IS NULL",
                )?;
                let mut found = Vec::new();
                for user in users {
                    if present.exists(params![group, user])? {
                        found.push(user);
                    }
                }
                Ok(found)
            })
            .await
    }
}

fn reactions_on(
    connection: &Connection,
    target: Seq,
    users_max: usize,
    all: &mut Vec<Reaction>,
) -> Result<()> {
    let counts: Vec<(String, i64)> = connection
        .prepare_cached(COUNTS)?
        .query_map([target], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (emoji, count) in counts {
        let users = connection
            .prepare_cached(USERS)?
            .query_map(params![target, emoji, int(users_max as u64)], |row| {
                row.get(0)
            })?
            .collect::<rusqlite::Result<_>>()?;
        // What was written by another version's idea of an emoji is passed over.
        if let Ok(emoji) = emoji.parse::<Emoji>() {
            all.push(Reaction {
                target,
                emoji,
                count: count.unsigned_abs(),
                users,
            });
        }
    }
    Ok(())
}
