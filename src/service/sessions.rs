//! Login sessions: opened, recognised by their token, listed and ended.
//!
//! A token is 32 random bytes in base64url; the store holds its SHA-256 only. A session ends through the log, so
//! that every node closes its sockets; the replica tells this service to forget it ([`Sessions::forget`]).
//! Passwords are `accounts`' business.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::time::Instant;
use tracing::{error, warn};

use super::append::{append, draw_cid, encode};
use super::cache::Cache;
use super::clock::Clock;
use crate::journal::committer::Committer;
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft};
use crate::model::entry::{EntryKind, RevokedBody, UnixMillis};
use crate::model::error::{Code, Failure};
use crate::model::ids::{SessionId, UserId};
use crate::model::user::{NewSession, Session, TokenHash, User};
use crate::store::{SessionStore, UserStore};

/// Most verified tokens kept.
const VERIFIED_MAX: usize = 10_000;
/// How long a verified token is believed without asking the store, so also how often "last seen" is written.
const FRESH: Duration = Duration::from_secs(60);
/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;
/// Longer than any token: not worth a hash.
const TOKEN_TEXT_MAX: usize = 128;
/// Users whose "last seen" waits to be written; more are left for their next visit.
const SEEN_WAITING_MAX: usize = 10_000;
/// Sessions ended by one entry; more take several.
const REVOKED_PER_ENTRY: usize = 1_000;
const DAY_MS: UnixMillis = 24 * 60 * 60 * 1_000;
/// A thousand years: every column and every JSON reader holds the sum.
const LASTING_MS: UnixMillis = 365_250 * DAY_MS;

/// Who a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// His account, as it was at most a minute ago.
    pub user: Arc<User>,
    pub session: SessionId,
    pub expires_at: UnixMillis,
}

/// What a client calls its device, and where it comes from.
#[derive(Clone, Debug, Default)]
pub struct Device {
    pub label: String,
    pub address: String,
}

/// A session just opened. The token is told once and stored nowhere.
#[derive(Clone)]
pub struct Opened {
    pub token: String,
    pub expires_at: UnixMillis,
    /// From now, in seconds.
    pub lasts_s: i64,
}

/// The sessions. Cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    sessions: Arc<dyn SessionStore>,
    users: Arc<dyn UserStore>,
    committer: Committer,
    clock: Clock,
    lifetime_ms: UnixMillis,
    random: SystemRandom,
    verified: Cache<TokenHash, Identity>,
    seen: Mutex<BTreeMap<SessionId, (UserId, UnixMillis)>>,
}

impl Sessions {
    /// Sessions that last `days` from their login.
    #[must_use]
    pub fn new(
        sessions: Arc<dyn SessionStore>,
        users: Arc<dyn UserStore>,
        committer: Committer,
        clock: Clock,
        days: u32,
    ) -> Sessions {
        Sessions(Arc::new(Inner {
            sessions,
            users,
            committer,
            clock,
            lifetime_ms: DAY_MS * UnixMillis::from(days),
            random: SystemRandom::new(),
            verified: Cache::new(VERIFIED_MAX, FRESH),
            seen: Mutex::new(BTreeMap::new()),
        }))
    }

    /// Opens a session for a user who has proved who he is.
    pub async fn open(&self, user: UserId, device: Device) -> Result<Opened, Failure> {
        self.open_for(user, device, self.0.lifetime_ms).await
    }

    /// Opens a session that ends only when it is revoked: a program's.
    pub async fn open_lasting(&self, user: UserId, device: Device) -> Result<Opened, Failure> {
        self.open_for(user, device, LASTING_MS).await
    }

    async fn open_for(
        &self,
        user: UserId,
        device: Device,
        lifetime_ms: UnixMillis,
    ) -> Result<Opened, Failure> {
        let token = draw_token(&self.0.random)?;
        let expires_at = self.0.clock.now() + lifetime_ms;
        let session = NewSession {
            user,
            token: hash(&token),
            device: super::rules::device(&device.label),
            address: device.address,
            expires_at,
        };
        self.0.sessions.create(session).await?;
        Ok(Opened {
            token,
            expires_at,
            lasts_s: lifetime_ms / 1_000,
        })
    }

