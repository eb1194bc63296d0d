//! How connections of a shard end, and how they fall behind all at once.

use std::time::Duration;

use tokio::sync::oneshot;

use super::{Bye, Shard, Standing};
use crate::hub::frame::{self, CloseCode};
use crate::model::ids::{ConnId, Seq, SessionId};

impl Shard {
    pub(super) fn end_sessions(&mut self, sessions: &[SessionId]) {
        for slot in self.all_slots() {
            let connection = &self.connections[slot];
            if sessions.contains(&connection.session) {
                let bye = Bye {
                    reason: "revoked",
                    reconnect_after_ms: None,
                };
                self.close(
                    connection.conn,
                    Some(bye),
                    CloseCode::UNAUTHORIZED,
                    "session revoked",
                );
            }
        }
    }

    pub(super) fn all_behind(&mut self, position: Seq) {
        for slot in self.all_slots() {
            let connection = &mut self.connections[slot];
            if connection.standing == Standing::Live {
                connection.standing = Standing::FellBehind;
                connection.position = connection.position.max(position);
                self.mark_dirty(slot);
            }
        }
    }

    pub(super) fn reset(&mut self, head: Seq) {
        self.applied = head;
        for slot in self.all_slots() {
            let connection = &mut self.connections[slot];
            let conn = connection.conn;
            connection.forget_unsent();
            connection.held_acks.clear();
            if let Some(reset) = connection.speech.reset(head) {
                self.push(slot, reset);
            }
            self.close(
                conn,
                Some(Bye {
                    reason: "reset",
                    reconnect_after_ms: Some(0),
                }),
                CloseCode::LEAVING,
                "the log was reset",
            );
        }
    }

    pub(super) fn end_telling(&mut self, only: Option<ConnId>, done: oneshot::Sender<()>) {
        let slots = match only {
            Some(conn) => self.slot(conn).into_iter().collect(),
            None => self.all_slots(),
        };
        for slot in slots {
            let connection = &mut self.connections[slot];
            if connection.link.is_place_kept() {
                connection.standing = Standing::Ended;
            }
        }
        self.ended.push(done);
    }

    pub(super) fn drain(&mut self, grace: Duration) {
        let slots = self.all_slots();
        let count = u32::try_from(slots.len().max(1)).unwrap_or(u32::MAX);
        for (at, slot) in (0u32..).zip(slots) {
            let conn = self.connections[slot].conn;
            let wait = grace / count * at;
            let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            let bye = Bye {
                reason: "leaving",
                reconnect_after_ms: Some(millis),
            };
            self.close(conn, Some(bye), CloseCode::LEAVING, "node is leaving");
        }
    }

    pub(super) fn close(
        &mut self,
        conn: ConnId,
        bye: Option<Bye>,
        code: CloseCode,
        reason: &'static str,
    ) {
        let Some(slot) = self.slot(conn) else { return };
        let bye = bye.and_then(
            |Bye {
                 reason,
                 reconnect_after_ms,
             }| {
                let speech = &self.connections[slot].speech;
                speech.bye(reason, reconnect_after_ms)
            },
        );
        if let Some(bye) = bye {
            self.push(slot, bye);
        }
        self.push(slot, frame::close(code, reason));
        self.connections[slot].closing = true;
    }
}
