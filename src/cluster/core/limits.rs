//! Every timer and bound of the bus, in one table with the reason beside each.
//!
//! Responsible for the numbers and their defaults. Deliberately without logic. Read by every part of the core;
//! a deployment may change them through its configuration, the simulation shrinks some of them.

use std::time::Duration;

/// The timers and bounds of the bus. Counts are entries or datagrams as named, sizes are bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusLimits {
    /// Beats after the last own entries, counted from them: they tell a lost last datagram within milliseconds. Three,
    /// growing by four, because each may be lost as well; then the idle beat takes over.
    pub tail_beats: [Duration; 3],
    /// Interval of the beat that is always sent.
    pub idle_beat: Duration,
    /// The idle beat varies by this part of itself in both directions, so that nodes do not fall into step.
    pub idle_beat_jitter_percent: u32,
    /// A hole must exist this long before it is asked for: reordering is normal and heals by itself.
    pub hole_wait: Duration,
    /// Up to this much is added to `hole_wait` at random, so that not all receivers ask in the same instant.
    pub hole_wait_jitter: Duration,
    /// After the NACK the bus has this long to fill the hole; then the store is read.
    pub nack_patience: Duration,
    /// Larger holes go to the store at once: at `repair_rate` the bus could not fill more within `nack_patience`.
    pub nack_entries_max: u64,
    /// Ranges in one NACK: it must fit into one datagram. What is left out goes to the store.
    pub nack_ranges_max: usize,
    /// Holes kept apart; beyond this the farthest entries between them are dropped and read from the store later.
    pub holes_max: usize,
    /// The same entry is not repaired for the same asker again within this time: its first repair is still on the way.
    pub repair_guard: Duration,
    /// Remembered (asker, entry) pairs of the guard; beyond this the asker ends at the store.
    pub repair_guards_max: usize,
    /// Repair datagrams per second: a receiver that is merely slow must not turn the bus into a storm.
    pub repair_rate: u32,
    /// Entries waiting to be repaired; beyond this the asker ends at the store.
    pub repair_queue_max: usize,
    /// Datagrams per second of everything this node sends: what three receivers on a small machine keep up with.
    pub send_rate: u32,
    /// Datagrams that may leave at once after silence: fits into an untuned receive buffer (166 small datagrams).
    pub send_burst: u32,
    /// Own entries waiting for the sending budget; beyond this all of them become one `Announce`.
    pub send_queue_max: usize,
    /// Delivered entries kept for repair.
    pub window_entries_max: usize,
    /// The same in bytes of payload.
    pub window_bytes_max: usize,
    /// Entries kept beyond a hole; the farthest are dropped and read from the store later.
    pub reorder_entries_max: usize,
    /// The same in bytes of payload.
    pub reorder_bytes_max: usize,
    /// Entries of one range read: some ten milliseconds of a small database.
    pub fetch_entries_max: usize,
    /// The store's head is read this often, whatever the bus says: this is what makes datagrams mere hints.
    pub store_poll: Duration,
    /// After a failed read or confirmation the store is left alone this long.
    pub store_retry: Duration,
    /// A registry row whose counter did not move for this long, by our clock, is not a living node.
    pub registry_alive: Duration,
    /// The registry is read this often to find those the bus does not reach.
    pub registry_read: Duration,
    /// Strangers make us read the registry at most this often.
    pub registry_read_min: Duration,
    /// A peer not heard for this long is suspected (times the local-health factor).
    pub peer_suspect: Duration,
    /// A peer not heard for this long is down (times the local-health factor).
    pub peer_dead: Duration,
    /// Our own loop counts as late beyond this; then our silence about others proves nothing.
    pub loop_late: Duration,
    /// Peers known at a time; more are ignored and counted.
    pub peers_max: usize,
    /// Signals sent per second: they are best effort, delivery of messages comes first.
    pub signal_rate: u32,
    /// Signals waiting to be sent; beyond this the oldest is dropped, since the newest state is worth most.
    pub signal_queue_max: usize,
    /// A passing trouble (kernel drops, queue overflow) is shown as a reason of `degraded` for this long.
    pub trouble_shown: Duration,
}

impl Default for BusLimits {
    fn default() -> Self {
        Self {
            tail_beats: [
                Duration::from_millis(10),
                Duration::from_millis(40),
                Duration::from_millis(160),
            ],
            idle_beat: Duration::from_millis(500),
            idle_beat_jitter_percent: 10,
            hole_wait: Duration::from_millis(2),
            hole_wait_jitter: Duration::from_millis(5),
            nack_patience: Duration::from_millis(20),
            nack_entries_max: 1_024,
            nack_ranges_max: 64,
            holes_max: 1_024,
            repair_guard: Duration::from_millis(10),
            repair_guards_max: 8_192,
            repair_rate: 1_000,
            repair_queue_max: 4_096,
            send_rate: 10_000,
            send_burst: 64,
            send_queue_max: 8_192,
            window_entries_max: 65_536,
            window_bytes_max: 64 << 20,
            reorder_entries_max: 16_384,
            reorder_bytes_max: 16 << 20,
            fetch_entries_max: 1_000,
            store_poll: Duration::from_millis(250),
            store_retry: Duration::from_millis(250),
            registry_alive: Duration::from_secs(20),
            registry_read: Duration::from_secs(5),
            registry_read_min: Duration::from_secs(1),
            peer_suspect: Duration::from_millis(2_500),
            peer_dead: Duration::from_secs(5),
            loop_late: Duration::from_millis(100),
            peers_max: 256,
            signal_rate: 2_000,
            signal_queue_max: 512,
            trouble_shown: Duration::from_secs(60),
        }
    }
}
