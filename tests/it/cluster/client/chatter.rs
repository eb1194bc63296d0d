//! A client as the API wants it: keeps its position, moves to another node when its own is gone, and repeats what was
//! not acknowledged with the same cid.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::ledger::{Ledger, Room, Sent};
use super::{Account, Heard, Socket};

/// How often the client pings; each pong carries its position.
const PING_EVERY: Duration = Duration::from_millis(250);
/// A node that is silent for so long is taken for dead.
const SILENCE_MAX: Duration = Duration::from_secs(3);
/// Waits before a reconnect, doubled from the first to the last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// A node that leaves may ask for a longer wait than a test has.
const RECONNECT_AFTER_MAX: Duration = Duration::from_millis(500);
/// When to repeat a send that was put off without a hint.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// How a client differs from the usual one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habits {
    /// Bounds what the kernel takes in while the client does not read.
    pub(crate) receive_buffer: Option<u32>,
}

pub(crate) struct Chatter {
    pub(crate) account: Account,
    shared: Arc<Shared>,
    orders: mpsc::UnboundedSender<Order>,
    task: JoinHandle<()>,
}

enum Order {
    Send { cid: String, frame: Value },
    Say(Value),
    Read(bool),
    Cut,
    Leave,
}

struct Shared {
    ledger: Mutex<Ledger>,
    changed: watch::Sender<u64>,
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> T {
        let result = change(&mut self.ledger());
        self.changed.send_modify(|count| *count += 1);
        result
    }
}

impl Chatter {
    /// Connects to the node with this index among `nodes` and waits for the hello.
    pub(crate) async fn connect(account: &Account, nodes: &[SocketAddr], first: usize) -> Chatter {
        Chatter::with_habits(account, nodes, first, Habits::default()).await
    }

    pub(crate) async fn with_habits(
        account: &Account,
        nodes: &[SocketAddr],
        first: usize,
        habits: Habits,
    ) -> Chatter {
        let shared = Arc::new(Shared {
            ledger: Mutex::new(Ledger::new(account.id)),
            changed: watch::Sender::new(0),
        });
        let (orders, inbox) = mpsc::unbounded_channel();
        let driver = Driver {
            account: account.clone(),
            nodes: nodes.to_vec(),
            target: first,
            habits,
            shared: Arc::clone(&shared),
            inbox,
            unacked: BTreeMap::new(),
            next: 0,
            reading: true,
        };
        let chatter = Chatter {
            account: account.clone(),
            shared,
            orders,
            task: tokio::spawn(driver.run()),
        };
        chatter
            .until("the first hello", Duration::from_secs(10), |ledger| {
                ledger.connections > 0
            })
            .await;
        chatter
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.shared.ledger()
    }

    /// Sends a text under a fresh cid, which is returned.
    pub(crate) fn send(&self, room: Room, content: &str) -> String {
        let cid = uuid::Uuid::new_v4().to_string();
        self.send_as(&cid, room, content);
        cid
    }

    /// Sends a text under this cid.
    pub(crate) fn send_as(&self, cid: &str, room: Room, content: &str) {
        let sent = Sent {
            room,
            content: content.to_owned(),
            at: Instant::now(),
        };
        self.shared.write(|ledger| {
            ledger.sent.entry(cid.to_owned()).or_insert(sent);
        });
        let frame = json!({
            "type": "send", "cid": cid, "to": room.conv_for(self.account.id),
            "media": 1, "content": content,
        });
        self.order(Order::Send {
            cid: cid.to_owned(),
            frame,
        });
    }

    /// Sends any other frame once.
    pub(crate) fn say(&self, frame: Value) {
        self.order(Order::Say(frame));
    }

    /// Stops or resumes reading from the socket.
    pub(crate) fn read(&self, reading: bool) {
        self.order(Order::Read(reading));
    }

    /// Drops the connection without a word, as a lost network does; the client comes back at the next node.
    pub(crate) fn cut(&self) {
        self.order(Order::Cut);
    }

