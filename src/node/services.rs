//! The services of a node, built from its stores and handles, and the routes that lead to them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::status::NodeView;
use crate::cluster::driver::DriverHandle;
use crate::config::Config;
use crate::dialect::{self, Binary, DialectParts, Enabled, Uses};
use crate::http;
use crate::http::assets::Assets;
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
use crate::service::accounts::{AccountParts, Accounts};
use crate::service::admin::Admin;
use crate::service::admission::{Admission, AdmissionParts};
use crate::service::alterations::Alterations;
use crate::service::bots::Bots;
use crate::service::clock::{Clock, system_now};
use crate::service::connections::Connections;
use crate::service::conversations::{ConversationParts, Conversations};
use crate::service::entries::{Entries, EntryParts};
use crate::service::friends::Friends;
use crate::service::groups::{GroupParts, Groups};
use crate::service::hooks::delivery::Tally;
use crate::service::hooks::{HookParts, Hooks};
use crate::service::messages::{Messages, SendSettings};
use crate::service::news::NewsDesk;
use crate::service::outcomes::Outcomes;
use crate::service::packets::{PacketParts, Packets};
use crate::service::passwords::{HashingSettings, InvalidHashing, Passwords};
use crate::service::profiles::Profiles;
use crate::service::rate::Senders;
use crate::service::reads::Reads;
use crate::service::sessions::Sessions;
use crate::service::throttle::{SharedCounts, Throttle, ThrottleSettings};
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
    entries: Entries,
    packets: Packets,
    bots: Bots,
    hooks: Hooks,
    admin: Admin,
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
        let sessions = Sessions::new(
            Arc::clone(&stores.sessions),
            users(),
            committer.clone(),
            Clock::system(),
            config.auth.session_days,
        );
        let profiles = Profiles::new(users(), presence.clone());
        let reads = Reads::new(Arc::clone(&stores.conversations));
        let rooms = rooms(config, stores, handles, &profiles);
        let accounts = Accounts::new(AccountParts {
            users: users(),
            sessions: sessions.clone(),
            groups: rooms.clone(),
            passwords: Passwords::new(hashing(config))?,
            throttle: throttle(config, handles),
            profiles: profiles.clone(),
            signals: signals.clone(),
            registration: config.auth.registration,
        });
        let conversations = conversations(stores, handles, &profiles, &reads, &rooms);
        let bots = Bots::new(
            Arc::clone(&stores.hooks),
            users(),
            accounts.clone(),
            sessions.clone(),
            profiles.clone(),
        );
        let messages = Messages::new(
            committer.clone(),
            Arc::clone(&stores.log),
            groups(),
            Arc::clone(&stores.messages),
            sending(config),
        );
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
            entries: entries(stores, handles, &messages, &profiles, &reads),
            groups: rooms.clone(),
            packets: packets(config, stores, committer, &messages),
            hooks: Hooks::new(HookParts {
                hooks: Arc::clone(&stores.hooks),
                groups: groups(),
                rooms,
                bots: bots.clone(),
                accounts: accounts.clone(),
                messages: messages.clone(),
                allow_private: config.hooks.allow_private,
            }),
            bots,
            messages,
            admin: Admin::new(users(), accounts.clone(), committer.clone()),
            typing: Typing::new(signals.clone(), groups(), friends()),
            connections: Connections::new(
                hub.clone(),
                live.clone(),
                Arc::clone(&stores.log),
                Arc::clone(&stores.messages),
                position.clone(),
            ),
            sessions,
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
            entries: self.entries.clone(),
            packets: self.packets.clone(),
            bots: self.bots.clone(),
            hooks: self.hooks.clone(),
            admin: self.admin.clone(),
            cluster,
            metrics: Metrics::new(),
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
            public_url: config.http.public_url.clone(),
            uses: Arc::clone(uses),
        }
    }
}

fn assets(config: &Config) -> Assets {
    if config.http.assets.as_os_str().is_empty() {
        Assets::embedded()
    } else {
        Assets::folder(config.http.assets.clone())
    }
}

fn rooms(config: &Config, stores: &Stores, handles: &Handles, profiles: &Profiles) -> Groups {
    Groups::new(GroupParts {
        groups: Arc::clone(&stores.groups),
        mutes: Arc::clone(&stores.mutes),
        admissions: Arc::clone(&stores.admissions),
        committer: handles.committer.clone(),
        profiles: profiles.clone(),
        signals: handles.signals.clone(),
        clock: Clock::system(),
        owned_max: config.chat.groups_owned_max,
    })
}

fn admission(
    config: &Config,
    stores: &Stores,
    handles: &Handles,
    profiles: &Profiles,
    rooms: &Groups,
) -> Admission {
    Admission::new(AdmissionParts {
        rooms: rooms.clone(),
        groups: Arc::clone(&stores.groups),
        admissions: Arc::clone(&stores.admissions),
        profiles: profiles.clone(),
        signals: handles.signals.clone(),
        clock: Clock::system(),
        public_url: config.http.public_url.clone(),
    })
}

fn conversations(
    stores: &Stores,
    handles: &Handles,
    profiles: &Profiles,
    reads: &Reads,
    rooms: &Groups,
) -> Conversations {
    Conversations::new(ConversationParts {
        log: Arc::clone(&stores.log),
        conversations: Arc::clone(&stores.conversations),
        friends: Arc::clone(&stores.friends),
        groups: Arc::clone(&stores.groups),
        outcomes: Outcomes::new(Arc::clone(&stores.messages)),
        rooms: rooms.clone(),
        profiles: profiles.clone(),
        reads: reads.clone(),
        signals: handles.signals.clone(),
        position: handles.position.clone(),
    })
}

fn entries(
    stores: &Stores,
    handles: &Handles,
    messages: &Messages,
    profiles: &Profiles,
    reads: &Reads,
) -> Entries {
    let log = || Arc::clone(&stores.log);
    Entries::new(EntryParts {
        alterations: Alterations::new(handles.committer.clone(), log(), messages.clone()),
        log: log(),
        messages: Arc::clone(&stores.messages),
        groups: Arc::clone(&stores.groups),
        profiles: profiles.clone(),
        reads: reads.clone(),
        signals: handles.signals.clone(),
    })
}

fn packets(
    config: &Config,
    stores: &Stores,
    committer: &Committer,
    messages: &Messages,
) -> Packets {
    Packets::new(PacketParts {
        packets: Arc::clone(&stores.packets),
        log: Arc::clone(&stores.log),
        committer: committer.clone(),
        messages: messages.clone(),
        hours: config.chat.packet_hours,
        seed: uuid::Uuid::new_v4().as_u64_pair().0,
    })
}

fn sending(config: &Config) -> SendSettings {
    SendSettings {
        per_second: config.limits.sends_per_second,
        burst: config.limits.sends_burst,
        text_bytes_max: config.limits.text_bytes,
    }
}

fn throttle(config: &Config, handles: &Handles) -> Throttle {
    let throttle = Throttle::new(ThrottleSettings {
        auth_per_minute: config.limits.auth_per_minute,
        auth_failures: config.limits.auth_failures,
    });
    match &handles.counts {
        Some(counts) => throttle.with(Arc::clone(counts)),
        None => throttle,
    }
}

fn hashing(config: &Config) -> HashingSettings {
    HashingSettings {
        scrypt_log_n: config.auth.scrypt_log_n,
        scrypt_r: config.auth.scrypt_r,
        scrypt_p: config.auth.scrypt_p,
        hashing_parallel: config.auth.hashing_slots(),
    }
}
