//! What everybody may know of a user, read often and cached for a short time.
//!
//! Forgets a user when a profile signal says so; a lost signal heals when the cached value ages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::cache::Cache;
use super::rules::GONE_NAME;
use crate::model::entry::UnixMillis;
use crate::model::error::Failure;
use crate::model::ids::UserId;
use crate::model::user::{Sex, User};
use crate::presence::Presence;
use crate::store::{FriendStore, UserStore};

/// Most profiles kept.
const PROFILES_MAX: usize = 20_000;
/// How long a profile is believed without asking again.
const FRESH: Duration = Duration::from_secs(60);
/// Users asked for in one read of the store.
const USERS_PER_READ: usize = 500;

/// What everybody may know. Of a disabled account nothing is shown but that it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub id: UserId,
    pub name: String,
    pub nickname: String,
    pub avatar: String,
    pub sex: Sex,
    pub memo: String,
    pub last_seen_at: UnixMillis,
    pub created_at: UnixMillis,
    /// Cannot log in, be written to or befriended.
    pub disabled: bool,
}

impl Profile {
    fn gone(id: UserId, created_at: UnixMillis) -> Profile {
        Profile {
            id,
            name: GONE_NAME.to_owned(),
            nickname: GONE_NAME.to_owned(),
            avatar: String::new(),
            sex: Sex::U,
            memo: String::new(),
            last_seen_at: 0,
            created_at,
            disabled: true,
        }
    }
}

impl From<&User> for Profile {
    fn from(user: &User) -> Profile {
        if user.disabled {
            return Profile::gone(user.id, user.created_at);
        }
        Profile {
            id: user.id,
            name: user.name.clone(),
            nickname: user.nickname.clone(),
            avatar: user.avatar.clone(),
            sex: user.sex,
            memo: user.memo.clone(),
            last_seen_at: user.last_seen_at,
            created_at: user.created_at,
            disabled: false,
        }
    }
}

/// A user as another one sees him now.
#[derive(Clone, Debug)]
pub struct Person {
    pub profile: Arc<Profile>,
    pub online: bool,
}

impl Person {
    /// Shows nothing of whether and when he was there.
    fn hide(&mut self) {
        self.online = false;
        self.profile = Arc::new(Profile {
            last_seen_at: 0,
            ..Profile::clone(&self.profile)
        });
    }
}

/// Reads profiles. Cheap to clone.
#[derive(Clone)]
pub struct Profiles {
    users: Arc<dyn UserStore>,
    friends: Arc<dyn FriendStore>,
    presence: Presence,
    cache: Arc<Cache<UserId, Arc<Profile>>>,
}

impl Profiles {
    #[must_use]
    pub fn new(
        users: Arc<dyn UserStore>,
        friends: Arc<dyn FriendStore>,
        presence: Presence,
    ) -> Profiles {
        Profiles {
            users,
            friends,
            presence,
            cache: Arc::new(Cache::new(PROFILES_MAX, FRESH)),
        }
    }

    /// The user, disabled ones included; `None`: there never was one.
    pub async fn person(&self, user: UserId) -> Result<Option<Person>, Failure> {
        Ok(self.persons(&[user]).await?.remove(&user))
    }

    /// Whether there is such a user who can be written to.
    pub async fn exists(&self, user: UserId) -> Result<bool, Failure> {
        let person = self.person(user).await?;
        Ok(person.is_some_and(|person| !person.profile.disabled))
    }

    /// Those of the users that exist.
    pub async fn persons(&self, users: &[UserId]) -> Result<BTreeMap<UserId, Person>, Failure> {
        let now = Instant::now();
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        for user in users {
            match self.cache.get(user, now) {
                Some(profile) => {
                    found.insert(*user, self.seen_now(profile));
                }
                None => missing.push(*user),
            }
        }
        missing.sort_unstable();
        missing.dedup();
        for ids in missing.chunks(USERS_PER_READ) {
            let ticket = self.cache.ticket();
            for user in self.users.users(ids).await? {
                let profile = Arc::new(Profile::from(&user));
                self.cache.put(ticket, user.id, Arc::clone(&profile), now);
                found.insert(user.id, self.seen_now(profile));
            }
        }
        Ok(found)
    }

    /// As [`Profiles::persons`], as one of them may see the others: who has blocked him does not show whether and when
    /// he was there.
    pub async fn persons_for(
        &self,
        reader: UserId,
        users: &[UserId],
    ) -> Result<BTreeMap<UserId, Person>, Failure> {
        let mut persons = self.persons(users).await?;
        for blocker in self.friends.blockers(reader, users).await? {
            persons.entry(blocker).and_modify(Person::hide);
        }
        Ok(persons)
    }

    /// Users by name, nickname, phone number or id, best match first, as `reader` may see them.
    pub async fn search(
        &self,
        reader: UserId,
        query: &str,
        limit: usize,
    ) -> Result<Vec<Person>, Failure> {
        let users = self.users.search(query, limit).await?;
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let blockers = self.friends.blockers(reader, &ids).await?;
        let persons = users.iter().map(|user| {
            let mut person = self.seen_now(Arc::new(user.into()));
            if blockers.contains(&user.id) {
                person.hide();
            }
            person
        });
        Ok(persons.collect())
    }

    /// Some users, the first that registered.
    pub async fn some(&self, limit: usize) -> Result<Vec<Person>, Failure> {
        let users = self.users.list(UserId(0), limit).await?;
        let ids: Vec<UserId> = users
            .iter()
            .filter(|user| !user.disabled)
            .map(|user| user.id)
            .collect();
        Ok(self.persons(&ids).await?.into_values().collect())
    }

    /// The user changed: read him anew next time.
    pub fn forget(&self, user: UserId) {
        self.cache.forget(&user);
    }

    fn seen_now(&self, profile: Arc<Profile>) -> Person {
        Person {
            online: !profile.disabled && self.presence.is_online(profile.id),
            profile,
        }
    }
}

/// The person, or for a user the store does not hold (any more) what a disabled one looks like.
pub(super) fn take(persons: &BTreeMap<UserId, Person>, user: UserId) -> Person {
    persons.get(&user).cloned().unwrap_or_else(|| Person {
        profile: Arc::new(Profile::gone(user, 0)),
        online: false,
    })
}