    /// Waits until the ledger shows it; fails the test with `what` and the latest events otherwise.
    pub(crate) async fn until(
        &self,
        what: &str,
        deadline: Duration,
        holds: impl Fn(&Ledger) -> bool,
    ) {
        let mut changed = self.shared.changed.subscribe();
        let wait = async {
            while !holds(&self.ledger()) {
                if changed.changed().await.is_err() {
                    break;
                }
            }
        };
        if tokio::time::timeout(deadline, wait).await.is_err() {
            let ledger = self.ledger();
            let events: Vec<String> = ledger
                .events
                .iter()
                .rev()
                .take(12)
                .map(ToString::to_string)
                .collect();
            panic!(
                "{} ({}): not within {deadline:?}: {what}; at position {:?}, {} of {} sends answered; latest first:\n  {}",
                self.account.name,
                self.account.id,
                ledger.position,
                ledger.acks.len() + ledger.refused.len(),
                ledger.sent.len(),
                events.join("\n  ")
            );
        }
    }

    /// Closes the connection and ends the client; its ledger stays.
    pub(crate) async fn leave(&mut self) {
        self.order(Order::Leave);
        let _ = (&mut self.task).await;
    }

    fn order(&self, order: Order) {
        // A client that was shown the door keeps its ledger and does nothing more.
        let _ = self.orders.send(order);
    }
}

impl Drop for Chatter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A send that waits for its ack.
struct Unacked {
    cid: String,
    frame: Value,
    /// When to send it; absent while it is under way on this connection.
    due: Option<Instant>,
}

/// Why a connection ended.
enum End {
    /// Try again after this long, at the next node.
    Reconnect(Duration),
    Over,
}

struct Driver {
    account: Account,
    nodes: Vec<SocketAddr>,
    target: usize,
    habits: Habits,
    shared: Arc<Shared>,
    inbox: mpsc::UnboundedReceiver<Order>,
    /// By order of sending.
    unacked: BTreeMap<u64, Unacked>,
    next: u64,
    reading: bool,
}

impl Driver {
    async fn run(mut self) {
        let mut backoff = BACKOFF.0;
        loop {
            let before = self.shared.ledger().connections;
            match self.connection().await {
                End::Over => return,
                End::Reconnect(after) => {
                    if self.shared.ledger().connections > before {
                        backoff = BACKOFF.0;
                    }
                    tokio::time::sleep(after.max(backoff)).await;
                    backoff = (backoff * 2).min(BACKOFF.1);
                    self.target += 1;
                }
            }
        }
    }

    async fn connection(&mut self) -> End {
        let node = self.nodes[self.target % self.nodes.len()];
        let opened = Socket::open(node, &[], self.habits.receive_buffer).await;
        let Ok(mut socket) = opened else {
            return End::Reconnect(Duration::ZERO);
        };
        let auth = {
            let ledger = self.shared.ledger();
            match (ledger.position, &ledger.epoch) {
                (Some(after), Some(epoch)) => json!({
                    "type": "auth", "token": self.account.token, "after": after, "epoch": epoch,
                }),
                _ => json!({"type": "auth", "token": self.account.token}),
            }
        };
        socket.say(&auth).await;
        let first = tokio::time::timeout(SILENCE_MAX, socket.hear()).await;
        match first {
            Ok(Heard::Frame(hello)) if hello["type"] == "hello" => {
                self.shared.write(|ledger| ledger.hello(node, &hello));
            }
            Ok(Heard::Frame(error)) if error["code"] == "unauthorized" => return End::Over,
            _ => return End::Reconnect(Duration::ZERO),
        }
        let now = Instant::now();
        for unacked in self.unacked.values_mut() {
            unacked.due = Some(now);
        }
        self.talk(&mut socket).await
    }

