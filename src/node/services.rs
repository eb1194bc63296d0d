//! The services of a node, built from its stores and handles, and the routes that lead to them.

mod made;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::watch;

use made::{
    accounts, admission, assets, conversations, entries, invitations, messages, packets, programs,
    rooms, searches, sessions,
};

use super::status::NodeView;
use crate::cluster::driver::DriverHandle;
use crate::config::Config;
use crate::dialect::{self, Binary, DialectParts, Enabled, Uses};
use crate::http;
use crate::http::auth::{Gate, GateSettings};
use crate::http::metrics::Metrics;
use crate::http::remote::Proxies;
use crate::http::ws::{self, Greeting};
use crate::hub::Hub;
use crate::journal::committer::Committer;
use crate::journal::live::Live;
use crate::journal::position::Position;
use crate::model::ids::Incarnation;
use crate::presence::{Presence, Signals};
use crate::redis::Health;
use crate::service::accounts::Accounts;
use crate::service::admin::Admin;
use crate::service::admission::Admission;
use crate::service::audit::Audit;
use crate::service::bots::Bots;
use crate::service::clock::system_now;
use crate::service::connections::Connections;
use crate::service::conversations::Conversations;
use crate::service::entries::Entries;
use crate::service::files::{FileUses, Files};
use crate::service::friends::Friends;
use crate::service::groups::Groups;
use crate::service::hooks::Hooks;
use crate::service::hooks::delivery::Tally;
use crate::service::indexer::Behind;
use crate::service::invitations::Invitations;
use crate::service::messages::Messages;
use crate::service::news::NewsDesk;
use crate::service::packets::Packets;
use crate::service::passwords::InvalidHashing;
use crate::service::profiles::Profiles;
use crate::service::rate::Senders;
use crate::service::reads::Reads;
use crate::service::search::Searches;
use crate::service::sessions::Sessions;
use crate::service::throttle::SharedCounts;
use crate::service::typing::Typing;
use crate::store::Stores;

/// The handles services are built on.
pub(super) struct Handles {
    pub(super) committer: Committer,
    pub(super) position: Position,
    pub(super) signals: Signals,
    pub(super) presence: Presence,
    pub(super) hub: Hub,
    pub(super) live: Live,
    pub(super) leaving: watch::Receiver<bool>,
    /// What outgoing hooks are told.
    pub(super) told: Tally,
    /// Counts of logins that all nodes share; none: each node counts alone.
    pub(super) counts: Option<Arc<dyn SharedCounts>>,
    pub(super) metrics: Metrics,
    /// The times of the dispatch.
    pub(super) dispatched: Histogram,
    /// How far the index of words is behind.
    pub(super) index_behind: Behind,
}

/// All services of a node.
pub(super) struct Services {
    pub(super) sessions: Sessions,
    pub(super) profiles: Profiles,
    pub(super) reads: Reads,
    accounts: Accounts,
    friends: Friends,
    groups: Groups,
    admission: Admission,
    conversations: Conversations,
    messages: Messages,
    searches: Searches,
    entries: Entries,
    packets: Packets,
    bots: Bots,
    hooks: Hooks,
    admin: Admin,
    files: Files,
    invitations: Invitations,
    pub(super) typing: Typing,
    connections: Connections,
}

impl Services {
    /// # Errors
    /// The configured cost of hashing is none that scrypt knows.
    pub(super) fn new(
        config: &Config,
        stores: &Stores,
        handles: &Handles,
        files: Files,
    ) -> Result<Services, InvalidHashing> {
        let Handles {
            committer,
            position,
            signals,
            presence,
            hub,
            live,
            ..
        } = handles;
        let users = || Arc::clone(&stores.users);
        let groups = || Arc::clone(&stores.groups);
        let friends = || Arc::clone(&stores.friends);
        let sessions = sessions(config, stores, committer);
        let profiles = Profiles::new(users(), friends(), presence.clone());
        let reads = Reads::new(Arc::clone(&stores.conversations));
        let uses = FileUses::new(Arc::clone(&stores.files), Arc::clone(&stores.log));
        let rooms = rooms(config, stores, handles, &profiles, &uses);
        let messages = messages(config, stores, committer, &uses);
        let accounts = accounts(
            config,
            stores,
            handles,
            (&sessions, &profiles),
            &rooms,
            uses,
        )?;
        let conversations = conversations(stores, handles, &profiles, &reads, &rooms);
        let known = (&accounts, &sessions, &profiles);
        let (bots, hooks) = programs(config, stores, known, &rooms, &messages);
        let audit = Audit::new(Arc::clone(&stores.audit));
        Ok(Services {
            friends: Friends::new(
                friends(),
                users(),
                committer.clone(),
                profiles.clone(),
                signals.clone(),
                config.chat.friend_mode,
            ),
            admission: admission(config, stores, handles, &profiles, &rooms),
            searches: searches(config, stores, &conversations, position),
            entries: entries(stores, handles, &messages, &profiles, &reads),
            groups: rooms,
            packets: packets(config, stores, committer, &messages),
            hooks,
            bots,
            messages,
            invitations: invitations(config, stores, &audit),
            admin: Admin::new(users(), accounts.clone(), committer.clone(), audit),
            typing: Typing::new(signals.clone(), groups(), friends()),
            connections: Connections::new(
                hub.clone(),
                live.clone(),
                Arc::clone(&stores.log),
                Arc::clone(&stores.messages),
                position.clone(),
            ),
            sessions,
            files,
            profiles,
            reads,
            accounts,
            conversations,
        })
    }

