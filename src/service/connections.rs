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
use crate::journal::cursor::{Cursor, Step};
use crate::journal::live::Live;
use crate::journal::position::Position;
use crate::journal::replica::NotLive;
use crate::model::entry::{Entry, EntryKind};
use crate::model::error::{Code, Failure};
use crate::model::ids::{ConnId, Seq, UserId};
use crate::store::{LogStore, MessageStore, StoreError};

pub use crate::hub::frame::{self, CloseCode};
pub use crate::hub::link::Link;
pub use crate::hub::speech::{Page, Speech, V1, in_pages};
pub use crate::hub::{Bye, Opening};
pub use crate::journal::cursor::{Resume, Start};

/// Pages that hold no message before a client that asks for messages is told to ask again.
const PAGES_WITHOUT_MESSAGES_MAX: usize = 50;
/// How far back in the log the last entries of a user are looked for first, …
const RECENT_REACH: u64 = 1_000;
/// … and after how many entries looked at no stretch is begun any more.
const RECENT_LOOKED_AT_MAX: usize = 20_000;
/// Pause before the store or a busy replica is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

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

    /// A position above what this node knows to be durable is from a node that is a moment ahead, which the store tells,
    /// or from nowhere.
    async fn at_most_head(&self, after: Seq) -> Result<Seq, StoreError> {
        if after <= self.position.durable() {
            return Ok(after);
        }
        Ok(after.min(self.log.head().await?.head))
    }

    /// Messages the user missed above a position, a page of them, up to what is durable. For clients that ask.
    pub async fn missed_messages(&self, user: UserId, after: Seq) -> Result<Missed, Failure> {
        let upto = self.position.durable();
        let mut after = self.at_most_head(after).await?;
        if after >= upto {
            return Ok(Missed {
                entries: Vec::new(),
                position: after,
                more: false,
            });
        }
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
        let floor = self.at_most_head(after).await?;
        let upto = self.position.durable().max(floor);
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
        let mut cursor = Cursor::new(start);
        while !caller.link.is_closed() {
            let went = match cursor.step() {
                Step::Reset { head } => {
                    self.send_reset(caller.conn, caller.speech.as_ref(), head)
                        .await;
                    cursor.was_reset();
                    Ok(())
                }
                Step::GoLive { after, announce } => {
                    match self.go_live(&caller, after, announce).await {
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
                    let read = self.send_pages(&caller, &mut cursor, after, upto).await;
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
        caller: &Caller,
        after: Seq,
        announce: bool,
    ) -> Result<Result<(), NotLive>, String> {
        // Before the question: what the answer shows above may vanish again and be replaced.
        let durable = self.position.durable();
        let snapshot = self.log.snapshot(caller.user).await;
        let snapshot = snapshot.map_err(|error| error.to_string())?;
        let snapshot = snapshot.ok_or("the user is gone")?.as_of(durable);
        // What he hides from now on his devices are told.
        let hidden = self.messages.hidden_above(caller.user, after).await;
        let hidden = hidden.map_err(|error| error.to_string())?;
        let attached =
            self.live
                .attach(caller.conn, caller.user, after, snapshot, hidden, announce);
        Ok(attached.await)
    }

    /// Sends one range from the store, in pages, each when the client has taken the one before.
    async fn send_pages(
        &self,
        caller: &Caller,
        cursor: &mut Cursor,
        after: Seq,
        upto: Seq,
    ) -> Result<(), StoreError> {
        let Caller {
            conn,
            user,
            link,
            speech,
        } = caller;
        link.drained().await;
        let page = self.log.visible(*user, after, upto, PAGE_ENTRIES).await?;
        let (epoch, applied) = (self.position.epoch(), self.position.applied());
        if cursor.may_show(&page.log, page.position, epoch, applied) {
            let entries: Vec<Arc<Entry>> = page.entries.into_iter().map(Arc::new).collect();
            let entries = link.without_said(*user, entries);
            for page in speech.missed(&entries, *user, page.position, true) {
                link.drained().await;
                self.hub.send_page(*conn, page).await;
            }
        }
        Ok(())
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

/// What keeps one connection waiting keeps all of them waiting, and is told by whoever has the store.
async fn pause(why: &str) {
    debug!(why, "a connection waits to catch up");
    tokio::time::sleep(RETRY_PAUSE).await;
}
