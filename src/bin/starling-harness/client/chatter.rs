//! One client as the run sees it: takes orders and keeps a ledger, driven by a task of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::api::Account;
use super::dialect::Dialect;
use super::driver::{Driver, State};
use super::ledger::{Ledger, Room};
use super::pages;
use crate::tally::Tally;

const MEDIA_TEXT: u16 = 1;
/// Orders that wait for a client that is between connections; more and the load skips it.
const ORDERS_MAX: usize = 1_024;
/// What a client is like.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habits {
    pub(crate) stalls: bool,
}

/// One clock for all ledgers of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunClock(pub(crate) Instant);

impl RunClock {
    pub(crate) fn now(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

pub(crate) struct Chatter {
    pub(crate) account: Account,
    ledger: Arc<Mutex<Ledger>>,
    orders: mpsc::Sender<Order>,
    task: JoinHandle<()>,
}

/// What a client is told to do.
pub(super) enum Order {
    Send(Message),
    /// Makes a file of so many bytes and sends it.
    Share {
        cid: String,
        room: Room,
        seed: u64,
        bytes: usize,
    },
    Stall(Duration),
    Cut,
}

impl Chatter {
    /// Begins to connect to the door with this index and goes on by itself.
    pub(crate) fn begin(
        account: &Account,
        doors: &[SocketAddr],
        first: usize,
        habits: Habits,
        clock: RunClock,
        tally: &Arc<Tally>,
    ) -> Chatter {
        let mut ledger = Ledger::new(account.id, &account.name, account.dialect);
        ledger.stalls = habits.stalls;
        let ledger = Arc::new(Mutex::new(ledger));
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let driver = Driver {
            account: account.clone(),
            doors: doors.to_vec(),
            target: first,
            habits,
            clock,
            tally: Arc::clone(tally),
            ledger: Arc::clone(&ledger),
            orders: orders.clone(),
            inbox,
            state: State::default(),
        };
        Chatter {
            account: account.clone(),
            ledger,
            orders,
            task: tokio::spawn(driver.run()),
        }
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a text; `false` when too much waits for this client already.
    pub(crate) fn send(&self, cid: String, room: Room, content: String) -> bool {
        let message = Message {
            cid,
            room,
            media: MEDIA_TEXT,
            content,
            url: None,
        };
        self.orders.try_send(Order::Send(message)).is_ok()
    }

    /// Sends a file of about so many bytes, filled by the seed; `false` as in [`Chatter::send`].
    pub(crate) fn share(&self, cid: String, room: Room, seed: u64, bytes: usize) -> bool {
        let order = Order::Share {
            cid,
            room,
            seed,
            bytes,
        };
        self.orders.try_send(order).is_ok()
    }

    /// Reads nothing for so long.
    pub(crate) fn stall(&self, time: Duration) {
        let _ = self.orders.try_send(Order::Stall(time));
    }

    /// Drops the connection without a word, as a lost network does; the client comes back at the next node.
    pub(crate) fn cut(&self) {
        let _ = self.orders.try_send(Order::Cut);
    }

    /// Writes down what the history of a page shows of this conversation; other clients have none to show.
    pub(crate) async fn look_back(&self, node: SocketAddr, room: Room) -> anyhow::Result<()> {
        if self.account.dialect == Dialect::Ginchat {
            let told = pages::history(node, &self.account, room).await?;
            self.ledger().histories.insert(room, told);
        }
        Ok(())
    }

    /// Ends the client; what it knows is returned.
    pub(crate) fn end(self) -> Ledger {
        self.task.abort();
        std::mem::take(&mut *self.ledger())
    }
}

impl Drop for Chatter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a client says.
pub(super) struct Message {
    pub(super) cid: String,
    pub(super) room: Room,
    pub(super) media: u16,
    pub(super) content: String,
    /// Of a file.
    pub(super) url: Option<String>,
}
