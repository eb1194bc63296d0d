//! A client connects: it is taken in, caught up from where it was, made live, and let go.
//!
//! A connection is a cursor on the log. Whether it comes for the first time, comes back after a while, moved
//! here from another node or was too slow, what it lacks is served by the same loop ([`Connections::catch_up`]).
//! Knows no frames of any dialect but the pages it sends, and no sockets but through the hub.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tracing::debug;

use crate::hub::Hub;
use crate::hub::speech::PAGE_ENTRIES;
use crate::journal::live::Live;
use crate::journal::position::Position;
use crate::journal::replica::NotLive;
use crate::model::entry::{Entry, EntryKind};
use crate::model::error::{Code, Failure};
use crate::model::ids::{ConnId, Epoch, Seq, UserId};
use crate::store::{LogStore, MessageStore, StoreError};

pub use crate::hub::frame::{self, CloseCode};
pub use crate::hub::link::Link;
pub use crate::hub::speech::{Page, Speech, V1, in_pages};
pub use crate::hub::{Bye, Opening};

/// Pages that hold no message before a client that asks for messages is told to ask again.
const PAGES_WITHOUT_MESSAGES_MAX: usize = 50;
/// How far back in the log the last entries of a user are looked for first, …
const RECENT_REACH: u64 = 1_000;
/// … and after how many entries looked at no stretch is begun any more.
const RECENT_LOOKED_AT_MAX: usize = 20_000;
/// Pause before the store or a busy replica is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Where a client says it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resume {
    /// Its position; absent: from now.
    pub after: Option<Seq>,
    /// The log that position belongs to; absent: taken on trust.
    pub epoch: Option<Epoch>,
}

/// A connection that is served.
#[derive(Clone)]
pub struct Caller {
    pub conn: ConnId,
    pub user: UserId,
    pub link: Arc<Link>,
    pub speech: Arc<dyn Speech>,
}

/// Messages a client missed.
#[derive(Clone, Debug)]
pub struct Missed {
    pub entries: Vec<Entry>,
    /// All up to here are in these, or were before them.
    pub position: Seq,
    pub more: bool,
}

/// Where a client begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It gets what follows its position. `announce`: it waits to hear that it is caught up.
    From { after: Seq, announce: bool },
    /// What it has is of no use: it loads anew and goes on from here.
    Reset { head: Seq },
}

/// The use case, shared by all connections.
#[derive(Clone)]
pub struct Connections {
    hub: Hub,
    live: Live,
    log: Arc<dyn LogStore>,
    messages: Arc<dyn MessageStore>,
    position: Position,
}

