//! Conversation lists, read positions, unread counts and settings.
//!
//! A list is read in a few statements over all conversations of the user at once. Writes here touch tables that
//! appends never write, so neither waits for the other.

use std::collections::BTreeMap;

use async_trait::async_trait;
use mysql_async::Value;

use super::Mysql;
use super::link::Link;
use super::many::{chunks, listed, positional};
use super::places;
use super::rows::{self, Columns};
use super::visible::Scope;
use crate::model::conversation::Conv;
use crate::model::entry::{Entry, EntryKind};
use crate::model::ids::{Seq, UserId};
use crate::model::policy::History;
use crate::store::listing::{as_listed, newest_first};
use crate::store::spans::{Direction, Merge, Span, cut, is_inside};
use crate::store::{
    ConversationSettings, ConversationState, ConversationStore, LogHead, Result, SettingsPatch,
};

/// Positions written in one statement.
const POSITIONS_MAX: usize = 512;

pub(super) const OWN_POSITIONS: &str = "SELECT conv, seq FROM read_positions WHERE user_id = ?";
pub(super) const PEERS_POSITIONS: &str = "SELECT STRAIGHT_JOIN r.conv, r.seq
     FROM private_peers p
     JOIN read_positions r ON r.user_id = p.peer_id AND r.conv = p.conv
     WHERE p.user_id = ? AND p.peer_id <> p.user_id";
pub(super) const SETTINGS: &str =
    "SELECT conv, muted, pinned, hidden, draft, marked_unread FROM conversation_settings
     WHERE user_id = ?";
const PATCH: &str = "INSERT INTO conversation_settings
         (user_id, conv, muted, pinned, hidden, draft, marked_unread)
     VALUES (?, ?, COALESCE(?, 0), COALESCE(?, 0), COALESCE(?, 0), COALESCE(?, ''), COALESCE(?, 0))
     ON DUPLICATE KEY UPDATE muted = COALESCE(?, muted), pinned = COALESCE(?, pinned),
         hidden = COALESCE(?, hidden), draft = COALESCE(?, draft), marked_unread = COALESCE(?, marked_unread)";

#[async_trait]
impl ConversationStore for Mysql {
    async fn conversations(
        &self,
        user: UserId,
        upto: Seq,
    ) -> Result<(LogHead, Vec<ConversationState>)> {
        let mut link = self.readers.link().await?;
        let scope = Scope::whole(&mut link, user, upto).await?;
        let lines = lines(&mut link, &scope, user, self.rules.history, upto).await?;
        let spare = self.readers.spare().await;
        states(&mut link, spare, user, scope.log, lines).await
    }

    async fn set_read(&self, positions: &[(UserId, Conv, Seq)]) -> Result<()> {
        let mut latest = BTreeMap::new();
        for (user, conv, seq) in positions {
            let read = latest
                .entry((*user, as_listed(*user, *conv)))
                .or_insert(*seq);
            *read = (*read).max(*seq);
        }
        if latest.is_empty() {
            return Ok(());
        }
        // In the order of keys, so that two nodes never wait for each other crosswise.
        let latest: Vec<(UserId, Conv, Seq)> = latest
            .into_iter()
            .map(|((user, conv), seq)| (user, conv, seq))
            .collect();
        let mut link = self.writers.link().await?;
        for latest in chunks(&latest, POSITIONS_MAX) {
            let places = listed("(?, ?, ?)", latest.len());
            let sql = format!(
                "INSERT INTO read_positions (user_id, conv, seq) VALUES {places}
                 ON DUPLICATE KEY UPDATE seq = GREATEST(seq, VALUES(seq))"
            );
            let values = latest
                .into_iter()
                .flat_map(|(user, conv, seq)| [Value::from(user), conv.into(), seq.into()]);
            link.execute(&sql, positional(values)).await?;
        }
        Ok(())
    }

    async fn read_position(&self, user: UserId, conv: Conv) -> Result<Seq> {
        let sql = "SELECT seq FROM read_positions WHERE user_id = ? AND conv = ?";
        let mut link = self.readers.link().await?;
        let row = link.first(sql, (user, as_listed(user, conv))).await?;
        Ok(rows::one(row, Columns::next)?.unwrap_or(Seq::ZERO))
    }

