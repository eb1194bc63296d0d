//! Conversation lists, read positions, unread counts and settings.
//!
//! Writes here touch tables that appends never write, so neither delays the other for longer than one commit.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Sqlite;
use super::read::{head, intervals, registered_seq};
use super::rows::{self, ENTRY};
use super::visible;
use crate::model::conversation::Conv;
use crate::model::entry::Entry;
use crate::model::ids::{Seq, UserId};
use crate::model::policy::History;
use crate::store::listing::{UNREAD_MAX, UNREAD_SCANNED_MAX, as_listed, newest_first};
use crate::store::spans::{Span, Standing, cut, is_inside};
use crate::store::{
    ConversationSettings, ConversationState, ConversationStore, LogHead, Result, SettingsPatch,
    Window,
};

const OWN_POSITIONS: &str = "SELECT conv, seq FROM read_positions WHERE user_id = ?1";
const PEERS_POSITIONS: &str = "SELECT r.conv, r.seq FROM private_peers p
     JOIN read_positions r ON r.user_id = p.peer_id AND r.conv = p.conv
     WHERE p.user_id = ?1 AND p.peer_id <> ?1";
/// The last entries of the user's conversations, where they are up to a place and he did not hide them.
fn tops_sql() -> String {
    format!(
        "SELECT {ENTRY} FROM entries WHERE seq IN (
             SELECT h.last_seq FROM (
                 SELECT 'g:' || group_id AS conv FROM memberships WHERE user_id = ?1 AND to_seq IS NULL
                 UNION ALL
                 SELECT conv FROM private_peers WHERE user_id = ?1 AND peer_id <> ?1) own
             CROSS JOIN conversation_heads h ON h.conv = own.conv
             WHERE h.last_seq <= ?2)
         AND NOT EXISTS (SELECT 1 FROM hidden_entries x WHERE x.user_id = ?1 AND x.seq = entries.seq)"
    )
}

#[async_trait]
impl ConversationStore for Sqlite {
    async fn conversations(
        &self,
        user: UserId,
        upto: Seq,
    ) -> Result<(LogHead, Vec<ConversationState>)> {
        let history = self.rules.history;
        self.readers
            .run(move |connection| conversations(connection, history, user, upto))
            .await
    }

    async fn set_read(&self, positions: &[(UserId, Conv, Seq)]) -> Result<()> {
        if positions.is_empty() {
            return Ok(());
        }
        let positions = positions.to_vec();
        self.writer
            .run(move |connection| set_read(connection, &positions))
            .await
    }

    async fn read_position(&self, user: UserId, conv: Conv) -> Result<Seq> {
        self.readers
            .run(move |connection| Ok(read_position(connection, user, as_listed(user, conv))?))
            .await
    }

    async fn unread(&self, user: UserId, conv: Conv, read: Seq, upto: Seq) -> Result<u32> {
        let history = self.rules.history;
        self.readers
            .run(move |connection| {
                let tx = connection.transaction()?;
                let upto = upto.min(head(&tx)?.head);
                let spans = visible::entitled(&tx, history, user, as_listed(user, conv), upto)?;
                unread(&tx, user, &spans, read)
            })
            .await
    }

    async fn above(
        &self,
        user: UserId,
        positions: &[(Conv, Seq)],
        upto: Seq,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        let history = self.rules.history;
        let positions = positions.to_vec();
        self.readers
            .run(move |connection| {
                let mut entries = Vec::new();
                for (conv, read) in positions {
                    let after = Window::After(read);
                    let page = visible::page(connection, history, user, conv, after, upto, limit)?;
                    entries.extend(page.entries);
                }
                Ok(entries)
            })
            .await
    }

    async fn patch_settings(
        &self,
        user: UserId,
        conv: Conv,
        patch: SettingsPatch,
    ) -> Result<ConversationSettings> {
        self.writer
            .run(move |connection| patch_settings(connection, user, as_listed(user, conv), patch))
            .await
    }
}

fn conversations(
    connection: &mut Connection,
    history: History,
    user: UserId,
    upto: Seq,
) -> Result<(LogHead, Vec<ConversationState>)> {
    let tx = connection.transaction()?;
    let log = head(&tx)?;
    let upto = upto.min(log.head);
    let standing = Standing {
        registered: registered_seq(&tx, user)?,
        stays: intervals(&tx, user)?,
    };
    let own = positions(&tx, OWN_POSITIONS, user)?;
    let mut peers = positions(&tx, PEERS_POSITIONS, user)?;
    let mut all = all_settings(&tx, user)?;
    let mut tops = tops(&tx, user, upto)?;
    let mut states = Vec::new();
    for conv in listed(&tx, &standing, user)? {
        let spans = standing.entitled(user, conv, history, upto);
        // Nearly always the last entry of a conversation is the last one he may see.
        let top = tops.remove(&conv);
        let top = top.filter(|top| top.kind.stands_alone() && is_inside(&spans, top.seq));
        let last = match top {
            Some(top) => Some(top),
            None => visible::last(&tx, user, &spans)?,
        };
        let is_group = matches!(conv, Conv::Group(_));
        if last.is_none() && !is_group {
            continue;
        }
        let read_seq = own.get(&conv).copied().unwrap_or(Seq::ZERO);
        let has_news = last.as_ref().is_some_and(|last| last.seq > read_seq);
        let peer = conv.peer_of(user).filter(|peer| *peer != user);
        states.push(ConversationState {
            conv,
            last,
            unread: if has_news {
                unread(&tx, user, &spans, read_seq)?
            } else {
                0
            },
            read_seq,
            peer_read_seq: peer.map(|_| peers.remove(&conv).unwrap_or(Seq::ZERO)),
            settings: all.remove(&conv).unwrap_or_default(),
        });
    }
    newest_first(&mut states);
    Ok((log, states))
}

