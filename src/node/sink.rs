//! Where the cluster driver's words go: entries to the replica, signals and beats to presence and clients.
//!
//! Translates between the bus's bytes and the model, and decides nothing. Lives in the driver's task.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tracing::error;

use super::dispatch::HubDispatch;
use super::signals::SignalDesk;
use crate::cluster::core::{BeatInfo, Item};
use crate::cluster::driver::Sink;
use crate::hub::registry::Registry;
use crate::journal::committer::Committed;
use crate::journal::live::Command;
use crate::journal::position::Position;
use crate::journal::replica::Replica;
use crate::model::conversation::Conv;
use crate::model::entry::{Entry, EntryKind, UnixMillis};
use crate::model::ids::{Cid, ConnId, Incarnation, Seq, UserId};
use crate::model::signal::Signal;
use crate::presence::Presence;
use crate::store::LogHead;

/// The node behind the driver.
pub struct NodeSink {
    replica: Replica<HubDispatch>,
    position: Position,
    /// Own entries on their way through the driver: taken back as they are, not decoded again.
    own: BTreeMap<Seq, (Arc<Entry>, Option<ConnId>)>,
    presence: Presence,
    registry: Registry,
    desk: SignalDesk,
    now: fn() -> UnixMillis,
}

impl NodeSink {
    #[must_use]
    pub fn new(
        replica: Replica<HubDispatch>,
        position: Position,
        presence: Presence,
        registry: Registry,
        desk: SignalDesk,
        now: fn() -> UnixMillis,
    ) -> NodeSink {
        NodeSink {
            replica,
            position,
            own: BTreeMap::new(),
            presence,
            registry,
            desk,
            now,
        }
    }

    fn deal_with(&self, signal: &Signal, from: Option<Incarnation>) {
        if let (Signal::Presence { user, online, at }, Some(peer)) = (signal, from) {
            self.presence.set_remote(peer, *user, *online, *at);
        }
        match from {
            Some(_) => self.desk.hear(signal),
            None => self.desk.tell(signal),
        }
    }
}

impl Sink for NodeSink {
    type Committed = Committed;
    type Command = Command;

    fn committed(&mut self, batch: Vec<Committed>) -> Vec<Item> {
        let mut items = Vec::with_capacity(batch.len());
        let epoch = self.position.epoch();
        for Committed {
            epoch: appended_to,
            entry,
            origin,
        } in batch
        {
            if appended_to != epoch {
                // The log was replaced meanwhile; what is in the new one comes from the store.
                continue;
            }
            let payload = entry.encode();
            // From here on the body lives in the payload, which the bus keeps for repairs anyway.
            let body = payload.slice(payload.len() - entry.body.len()..);
            let seq = entry.seq;
            let entry = Entry {
                body,
                ..Arc::unwrap_or_clone(entry)
            };
            self.own.insert(seq, (Arc::new(entry), origin));
            items.push(Item { seq, payload });
        }
        items
    }

    fn deliver(&mut self, items: Vec<Item>) {
        for item in items {
            let (entry, origin) = match self.own.remove(&item.seq) {
                Some(own) => own,
                None => (Arc::new(decode(&item)), None),
            };
            self.replica.apply(entry, origin);
        }
        // What was passed over (delivered from elsewhere before it came back from the store) is not kept.
        self.own = self.own.split_off(&self.replica.applied().next());
    }

    fn withdrawn(&mut self) -> Vec<Seq> {
        self.replica.take_withdrawn()
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Attach(attach) => self.replica.attach(attach),
            Command::Detach(conn) => self.replica.detach(conn),
        }
    }

    fn own_signal(&mut self, signal: Signal) -> Option<Bytes> {
        self.deal_with(&signal, None);
        postcard::to_stdvec(&signal).ok().map(Bytes::from)
    }

    fn signal(&mut self, from: Incarnation, bytes: Bytes) {
        // A newer node may send what this one does not know.
        if let Ok(signal) = postcard::from_bytes::<Signal>(&bytes) {
            self.deal_with(&signal, Some(from));
        }
    }

    fn beat(&mut self, from: Incarnation, info: &BeatInfo) {
        self.presence.heal(from, &info.digest, (self.now)());
    }

    fn peer_down(&mut self, peer: Incarnation) {
        self.presence.forget_peer(peer, (self.now)());
    }

    fn beat_info(&mut self) -> BeatInfo {
        BeatInfo {
            connections: u32::try_from(self.registry.connections()).unwrap_or(u32::MAX),
            users: u32::try_from(self.presence.local_users()).unwrap_or(u32::MAX),
            load: 0,
            digest: self.presence.next_digest(),
        }
    }

    fn last_applied(&self) -> Option<(Seq, UserId, Cid)> {
        self.replica
            .last_entry()
            .map(|entry| (entry.seq, entry.from, entry.cid.clone()))
    }

    fn restart(&mut self, log: LogHead) {
        self.own.clear();
        self.replica.restart(log);
    }
}

/// The bus and the store were asked for encoded entries only; should one slip through all the same, its place
/// is kept by an entry that is shown to nobody.
fn decode(item: &Item) -> Entry {
    Entry::decode(item.seq, &item.payload).unwrap_or_else(|invalid| {
        error!(seq = item.seq.0, error = %invalid, "an entry cannot be read and is shown to nobody");
        Entry {
            seq: item.seq,
            conv: Conv::Notices,
            from: UserId::SYSTEM,
            at: 0,
            kind: EntryKind::Unknown(0),
            cid: Cid::unreadable(),
            body: Bytes::from_static(b"{}"),
        }
    })
}
