//! Drives one client: connects, reconnects elsewhere, repeats unacknowledged sends, stalls or is cut when told to.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::api::Account;
use super::chatter::{Habits, Message, Order, RunClock};
use super::dialect::send_frame;
use super::ledger::{Fetch, Ledger, Room, Sent, digest_of};
use super::socket::{Heard, Socket};
use super::{files, tongue};
use crate::tally::Tally;

/// How often the client pings; each pong carries its position.
const PING_EVERY: Duration = Duration::from_millis(500);
/// A node that is silent for so long is taken for dead.
const SILENCE_MAX: Duration = Duration::from_secs(3);
/// Waits before a reconnect, doubled from the first to the last.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// A node that leaves may ask for a longer wait than a run has.
const RECONNECT_AFTER_MAX: Duration = Duration::from_millis(500);
/// When to repeat a send that was put off without a hint, or that nobody answered.
const RETRY_AFTER: Duration = Duration::from_millis(200);
const UNANSWERED_AFTER: Duration = Duration::from_secs(5);
/// What the kernel takes in for a client that will stall: small, so that the node feels it.
const STALLED_BUFFER: u32 = 8 * 1024;

/// A send that waits for its ack.
struct Unacked {
    cid: String,
    frame: Value,
    due: Instant,
}

/// Why a connection ended.
enum End {
    /// Try again after this long, at the next door.
    Reconnect(Duration),
    Over,
}

/// See the module.
pub(super) struct Driver {
    pub(super) account: Account,
    pub(super) doors: Vec<SocketAddr>,
    pub(super) target: usize,
    pub(super) habits: Habits,
    pub(super) clock: RunClock,
    pub(super) tally: Arc<Tally>,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    /// For what is to be sent once a file is there.
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) inbox: mpsc::Receiver<Order>,
    pub(super) state: State,
}

/// What a client is about.
#[derive(Default)]
pub(super) struct State {
    /// Files on their way; they end with the client.
    errands: JoinSet<()>,
    /// By order of sending.
    unacked: BTreeMap<u64, Unacked>,
    next: u64,
    stalled_until: Option<Instant>,
}

