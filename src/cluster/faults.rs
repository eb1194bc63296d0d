//! Faults on purpose: drops and repeats datagrams between driver and sockets, so that a running node can be tested
//! on a machine whose network is too good.
//!
//! Responsible for reading its control file and for throwing the dice. Deliberately unknown to the core and never
//! active by itself: without the environment variable [`VARIABLE`] there is no layer at all. Driven by the driver for
//! every datagram, and by its housekeeping to look at the file again.
//!
//! The file holds lines like `drop_in = 0.2`, `drop_out = 0`, `duplicate = 0.05`, `reorder = 0.1`, `corrupt = 0.01`,
//! `truncate = 0.01`, `block = true`, `deaf_to = 127.0.0.1:4001 127.0.0.1:4002`, `seed = 7`; what is left out is 0, false
//! or nobody, `#` starts a comment. It may change at any time, and a missing file means no faults.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use tracing::warn;

/// Names the control file.
pub const VARIABLE: &str = "STARLING_BUS_FAULTS";

/// What goes wrong, as the file says.
#[derive(Debug, Clone, Default, PartialEq)]
struct Plan {
    /// Probability that a received datagram is lost.
    drop_in: f64,
    /// Probability that a sent datagram is lost.
    drop_out: f64,
    /// Probability that a datagram that was not lost comes twice, in each direction.
    duplicate: f64,
    /// Probability that a received datagram is held back until the next one came, or for a moment.
    reorder: f64,
    /// Probability that one bit of a received datagram is turned.
    corrupt: f64,
    /// Probability that only the first part of a received datagram arrives.
    truncate: f64,
    /// What these sent is not received.
    deaf_to: Vec<SocketAddr>,
    /// Nothing passes in either direction.
    block: bool,
    /// Makes the dice repeatable.
    seed: u64,
}

/// The layer of faults.
#[derive(Debug)]
pub struct Faults {
    path: PathBuf,
    seen: Option<(SystemTime, u64)>,
    plan: Plan,
    dice: fastrand::Rng,
    held: Option<(Vec<u8>, SocketAddr)>,
}

impl Faults {
    /// The layer the environment asks for; none when it asks for none.
    #[must_use]
    pub fn from_environment() -> Option<Faults> {
        std::env::var_os(VARIABLE)
            .filter(|path| !path.is_empty())
            .map(|path| Faults::controlled_by(PathBuf::from(path)))
    }

    /// The layer controlled by this file.
    #[must_use]
    pub fn controlled_by(path: PathBuf) -> Faults {
        warn!(
            file = %path.display(),
            "{VARIABLE} is set: datagrams of the bus are LOST ON PURPOSE. For tests only!"
        );
        let mut faults = Faults {
            path,
            seen: None,
            plan: Plan::default(),
            dice: fastrand::Rng::with_seed(0),
            held: None,
        };
        faults.look();
        faults
    }

    /// Reads the file again when it changed.
    pub fn look(&mut self) {
        let now = std::fs::metadata(&self.path)
            .ok()
            .and_then(|file| Some((file.modified().ok()?, file.len())));
        if now == self.seen {
            return;
        }
        self.seen = now;
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        self.plan = parse(&text);
        self.dice = fastrand::Rng::with_seed(self.plan.seed);
        warn!(plan = ?self.plan, "faults on the bus changed");
    }

    /// How often a datagram received from this sender arrives: 0, 1 or 2 times.
    pub fn copies_in(&mut self, source: SocketAddr) -> usize {
        if self.plan.deaf_to.contains(&source) {
            return 0;
        }
        self.copies(self.plan.drop_in)
    }

    /// Damages a received datagram or not, and says how much of it is left.
    pub fn spoil(&mut self, datagram: &mut [u8]) -> usize {
        if datagram.is_empty() {
            return 0;
        }
        if self.happens(self.plan.corrupt) {
            let bit = self.dice.usize(..datagram.len() * 8);
            datagram[bit / 8] ^= 1 << (bit % 8);
        }
        if self.happens(self.plan.truncate) {
            return self.dice.usize(..datagram.len());
        }
        datagram.len()
    }

    /// Whether a received datagram is held back for now. One at a time is.
    pub fn hold(&mut self, datagram: &[u8], source: SocketAddr) -> bool {
        let holds = self.held.is_none() && self.happens(self.plan.reorder);
        if holds {
            self.held = Some((datagram.to_vec(), source));
        }
        holds
    }

    /// What was held back and is due.
    pub fn release(&mut self) -> Option<(Vec<u8>, SocketAddr)> {
        self.held.take()
    }

