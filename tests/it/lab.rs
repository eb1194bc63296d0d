//! A node's services and HTTP routes over a fresh SQLite store, without sockets, bus and replica.

#[path = "lab/rooms.rs"]
mod rooms;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use starling::http::assets::Assets;
use starling::http::auth::{Gate, GateSettings};
use starling::http::metrics::Metrics;
use starling::http::remote::{PeerAddr, Proxies};
use starling::http::{self, Parts};
use starling::journal::committer::Committer;
use starling::journal::position::Position;
use starling::model::conversation::Conv;
use starling::model::draft::{Change, Draft, Outcome};
use starling::model::entry::EntryKind;
use starling::model::ids::{SessionId, UserId};
use starling::model::policy::{FriendMode, Registration, StoreRules};
use starling::model::signal::Signal;
use starling::presence::{Presence, Signals};
use starling::service::accounts::{AccountParts, Accounts};
use starling::service::admin::Admin;
use starling::service::alterations::Alterations;
use starling::service::bots::Bots;
use starling::service::clock::{Clock, system_now};
use starling::service::conversations::{ConversationParts, Conversations};
use starling::service::entries::{Entries, EntryParts};
use starling::service::friends::Friends;
use starling::service::groups::Groups;
use starling::service::health::{ClusterStatus, ClusterView, NodeStatus, Readiness};
use starling::service::hooks::{HookParts, Hooks};
use starling::service::messages::{Messages, SendSettings};
use starling::service::outcomes::Outcomes;
use starling::service::packets::{PacketParts, Packets};
use starling::service::passwords::{HashingSettings, Passwords};
use starling::service::profiles::Profiles;
use starling::service::reads::Reads;
use starling::service::sessions::Sessions;
use starling::service::throttle::{Throttle, ThrottleSettings};
use starling::store::Stores;
use starling::store::sqlite::{self, OpenOptions};
use tokio::sync::mpsc;
use warp::filters::BoxedFilter;
use warp::http::HeaderMap;
use warp::reply::Response;

/// The password of everybody.
pub const PASSWORD: &str = "correct horse";
/// Where requests come from.
pub const PEER: &str = "127.0.0.1:40000";

/// What a test may choose.
pub struct Choices {
    pub friend_mode: FriendMode,
    pub registration: Registration,
    pub throttle: ThrottleSettings,
    pub sending: SendSettings,
    pub rules: StoreRules,
    pub owned_max: u32,
    pub packet_hours: u32,
    pub private_hooks: bool,
    pub origins: Vec<String>,
    pub public_url: String,
    pub proxies: Vec<String>,
    pub assets: Option<PathBuf>,
}

impl Default for Choices {
    fn default() -> Self {
        Choices {
            friend_mode: FriendMode::Request,
            registration: Registration::Open,
            throttle: ThrottleSettings {
                auth_per_minute: 1_000,
                auth_failures: 10,
            },
            sending: SendSettings::default(),
            rules: StoreRules::default(),
            owned_max: 1_000,
            packet_hours: 24,
            private_hooks: false,
            origins: Vec::new(),
            public_url: String::new(),
            proxies: Vec::new(),
            assets: None,
        }
    }
}

pub struct Lab {
    pub stores: Stores,
    pub committer: Committer,
    pub sessions: Sessions,
    pub reads: Reads,
    pub presence: Presence,
    pub readiness: Arc<Mutex<Readiness>>,
    routes: BoxedFilter<(Response,)>,
    signals: Mutex<mpsc::Receiver<Signal>>,
    clock: Arc<AtomicI64>,
    folder: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// Null when the body is not JSON.
    pub body: Value,
}

impl Reply {
    /// Checks status and error code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> &Reply {
        let found = (self.status, self.body["error"]["code"].as_str());
        assert_eq!(found, (status, Some(code)), "{}", self.text);
        assert!(self.body["error"]["message"].is_string(), "{}", self.text);
        self
    }

    /// Checks the field an error is about.
    #[track_caller]
    pub fn about(&self, field: &str) -> &Reply {
        assert_eq!(self.body["error"]["field"], field, "{}", self.text);
        self
    }

    /// The body of an answer with this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// Somebody registered.