    /// Whose token this is. `unauthorized` when it is nobody's, ended, expired, or its user is disabled.
    pub async fn authenticate(&self, token: &str) -> Result<Identity, Failure> {
        let refused = || Failure::new(Code::Unauthorized);
        if token.is_empty() || token.len() > TOKEN_TEXT_MAX {
            return Err(refused());
        }
        let (key, now) = (hash(token), self.0.clock.now());
        if let Some(identity) = self.0.verified.get(&key, Instant::now())
            && identity.expires_at > now
        {
            return Ok(identity);
        }
        let ticket = self.0.verified.ticket();
        let found = self.0.sessions.by_token(&key).await?;
        let (session, user) = found.ok_or_else(refused)?;
        if session.revoked || user.disabled || session.expires_at <= now {
            return Err(refused());
        }
        let identity = Identity {
            user: Arc::new(user),
            session: session.id,
            expires_at: session.expires_at,
        };
        self.0
            .verified
            .put(ticket, key, identity.clone(), Instant::now());
        self.saw(&session, now);
        Ok(identity)
    }

    /// The user's living sessions, newest first.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<Session>, Failure> {
        let now = self.0.clock.now();
        let mut sessions = self.0.sessions.of_user(user).await?;
        sessions.retain(|session| session.expires_at > now);
        Ok(sessions)
    }

    /// Ends one session of the user, on every node. `not_found` when he has no such session.
    pub async fn revoke(&self, user: UserId, session: SessionId) -> Result<(), Failure> {
        self.end(user, vec![session]).await
    }

    /// Ends all the user's sessions but `kept`, on every node.
    pub async fn revoke_all(&self, user: UserId, kept: Option<SessionId>) -> Result<(), Failure> {
        let sessions = self.0.sessions.of_user(user).await?;
        let ending: Vec<SessionId> = sessions
            .into_iter()
            .map(|session| session.id)
            .filter(|id| Some(*id) != kept)
            .collect();
        for some in ending.chunks(REVOKED_PER_ENTRY) {
            match self.end(user, some.to_vec()).await {
                // They ended meanwhile.
                Err(failure) if failure.code == Code::NotFound => {}
                ended => ended?,
            }
        }
        // Also what another node opened since they were listed is asked for anew.
        self.forget_user(user);
        Ok(())
    }

    async fn end(&self, user: UserId, sessions: Vec<SessionId>) -> Result<(), Failure> {
        let draft = Draft {
            conv: Conv::Account(user),
            from: user,
            kind: EntryKind::Revoked,
            cid: draw_cid()?,
            body: encode(&RevokedBody {
                sessions: sessions.clone(),
            })?,
            change: Change::Revoke {
                sessions: sessions.clone(),
            },
        };
        append(&self.0.committer, draft, None).await?;
        self.forget(&sessions);
        Ok(())
    }

    /// These sessions ended: their tokens are asked for anew. Called when the entry that ends them is applied.
    pub fn forget(&self, sessions: &[SessionId]) {
        self.0
            .verified
            .forget_where(|identity| sessions.contains(&identity.session));
    }

    /// The log went on without this node: whatever ended meanwhile, all tokens are asked for anew.
    pub fn forget_all(&self) {
        self.0.verified.forget_where(|_| true);
    }

    /// Something about the user changed: his tokens are asked for anew.
    pub fn forget_user(&self, user: UserId) {
        self.0
            .verified
            .forget_where(|identity| identity.user.id == user);
    }

    fn saw(&self, session: &Session, now: UnixMillis) {
        let fresh_ms = UnixMillis::try_from(FRESH.as_millis()).unwrap_or(UnixMillis::MAX);
        if now - session.last_seen_at < fresh_ms {
            return;
        }
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < SEEN_WAITING_MAX {
            seen.insert(session.id, (session.user, now));
        }
    }

    /// Writes who was seen since the last call. What cannot be written is left out: it shows at the next visit.
    pub async fn write_seen(&self) {
        let seen = {
            let mut waiting = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        if seen.is_empty() {
            return;
        }
        let sessions: Vec<_> = seen.iter().map(|(id, (_, at))| (*id, *at)).collect();
        let users: Vec<_> = seen.into_values().collect();
        let written = match self.0.sessions.seen(&sessions).await {
            Ok(()) => self.0.users.seen(&users).await,
            failed => failed,
        };
        if let Err(error) = written {
            warn!(%error, sessions = sessions.len(), "when users were last seen is not written");
        }
    }
}

/// 32 random bytes in base64url: what nobody guesses, and what is told once.
pub(super) fn draw_token(random: &SystemRandom) -> Result<String, Failure> {
    let mut bytes = [0; TOKEN_BYTES];
    random.fill(&mut bytes).map_err(|_| {
        error!("the system's random source failed");
        Failure::new(Code::Internal)
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The form in which tokens are stored and looked for.
pub(super) fn hash(token: &str) -> TokenHash {
    let digest = ring::digest::digest(&ring::digest::SHA256, token.as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    TokenHash(bytes)
}
