//! Whether what this node sends to its targets is heard at all: a probe to each broadcast address must come back.
//!
//! Responsible for when to probe and for telling people which target is deaf. Deliberately without consequences: a deaf
//! target costs latency, and the core finds unicast by itself. Driven by the driver's housekeeping.

use std::net::SocketAddr;
use std::time::Duration;

use tracing::{info, warn};

use super::status::{ProbeStatus, TargetStatus};
use crate::cluster::socket::BusTarget;

/// A probe travels through this machine alone; one that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// A deaf target is tried again: the interface may have come up since.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// One target's probes.
#[derive(Debug)]
struct Probe {
    target: SocketAddr,
    token: u64,
    status: ProbeStatus,
    /// When the last probe was sent; none: not yet.
    sent_at: Option<Duration>,
}

/// All targets' probes.
#[derive(Debug)]
pub(super) struct Probes(Vec<Probe>);

impl Probes {
    pub(super) fn new(targets: &[BusTarget]) -> Probes {
        let probe = |(token, target): (u64, &BusTarget)| Probe {
            target: target.address,
            token,
            status: if target.broadcast {
                ProbeStatus::Awaited
            } else {
                ProbeStatus::NotPossible
            },
            sent_at: None,
        };
        Probes((1..).zip(targets).map(probe).collect())
    }

    /// The probes to send now: token and target.
    pub(super) fn due(&mut self, now: Duration) -> Vec<(u64, SocketAddr)> {
        let mut due = Vec::new();
        for probe in &mut self.0 {
            let send = match (probe.status, probe.sent_at) {
                (ProbeStatus::Awaited, None) => true,
                (ProbeStatus::Deaf, Some(sent)) => now.saturating_sub(sent) >= TRY_AGAIN_AFTER,
                (ProbeStatus::Awaited, Some(_))
                | (ProbeStatus::Deaf, None)
                | (ProbeStatus::NotPossible | ProbeStatus::Heard, _) => false,
            };
            if send {
                probe.sent_at = Some(now);
                due.push((probe.token, probe.target));
            }
        }
        due
    }

    /// A probe came back.
    pub(super) fn heard(&mut self, token: u64) {
        let Some(probe) = self.0.iter_mut().find(|probe| probe.token == token) else {
            return;
        };
        if probe.status == ProbeStatus::Deaf {
            info!(address = %probe.target, "the bus target is heard now");
        }
        probe.status = ProbeStatus::Heard;
    }

    /// Tells which targets did not answer.
    pub(super) fn look(&mut self, now: Duration) {
        for probe in &mut self.0 {
            let overdue = probe
                .sent_at
                .is_some_and(|sent| now.saturating_sub(sent) >= PATIENCE);
            if probe.status == ProbeStatus::Awaited && overdue {
                probe.status = ProbeStatus::Deaf;
                warn!(
                    address = %probe.target,
                    "nothing sent to this bus target is heard, not even here: is it this network's broadcast address, and does a firewall let UDP in?"
                );
            }
        }
    }

    pub(super) fn status(&self) -> Vec<TargetStatus> {
        self.0
            .iter()
            .map(|probe| TargetStatus {
                address: probe.target,
                probe: probe.status,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_probed_once_and_again_only_while_it_is_deaf() {
        let at = Duration::from_secs;
        let target = |last: u8, broadcast| BusTarget {
            address: ([10, 0, 0, last], 3_000).into(),
            broadcast,
        };
        let mut probes = Probes::new(&[target(255, true), target(7, false), target(127, true)]);
        let tokens =
            |due: Vec<(u64, SocketAddr)>| due.into_iter().map(|(t, _)| t).collect::<Vec<_>>();
        assert_eq!(tokens(probes.due(at(1))), [1, 3]);
        probes.heard(3);
        probes.heard(99);
        probes.look(at(3));
        let status: Vec<_> = probes.status().iter().map(|target| target.probe).collect();
        assert_eq!(
            status,
            [
                ProbeStatus::Deaf,
                ProbeStatus::NotPossible,
                ProbeStatus::Heard
            ]
        );
        assert_eq!(tokens(probes.due(at(20))), [] as [u64; 0]);
        assert_eq!(tokens(probes.due(at(40))), [1]);
        probes.heard(1);
        assert_eq!(probes.status()[0].probe, ProbeStatus::Heard);
    }
}
