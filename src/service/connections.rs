//! A client connects: it is taken in, caught up from where it was, made live, and let go.
//!
//! A connection is a cursor on the log. Whether it comes for the first time, comes back after a while, moved
//! here from another node or was too slow, what it lacks is served by the same loop ([`Connections::catch_up`]).
//! Knows no frames of any dialect but the pages it sends, and no sockets but through the hub.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tracing::debug;

use crate::hub::Hub;
use crate::journal::cursor::{Cursor, Step};
use crate::journal::live::Live;
use crate::journal::position::Position;
use crate::journal::replica::NotLive;
use crate::model::encode::encode_entry;
use crate::model::entry::Entry;
use crate::model::ids::{ConnId, Seq, UserId};
use crate::store::{LogStore, StoreError};

pub use crate::hub::Opening;
pub use crate::hub::frame::{self, CloseCode};
pub use crate::hub::link::Link;
pub use crate::journal::cursor::{Resume, Start};

/// Entries of one page.
const PAGE_ENTRIES: usize = 200;
/// A page ends early at this many bytes of bodies.
const PAGE_BYTES: usize = 256 << 10;
/// Pause before the store or a busy replica is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// The use case, shared by all connections.
#[derive(Clone)]
pub struct Connections {
    hub: Hub,
    live: Live,
    log: Arc<dyn LogStore>,
    position: Position,
}

impl Connections {
    #[must_use]
    pub fn new(hub: Hub, live: Live, log: Arc<dyn LogStore>, position: Position) -> Connections {
        Connections {
            hub,
            live,
            log,
            position,
        }
    }

    /// The hub the connections are in.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The log as this node has applied it.
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Decides where a client begins. A position this node has not reached yet is looked up in the store:
    /// the client may have been on a node that is a moment ahead.
    pub async fn start(&self, resume: Resume) -> Result<Start, StoreError> {
        let applied = self.position.applied();
        let Some(after) = resume.after else {
            return Ok(Start::now(applied));
        };
        let log = self.log.head().await?;
        Ok(Start::at(after, resume.epoch, &log, applied))
    }

    /// Takes a connection in, at its beginning.
    pub async fn open(&self, conn: ConnId, opening: Opening) {
        self.hub.open(conn, opening).await;
    }

    /// The connection is gone.
    pub async fn close(&self, conn: ConnId) {
        self.hub.remove(conn).await;
        self.live.detach(conn).await;
    }

    /// Serves a connection from a position until it is live. Ends early only when the connection is over.
    pub async fn catch_up(self, conn: ConnId, user: UserId, link: Arc<Link>, start: Start) {
        let mut cursor = Cursor::new(start);
        while !link.is_closed() {
            let went = match cursor.step() {
                Step::Reset { head } => {
                    self.send_reset(conn, head).await;
                    cursor.was_reset();
                    Ok(())
                }
                Step::GoLive { after, announce } => {
                    match self.go_live(conn, user, after, announce).await {
                        Ok(Ok(())) => return,
                        Ok(Err(why)) => {
                            cursor.not_live(why, self.position.durable());
                            if why == NotLive::Busy {
                                Err("the replica is busy".to_owned())
                            } else {
                                Ok(())
                            }
                        }
                        Err(why) => Err(why),
                    }
                }
                Step::Read { after, upto } => {
                    let read = self
                        .send_pages(conn, user, &link, &mut cursor, after, upto)
                        .await;
                    read.map_err(|error| error.to_string())
                }
            };
            if let Err(why) = went {
                pause(&why).await;
            }
        }
    }

    /// Asks the replica to take the connection in; its answer, or why it could not be asked.
    async fn go_live(
        &self,
        conn: ConnId,
        user: UserId,
        after: Seq,
        announce: bool,
    ) -> Result<Result<(), NotLive>, String> {
        // Before the question: what the answer shows above may vanish again and be replaced.
        let durable = self.position.durable();
        let snapshot = self.log.snapshot(user).await;
        let snapshot = snapshot.map_err(|error| error.to_string())?;
        let snapshot = snapshot.ok_or("the user is gone")?.as_of(durable);
        Ok(self
            .live
            .attach(conn, user, after, snapshot, announce)
            .await)
    }

    /// Sends one range from the store, in pages, each when the client has taken the one before.
    async fn send_pages(
        &self,
        conn: ConnId,
        user: UserId,
        link: &Link,
        cursor: &mut Cursor,
        after: Seq,
        upto: Seq,
    ) -> Result<(), StoreError> {
        link.drained().await;
        let page = self.log.visible(user, after, upto, PAGE_ENTRIES).await?;
        let (epoch, applied) = (self.position.epoch(), self.position.applied());
        if cursor.may_show(&page.log, page.position, epoch, applied) {
            let entries: Vec<Arc<Entry>> = page.entries.into_iter().map(Arc::new).collect();
            for (frame, position, count) in pages(&entries, user, page.position, true) {
                link.drained().await;
                self.hub.send_page(conn, frame, position, count).await;
            }
        }
        Ok(())
    }

    async fn send_reset(&self, conn: ConnId, head: Seq) {
        let reset = serde_json::json!({"type": "reset", "head": head});
        self.hub.send_page(conn, frame::json(&reset), head, 0).await;
    }
}

/// What keeps one connection waiting keeps all of them waiting, and is told by whoever has the store.
async fn pause(why: &str) {
    debug!(why, "a connection waits to catch up");
    tokio::time::sleep(RETRY_PAUSE).await;
}

/// The `sync` frames for entries in order, each with the position a client has after it and the number of
/// entries in it. The last one ends at `end` and says whether `more` follow; without entries it is the only one.
#[must_use]
pub fn pages(
    entries: &[Arc<Entry>],
    reader: UserId,
    end: Seq,
    more: bool,
) -> Vec<(Bytes, Seq, u64)> {
    let mut pages = Vec::new();
    let mut rest = entries;
    loop {
        let mut bytes = 0;
        let fits = rest.iter().take(PAGE_ENTRIES).take_while(|entry| {
            bytes += entry.body.len();
            bytes <= PAGE_BYTES
        });
        let count = fits.count().max(1).min(rest.len());
        let (page, others) = rest.split_at(count);
        let last = others.is_empty();
        let position = match page.last() {
            Some(entry) if !last => entry.seq,
            Some(_) | None => end,
        };
        pages.push((
            page_frame(page, reader, position, more || !last),
            position,
            count as u64,
        ));
        if last {
            return pages;
        }
        rest = others;
    }
}

fn page_frame(entries: &[Arc<Entry>], reader: UserId, after: Seq, more: bool) -> Bytes {
    let mut json = Vec::with_capacity(
        64 + entries
            .iter()
            .map(|entry| entry.body.len() + 160)
            .sum::<usize>(),
    );
    json.extend_from_slice(br#"{"type":"sync","entries":["#);
    for (at, entry) in entries.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        encode_entry(&mut json, entry, reader, false);
    }
    json.extend_from_slice(format!(r#"],"after":{after},"more":{more}}}"#).as_bytes());
    frame::text(&json)
}
