//! The writing of a shard: who has something to write, whose socket is full, who has been silent or slow too long.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{Bye, Shard, Standing};
use crate::hub::frame::{self, CloseCode};
use crate::hub::queue::Written;
use crate::model::ids::ConnId;

/// Sockets written before other tasks of the core get a turn.
const WRITES_AT_ONCE: usize = 256;

impl Shard {
    pub(super) fn mark_dirty(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        if !connection.dirty {
            connection.dirty = true;
            self.dirty.push(connection.conn);
        }
    }

    /// The socket takes bytes again.
    pub(super) fn unblock(&mut self, conn: ConnId) {
        let Some(slot) = self.slot(conn) else { return };
        self.connections[slot].blocked_since = None;
        self.mark_dirty(slot);
    }

    pub(super) fn close_too_slow(&mut self, slot: usize) {
        self.stats.too_slow.fetch_add(1, Ordering::Relaxed);
        let connection = &mut self.connections[slot];
        connection.forget_unsent();
        let conn = connection.conn;
        self.close(
            conn,
            Some(Bye {
                reason: "too_slow",
                reconnect_after_ms: Some(0),
            }),
            CloseCode::TOO_SLOW,
            "too slow",
        );
    }

    pub(super) async fn write_dirty(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for (done, conn) in dirty.drain(..).enumerate() {
            if let Some(slot) = self.slot(conn) {
                self.write(slot);
            }
            if done % WRITES_AT_ONCE == WRITES_AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
        }
        // Nothing became dirty meanwhile: only orders make connections dirty. Keep the room.
        if self.dirty.is_empty() {
            self.dirty = dirty;
        }
    }

    fn write(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        connection.dirty = false;
        if connection.blocked_since.is_some() {
            return;
        }
        let mut bytes = 0;
        let written = connection.queue.write(&connection.stream, &mut bytes);
        self.stats.written_bytes.fetch_add(bytes, Ordering::Relaxed);
        connection
            .link
            .set_queued_bytes(connection.queue.bytes() as u64);
        match written {
            Written::All => {
                connection.link.set_told(connection.told);
                if connection.closing {
                    connection.link.set_closed();
                } else if connection.standing == Standing::FellBehind {
                    connection.standing = Standing::CatchingUp;
                    connection.link.set_behind(connection.position);
                }
            }
            Written::Blocked => {
                connection.blocked_since = Some(Instant::now());
                let (stream, conn) = (Arc::clone(&connection.stream), connection.conn);
                self.writable.push(Box::pin(async move {
                    // An error shows itself at the next write.
                    let _ = stream.writable().await;
                    conn
                }));
            }
            Written::Broken => connection.link.set_closed(),
        }
    }

    pub(super) fn sweep(&mut self) {
        let now = Instant::now();
        let now_ms = u64::try_from((now - self.clock).as_millis()).unwrap_or(u64::MAX);
        let dead_ms = u64::try_from(self.settings.dead.as_millis()).unwrap_or(u64::MAX);
        let ping = frame::ping();
        for slot in self.all_slots() {
            let connection = &mut self.connections[slot];
            let blocked_for = connection
                .blocked_since
                .map_or(Duration::ZERO, |since| now - since);
            if connection.closing && blocked_for > self.settings.slow {
                connection.link.set_closed();
            } else if blocked_for > self.settings.slow {
                self.close_too_slow(slot);
                self.connections[slot].link.set_closed();
            } else if now_ms.saturating_sub(connection.link.heard_ms()) > dead_ms {
                self.stats.silent.fetch_add(1, Ordering::Relaxed);
                connection.link.set_closed();
            } else if connection.expires.is_some_and(|end| end <= now) && !connection.closing {
                let conn = connection.conn;
                let bye = Bye {
                    reason: "expired",
                    reconnect_after_ms: None,
                };
                self.close(conn, Some(bye), CloseCode::UNAUTHORIZED, "session expired");
            } else if now - connection.last_ping >= self.settings.ping && !connection.closing {
                connection.last_ping = now;
                self.push(slot, ping.clone());
            }
        }
    }
}
