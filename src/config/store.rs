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
    /// How the way to a MySQL server is protected: `off`, `on` (encrypted, the server's certificate is checked), or
    /// `unverified` (encrypted, any certificate will do: keeps out who listens, not who answers in the server's place).
    /// There is no "if possible": whoever stands between could make it impossible.
    pub tls: StoreTls,
    /// The authority that signed the server's certificate, a PEM file. Empty: those that browsers trust.
    pub tls_ca: PathBuf,
}

/// See [`Store::tls`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreTls {
    #[default]
    Off,
    On,
    Unverified,
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
            tls: StoreTls::Off,
            tls_ca: PathBuf::new(),
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
        is_server(server).then(|| StoreLocation::Mysql(self.url.clone()))
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

    /// Who must have signed the server's certificate, if that is said.
    #[must_use]
    pub fn authority(&self) -> Option<&Path> {
        Some(&*self.tls_ca).filter(|path| !path.as_os_str().is_empty())
    }

    pub(super) fn url_in(data_dir: &Path) -> SecretUrl {
        let path = data_dir.join("starling.db");
        SecretUrl::from(format!("sqlite://{}", path.display()).as_str())
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        checks.that(
            "store.url",
            self.location().is_some(),
            "a store is sqlite://PATH or mysql://user:password@host:port/database; in a password %40 stands for @, \
             %3A for :, %2F for /, %3F for ?, %23 for #, and %25 for %",
        );
        checks.within("store.pool", self.pool, 0..=512);
        let is_server = matches!(self.location(), Some(StoreLocation::Mysql(_)));
        checks.that(
            "store.tls",
            is_server || self.tls == StoreTls::Off,
            "only the way to a mysql:// store can be encrypted",
        );
        checks.that(
            "store.tls_ca",
            self.authority().is_none() || self.tls == StoreTls::On,
            "an authority is asked only where store.tls is on",
        );
        if let Some(path) = self.authority() {
            let is_pem = std::fs::read_to_string(path)
                .is_ok_and(|text| text.contains("-----BEGIN CERTIFICATE-----"));
            checks.that(
                "store.tls_ca",
                is_pem,
                "the file cannot be read or holds no certificate in PEM form",
            );
        }
    }
}

/// Whether this is `user:password@host:port/database`, all but host and database optional. The driver would take parts of
/// a password that is not percent-encoded for the host, and tell it.
fn is_server(url: &str) -> bool {
    let url = url.split_once('?').map_or(url, |(url, _)| url);
    let Some((authority, database)) = url.split_once('/') else {
        return false;
    };
    let (account, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = match address.rsplit_once(':') {
        // A colon inside brackets belongs to the address.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        Some(_) | None => (address, None),
    };
    !host.is_empty()
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
        && !account.contains('@')
        && !database.is_empty()
        && !url.contains('#')
        && !database.contains(['/', '@'])
}
