//! What a user may see: the entries of spans of conversations he is entitled to, merged by seq.
//!
//! Entitlement becomes spans first (`spans`), from one statement that also reads the head; everything after it is
//! bounded by that head, and so does not depend on what happens meanwhile. Places are then read from one index,
//! many conversations at once, and only the entries of the answer are loaded.

use std::collections::BTreeMap;

use mysql_async::Value;

use super::link::{Link, Pool};
use super::many::positional;
use super::places;
use super::rows::{self, Columns};
use crate::model::conversation::Conv;
use crate::model::ids::{GroupId, Seq, UserId};
use crate::model::policy::History;
use crate::store::spans::{self, Direction, Merge, Span, Standing, cut};
use crate::store::{ConversationPage, LogHead, Result, StoreError, VisiblePage, Window};

/// Where the log is and when the user came, for [`Scope`].
pub(super) const HEAD: &str = "SELECT 0, h.epoch, f.floor_seq, h.head, NULL, NULL
         FROM log_head h JOIN log_floor f ON f.id = h.id WHERE h.id = 1
     UNION ALL
     SELECT 1, u.registered_seq, NULL, NULL, NULL, NULL FROM users u WHERE u.id = ?";
/// His stays in one group.
pub(super) const STAYS: &str =
    "SELECT 2, m.group_id, m.from_seq, m.to_seq, NULL, NULL FROM memberships m
         WHERE m.user_id = ? AND m.group_id = ?";
/// All his stays and private conversations.
pub(super) const RIGHTS: &str = "SELECT 2, m.group_id, m.from_seq, m.to_seq, NULL, NULL
         FROM memberships m FORCE INDEX (memberships_by_user) WHERE m.user_id = ?
     UNION ALL
     SELECT 3, NULL, NULL, NULL, p.conv, NULL
         FROM private_peers p WHERE p.user_id = ? AND p.peer_id <> p.user_id";
/// His stays in all groups.
pub(super) const EVERY_STAY: &str = "SELECT 2, m.group_id, m.from_seq, m.to_seq, NULL, NULL
         FROM memberships m FORCE INDEX (memberships_by_user) WHERE m.user_id = ?";
/// All his stays and private conversations, with the last entry up to a place that he did not hide of each that he is
/// in: seq and kind in one number.
pub(super) const EVERYTHING: &str = "SELECT 2, m.group_id, m.from_seq, m.to_seq, NULL, IF(m.present = 1, (
             SELECT e.seq * 256 + e.kind FROM entries e FORCE INDEX (entries_by_conv)
             WHERE e.conv = CAST(CONCAT('g:', m.group_id) AS BINARY) AND e.seq <= ?
                 AND (SELECT COUNT(*) FROM hidden_entries x WHERE x.user_id = m.user_id AND x.seq = e.seq) = 0
             ORDER BY e.seq DESC LIMIT 1
         ), NULL)
         FROM memberships m FORCE INDEX (memberships_by_user) WHERE m.user_id = ?
     UNION ALL
     SELECT 3, NULL, NULL, NULL, p.conv, (
             SELECT e.seq * 256 + e.kind FROM entries e FORCE INDEX (entries_by_conv)
             WHERE e.conv = p.conv AND e.seq <= ?
                 AND (SELECT COUNT(*) FROM hidden_entries x WHERE x.user_id = p.user_id AND x.seq = e.seq) = 0
             ORDER BY e.seq DESC LIMIT 1
         )
         FROM private_peers p WHERE p.user_id = ? AND p.peer_id <> p.user_id";
/// His stays in groups, and his private conversations, that hold entries above a place. Asked for their last one, a
/// server looks once for each: asked whether there is one above, it walks through the conversation from its beginning.
pub(super) const NEWS: &str = "SELECT 2, m.group_id, m.from_seq, m.to_seq, NULL, NULL
         FROM memberships m FORCE INDEX (memberships_by_user)
         WHERE m.user_id = ? AND (
             SELECT e.seq FROM entries e FORCE INDEX (entries_by_conv)
             WHERE e.conv = CAST(CONCAT('g:', m.group_id) AS BINARY) ORDER BY e.seq DESC LIMIT 1
         ) > ?
     UNION ALL
     SELECT 3, NULL, NULL, NULL, p.conv, NULL
         FROM private_peers p
         WHERE p.user_id = ? AND p.peer_id <> p.user_id AND (
             SELECT e.seq FROM entries e FORCE INDEX (entries_by_conv)
             WHERE e.conv = p.conv ORDER BY e.seq DESC LIMIT 1
         ) > ?";

/// Where the log is and what a user is in: one statement, and so one snapshot.
pub(super) struct Scope {
    pub log: LogHead,
    pub standing: Standing,
    /// Private conversations with others.
    pub private: Vec<Conv>,
    /// The last entry of each conversation where it was asked for, with the code of its kind; it need not be one he may
    /// see.
    pub tops: BTreeMap<Conv, (Seq, u8)>,
}

impl Scope {
    /// What decides about one conversation.
    pub(super) async fn of(link: &mut Link, user: UserId, conv: Conv) -> Result<Scope> {
        let group = match conv {
            Conv::Group(group) => group,
            Conv::Private(..) | Conv::Notices | Conv::Account(_) => GroupId(0),
        };
        let values = [user.into(), user.into(), group.into()];
        Scope::read(link, &format!("{HEAD} UNION ALL {STAYS}"), values).await
    }

