//! `[dialects]`: which old clients are served besides our own.

use serde::{Deserialize, Serialize};

/// See the field docs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dialects {
    /// The pages of ginchat.
    pub ginchat: bool,
    /// The pages of imooc chat.
    pub imooc: bool,
    /// The protobuf client of shyim.
    pub shyim: bool,
}

impl Default for Dialects {
    fn default() -> Self {
        Dialects {
            ginchat: true,
            imooc: true,
            shyim: true,
        }
    }
}