    async fn talk(&mut self, socket: &mut Socket) -> End {
        let mut heard_at = Instant::now();
        let mut reconnect_after = Duration::ZERO;
        let mut pings = tokio::time::interval(PING_EVERY);
        let mut ping = 0;
        loop {
            if self.send_due(socket).await.is_err() {
                return self.ended("the connection broke while sending", Duration::ZERO);
            }
            let due = self
                .unacked
                .values()
                .filter_map(|unacked| unacked.due)
                .min();
            let due = due.unwrap_or_else(|| Instant::now() + PING_EVERY);
            tokio::select! {
                heard = socket.hear(), if self.reading => match heard {
                    Heard::Frame(frame) => {
                        heard_at = Instant::now();
                        if let Some(after) = frame["reconnect_after_ms"].as_u64() {
                            reconnect_after = Duration::from_millis(after).min(RECONNECT_AFTER_MAX);
                        }
                        self.take(&frame);
                    }
                    Heard::Closed(code) => {
                        self.shared.write(|ledger| ledger.closes.push(code));
                        let end = self.ended(&format!("closed with {code}"), reconnect_after);
                        return if code == 4003 { End::Over } else { end };
                    }
                    Heard::Broken => return self.ended("the connection broke", reconnect_after),
                },
                order = self.inbox.recv() => match order {
                    Some(Order::Send { cid, frame }) => {
                        let due = Some(Instant::now());
                        self.unacked.insert(self.next, Unacked { cid, frame, due });
                        self.next += 1;
                    }
                    Some(Order::Say(frame)) => socket.say(&frame).await,
                    Some(Order::Read(reading)) => {
                        self.reading = reading;
                        heard_at = Instant::now();
                    }
                    Some(Order::Cut) => return self.ended("cut", Duration::ZERO),
                    Some(Order::Leave) | None => return End::Over,
                },
                _ = pings.tick(), if self.reading => {
                    if heard_at.elapsed() > SILENCE_MAX {
                        return self.ended("the node is silent", Duration::ZERO);
                    }
                    ping += 1;
                    socket.say(&json!({"type": "ping", "n": ping})).await;
                }
                () = tokio::time::sleep_until(due) => {}
            }
        }
    }

    fn ended(&self, why: &str, reconnect_after: Duration) -> End {
        self.shared
            .write(|ledger| ledger.note(why.to_owned(), None));
        End::Reconnect(reconnect_after)
    }

    async fn send_due(&mut self, socket: &mut Socket) -> Result<(), ()> {
        let now = Instant::now();
        for unacked in self.unacked.values_mut() {
            if unacked.due.is_some_and(|due| due <= now) {
                unacked.due = None;
                socket.try_say(&unacked.frame).await.map_err(|_| ())?;
            }
        }
        Ok(())
    }

    fn take(&mut self, frame: &Value) {
        match frame["type"].as_str().unwrap_or_default() {
            "ack" => {
                self.forget(frame);
                self.shared.write(|ledger| ledger.take(frame));
            }
            "error" => self.refused(frame),
            _ => self.shared.write(|ledger| ledger.take(frame)),
        }
    }

    fn refused(&mut self, frame: &Value) {
        let code = frame["code"].as_str().unwrap_or_default().to_owned();
        let cid = frame["cid"].as_str().unwrap_or_default().to_owned();
        if code == "unavailable" || code == "rate_limited" {
            let hint = frame["retry_after_ms"].as_u64().map(Duration::from_millis);
            let due = Instant::now() + hint.unwrap_or(RETRY_AFTER).max(RETRY_AFTER);
            for unacked in self.unacked.values_mut().filter(|u| u.cid == cid) {
                unacked.due = Some(due);
            }
            return self.shared.write(|ledger| {
                ledger.put_off += 1;
                ledger.note(format!("put off: {frame}"), None);
            });
        }
        self.forget(frame);
        self.shared.write(|ledger| {
            ledger.note(format!("refused: {frame}"), None);
            ledger.refused.insert(cid, code);
        });
    }

    fn forget(&mut self, frame: &Value) {
        let cid = frame["cid"].as_str().unwrap_or_default();
        self.unacked.retain(|_, unacked| unacked.cid != cid);
    }
}
