//! `[hooks]`: programs that are told what is said in groups.

use serde::{Deserialize, Serialize};

/// See the field docs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hooks {
    /// Whether outgoing hooks may lead to addresses of this machine and of private networks. Who runs any group could
    /// then reach what only the server should.
    pub allow_private: bool,
}