    async fn unread(&self, user: UserId, conv: Conv, read: Seq, upto: Seq) -> Result<u32> {
        let conv = as_listed(user, conv);
        let mut link = self.readers.link().await?;
        let scope = Scope::of(&mut link, user, conv).await?;
        let history = self.rules.history;
        let upto = upto.min(scope.log.head);
        let spans = scope.standing.entitled(user, conv, history, upto);
        let above = cut(&spans, read.next(), upto);
        let counts = places::count_unread(&mut link, user, &[above]).await?;
        Ok(counts.into_iter().sum())
    }

    async fn above(
        &self,
        user: UserId,
        positions: &[(Conv, Seq)],
        upto: Seq,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        let mut link = self.readers.link().await?;
        let scope = Scope::every_stay(&mut link, user).await?;
        let upto = upto.min(scope.log.head);
        let merge = |(conv, read): &(Conv, Seq)| {
            let history = self.rules.history;
            let spans = scope.standing.entitled(user, *conv, history, upto);
            let above = cut(&spans, read.next(), upto);
            Merge::new(Direction::Up, &above, limit)
        };
        let mut merges: Vec<Merge> = positions.iter().map(merge).collect();
        places::read(&mut link, user, &mut merges).await?;
        let places = merges.into_iter().map(Merge::finish);
        let places: Vec<Seq> = places.flat_map(|found| found.places).collect();
        let (_, entries) = places::entries(&mut link, scope.log, &places).await?;
        Ok(entries)
    }

    async fn patch_settings(
        &self,
        user: UserId,
        conv: Conv,
        patch: SettingsPatch,
    ) -> Result<ConversationSettings> {
        let conv = as_listed(user, conv);
        let fields = [
            Value::from(patch.muted),
            Value::from(patch.pinned),
            Value::from(patch.hidden_at),
            Value::from(patch.draft),
            Value::from(patch.marked_unread),
        ];
        let values = [Value::from(user), Value::from(conv)];
        let values = values.into_iter().chain(fields.clone()).chain(fields);
        let mut link = self.writers.link().await?;
        link.execute(PATCH, positional(values)).await?;
        let sql = format!("{SETTINGS} AND conv = ?");
        let row = link.first(&sql, (user, conv)).await?;
        let settings = rows::one(row, settings)?;
        Ok(settings.map_or_else(ConversationSettings::default, |(_, settings)| settings))
    }
}

/// From [`SETTINGS`].
fn settings(row: &mut Columns) -> Result<(Conv, ConversationSettings)> {
    let conv = row.next()?;
    let settings = ConversationSettings {
        muted: row.next()?,
        pinned: row.next()?,
        hidden_at: row.next()?,
        draft: row.next()?,
        marked_unread: row.next()?,
    };
    Ok((conv, settings))
}

/// A conversation that is in the list, what the user may see of it, and where its last entry is.
struct Line {
    conv: Conv,
    spans: Vec<Span>,
    last: Option<Seq>,
}

/// What is in the list at a place of the log.
async fn lines(
    link: &mut Link,
    scope: &Scope,
    user: UserId,
    history: History,
    upto: Seq,
) -> Result<Vec<Line>> {
    let upto = upto.min(scope.log.head);
    // His notes to self may hold notices alone.
    let notes = Conv::private(user, user);
    let private = scope.private.iter().copied();
    let stays = scope.standing.stays.iter();
    let groups = stays.filter(|stay| stay.to.is_none());
    let groups = groups.map(|stay| Conv::Group(stay.group));
    let mut lines: Vec<Line> = private
        .chain(groups)
        .chain([notes])
        .map(|conv| Line {
            conv,
            spans: scope.standing.entitled(user, conv, history, upto),
            last: None,
        })
        .collect();
    // Nearly always the last entry of the conversation is the last one he may see, and known already.
    let mut uncertain = Vec::new();
    for line in &mut lines {
        match scope.tops.get(&line.conv) {
            Some((seq, kind))
                if EntryKind::from_code(*kind).stands_alone() && is_inside(&line.spans, *seq) =>
            {
                line.last = Some(*seq);
            }
            Some(_) => uncertain.push(line),
            None if line.conv == notes => uncertain.push(line),
            None => {}
        }
    }
    let merge = |line: &&mut Line| Merge::last(&line.spans);
    let mut merges: Vec<Merge> = uncertain.iter().map(merge).collect();
    places::read(link, user, &mut merges).await?;
    for (line, merge) in uncertain.into_iter().zip(merges) {
        line.last = merge.finish().places.first().copied();
    }
    Ok(lines)
}

