//! Everything the core counts, by name.
//!
//! Responsible for the numbers and their names in a stable order. Deliberately without any metrics library. Written by
//! the core, read by the shell through `Core::counters` and `Core::status`.

use super::status::DropReason;

macro_rules! counters {
    ($($(#[doc = $help:literal])+ $name:ident,)+) => {
        /// Monotonic counters of one core. The field's name is the metric's name.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[doc = $help])+ pub $name: u64,)+
        }

        impl Counters {
            /// Name, help and value of every counter, always in this order.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($name), concat!($($help),+).trim_start(), self.$name)),+].into_iter()
            }
        }
    };
}

counters! {
    /// Datagrams handed to the core.
    datagrams_in,
    /// Bytes of datagrams handed to the core.
    bytes_in,
    /// Datagrams the core asked to send, each copy to a unicast target counted.
    datagrams_out,
    /// Bytes of datagrams the core asked to send.
    bytes_out,
    /// Dropped: this node has no key.
    dropped_keyless,
    /// Dropped: too short or too long to be a datagram of this protocol.
    dropped_length,
    /// Dropped: not this protocol.
    dropped_magic,
    /// Dropped: a version of the protocol this node does not read.
    dropped_version,
    /// Dropped: another cluster, or a key this node does not have.
    dropped_other_cluster,
    /// Dropped: the tag is ours but the key id is not.
    dropped_unknown_key,
    /// Dropped: the seal is broken (forged, damaged, or sealed with another key).
    dropped_forged,
    /// Dropped: the packet number was seen before or is too old (a duplicate or a replay).
    dropped_replayed,
    /// Dropped: our own datagram came back.
    dropped_own,
    /// Dropped: the sender is not alive in our registry.
    dropped_unknown_sender,
    /// Dropped: there are too many peers already.
    dropped_too_many_peers,
    /// Dropped: an authenticated datagram whose frames make no sense (rest of the datagram).
    dropped_malformed,
    /// Frames of a kind this version does not know, skipped.
    frames_unknown,
    /// Heads and entries ignored because they belong to another log.
    ignored_other_epoch,
    /// Entries from the bus that were not needed any more.
    entries_duplicate,
    /// Entries from the bus whose payload was refused.
    entries_refused,
    /// Entries dropped from the reorder buffer because it was full.
    entries_overflowed,
    /// Entries delivered.
    entries_delivered,
    /// Entries delivered that came from an own append.
    entries_delivered_own,
    /// Entries delivered that came from the bus.
    entries_delivered_bus,
    /// Entries delivered that came from the store.
    entries_delivered_store,
    /// Own entries that were known already when their append returned.
    committed_known,
    /// Holes noticed.
    holes_seen,
    /// Missing entries that came from the bus.
    holes_repaired_bus,
    /// Missing entries that came from the store.
    holes_repaired_store,
    /// Sum of the microseconds missing entries were missing.
    hole_repair_micros,
    /// NACKs sent.
    nacks_out,
    /// NACKs heard.
    nacks_in,
    /// Repair datagrams sent.
    repairs_out,
    /// Entries not repaired because the same repair was on its way.
    repairs_guarded,
    /// Entries not repaired because of the repair budget.
    repairs_refused,
    /// Own entries that were announced instead of sent (too large, or the sending queue was full).
    entries_announced,
    /// Times the sending queue was full.
    send_queue_overflows,
    /// Beats sent.
    beats_out,
    /// Tail beats sent.
    tail_beats_out,
    /// Signals sent.
    signals_out,
    /// Signals heard.
    signals_in,
    /// Signals dropped here (too large, too many).
    signals_dropped,
    /// Reads of the store's head.
    store_polls,
    /// Range reads of the store.
    store_fetches,
    /// Confirmations asked of the store.
    store_confirms,
    /// Reads, range reads and confirmations that failed.
    store_failures,
    /// Range reads with a gap above the floor: an error of the store.
    store_gaps,
    /// Entries the store showed and then did not have any more (never applied).
    store_rows_vanished,
    /// Registry reads.
    registry_reads,
    /// Registry reads that failed.
    registry_failures,
    /// Peers that came up.
    peers_up,
    /// Peers that went down.
    peers_down,
    /// Times our own loop was late.
    loop_late,
    /// Datagrams the kernel dropped, as told by the shell.
    kernel_drops,
}

impl Counters {
    /// The counter of a drop class.
    pub(super) fn drop_class(&mut self, reason: DropReason) -> &mut u64 {
        match reason {
            DropReason::Keyless => &mut self.dropped_keyless,
            DropReason::Length => &mut self.dropped_length,
            DropReason::Magic => &mut self.dropped_magic,
            DropReason::Version => &mut self.dropped_version,
            DropReason::OtherCluster => &mut self.dropped_other_cluster,
            DropReason::UnknownKey => &mut self.dropped_unknown_key,
            DropReason::Forged => &mut self.dropped_forged,
            DropReason::Replayed => &mut self.dropped_replayed,
            DropReason::Own => &mut self.dropped_own,
            DropReason::UnknownSender => &mut self.dropped_unknown_sender,
            DropReason::TooManyPeers => &mut self.dropped_too_many_peers,
            DropReason::Malformed => &mut self.dropped_malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_listed_by_name_in_a_stable_order() {
        let counters = Counters {
            datagrams_in: 3,
            kernel_drops: 9,
            ..Counters::default()
        };
        let all: Vec<_> = counters.iter().collect();
        assert_eq!(
            all.first(),
            Some(&("datagrams_in", "Datagrams handed to the core.", 3))
        );
        assert_eq!(
            all.last().map(|last| (last.0, last.2)),
            Some(("kernel_drops", 9))
        );
    }
}
