//! Watches who connects here and announces it: coming at once, leaving only after a while, so that a client
//! that reconnects does not flicker.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::hub::registry::Registry;
use crate::model::entry::UnixMillis;
use crate::model::ids::UserId;
use crate::model::signal::Signal;
use crate::presence::{Presence, Signals};

/// When nobody is about to leave.
const IDLE: Duration = Duration::from_secs(3_600);

/// Runs for the life of the node. `grace`: how long after the last connection a user counts as online. `now` is
/// the wall clock.
pub async fn run(
    registry: Registry,
    presence: Presence,
    signals: Signals,
    grace: Duration,
    now: fn() -> UnixMillis,
) {
    let mut leaving: BTreeMap<UserId, Instant> = BTreeMap::new();
    loop {
        let next = leaving
            .values()
            .min()
            .copied()
            .unwrap_or_else(|| Instant::now() + IDLE);
        tokio::select! {
            () = registry.changed() => {
                for (user, online) in registry.take_news() {
                    if !online {
                        leaving.insert(user, Instant::now() + grace);
                    } else if leaving.remove(&user).is_none() {
                        announce(&presence, &signals, user, true, now());
                    }
                }
            }
            () = sleep_until(next) => {
                let due = Instant::now();
                let gone: Vec<UserId> =
                    leaving.iter().filter(|(_, when)| **when <= due).map(|(user, _)| *user).collect();
                for user in gone {
                    leaving.remove(&user);
                    if !registry.is_online(user) {
                        announce(&presence, &signals, user, false, now());
                    }
                }
            }
        }
    }
}

fn announce(presence: &Presence, signals: &Signals, user: UserId, online: bool, at: UnixMillis) {
    presence.set_local(user, online, at);
    signals.publish(Signal::Presence { user, online, at });
}