/// Everything that may be in the list; his notes to self always, since notices are not found by user.
fn listed(
    connection: &Connection,
    standing: &Standing,
    user: UserId,
) -> rusqlite::Result<Vec<Conv>> {
    let mut convs: Vec<Conv> = connection
        .prepare_cached("SELECT conv FROM private_peers WHERE user_id = ?1 AND peer_id <> ?1")?
        .query_map([user], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let groups = standing.stays.iter().filter(|stay| stay.to.is_none());
    convs.extend(groups.map(|stay| Conv::Group(stay.group)));
    convs.push(Conv::private(user, user));
    Ok(convs)
}

fn tops(
    connection: &Connection,
    user: UserId,
    upto: Seq,
) -> rusqlite::Result<BTreeMap<Conv, Entry>> {
    connection
        .prepare_cached(&tops_sql())?
        .query_map(params![user, upto], |row| {
            let top = rows::entry(row)?;
            Ok((top.conv, top))
        })?
        .collect()
}

fn positions(
    connection: &Connection,
    sql: &str,
    user: UserId,
) -> rusqlite::Result<BTreeMap<Conv, Seq>> {
    connection
        .prepare_cached(sql)?
        .query_map([user], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn all_settings(
    connection: &Connection,
    user: UserId,
) -> rusqlite::Result<BTreeMap<Conv, ConversationSettings>> {
    connection
        .prepare_cached(
            "SELECT muted, pinned, hidden, draft, marked_unread, conv FROM conversation_settings
             WHERE user_id = ?1",
        )?
        .query_map([user], |row| Ok((row.get(5)?, settings_row(row)?)))?
        .collect()
}

fn settings_row(row: &Row<'_>) -> rusqlite::Result<ConversationSettings> {
    Ok(ConversationSettings {
        muted: row.get(0)?,
        pinned: row.get(1)?,
        hidden_at: row.get(2)?,
        draft: row.get(3)?,
        marked_unread: row.get(4)?,
    })
}

fn unread(connection: &Connection, user: UserId, spans: &[Span], read: Seq) -> Result<u32> {
    let above = cut(spans, read.next(), Seq(u64::MAX));
    visible::count_unread(connection, &above, user, UNREAD_MAX, UNREAD_SCANNED_MAX)
}

fn read_position(connection: &Connection, user: UserId, conv: Conv) -> rusqlite::Result<Seq> {
    let found = connection
        .prepare_cached("SELECT seq FROM read_positions WHERE user_id = ?1 AND conv = ?2")?
        .query_row(params![user, conv], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(Seq::ZERO))
}

fn set_read(connection: &mut Connection, positions: &[(UserId, Conv, Seq)]) -> Result<()> {
    let tx = connection.transaction()?;
    for (user, conv, seq) in positions {
        tx.prepare_cached(
            "INSERT INTO read_positions (user_id, conv, seq) VALUES (?1, ?2, ?3)
             ON CONFLICT (user_id, conv) DO UPDATE SET seq = excluded.seq
             WHERE excluded.seq > read_positions.seq",
        )?
        .execute(params![user, as_listed(*user, *conv), seq])?;
    }
    Ok(tx.commit()?)
}

fn settings(
    connection: &Connection,
    user: UserId,
    conv: Conv,
) -> rusqlite::Result<ConversationSettings> {
    let found = connection
        .prepare_cached(
            "SELECT muted, pinned, hidden, draft, marked_unread FROM conversation_settings
             WHERE user_id = ?1 AND conv = ?2",
        )?
        .query_row(params![user, conv], settings_row)
        .optional()?;
    Ok(found.unwrap_or_default())
}

fn patch_settings(
    connection: &mut Connection,
    user: UserId,
    conv: Conv,
    patch: SettingsPatch,
) -> Result<ConversationSettings> {
    let tx = connection.transaction()?;
    let before = settings(&tx, user, conv)?;
    let after = ConversationSettings {
        muted: patch.muted.unwrap_or(before.muted),
        pinned: patch.pinned.unwrap_or(before.pinned),
        hidden_at: patch.hidden_at.unwrap_or(before.hidden_at),
        draft: patch.draft.unwrap_or(before.draft),
        marked_unread: patch.marked_unread.unwrap_or(before.marked_unread),
    };
    tx.prepare_cached(
        "REPLACE INTO conversation_settings
             (user_id, conv, muted, pinned, hidden, draft, marked_unread)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        user,
        conv,
        after.muted,
        after.pinned,
        after.hidden_at,
        after.draft,
        after.marked_unread,
    ])?;
    tx.commit()?;
    Ok(after)
}
