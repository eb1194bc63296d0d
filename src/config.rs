//! What an operator may choose: one typed section per concern, its defaults and bounds beside it.
//!
//! Layers, later ones win: built-in defaults, a TOML file, the environment (`STARLING__SECTION__KEY`), flags.
//! Loading reads at most that one file; the environment and the flags are handed in. Checks see the whole, and
//! all that is wrong is reported at once. Driven by the command line; nothing here acts on a value.

mod auth;
mod chat;
mod check;
mod cluster;
mod dialects;
mod files;
mod hooks;
mod http;
mod layers;
mod limits;
mod log;
mod network;
mod node;
mod optional;
mod presence;
mod redis;
mod render;
mod secret;
mod store;

use serde::{Deserialize, Serialize};

pub use auth::Auth;
pub use chat::Chat;
pub use cluster::{Cluster, Transport};
pub use dialects::Dialects;
pub use files::{Files, S3};
pub use hooks::Hooks;
pub use http::Http;
pub use layers::{ConfigError, LoadOptions, Origins, Override, Problem};
pub use limits::Limits;
pub use log::{Log, LogFormat};
pub use network::{InvalidNetwork, Network};
pub use node::{Data, Node};
pub use presence::Presence;
pub use redis::Redis;
pub use secret::{Secret, SecretUrl};
pub use store::{Store, StoreLocation, StoreTls};

use check::Checks;

/// The effective configuration of a node. Its `Debug` and `Serialize` forms never hold a secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub http: Http,
    pub store: Store,
    pub redis: Redis,
    pub cluster: Cluster,
    pub node: Node,
    pub data: Data,
    pub limits: Limits,
    pub auth: Auth,
    pub chat: Chat,
    pub dialects: Dialects,
    pub files: Files,
    pub hooks: Hooks,
    pub presence: Presence,
    pub log: Log,
}

impl Config {
    /// Merges the layers, refuses unknown keys and wrong values, and fills in what follows from other keys.
    pub fn load(options: &LoadOptions) -> Result<Config, ConfigError> {
        Config::load_with_origins(options).map(|(config, _)| config)
    }

    /// As [`Config::load`]; also says for each key that is not at its default where the value came from.
    pub fn load_with_origins(options: &LoadOptions) -> Result<(Config, Origins), ConfigError> {
        let (mut config, origins) = layers::merge(options)?;
        config.follow_data_dir(&origins);
        let problems = config.problems(&origins);
        if problems.is_empty() {
            Ok((config, origins))
        } else {
            Err(ConfigError::Invalid(problems))
        }
    }

    /// The configuration as TOML, secrets masked, with a remark where a value is not the default.
    #[must_use]
    pub fn render(&self, origins: &Origins) -> String {
        render::toml(self, origins)
    }

    /// Paths nobody set are inside `data.dir`, wherever that is.
    fn follow_data_dir(&mut self, origins: &Origins) {
        if !origins.contains_key("store.url") {
            self.store.url = Store::url_in(&self.data.dir);
        }
        if !origins.contains_key("files.dir") {
            self.files.dir = Files::dir_in(&self.data.dir);
        }
    }

    fn problems(&self, origins: &Origins) -> Vec<Problem> {
        let mut checks = Checks::default();
        self.http.check(&mut checks);
        self.store.check(&mut checks);
        self.redis.check(&mut checks);
        self.cluster.check(&self.redis, &mut checks);
        self.node.check(&mut checks);
        self.data.check(&mut checks);
        self.limits.check(&mut checks);
        self.auth.check(&mut checks);
        self.chat.check(&mut checks);
        self.files.check(&mut checks);
        self.presence.check(&mut checks);
        self.log.check(&mut checks);
        checks.problems(origins)
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