    /// What decides about any conversation.
    pub(super) async fn every_stay(link: &mut Link, user: UserId) -> Result<Scope> {
        let values = [user; 2].map(Value::from);
        Scope::read(link, &format!("{HEAD} UNION ALL {EVERY_STAY}"), values).await
    }

    /// What decides about all that happened after a place.
    pub(super) async fn after(link: &mut Link, user: UserId, after: Seq) -> Result<Scope> {
        let (user, after) = (Value::from(user), Value::from(after));
        let values = [&user, &user, &after, &user, &after].map(Value::clone);
        Scope::read(link, &format!("{HEAD} UNION ALL {NEWS}"), values).await
    }

    /// What decides about everything, without a look at any conversation.
    pub(super) async fn rights(link: &mut Link, user: UserId) -> Result<Scope> {
        let values = [user; 3].map(Value::from);
        Scope::read(link, &format!("{HEAD} UNION ALL {RIGHTS}"), values).await
    }

    /// What decides about his conversations, which are looked at up to a place.
    pub(super) async fn whole(link: &mut Link, user: UserId, upto: Seq) -> Result<Scope> {
        let (user, upto) = (Value::from(user), Value::from(upto));
        let values = [&user, &upto, &user, &upto, &user].map(Value::clone);
        Scope::read(link, &format!("{HEAD} UNION ALL {EVERYTHING}"), values).await
    }

    async fn read<const N: usize>(link: &mut Link, sql: &str, values: [Value; N]) -> Result<Scope> {
        let mut log = None;
        let mut standing = Standing::default();
        let mut private = Vec::new();
        let mut tops = BTreeMap::new();
        for row in link.rows(sql, positional(values)).await? {
            let row = &mut Columns::of(row);
            match row.next::<u8>()? {
                0 => log = Some(rows::log_head(row)?),
                1 => standing.registered = Some(row.next()?),
                2 => {
                    let stay = rows::interval(row)?;
                    let _: Option<Conv> = row.next()?;
                    tops.extend(top(row)?.map(|top| (Conv::Group(stay.group), top)));
                    standing.stays.push(stay);
                }
                _ => {
                    let _: [Option<u64>; 3] = [row.next()?, row.next()?, row.next()?];
                    let conv = row.next()?;
                    tops.extend(top(row)?.map(|top| (conv, top)));
                    private.push(conv);
                }
            }
        }
        standing
            .stays
            .sort_unstable_by_key(|stay| (stay.group, stay.from));
        let log = log.ok_or_else(headless)?;
        Ok(Scope {
            log,
            standing,
            private,
            tops,
        })
    }

    /// All spans of the user between two places, both included.
    pub(super) fn spans(&self, user: UserId, history: History, low: Seq, high: Seq) -> Vec<Span> {
        let mut spans: Vec<Span> = self.private.iter().copied().map(spans::whole).collect();
        spans.extend(self.standing.own(user));
        spans.extend(self.standing.groups(history).flatten());
        cut(&spans, low, high)
    }
}

/// Seq and kind in one number, from [`EVERYTHING`].
fn top(row: &mut Columns) -> Result<Option<(Seq, u8)>> {
    let number: Option<u64> = row.next()?;
    Ok(number.map(|number| {
        let [.., kind] = number.to_be_bytes();
        (Seq(number >> u8::BITS), kind)
    }))
}

fn headless() -> StoreError {
    StoreError::Corrupt("log_head or log_floor has no row: restore the database".to_owned())
}

/// Does [`crate::store::LogStore::visible`].
pub(super) async fn visible(
    readers: &Pool,
    history: History,
    user: UserId,
    after: Seq,
    upto: Seq,
    limit: usize,
) -> Result<VisiblePage> {
    let mut link = readers.link().await?;
    let scope = Scope::after(&mut link, user, after).await?;
    let upto = upto.min(scope.log.head);
    let mut page = VisiblePage {
        log: scope.log,
        entries: Vec::new(),
        position: after.max(upto),
        more: false,
    };
    let spans = scope.spans(user, history, after.next(), upto);
    if spans.is_empty() {
        return Ok(page);
    }
    let mut merge = [Merge::new(Direction::Up, &spans, limit)];
    places::read(&mut link, user, &mut merge).await?;
    let [found] = merge.map(Merge::finish);
    if found.more {
        page.more = true;
        page.position = found.places.last().copied().unwrap_or(after);
    }
    (page.log, page.entries) = places::entries(&mut link, scope.log, &found.places).await?;
    Ok(page)
}

/// Does [`crate::store::LogStore::page`].
pub(super) async fn page(
    readers: &Pool,
    history: History,
    user: UserId,
    conv: Conv,
    window: Window,
    upto: Seq,
    limit: usize,
) -> Result<ConversationPage> {
    let mut link = readers.link().await?;
    let scope = Scope::of(&mut link, user, conv).await?;
    let upto = upto.min(scope.log.head);
    let spans = scope.standing.entitled(user, conv, history, upto);
    let mut sides = <[Merge; 2]>::from(spans::sides(&spans, window, upto, limit));
    places::read(&mut link, user, &mut sides).await?;
    let [below, above] = sides.map(Merge::finish);
    let mut page = ConversationPage {
        entries: Vec::new(),
        more_before: below.more,
        more_after: above.more,
    };
    let places = [below.places, above.places].concat();
    if !places.is_empty() {
        (_, page.entries) = places::entries(&mut link, scope.log, &places).await?;
    }
    Ok(page)
}
