//! `[store]`: the database that holds the log.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::secret::SecretUrl;

/// Fewest connections for reading: one slow read must not hold up the next.
const READERS_MIN: usize = 2;

/// See the field docs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `sqlite://PATH` (relative, or absolute as `sqlite:///var/…`) or `mysql://user:password@host/database`.
    /// Not set: `starling.db` in `data.dir`.
    pub url: SecretUrl,
    /// Connections for reading besides the one for appending; 0: as many as the machine has cores.
    pub pool: usize,
}

/// Where `store.url` points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreLocation {
    /// A file of this machine.
    Sqlite(PathBuf),
    /// A server; the driver reads the URL.
    Mysql(SecretUrl),
}

impl Default for Store {
    fn default() -> Self {
        Store {
            url: Store::url_in(Path::new(super::node::DATA_DIR)),
            pool: 0,
        }
    }
}

impl Store {
    /// Where the store is. `None` for a scheme that is not ours, which the check at loading refuses.
    #[must_use]
    pub fn location(&self) -> Option<StoreLocation> {
        let url = self.url.expose();
        if let Some(path) = url.strip_prefix("sqlite://") {
            let usable = !path.is_empty() && !path.contains('?');
            return usable.then(|| StoreLocation::Sqlite(PathBuf::from(path)));
        }
        let server = url.strip_prefix("mysql://")?;
        (!server.is_empty()).then(|| StoreLocation::Mysql(self.url.clone()))
    }

    /// Connections for reading.
    #[must_use]
    pub fn readers(&self) -> usize {
        if self.pool > 0 {
            return self.pool;
        }
        std::thread::available_parallelism()
            .map_or(READERS_MIN, |cores| cores.get().max(READERS_MIN))
    }

    pub(super) fn url_in(data_dir: &Path) -> SecretUrl {
        let path = data_dir.join("starling.db");
        SecretUrl::from(format!("sqlite://{}", path.display()).as_str())
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        checks.that(
            "store.url",
            self.location().is_some(),
            "a store is sqlite://PATH or mysql://user:password@host/database",
        );
        checks.within("store.pool", self.pool, 0..=512);
    }
}