    /// Who tells presence.
    pub(super) fn news(stores: &Stores, hub: &Hub) -> NewsDesk {
        let (users, friends) = (Arc::clone(&stores.users), Arc::clone(&stores.friends));
        NewsDesk::new(hub.clone(), users, friends, Arc::clone(&stores.groups))
    }

    /// The allowances of senders, for counting them together with other nodes.
    pub(super) fn senders(&self) -> Senders {
        self.messages.senders()
    }

    /// All routes of the node.
    pub(super) fn routes(
        &self,
        config: &Config,
        handles: &Handles,
        incarnation: Incarnation,
        driver: DriverHandle,
        redis: Vec<Health>,
    ) -> http::Routes {
        let gate = Gate::new(GateSettings {
            origins: config.http.origins.clone(),
            public_url: config.http.public_url.clone(),
            proxies: Proxies::new(config.http.proxies.clone()),
        });
        let uses = Arc::new(Uses::default());
        handles.metrics.register(|registry| uses.register(registry));
        let sockets =
            Arc::new(self.socket_parts(config, handles, incarnation, gate.clone(), &uses));
        let mut others = dialect::routes(
            self.dialect_parts(config, gate.clone(), &uses),
            Arc::clone(&sockets),
        );
        others.push(ws::route(sockets));
        let cluster = Arc::new(NodeView {
            incarnation,
            name: config.node.name.clone(),
            http: config.http.listen.iter().map(ToString::to_string).collect(),
            driver,
            hub: handles.hub.clone(),
            presence: handles.presence.clone(),
            position: handles.position.clone(),
            committer: handles.committer.clone(),
            told: handles.told.clone(),
            leaving: handles.leaving.clone(),
            redis,
            files: self.files.clone(),
            index_behind: handles.index_behind.clone(),
        });
        let parts = http::Parts {
            gate,
            sessions: self.sessions.clone(),
            accounts: self.accounts.clone(),
            profiles: self.profiles.clone(),
            friends: self.friends.clone(),
            groups: self.groups.clone(),
            admission: self.admission.clone(),
            conversations: self.conversations.clone(),
            messages: self.messages.clone(),
            searches: self.searches.clone(),
            entries: self.entries.clone(),
            packets: self.packets.clone(),
            bots: self.bots.clone(),
            hooks: self.hooks.clone(),
            admin: self.admin.clone(),
            files: self.files.clone(),
            invitations: self.invitations.clone(),
            cluster,
            metrics: handles.metrics.clone(),
            assets: assets(config),
            body_bytes_max: config.http.body_bytes,
        };
        http::routes(parts, others)
    }

    fn socket_parts(
        &self,
        config: &Config,
        handles: &Handles,
        incarnation: Incarnation,
        gate: Gate,
        uses: &Arc<Uses>,
    ) -> ws::Parts {
        let limits = &config.limits;
        ws::Parts {
            connections: self.connections.clone(),
            messages: self.messages.clone(),
            entries: self.entries.clone(),
            conversations: self.conversations.clone(),
            sessions: self.sessions.clone(),
            typing: self.typing.clone(),
            gate,
            metrics: handles.metrics.clone(),
            greeting: Greeting {
                node: incarnation,
                node_name: config.node.name.clone(),
                ping_ms: limits.ping_ms,
                text_bytes: limits.text_bytes,
                sends_per_second: limits.sends_per_second,
                sends_burst: limits.sends_burst,
            },
            frame_bytes_max: limits.frame_bytes,
            auth_timeout: Duration::from_millis(limits.auth_timeout_ms),
            now: system_now,
            leaving: handles.leaving.clone(),
            binary: config.dialects.shyim.then(|| {
                let binary = Binary::new(&config.http.public_url, Arc::clone(uses));
                Arc::new(binary) as Arc<dyn ws::BinaryProtocol>
            }),
        }
    }

    fn dialect_parts(&self, config: &Config, gate: Gate, uses: &Arc<Uses>) -> DialectParts {
        DialectParts {
            enabled: Enabled {
                ginchat: config.dialects.ginchat,
                imooc: config.dialects.imooc,
                shyim: config.dialects.shyim,
            },
            gate,
            sessions: self.sessions.clone(),
            accounts: self.accounts.clone(),
            profiles: self.profiles.clone(),
            friends: self.friends.clone(),
            groups: self.groups.clone(),
            admission: self.admission.clone(),
            conversations: self.conversations.clone(),
            connections: self.connections.clone(),
            reads: self.reads.clone(),
            files: self.files.clone(),
            public_url: config.http.public_url.clone(),
            uses: Arc::clone(uses),
        }
    }
}