/// Everything else about the lines, on two connections where there is a second one.
async fn states(
    link: &mut Link,
    spare: Option<Link>,
    user: UserId,
    log: LogHead,
    lines: Vec<Line>,
) -> Result<(LogHead, Vec<ConversationState>)> {
    let (own, unread, shown) = match spare {
        Some(mut other) => {
            let (counted, shown) = tokio::try_join!(
                counted(link, user, &lines),
                Shown::read(&mut other, user, log, &lines)
            )?;
            (counted.0, counted.1, shown)
        }
        None => {
            let (own, unread) = counted(link, user, &lines).await?;
            (own, unread, Shown::read(link, user, log, &lines).await?)
        }
    };
    let Shown {
        log,
        mut entries,
        mut peers,
        mut settings,
    } = shown;
    let mut states = Vec::with_capacity(lines.len());
    for (line, unread) in lines.into_iter().zip(unread) {
        let Line { conv, last, .. } = line;
        let last = last.and_then(|seq| entries.remove(&seq));
        if last.is_none() && !matches!(conv, Conv::Group(_)) {
            continue;
        }
        let peer = conv.peer_of(user).filter(|peer| *peer != user);
        states.push(ConversationState {
            conv,
            last,
            unread,
            read_seq: own.get(&conv).copied().unwrap_or(Seq::ZERO),
            peer_read_seq: peer.map(|_| peers.remove(&conv).unwrap_or(Seq::ZERO)),
            settings: settings.remove(&conv).unwrap_or_default(),
        });
    }
    newest_first(&mut states);
    Ok((log, states))
}

/// How far the user has read, and what he has not of each line.
async fn counted(
    link: &mut Link,
    user: UserId,
    lines: &[Line],
) -> Result<(BTreeMap<Conv, Seq>, Vec<u32>)> {
    let own = positions(link, OWN_POSITIONS, user).await?;
    let read = |conv: &Conv| own.get(conv).copied().unwrap_or(Seq::ZERO);
    let above = |line: &Line| match line.last {
        Some(last) if last > read(&line.conv) => {
            cut(&line.spans, read(&line.conv).next(), Seq(u64::MAX))
        }
        Some(_) | None => Vec::new(),
    };
    let above: Vec<Vec<Span>> = lines.iter().map(above).collect();
    let unread = places::count_unread(link, user, &above).await?;
    Ok((own, unread))
}

/// What else is shown of the lines.
struct Shown {
    log: LogHead,
    entries: BTreeMap<Seq, Entry>,
    peers: BTreeMap<Conv, Seq>,
    settings: BTreeMap<Conv, ConversationSettings>,
}

impl Shown {
    async fn read(link: &mut Link, user: UserId, log: LogHead, lines: &[Line]) -> Result<Shown> {
        let peers = positions(link, PEERS_POSITIONS, user).await?;
        let all = link.rows(SETTINGS, (user,)).await?;
        let settings = rows::all(all, settings)?.into_iter().collect();
        let places: Vec<Seq> = lines.iter().filter_map(|line| line.last).collect();
        let (log, entries) = places::entries(link, log, &places).await?;
        let entries = entries.into_iter().map(|entry| (entry.seq, entry));
        Ok(Shown {
            log,
            entries: entries.collect(),
            peers,
            settings,
        })
    }
}

async fn positions(link: &mut Link, sql: &str, user: UserId) -> Result<BTreeMap<Conv, Seq>> {
    let rows = link.rows(sql, (user,)).await?;
    let positions = rows::all(rows, |row| Ok((row.next()?, row.next()?)))?;
    Ok(positions.into_iter().collect())
}