impl Driver {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn run(mut self) {
        let mut backoff = BACKOFF.0;
        loop {
            let before = self.ledger().sessions.len();
            match self.connection().await {
                End::Over => return,
                End::Reconnect(after) => {
                    if self.ledger().sessions.len() > before {
                        self.tally.disconnected();
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
        let door = self.doors[self.target % self.doors.len()];
        let buffer = self.habits.stalls.then_some(STALLED_BUFFER);
        let tongue = tongue::of(&self.account);
        let Ok(mut socket) = Socket::open(door, tongue, buffer).await else {
            return End::Reconnect(Duration::ZERO);
        };
        let auth = {
            let ledger = self.ledger();
            if ledger.began.is_some() {
                json!({"type": "auth", "token": self.account.token, "after": ledger.position, "epoch": ledger.epoch})
            } else {
                json!({"type": "auth", "token": self.account.token})
            }
        };
        if socket.say(&auth).await.is_err() {
            return End::Reconnect(Duration::ZERO);
        }
        match tokio::time::timeout(SILENCE_MAX, socket.hear()).await {
            Ok(Heard::Frame(mut hello)) if hello["type"] == "hello" => {
                if hello["node"].is_null() {
                    hello["node"] = json!({"name": door.to_string()});
                }
                self.ledger().hello(self.clock.now(), &hello);
                self.tally.connected();
            }
            Ok(Heard::Frame(error)) if error["code"] == "unauthorized" => {
                let now = self.clock.now();
                self.ledger()
                    .breach(now, format!("a good token was refused: {error}"));
                return End::Over;
            }
            _ => return End::Reconnect(Duration::ZERO),
        }
        let now = Instant::now();
        for unacked in self.state.unacked.values_mut() {
            unacked.due = now;
        }
        self.talk(&mut socket).await
    }

    async fn talk(&mut self, socket: &mut Socket) -> End {
        let mut heard_at = Instant::now();
        let mut reconnect_after = Duration::ZERO;
        let mut pings = tokio::time::interval(PING_EVERY);
        let mut ping = 0_u64;
        loop {
            if self.send_due(socket).await.is_err() {
                return self.ended("the connection broke while sending", reconnect_after);
            }
            let due = self.state.unacked.values().map(|unacked| unacked.due).min();
            let due = due.unwrap_or_else(|| Instant::now() + PING_EVERY);
            if self
                .state
                .stalled_until
                .is_some_and(|until| until <= Instant::now())
            {
                self.state.stalled_until = None;
                heard_at = Instant::now();
            }
            let reads = self.state.stalled_until.is_none();
            tokio::select! {
                heard = socket.hear(), if reads => match heard {
                    Heard::Frame(frame) => {
                        heard_at = Instant::now();
                        if let Some(after) = frame["reconnect_after_ms"].as_u64() {
                            reconnect_after = Duration::from_millis(after).min(RECONNECT_AFTER_MAX);
                        }
                        self.take(&frame);
                    }
                    Heard::Alive => heard_at = Instant::now(),
                    Heard::Garbled(what) => {
                        let now = self.clock.now();
                        self.ledger().breach(now, format!("a frame the protocol does not have: {what}"));
                    }
                    Heard::Closed(4003) => {
                        let _ = self.ended("closed with 4003", Duration::ZERO);
                        return End::Over;
                    }
                    Heard::Closed(code) => return self.ended(&format!("closed with {code}"), reconnect_after),
                    Heard::Broken => return self.ended("the connection broke", reconnect_after),
                },
                order = self.inbox.recv() => match order {
                    Some(Order::Send(message)) => self.accept(message),
                    Some(Order::Share { cid, room, seed, bytes }) => self.share(cid, room, seed, bytes),
                    Some(Order::Stall(time)) => self.state.stalled_until = Some(Instant::now() + time),
                    Some(Order::Cut) => return self.ended("cut", Duration::ZERO),
                    None => return End::Over,
                },
                _ = pings.tick(), if reads => {
                    if heard_at.elapsed() > SILENCE_MAX {
                        return self.silent(heard_at);
                    }
                    ping += 1;
                    if socket.say(&json!({"type": "ping", "n": ping})).await.is_err() {
                        return self.ended("the connection broke while pinging", reconnect_after);
                    }
                }
                () = tokio::time::sleep_until(due.min(self.state.stalled_until.unwrap_or(due))) => {}
            }
        }
    }

    /// From here on the message counts: it must be answered and, once acknowledged, never be lost.
    fn accept(&mut self, message: Message) {
        let now = self.clock.now();
        let Message {
            cid,
            room,
            media,
            content,
            url,
        } = message;
        let me = self.account.id;
        let frame = send_frame(&cid, room, me, media, &content, url.as_deref(), now);
        let cid = self.account.dialect.cid_of(&frame);
        {
            let mut ledger = self.ledger();
            if url.is_some() {
                ledger.uploading -= 1;
            }
            let sent = Sent {
                room,
                digest: digest_of(&content),
                at: now,
                last_at: now,
                attempts: 0,
                session: ledger.sessions.len().saturating_sub(1),
            };
            ledger.sent.insert(cid.clone(), sent);
        }
        self.tally.sent();
        self.state.unacked.insert(
            self.state.next,
            Unacked {
                cid,
                frame,
                due: Instant::now(),
            },
        );
        self.state.next += 1;
    }

    /// Gives the file to the node of this connection; the message is sent when it is there.
    fn share(&mut self, cid: String, room: Room, seed: u64, bytes: usize) {
        self.ledger().uploading += 1;
        let (account, doors, first) = (self.account.clone(), self.doors.clone(), self.target);
        let (orders, ledger) = (self.orders.clone(), Arc::clone(&self.ledger));
        self.state.errands.spawn(async move {
            let made = files::make(account.dialect, seed, bytes);
            let uploaded = files::upload(&account, &doors, first, &made).await;
            ledger
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .uploads
                .insert(uploaded.url.clone(), uploaded.sha256);
            let message = Message {
                cid,
                room,
                media: uploaded.media,
                content: uploaded.content,
                url: Some(uploaded.url),
            };
            // The client is gone, and so is its run.
            let _ = orders.send(Order::Send(message)).await;
        });
    }

    /// Fetches the file that an entry names, from the node of this connection.
    fn fetch(&mut self, entry: &Value) {
        let Some(url) = entry["url"].as_str() else {
            return;
        };
        let seq = entry["seq"].as_u64().unwrap_or_default();
        let fetch = Fetch {
            at: self.clock.now(),
            room: Room::of(entry["conv"].as_str().unwrap_or_default(), self.account.id),
            url: url.to_owned(),
            got: None,
        };
        // A page may be told an entry again, which fetches nothing again.
        match self.ledger().fetches.entry(seq) {
            MapEntry::Occupied(_) => return,
            MapEntry::Vacant(place) => place.insert(fetch),
        };
        let (account, doors, first) = (self.account.clone(), self.doors.clone(), self.target);
        let (ledger, url) = (Arc::clone(&self.ledger), url.to_owned());
        self.state.errands.spawn(async move {
            let got = files::fetch(&account, &doors, first, &url).await;
            let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(fetch) = ledger.fetches.get_mut(&seq) {
                fetch.got = Some(got);
            }
        });
    }

    fn ended(&self, why: &str, reconnect_after: Duration) -> End {
        let now = self.clock.now();
        self.ledger().ended(now, why);
        End::Reconnect(reconnect_after)
    }

    /// The connection was of no use since the last word.
    fn silent(&self, heard_at: Instant) -> End {
        let last_word = self.clock.now() - heard_at.elapsed().as_secs_f64();
        self.ledger()
            .ended(last_word, "last word of a node that fell silent");
        End::Reconnect(Duration::ZERO)
    }

    async fn send_due(&mut self, socket: &mut Socket) -> Result<(), ()> {
        let now = Instant::now();
        for unacked in self.state.unacked.values_mut() {
            if unacked.due > now {
                continue;
            }
            unacked.due = now + UNANSWERED_AFTER;
            let at = self.clock.now();
            if let Some(sent) = self
                .ledger
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .sent
                .get_mut(&unacked.cid)
            {
                sent.last_at = at;
                sent.attempts += 1;
            }
            // A node that takes nothing must not hold the client for ever.
            let saying = tokio::time::timeout(SILENCE_MAX, socket.say(&unacked.frame));
            saying.await.map_err(|_| ())?.map_err(|_| ())?;
        }
        // A page says everything once, and hears no acks.
        if self.account.dialect.is_page() {
            self.state.unacked.clear();
        }
        Ok(())
    }

    fn take(&mut self, frame: &Value) {
        let now = self.clock.now();
        match frame["type"].as_str().unwrap_or_default() {
            "ack" => {
                self.forget(frame);
                self.tally.acked();
            }
            "error" => return self.refused(frame),
            "entry" => {
                self.tally.received(1);
                self.fetch(frame);
            }
            "sync" => {
                let entries = frame["entries"].as_array().map(Vec::as_slice);
                let entries = entries.unwrap_or_default();
                self.tally.received(entries.len());
                entries.iter().for_each(|entry| self.fetch(entry));
            }
            _ => {}
        }
        self.ledger().take(now, frame);
    }

    fn refused(&mut self, frame: &Value) {
        let now = self.clock.now();
        if self.account.dialect.is_page() {
            let mut ledger = self.ledger();
            let session = ledger.sessions.len().saturating_sub(1);
            ledger.turned_away.push((now, session));
            return;
        }
        let code = frame["code"].as_str().unwrap_or_default().to_owned();
        let cid = frame["cid"].as_str().unwrap_or_default().to_owned();
        if code == "unavailable" || code == "rate_limited" {
            let hint = frame["retry_after_ms"].as_u64().map(Duration::from_millis);
            let due = Instant::now() + hint.unwrap_or(RETRY_AFTER).max(RETRY_AFTER);
            for unacked in self.state.unacked.values_mut().filter(|u| u.cid == cid) {
                unacked.due = due;
            }
            self.ledger().put_off += 1;
            return;
        }
        self.forget(frame);
        if cid.is_empty() {
            return self.ledger().breach(
                now,
                format!("an error about nothing that was sent: {frame}"),
            );
        }
        self.ledger().refused.insert(cid, (code, now));
    }

    fn forget(&mut self, frame: &Value) {
        let cid = frame["cid"].as_str().unwrap_or_default();
        self.state.unacked.retain(|_, unacked| unacked.cid != cid);
    }
}
