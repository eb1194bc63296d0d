//! What surrounds a message: reactions on it, who has read it, who hid it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use mysql_async::Value;

use super::Mysql;
use super::link::Link;
use super::many::{chunks, listed, positional};
use super::rows::{self, Columns};
use crate::model::alteration::Emoji;
use crate::model::conversation::Conv;
use crate::model::ids::{GroupId, Seq, UserId};
use crate::store::{MessageStore, Reaction, Result, StoreError};

/// Messages or members of one statement.
const VALUES_MAX: usize = 512;
/// Emojis whose users are read by one statement.
const EMOJIS_AT_ONCE: usize = 64;
/// A user with two stays at one place is one: `GROUP BY` names him once.
const READINGS: &str = "SELECT m.user_id, COALESCE(MAX(r.seq), 0)
     FROM memberships m FORCE INDEX (memberships_present)
     LEFT JOIN read_positions r ON r.user_id = m.user_id AND r.conv = ?
     WHERE m.group_id = ? AND m.from_seq <= ? AND (m.to_seq IS NULL OR m.to_seq >= ?)
     GROUP BY m.user_id";

#[async_trait]
impl MessageStore for Mysql {
    async fn reactions(&self, targets: &[Seq], users_max: usize) -> Result<Vec<Reaction>> {
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let mut link = self.readers.link().await?;
        let mut found = counts(&mut link, targets).await?;
        name_users(&mut link, &mut found, users_max).await?;
        found.sort_by_key(|(first, reaction)| (reaction.target, *first));
        Ok(found.into_iter().map(|(_, reaction)| reaction).collect())
    }

    async fn hide(&self, user: UserId, seq: Seq) -> Result<()> {
        let sql = "INSERT IGNORE INTO hidden_entries (user_id, seq) VALUES (?, ?)";
        let mut link = self.writers.link().await?;
        link.execute(sql, (user, seq)).await?;
        Ok(())
    }

    async fn hidden_above(&self, user: UserId, after: Seq) -> Result<Vec<Seq>> {
        let sql = "SELECT seq FROM hidden_entries WHERE user_id = ? AND seq > ? ORDER BY seq";
        let mut link = self.readers.link().await?;
        rows::all(link.rows(sql, (user, after)).await?, Columns::next)
    }

    async fn readings(&self, group: GroupId, at: Seq) -> Result<Vec<(UserId, Seq)>> {
        let conv = Value::from(Conv::Group(group));
        let values = [conv, group.into(), at.into(), at.into()];
        let mut link = self.readers.link().await?;
        let rows = link.rows(READINGS, positional(values)).await?;
        let mut readings = rows::all(rows, |row| Ok((row.next()?, row.next()?)))?;
        readings.sort_unstable();
        Ok(readings)
    }

    async fn present(&self, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>> {
        let mut link = self.readers.link().await?;
        let mut present = Vec::new();
        for users in chunks(users, VALUES_MAX) {
            let sql = format!(
                "SELECT user_id FROM memberships
                 WHERE group_id = ? AND user_id IN ({}) AND present = 1",
                listed("?", users.len())
            );
            let users = users.into_iter().map(Value::from);
            let values = std::iter::once(Value::from(group)).chain(users);
            let rows = link.rows(&sql, positional(values)).await?;
            let found: Vec<UserId> = rows::all(rows, Columns::next)?;
            present.extend(found);
        }
        Ok(present)
    }
}

/// The emojis on these messages with their counts, nobody named yet, each with the entry that brought it.
async fn counts(link: &mut Link, targets: &[Seq]) -> Result<Vec<(Seq, Reaction)>> {
    let mut found = Vec::new();
    for targets in chunks(targets, VALUES_MAX) {
        let sql = format!(
            "SELECT target, emoji, users, first_seq FROM reaction_counts WHERE target IN ({})",
            listed("?", targets.len())
        );
        let targets = targets.into_iter().map(Value::from);
        let rows = link.rows(&sql, positional(targets)).await?;
        let rows: Vec<(Seq, String, u64, Seq)> = rows::all(rows, |row| {
            Ok((row.next()?, row.next()?, row.next()?, row.next()?))
        })?;
        for (target, emoji, count, first) in rows {
            // What was written by another version's idea of an emoji is passed over.
            if let Ok(emoji) = emoji.parse::<Emoji>() {
                let reaction = Reaction {
                    target,
                    emoji,
                    count,
                    users: Vec::new(),
                };
                found.push((first, reaction));
            }
        }
    }
    Ok(found)
}

async fn name_users(
    link: &mut Link,
    reactions: &mut [(Seq, Reaction)],
    users_max: usize,
) -> Result<()> {
    for asked in reactions.chunks_mut(EMOJIS_AT_ONCE) {
        let pairs: Vec<(Seq, Emoji)> = asked
            .iter()
            .map(|(_, reaction)| (reaction.target, reaction.emoji.clone()))
            .collect();
        for filled in chunks(&pairs, EMOJIS_AT_ONCE) {
            let part = |at: usize| {
                format!(
                    "(SELECT {at}, user_id FROM reactions WHERE target = ? AND emoji = ?
                     ORDER BY user_id LIMIT ?)"
                )
            };
            let parts: Vec<String> = (0..filled.len()).map(part).collect();
            let values = filled.iter().enumerate().flat_map(|(at, (target, emoji))| {
                // What follows the asked ones only fills the statement up.
                let most = if at < pairs.len() {
                    users_max as u64
                } else {
                    0
                };
                [
                    Value::from(*target),
                    emoji.as_str().into(),
                    Value::from(most),
                ]
            });
            let rows = link
                .rows(&parts.join(" UNION ALL "), positional(values))
                .await?;
            let rows: Vec<(usize, UserId)> = rows::all(rows, |row| Ok((row.next()?, row.next()?)))?;
            let mut users: BTreeMap<usize, Vec<UserId>> = BTreeMap::new();
            for (at, user) in rows {
                users.entry(at).or_default().push(user);
            }
            for (at, mut users) in users {
                // A union promises no order.
                users.sort_unstable();
                let (_, reaction) = asked.get_mut(at).ok_or_else(|| {
                    StoreError::Corrupt("the server answers what it was not asked for".to_owned())
                })?;
                reaction.users = users;
            }
        }
    }
    Ok(())
}