impl Connections {
    #[must_use]
    pub fn new(
        hub: Hub,
        live: Live,
        log: Arc<dyn LogStore>,
        messages: Arc<dyn MessageStore>,
        position: Position,
    ) -> Connections {
        Connections {
            hub,
            live,
            log,
            messages,
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
            return Ok(Start::From {
                after: applied,
                announce: false,
            });
        };
        let log = self.log.head().await?;
        let other_log = resume.epoch.is_some_and(|epoch| epoch != log.epoch);
        if other_log || after < log.floor || after > log.head {
            return Ok(Start::Reset { head: applied });
        }
        Ok(Start::From {
            after,
            announce: true,
        })
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

    /// Messages the user missed above a position, a page of them, up to what is durable. For clients that ask.
    pub async fn missed_messages(&self, user: UserId, after: Seq) -> Result<Missed, Failure> {
        let upto = self.position.durable();
        let mut after = after.min(upto);
        for _ in 0..PAGES_WITHOUT_MESSAGES_MAX {
            let page = self.log.visible(user, after, upto, PAGE_ENTRIES).await?;
            let mut entries = page.entries;
            entries.retain(|entry| entry.kind == EntryKind::Message);
            after = page.position.max(after);
            if !entries.is_empty() || !page.more {
                return Ok(Missed {
                    entries,
                    position: after,
                    more: page.more,
                });
            }
        }
        Err(Failure::retry(Code::Unavailable, 1_000))
    }

    /// The last entries that the user may see above a position and that are wanted, at most `most`, in order; and the
    /// place up to which they are all. For clients that are told at connect what they missed lately.
    pub async fn recent(
        &self,
        user: UserId,
        after: Seq,
        most: usize,
        is_wanted: impl Fn(&Entry) -> bool,
    ) -> Result<(Vec<Arc<Entry>>, Seq), Failure> {
        let upto = self.position.durable();
        let floor = after.min(upto);
        let mut found: VecDeque<Arc<Entry>> = VecDeque::new();
        // Backwards in stretches of the log that double, each read forwards.
        let (mut end, mut reach, mut looked_at) = (upto, RECENT_REACH, 0);
        while end > floor && found.len() < most && looked_at < RECENT_LOOKED_AT_MAX {
            let begin = Seq(end.0.saturating_sub(reach)).max(floor);
            let mut stretch: VecDeque<Arc<Entry>> = VecDeque::new();
            let mut position = begin;
            while position < end {
                let page = self.log.visible(user, position, end, PAGE_ENTRIES).await?;
                looked_at += page.entries.len();
                let wanted = page.entries.into_iter().filter(|entry| is_wanted(entry));
                stretch.extend(wanted.map(Arc::new));
                while stretch.len() > most {
                    stretch.pop_front();
                }
                position = page.position.max(position.next());
            }
            stretch.append(&mut found);
            found = stretch;
            end = begin;
            reach *= 2;
        }
        while found.len() > most {
            found.pop_front();
        }
        Ok((found.into(), upto))
    }

    /// Serves a connection from a position until it is live. Ends early only when the connection is over.
    pub async fn catch_up(self, caller: Caller, start: Start) {
        let Caller {
            conn,
            user,
            link,
            speech,
        } = &caller;
        let (conn, user) = (*conn, *user);
        let (mut after, mut announce) = match start {
            Start::From { after, announce } => (after, announce),
            Start::Reset { head } => {
                self.send_reset(conn, speech.as_ref(), head).await;
                (head, false)
            }
        };
        while !link.is_closed() {
            match self.go_live(conn, user, after, announce).await {
                Ok(()) => return,
                Err(Delay::Behind) => match self.send_pages(&caller, after).await {
                    Ok(Some(position)) => {
                        after = position;
                        announce = true;
                    }
                    Ok(None) => {
                        after = self.position.applied();
                        announce = false;
                        self.send_reset(conn, speech.as_ref(), after).await;
                    }
                    Err(error) => pause(&error.to_string()).await,
                },
                Err(Delay::Stale) => {}
                Err(Delay::Pause(why)) => pause(&why).await,
            }
        }
    }

    async fn go_live(
        &self,
        conn: ConnId,
        user: UserId,
        after: Seq,
        announce: bool,
    ) -> Result<(), Delay> {
        let snapshot = self
            .log
            .snapshot(user)
            .await
            .map_err(|error| Delay::Pause(error.to_string()))?;
        let Some(snapshot) = snapshot else {
            return Err(Delay::Pause("the user is gone".to_owned()));
        };
        // What he hides from now on his devices are told.
        let hidden = self.messages.hidden_above(user, after).await;
        let hidden = hidden.map_err(|error| Delay::Pause(error.to_string()))?;
        match self
            .live
            .attach(conn, user, after, snapshot, hidden, announce)
            .await
        {
            Ok(()) => Ok(()),
            Err(NotLive::Behind) => Err(Delay::Behind),
            Err(NotLive::Stale) => Err(Delay::Stale),
            Err(NotLive::Busy) => Err(Delay::Pause("the replica is busy".to_owned())),
        }
    }

    /// Sends pages from the store, each when the client has taken the one before, up to what is durable now.
    /// The new position; `None` when the log no longer holds what follows.
    async fn send_pages(&self, caller: &Caller, mut after: Seq) -> Result<Option<Seq>, StoreError> {
        let Caller {
            conn,
            user,
            link,
            speech,
        } = caller;
        let upto = self.position.durable();
        while after < upto && !link.is_closed() {
            link.drained().await;
            let page = self.log.visible(*user, after, upto, PAGE_ENTRIES).await?;
            if after < page.log.floor || page.log.epoch != self.position.epoch() {
                return Ok(None);
            }
            let entries: Vec<Arc<Entry>> = page.entries.into_iter().map(Arc::new).collect();
            for page in speech.missed(&entries, *user, page.position, true) {
                link.drained().await;
                self.hub.send_page(*conn, page).await;
            }
            debug_assert!(page.position > after, "a page moves the position");
            after = after.next().max(page.position);
        }
        Ok(Some(after))
    }

    async fn send_reset(&self, conn: ConnId, speech: &dyn Speech, head: Seq) {
        let reset = Page {
            frames: speech.reset(head).unwrap_or_default(),
            position: head,
            entries: 0,
        };
        self.hub.send_page(conn, reset).await;
    }
}

enum Delay {
    Behind,
    Stale,
    Pause(String),
}

/// What keeps one connection waiting keeps all of them waiting, and is told by whoever has the store.
async fn pause(why: &str) {
    debug!(why, "a connection waits to catch up");
    tokio::time::sleep(RETRY_PAUSE).await;
}
