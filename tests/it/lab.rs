//! A node's services and HTTP routes over a fresh SQLite store, without sockets, bus and replica.

#[path = "lab/cluster.rs"]
mod cluster;
#[path = "lab/programs.rs"]
mod programs;
#[path = "lab/rooms.rs"]
mod rooms;
#[path = "lab/talk.rs"]
mod talk;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use starling::http::assets::Assets;
use starling::http::auth::{Gate, GateSettings};
use starling::http::metrics::Metrics;
use starling::http::remote::{PeerAddr, Proxies};
use starling::http::{self, Parts};
use starling::journal::committer::Committer;
use starling::journal::position::Position;
use starling::model::policy::{FriendMode, Inviters, Registration, StoreRules};
use starling::model::signal::Signal;
use starling::presence::{Presence, Signals};
use starling::service::admin::Admin;
use starling::service::audit::Audit;
use starling::service::clock::{Clock, system_now};
use starling::service::files::{FileUses, Files};
use starling::service::health::{ClusterView, Readiness};
use starling::service::invitations::Invitations;
use starling::service::messages::SendSettings;
use starling::service::passwords::HashingSettings;
use starling::service::profiles::Profiles;
use starling::service::reads::Reads;
use starling::service::sessions::Sessions;
use starling::service::throttle::ThrottleSettings;
use starling::store::Stores;
use starling::store::sqlite::{self, OpenOptions};
use tokio::sync::mpsc;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::lab_files::FileChoices;

#[path = "lab/reply.rs"]
mod reply;

pub use reply::Reply;

/// The password of everybody.
pub const PASSWORD: &str = "correct horse";
/// As cheap as scrypt goes.
pub const CHEAP: HashingSettings = HashingSettings {
    scrypt_log_n: 1,
    scrypt_r: 1,
    scrypt_p: 1,
    hashing_parallel: 2,
};
/// Where requests come from.
pub const PEER: &str = "127.0.0.1:40000";

/// What a test may choose.
pub struct Choices {
    pub friend_mode: FriendMode,
    pub registration: Registration,
    pub inviters: Inviters,
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
    pub files: FileChoices,
    pub search: bool,
}

impl Default for Choices {
    fn default() -> Self {
        Choices {
            friend_mode: FriendMode::Request,
            registration: Registration::Open,
            inviters: Inviters::Admins,
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
            files: FileChoices::default(),
            search: true,
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
    pub files: Files,
    pub routes: BoxedFilter<(Response,)>,
    signals: Mutex<mpsc::Receiver<Signal>>,
    clock: Arc<AtomicI64>,
    /// Where the store is.
    pub folder: tempfile::TempDir,
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
        let files = choices.files.open(&stores, folder.path());
        let world = World {
            stores: stores.clone(),
            committer: committer.clone(),
            position,
            signals,
            presence: Presence::new().0,
            clock: Arc::clone(&clock),
            readiness: Arc::clone(&readiness),
            files: files.clone(),
        };
        let (routes, sessions, reads) = world.routes(choices);
        Lab {
            stores,
            committer,
            sessions,
            reads,
            presence: world.presence,
            readiness,
            files,
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
            bytes: response.body().to_vec(),
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
    files: Files,
}

impl World {
    fn routes(&self, choices: Choices) -> (BoxedFilter<(Response,)>, Sessions, Reads) {
        let Stores {
            log,
            users,
            friends,
            conversations,
            invitations,
            audit,
            ..
        } = self.stores.clone();
        let audit = Audit::new(audit);
        let uses = FileUses::new(Arc::clone(&self.stores.files), log);
        let sending = self.messages(&choices, &uses);
        let ahead = Arc::clone(&self.clock);
        let clock = Clock::new(move || system_now() + ahead.load(Ordering::Relaxed));
        let sessions = self.sessions(clock.clone());
        let profiles = Profiles::new(Arc::clone(&users), friends, self.presence.clone());
        let reads = Reads::new(conversations);
        let (rooms, admission) = rooms::made(self, &choices, &profiles, &clock, &uses);
        let accounts = self.accounts(&choices, &sessions, &profiles, &rooms);
        let known = (&accounts, &sessions, &profiles);
        let (bots, hooks) = programs::made(self, &choices, known, &rooms, &sending);
        let cluster: Arc<dyn ClusterView> = Arc::new(cluster::Cluster(Arc::clone(&self.readiness)));
        let proxies = choices.proxies.iter().map(|net| net.parse().unwrap());
        let conversations = self.conversations(&rooms, &profiles, &reads);
        let parts = Parts {
            gate: Gate::new(GateSettings {
                origins: choices.origins.clone(),
                public_url: choices.public_url.clone(),
                proxies: Proxies::new(proxies.collect()),
            }),
            sessions: sessions.clone(),
            friends: self.friends(&choices, &profiles),
            groups: rooms,
            admission,
            searches: self.searches(&choices, &conversations),
            conversations,
            entries: self.entries(&sending, &profiles, &reads),
            bots,
            hooks,
            packets: self.packets(&choices, &sending),
            messages: sending,
            files: self.files.clone(),
            invitations: Invitations::new(
                invitations,
                Arc::clone(&users),
                audit.clone(),
                clock,
                choices.inviters,
            ),
            admin: Admin::new(users, accounts.clone(), self.committer.clone(), audit),
            accounts,
            profiles,
            cluster,
            metrics: Metrics::new(),
            assets: choices.assets.map_or_else(Assets::embedded, Assets::folder),
            body_bytes_max: 64 * 1024,
        };
        (http::routes(parts, []), sessions, reads)
    }
}