#[derive(Clone, Debug)]
pub struct User {
    pub id: u64,
    pub name: String,
    pub token: String,
}

impl Lab {
    pub async fn new() -> Lab {
        Lab::with(Choices::default()).await
    }

    pub async fn with(choices: Choices) -> Lab {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("starling.db");
        let options = OpenOptions {
            rules: choices.rules,
            ..OpenOptions::default()
        };
        let stores = sqlite::open(file.to_str().unwrap(), options).unwrap();
        Lab::over(stores, folder, choices).await
    }

    /// Over a store that holds something already.
    pub async fn over(stores: Stores, folder: tempfile::TempDir, choices: Choices) -> Lab {
        let head = stores.log.head().await.unwrap();
        let position = Position::new(head.epoch, head.head);
        let (committed, mut taken) = mpsc::channel(64);
        let (committer, gatherer) =
            Committer::new(Arc::clone(&stores.log), position.clone(), committed);
        tokio::spawn(gatherer.run());
        // In place of the replica, which would apply them.
        tokio::spawn(async move { while taken.recv().await.is_some() {} });
        let (signals, told) = Signals::new();
        let clock = Arc::new(AtomicI64::new(0));
        let readiness = Arc::new(Mutex::new(Readiness::Ready {
            reasons: Vec::new(),
        }));
        let world = World {
            stores: stores.clone(),
            committer: committer.clone(),
            position,
            signals,
            presence: Presence::new().0,
            clock: Arc::clone(&clock),
            readiness: Arc::clone(&readiness),
        };
        let (routes, sessions, reads) = world.routes(choices);
        Lab {
            stores,
            committer,
            sessions,
            reads,
            presence: world.presence,
            readiness,
            routes,
            signals: Mutex::new(told),
            clock,
            folder,
        }
    }

    /// Takes the store away: its file is no longer where it was.
    pub fn break_store(&self) {
        let file = |name: &str| self.folder.path().join(name);
        std::fs::rename(file("starling.db"), file("elsewhere.db")).unwrap();
    }

    /// Puts it back.
    pub fn mend_store(&self) {
        let file = |name: &str| self.folder.path().join(name);
        std::fs::rename(file("elsewhere.db"), file("starling.db")).unwrap();
    }

