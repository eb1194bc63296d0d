//! What goes wrong in one run, drawn from its seed.
//!
//! Responsible for the profile: rates and kinds of faults, sizes, duration. Deliberately without acting: `world` and
//! `network` do what the profile says. The last part of every run is without faults (the heal phase).

use std::time::Duration;

/// Everything one seed decides before the run.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    pub nodes: usize,
    /// Faults and clients act for so long; then everything heals.
    pub active: Duration,
    /// Without faults until the end.
    pub heal: Duration,
    pub keyless: bool,
    /// Percent of datagrams lost, per receiver.
    pub loss: u32,
    pub duplicates: u32,
    /// Percent of datagrams that are late by up to `late`.
    pub reorder: u32,
    pub late: Duration,
    /// No datagram arrives at all in the active phase.
    pub blackout: bool,
    /// Broadcast does not work, unicast does.
    pub no_broadcast: bool,
    /// Mean time between faults of a kind; none: they do not happen.
    pub partition_every: Option<Duration>,
    pub crash_every: Option<Duration>,
    pub pause_every: Option<Duration>,
    pub outage_every: Option<Duration>,
    pub store_crash_every: Option<Duration>,
    pub garbage_every: Option<Duration>,
    pub replay_every: Option<Duration>,
    pub stranger_every: Option<Duration>,
    /// An older backup of the store is put back.
    pub restore_every: Option<Duration>,
    /// A client hangs up and comes back, mostly at another node.
    pub move_every: Option<Duration>,
    /// A client begins to read slowly.
    pub stall_every: Option<Duration>,
    /// Percent of appends after which the node dies before it broadcasts.
    pub crash_after_append: u32,
    /// Mean time between sends of all clients together.
    pub send_every: Duration,
    pub signal_every: Duration,
    /// Entries that fit into no datagram, in percent.
    pub large: u32,
    /// Rows are seen for up to this long before they are on the disk.
    pub disk: Duration,
    /// Percent of appends whose answer is late by up to 0.3 s.
    pub late_answers: u32,
    /// The core's queues and buffers are tiny.
    pub small_bounds: bool,
}

impl Profile {
    /// Draws a profile: most runs have a few kinds of faults, so that each kind also occurs alone.
    pub fn draw(rng: &mut fastrand::Rng) -> Self {
        let mut profile = Self::calm(rng.usize(2..=5));
        let mut maybe = |percent: u32, low_ms: u64, high_ms: u64| {
            let every = Duration::from_millis(rng.u64(low_ms..high_ms));
            (rng.u32(0..100) < percent).then_some(every)
        };
        profile.partition_every = maybe(30, 300, 2_000);
        profile.crash_every = maybe(30, 500, 3_000);
        profile.pause_every = maybe(25, 500, 3_000);
        profile.outage_every = maybe(20, 800, 3_000);
        profile.store_crash_every = maybe(25, 300, 2_000);
        profile.garbage_every = maybe(30, 5, 100);
        profile.replay_every = maybe(40, 5, 50);
        profile.stranger_every = maybe(20, 50, 300);
        profile.loss = if rng.bool() { rng.u32(0..=40) } else { 0 };
        profile.duplicates = if rng.bool() { rng.u32(0..20) } else { 0 };
        profile.reorder = if rng.bool() { rng.u32(0..30) } else { 0 };
        profile.late = Duration::from_millis(rng.u64(1..60));
        profile.blackout = rng.u32(0..100) < 12;
        profile.no_broadcast = rng.u32(0..100) < 5;
        profile.keyless = rng.u32(0..100) < 5;
        profile.crash_after_append = if rng.u32(0..100) < 20 {
            rng.u32(1..20)
        } else {
            0
        };
        profile.large = if rng.u32(0..100) < 20 { 20 } else { 0 };
        profile.small_bounds = rng.u32(0..100) < 15;
        profile.active = Duration::from_millis(rng.u64(1_000..3_500));
        profile.send_every = Duration::from_millis(rng.u64(10..120));
        if rng.u32(0..100) < 3 {
            // Long enough for nodes to be declared dead and found again.
            profile.active = Duration::from_secs(20);
            profile.send_every = Duration::from_millis(400);
        }
        // Drawn aside, so that kept seeds stay what they were.
        let mut aside = rng.clone();
        if aside.u32(0..100) < 20 {
            profile.disk = Duration::from_millis(100);
        }
        profile.late_answers = if aside.u32(0..100) < 20 { 10 } else { 0 };
        profile
    }

    /// The same with people at the nodes.
    pub fn draw_with_people(rng: &mut fastrand::Rng) -> Self {
        let mut profile = Self::draw(rng);
        let mut maybe = |percent: u32, low_ms: u64, high_ms: u64| {
            let every = Duration::from_millis(rng.u64(low_ms..high_ms));
            (rng.u32(0..100) < percent).then_some(every)
        };
        profile.move_every = maybe(60, 50, 600);
        profile.stall_every = maybe(50, 100, 800);
        profile.restore_every = maybe(15, 600, 2_500);
        profile.send_every = profile.send_every.min(Duration::from_millis(60));
        profile.large = 0;
        // Clients come back within some 0.2 s, twice if the first node sends them away.
        profile.heal += Duration::from_secs(1);
        profile
    }

    /// Nothing goes wrong.
    pub fn calm(nodes: usize) -> Self {
        Self {
            nodes,
            active: Duration::from_secs(3),
            heal: Duration::from_millis(2_500),
            late: Duration::from_millis(3),
            send_every: Duration::from_millis(50),
            signal_every: Duration::from_millis(200),
            disk: Duration::from_millis(6),
            ..Self::default()
        }
    }
}
