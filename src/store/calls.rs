//! How long calls of a store take, measured where they are made.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds of the buckets, in seconds: from a row in memory to a call that was given up.
const BUCKETS: [f64; 14] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 3.0, 10.0,
];

/// What a call was for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Purpose {
    purpose: &'static str,
}

/// The times by purpose. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CallTimes(Family<Purpose, Histogram>);

impl CallTimes {
    pub(super) fn new() -> CallTimes {
        CallTimes(Family::new_with_constructor(unnamed))
    }

    /// Those of calls for one purpose.
    pub(super) fn of(&self, purpose: &'static str) -> Histogram {
        self.0.get_or_create(&Purpose { purpose }).clone()
    }

    /// All of them, for a registry.
    #[must_use]
    pub fn family(&self) -> Family<Purpose, Histogram> {
        self.0.clone()
    }
}

/// Times that are nobody's yet.
pub(super) fn unnamed() -> Histogram {
    Histogram::new(BUCKETS)
}