    /// Lets the services' clock pass.
    pub fn pass(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap();
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    /// Signals published since the last call.
    pub fn signals(&self) -> Vec<Signal> {
        let mut told = self.signals.lock().unwrap();
        std::iter::from_fn(|| told.try_recv().ok()).collect()
    }

    /// A request with headers of one's own.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Reply {
        let peer: SocketAddr = PEER.parse().unwrap();
        let mut request = warp::test::request()
            .method(method)
            .path(path)
            .extension(PeerAddr(peer))
            .header("host", "chat.example")
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.reply(&self.routes).await;
        let text = String::from_utf8_lossy(response.body()).into_owned();
        Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        }
    }

    /// A request of somebody with a JSON body.
    pub async fn call(&self, user: &User, method: &str, path: &str, body: &Value) -> Reply {
        let token = format!("Bearer {}", user.token);
        let headers = [
            ("authorization", token.as_str()),
            ("content-type", "application/json"),
        ];
        self.ask(method, path, &headers, body.to_string()).await
    }

    /// A request of somebody without a body.
    pub async fn simply(&self, user: &User, method: &str, path: &str) -> Reply {
        let token = format!("Bearer {}", user.token);
        self.ask(method, path, &[("authorization", &token)], "")
            .await
    }

    pub async fn get(&self, user: &User, path: &str) -> Value {
        self.simply(user, "GET", path).await.is(200)
    }

    /// A request of nobody with a JSON body.
    pub async fn anonymously(&self, method: &str, path: &str, body: &Value) -> Reply {
        let headers = [("content-type", "application/json")];
        self.ask(method, path, &headers, body.to_string()).await
    }

    pub async fn register(&self, name: &str) -> User {
        let body = json!({"name": name, "password": PASSWORD, "device": "test"});
        let body = self
            .anonymously("POST", "/api/v1/register", &body)
            .await
            .is(201);
        User {
            id: body["user"]["id"].as_u64().unwrap(),
            name: name.to_owned(),
            token: body["token"].as_str().unwrap().to_owned(),
        }
    }

    pub async fn login(&self, name: &str, password: &str) -> Reply {
        let body = json!({"name": name, "password": password});
        self.anonymously("POST", "/api/v1/login", &body).await
    }

    /// The same person in another session.
    pub async fn second_session(&self, user: &User) -> User {
        let body = self.login(&user.name, PASSWORD).await.is(200);
        User {
            token: body["token"].as_str().unwrap().to_owned(),
            ..user.clone()
        }
    }

    /// Sends a text and returns its seq.
    pub async fn say(&self, user: &User, conv: &str, text: &str) -> u64 {
        let body = json!({"cid": format!("{text} {}", system_now()), "media": 1, "content": text});
        let path = format!("/api/v1/conversations/{conv}/messages");
        let body = self.call(user, "POST", &path, &body).await.is(201);
        body["seq"].as_u64().unwrap()
    }

    /// Makes a group and returns its id.
    pub async fn group(&self, owner: &User, members: &[&User]) -> u64 {
        let members: Vec<u64> = members.iter().map(|user| user.id).collect();
        let body = json!({"name": "flock", "members": members});
        let body = self
            .call(owner, "POST", "/api/v1/groups", &body)
            .await
            .is(201);
        body["id"].as_u64().unwrap()
    }

    pub async fn befriend(&self, one: &User, other: &User) {
        for (user, wanted) in [(one, other), (other, one)] {
            let body = json!({"id": wanted.id});
            self.call(user, "POST", "/api/v1/friends", &body)
                .await
                .is(201);
        }
    }
}

struct World {
    stores: Stores,
    committer: Committer,
    position: Position,
    signals: Signals,
    presence: Presence,
    clock: Arc<AtomicI64>,
    readiness: Arc<Mutex<Readiness>>,
}

