//! Acks that wait until their connection has been told of everything before them in the log.

use bytes::Bytes;

use super::{Shard, Standing};
use crate::model::ids::{ConnId, Seq};

impl Shard {
    pub(super) fn ack(&mut self, conn: ConnId, frame: Bytes, seq: Seq) {
        let Some(slot) = self.slot(conn) else { return };
        self.connections[slot].held_acks.push((seq, frame));
        self.release_acks(slot);
    }

    /// Queues the acks of what the connection has been told of everything before.
    pub(super) fn release_acks(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        if connection.held_acks.is_empty() {
            return;
        }
        let told = if connection.standing == Standing::Live {
            self.applied.max(connection.position)
        } else {
            connection.position
        };
        let held = std::mem::take(&mut connection.held_acks);
        let (due, held): (Vec<_>, Vec<_>) = held.into_iter().partition(|(seq, _)| *seq <= told);
        connection.held_acks = held;
        let conn = connection.conn;
        for (_, frame) in due {
            self.push_control(conn, frame);
        }
    }
}