    /// How often a datagram is sent: 0, 1 or 2 times.
    pub fn copies_out(&mut self) -> usize {
        self.copies(self.plan.drop_out)
    }

    /// Draws only for what can happen, so that a plan's dice do not depend on what it leaves out.
    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.dice.f64() < probability
    }

    fn copies(&mut self, drop: f64) -> usize {
        if self.plan.block || self.dice.f64() < drop {
            0
        } else if self.dice.f64() < self.plan.duplicate {
            2
        } else {
            1
        }
    }
}

fn parse(text: &str) -> Plan {
    let mut plan = Plan::default();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        if set(&mut plan, line).is_none() {
            warn!(
                line,
                "a line of the fault file makes no sense and is ignored"
            );
        }
    }
    plan
}

fn set(plan: &mut Plan, line: &str) -> Option<()> {
    let (key, value) = line.split_once('=')?;
    let value = value.trim();
    let probability = || {
        let p: f64 = value.parse().ok()?;
        (0.0..=1.0).contains(&p).then_some(p)
    };
    match key.trim() {
        "drop_in" => plan.drop_in = probability()?,
        "drop_out" => plan.drop_out = probability()?,
        "duplicate" => plan.duplicate = probability()?,
        "reorder" => plan.reorder = probability()?,
        "corrupt" => plan.corrupt = probability()?,
        "truncate" => plan.truncate = probability()?,
        "deaf_to" => {
            let senders = value.split_whitespace().map(str::parse).collect();
            plan.deaf_to = Result::ok(senders)?;
        }
        "block" => plan.block = value.parse().ok()?,
        "seed" => plan.seed = value.parse().ok()?,
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

    #[test]
    fn datagrams_are_damaged_cut_held_back_and_not_heard_from_some() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faults");
        let plan = "corrupt = 1\nreorder = 1\ndeaf_to = 127.0.0.1:9 127.0.0.1:10\n";
        std::fs::write(&path, plan).unwrap();
        let mut faults = Faults::controlled_by(path.clone());
        assert_eq!(faults.copies_in(PEER), 0);
        assert_eq!(faults.copies_in(SocketAddr::new(PEER.ip(), 11)), 1);
        let mut datagram = [0; 40];
        assert_eq!(faults.spoil(&mut datagram), 40);
        assert_eq!(
            datagram.iter().map(|byte| byte.count_ones()).sum::<u32>(),
            1
        );
        assert!(faults.hold(&[1], PEER));
        assert!(!faults.hold(&[2], PEER), "one at a time");
        assert_eq!(faults.release(), Some((vec![1], PEER)));
        assert_eq!(faults.release(), None);

        std::fs::write(&path, "truncate = 1\n").unwrap();
        faults.look();
        assert!(faults.spoil(&mut datagram) < 40);
        assert!(!faults.hold(&[1], PEER));
    }

    #[test]
    fn a_plan_is_read_line_by_line_and_nonsense_is_ignored() {
        let plan = parse(
            "# comment\ndrop_in = 0.2\ndrop_out=0 # none\nduplicate = 7\nblock = true\nseed = 7\nwhat\n",
        );
        let expected = Plan {
            drop_in: 0.2,
            drop_out: 0.0,
            block: true,
            seed: 7,
            ..Plan::default()
        };
        assert_eq!(plan, expected);
    }

    #[test]
    fn the_file_is_followed_while_it_changes_and_its_absence_means_no_faults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faults");
        let mut faults = Faults::controlled_by(path.clone());
        assert_eq!(faults.copies_in(PEER), 1);

        std::fs::write(&path, "block = true\n").unwrap();
        faults.look();
        assert_eq!((faults.copies_in(PEER), faults.copies_out()), (0, 0));

        std::fs::write(&path, "drop_out = 1\nduplicate = 1\n").unwrap();
        faults.look();
        assert_eq!((faults.copies_in(PEER), faults.copies_out()), (2, 0));

        std::fs::remove_file(&path).unwrap();
        faults.look();
        assert_eq!((faults.copies_in(PEER), faults.copies_out()), (1, 1));
    }

    #[test]
    fn half_of_the_datagrams_are_lost_and_the_same_ones_with_the_same_seed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("faults");
        std::fs::write(&path, "drop_in = 0.5\nseed = 3\n").unwrap();
        let run = || -> Vec<usize> {
            let mut faults = Faults::controlled_by(path.clone());
            (0..1_000).map(|_| faults.copies_in(PEER)).collect()
        };
        let (first, second) = (run(), run());
        assert_eq!(first, second);
        assert!((400..600).contains(&first.iter().sum::<usize>()));
    }
}