impl World {
    fn routes(&self, choices: Choices) -> (BoxedFilter<(Response,)>, Sessions, Reads) {
        let Stores {
            log,
            users,
            sessions,
            friends,
            groups,
            conversations,
            messages,
            packets,
            hooks,
            ..
        } = self.stores.clone();
        let committer = &self.committer;
        let sending = Messages::new(
            committer.clone(),
            Arc::clone(&log),
            Arc::clone(&groups),
            Arc::clone(&messages),
            choices.sending,
        );
        let ahead = Arc::clone(&self.clock);
        let clock = Clock::new(move || system_now() + ahead.load(Ordering::Relaxed));
        let sessions = Sessions::new(
            sessions,
            Arc::clone(&users),
            committer.clone(),
            clock.clone(),
            30,
        );
        let profiles = Profiles::new(Arc::clone(&users), self.presence.clone());
        let reads = Reads::new(Arc::clone(&conversations));
        let (rooms, admission) = rooms::made(self, &choices, &profiles, &clock);
        let accounts = self.accounts(&choices, &sessions, &profiles, &rooms);
        let bots = Bots::new(
            Arc::clone(&hooks),
            Arc::clone(&users),
            accounts.clone(),
            sessions.clone(),
            profiles.clone(),
        );
        let hooks = Hooks::new(HookParts {
            hooks,
            groups: Arc::clone(&groups),
            rooms: rooms.clone(),
            bots: bots.clone(),
            accounts: accounts.clone(),
            messages: sending.clone(),
            allow_private: choices.private_hooks,
        });
        let cluster: Arc<dyn ClusterView> = Arc::new(Cluster(Arc::clone(&self.readiness)));
        let proxies = choices.proxies.iter().map(|net| net.parse().unwrap());
        let parts = Parts {
            gate: Gate::new(GateSettings {
                origins: choices.origins,
                public_url: choices.public_url,
                proxies: Proxies::new(proxies.collect()),
            }),
            sessions: sessions.clone(),
            friends: Friends::new(
                Arc::clone(&friends),
                Arc::clone(&users),
                committer.clone(),
                profiles.clone(),
                self.signals.clone(),
                choices.friend_mode,
            ),
            groups: rooms.clone(),
            admission,
            conversations: Conversations::new(ConversationParts {
                log: Arc::clone(&log),
                conversations,
                friends,
                groups: Arc::clone(&groups),
                outcomes: Outcomes::new(Arc::clone(&messages)),
                rooms,
                profiles: profiles.clone(),
                reads: reads.clone(),
                signals: self.signals.clone(),
                position: self.position.clone(),
            }),
            entries: Entries::new(EntryParts {
                alterations: Alterations::new(committer.clone(), Arc::clone(&log), sending.clone()),
                log: Arc::clone(&log),
                messages,
                groups,
                profiles: profiles.clone(),
                reads: reads.clone(),
                signals: self.signals.clone(),
            }),
            bots,
            hooks,
            packets: Packets::new(PacketParts {
                packets,
                log,
                committer: committer.clone(),
                messages: sending.clone(),
                hours: choices.packet_hours,
                seed: 7,
            }),
            messages: sending,
            admin: Admin::new(users, accounts.clone(), committer.clone()),
            accounts,
            profiles,
            cluster,
            metrics: Metrics::new(),
            assets: choices.assets.map_or_else(Assets::embedded, Assets::folder),
            body_bytes_max: 64 * 1024,
        };
        (http::routes(parts, []), sessions, reads)
    }

    fn accounts(
        &self,
        choices: &Choices,
        sessions: &Sessions,
        profiles: &Profiles,
        rooms: &Groups,
    ) -> Accounts {
        // As cheap as scrypt goes.
        let hashing = HashingSettings {
            scrypt_log_n: 1,
            scrypt_r: 1,
            scrypt_p: 1,
            hashing_parallel: 2,
        };
        Accounts::new(AccountParts {
            users: Arc::clone(&self.stores.users),
            sessions: sessions.clone(),
            groups: rooms.clone(),
            passwords: Passwords::new(hashing).unwrap(),
            throttle: Throttle::new(choices.throttle),
            profiles: profiles.clone(),
            signals: self.signals.clone(),
            registration: choices.registration,
        })
    }
}

struct Cluster(Arc<Mutex<Readiness>>);

impl ClusterView for Cluster {
    fn status(&self) -> ClusterStatus {
        ClusterStatus {
            own: "run-1".to_owned(),
            nodes: vec![NodeStatus {
                id: "run-1".to_owned(),
                name: "anna".to_owned(),
                state: "self".to_owned(),
                addresses: vec!["192.0.2.1:3000".to_owned()],
                ..NodeStatus::default()
            }],
            bus: [("datagrams_in".to_owned(), 7)].into(),
            ..ClusterStatus::default()
        }
    }

    fn readiness(&self) -> Readiness {
        self.0.lock().unwrap().clone()
    }
}

/// Ends a session as another node does: in the store, without a word to this one's services.
pub async fn revoke_elsewhere(lab: &Lab, user: UserId, session: SessionId) -> SessionId {
    let draft = Draft {
        conv: Conv::Account(user),
        from: user,
        kind: EntryKind::Revoked,
        cid: "elsewhere".parse().unwrap(),
        body: Bytes::from_static(b"{}"),
        change: Change::Revoke {
            sessions: vec![session],
        },
    };
    let verdicts = lab.stores.log.append(vec![draft]).await.unwrap();
    assert!(
        matches!(verdicts.outcomes[0], Outcome::Appended { .. }),
        "{verdicts:?}"
    );
    session
}
