//! `[node]` and `[data]`: who this node is and where it keeps its files.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::check::Checks;

/// Where a node keeps its files unless told otherwise, below the working directory.
pub(super) const DATA_DIR: &str = "data";

/// See the field docs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Node {
    /// What people call it, in logs and on the cluster page; the host name unless set. 1-64 bytes.
    pub name: String,
}

impl Default for Node {
    fn default() -> Self {
        Node {
            name: gethostname::gethostname().to_string_lossy().into_owned(),
        }
    }
}

impl Node {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.that(
            "node.name",
            (1..=64).contains(&self.name.len()) && !self.name.contains(char::is_control),
            "a name has 1 to 64 bytes and no control characters",
        );
    }
}

/// See the field docs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// The folder for the embedded store and uploaded files.
    pub dir: PathBuf,
}

impl Default for Data {
    fn default() -> Self {
        Data {
            dir: PathBuf::from(DATA_DIR),
        }
    }
}

impl Data {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.that(
            "data.dir",
            !self.dir.as_os_str().is_empty(),
            "a folder is needed",
        );
    }
}
