//! How much each dialect is used: so that an operator knows when an old client can be let go.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Used {
    dialect: &'static str,
    kind: &'static str,
}

/// One dialect's counts since the node started.
#[derive(Debug)]
pub struct Use {
    pub(super) requests: Counter,
    pub(super) connections: Counter,
    pub(super) messages: Counter,
}

/// All dialects' counts.
#[derive(Debug)]
pub struct Uses {
    pub(super) ginchat: Use,
    pub(super) imooc: Use,
    pub(super) shyim: Use,
    family: Family<Used, Counter>,
}

impl Default for Uses {
    /// Every series is there from the start, so that one that stays at nothing can be seen.
    fn default() -> Self {
        let family = Family::<Used, Counter>::default();
        let counts = |dialect| {
            let of = |kind| family.get_or_create(&Used { dialect, kind }).clone();
            Use {
                requests: of("request"),
                connections: of("connection"),
                messages: of("message"),
            }
        };
        Uses {
            ginchat: counts("ginchat"),
            imooc: counts("imooc"),
            shyim: counts("shyim"),
            family,
        }
    }
}

impl Uses {
    /// Puts the counts among what the node measures.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "dialect_uses",
            "What old clients did here, by dialect: requests, connections, and messages sent",
            self.family.clone(),
        );
    }
}
