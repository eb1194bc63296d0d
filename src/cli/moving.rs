//! `starling migrate --from … --to …`: moves a deployment to another store, row by row, and checks what arrived.
//!
//! The target is marked incomplete before the first row and until the last one is compared, so that no node starts
//! on half a deployment. The source is only read.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;

use anyhow::anyhow;

use super::living::expect_none;
use super::{Failure, stores};
use crate::config::{Config, SecretUrl};
use crate::model::ids::Seq;
use crate::store::Stores;
use crate::store::tables::{Cell, INCOMPLETE, TABLES, Table, TableStore};

/// Rows read at a time.
const ROWS: usize = 500;
/// Rows written at a time end at this many bytes: far below what a server takes in one packet.
const BYTES: usize = 1 << 20;
/// Entries compared as nodes read them, at the end of the log.
const LAST_ENTRIES: u64 = 100;

/// One end of the move.
struct End {
    url: SecretUrl,
    stores: Stores,
}

impl End {
    fn tables(&self) -> &dyn TableStore {
        self.stores.tables.as_ref()
    }
}

/// What went through: how many rows, and a digest of them in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    rows: u64,
    digest: u64,
}

/// Moves everything between two stores, which are opened as the configuration says but for where they are. `force`: a
/// target left by an interrupted move is emptied and filled anew.
pub(super) async fn run(
    config: &Config,
    from: &str,
    to: &str,
    force: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (source, target) = (at(config, from, "--from")?, at(config, to, "--to")?);
    if source.store.location() == target.store.location() {
        return Err(Failure::Usage(anyhow!(
            "--from and --to are the same store"
        )));
    }
    let from = End {
        stores: stores::open(&source).await?,
        url: source.store.url,
    };
    let to = End {
        stores: stores::open_to_fill(&target).await?,
        url: target.store.url,
    };
    expect_none(from.stores.nodes.as_ref(), &from.url.to_string()).await?;
    expect_none(to.stores.nodes.as_ref(), &to.url.to_string()).await?;
    permit(&to, force).await?;
    let record = from.tables().record().await?;
    to.tables().clear().await?;
    writeln!(out, "moving {} to {}", from.url, to.url)?;
    for table in TABLES {
        let moved = copy(from.tables(), to.tables(), table).await?;
        let arrived = look(to.tables(), table).await?;
        if moved != arrived {
            return Err(Failure::Runtime(anyhow!(
                "{} of {} differs: {} rows were sent and {} arrived; {INCOMPLETE_WORDS}",
                table.name,
                to.url,
                moved.rows,
                arrived.rows
            )));
        }
        writeln!(out, "{:>12}  {}", moved.rows, table.name)?;
    }
    if from.tables().record().await? != record {
        return Err(Failure::Runtime(anyhow!(
            "{} was written to meanwhile; {INCOMPLETE_WORDS}",
            from.url
        )));
    }
    let log = to.tables().finish(record).await?;
    compare_ends(&from, &to, log.head).await?;
    writeln!(
        out,
        "moved and compared, up to entry {} of the log, which has a new epoch ({})\n\
         set store.url to {} on every node and start them; start none on {} any more",
        log.head, log.epoch.0, to.url, from.url
    )?;
    Ok(())
}

const INCOMPLETE_WORDS: &str = "the target is incomplete, repeat the command with --force";

/// The configuration with its store elsewhere.
fn at(config: &Config, url: &str, flag: &str) -> Result<Config, Failure> {
    let mut config = config.clone();
    config.store.url = SecretUrl::from(url);
    match config.store.location() {
        Some(_) => Ok(config),
        None => Err(Failure::Usage(anyhow!(
            "{flag}: a store is sqlite://PATH or mysql://user:password@host:port/database, the password percent-encoded"
        ))),
    }
}

/// The target is new, or left by an interrupted move and may be emptied.
async fn permit(to: &End, force: bool) -> Result<(), Failure> {
    let log = to.stores.log.head().await?;
    if log.epoch == INCOMPLETE {
        return match force {
            true => Ok(()),
            false => Err(Failure::Usage(anyhow!(
                "{} was left incomplete by an interrupted move; --force empties it and begins anew",
                to.url
            ))),
        };
    }
    let mut in_use = (log.head != Seq::ZERO).then_some("entries");
    for table in TABLES {
        let rows = to.tables().rows(table, None, ROWS).await?;
        // A new store has a row for each kind of id, none of which is drawn yet.
        let new = match table.name {
            "ids" => rows.iter().all(|row| row.last() == Some(&Cell::Number(0))),
            _ => rows.is_empty(),
        };
        if !new {
            in_use = in_use.or(Some(table.name));
        }
    }
    match in_use {
        None => Ok(()),
        Some(table) => Err(Failure::Usage(anyhow!(
            "{} is not empty (it has {table}); name a new store, nothing was done",
            to.url
        ))),
    }
}

async fn copy(
    from: &dyn TableStore,
    to: &dyn TableStore,
    table: &'static Table,
) -> Result<Seen, Failure> {
    let mut reader = Reader::new(from, table);
    while let Some(rows) = reader.next().await? {
        let mut batch = Vec::new();
        let mut bytes = 0;
        for row in rows {
            let size = row.iter().map(size).sum::<usize>();
            if bytes + size > BYTES && !batch.is_empty() {
                to.put(table, std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
            bytes += size;
            batch.push(row);
        }
        to.put(table, batch).await?;
    }
    Ok(reader.seen())
}

async fn look(store: &dyn TableStore, table: &'static Table) -> Result<Seen, Failure> {
    let mut reader = Reader::new(store, table);
    while reader.next().await?.is_some() {}
    Ok(reader.seen())
}

/// Goes through a table once, by key.
struct Reader<'s> {
    store: &'s dyn TableStore,
    table: &'static Table,
    after: Option<Vec<Cell>>,
    rows: u64,
    digest: DefaultHasher,
}

impl<'s> Reader<'s> {
    fn new(store: &'s dyn TableStore, table: &'static Table) -> Reader<'s> {
        Reader {
            store,
            table,
            after: None,
            rows: 0,
            digest: DefaultHasher::new(),
        }
    }

    async fn next(&mut self) -> Result<Option<Vec<Vec<Cell>>>, Failure> {
        let rows = self.store.rows(self.table, self.after.take(), ROWS).await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        self.after = Some(last.iter().take(self.table.key).cloned().collect());
        self.rows += rows.len() as u64;
        rows.hash(&mut self.digest);
        Ok(Some(rows))
    }

    fn seen(&self) -> Seen {
        Seen {
            rows: self.rows,
            digest: self.digest.finish(),
        }
    }
}

fn size(cell: &Cell) -> usize {
    match cell {
        Cell::Null | Cell::Number(_) => 8,
        Cell::Text(text) => text.len() + 8,
        Cell::Bytes(bytes) => bytes.len() + 8,
    }
}

/// What nodes will read is what they would have read.
async fn compare_ends(from: &End, to: &End, head: Seq) -> Result<(), Failure> {
    let floor = from.tables().record().await?.floor;
    let after = Seq(head.0.saturating_sub(LAST_ENTRIES)).max(floor);
    let limit = usize::try_from(LAST_ENTRIES).unwrap_or(usize::MAX);
    let sent = from.stores.log.range(after, limit).await?;
    let arrived = to.stores.log.range(after, limit).await?;
    if sent.entries == arrived.entries && sent.log.head == arrived.log.head {
        return Ok(());
    }
    Err(Failure::Runtime(anyhow!(
        "the ends of the logs of {} and {} differ",
        from.url,
        to.url
    )))
}

#[cfg(test)]
mod tests;
