//! Who is online, kept in Redis: for other programs to read, and for a starting node to load.
//!
//! `<cluster.name>:online:<user>` is a sorted set of the node runs that user is connected to, each with the time (Unix,
//! in milliseconds, by Redis's own clock) until which that is believed. A node renews its own members and nobody else's,
//! so two nodes with one user never erase each other, and a dead node's members end though another renews the key. The
//! key itself ends with its last member.
//!
//! Responsible for writing the own users in batches, for taking them away, and for one look at the start. Deliberately
//! without influence on the rest: this is a task of its own, and while Redis is away it drops what it would have
//! written; everything is written anew when Redis is back, and every third of the time to live anyway.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::Cmd;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tracing::{info, warn};

use super::Presence;
use crate::model::entry::UnixMillis;
use crate::model::ids::{Incarnation, UserId};
use crate::redis::{Away, Health, Link, Servers, Shard, Spread};

/// Users written in one go: well below a millisecond of Redis's time.
const WRITTEN_AT_ONCE: usize = 512;
/// For each of these.
const WRITE_WITHIN: Duration = Duration::from_secs(1);
/// Changes gather this long, so that a thousand who reconnect are a few writes.
const GATHER: Duration = Duration::from_millis(50);
/// Between attempts to write what Redis did not take.
const OWING_PAUSE: Duration = Duration::from_millis(200);
/// Keys looked at in one step of the look at the start, and the time for a step.
const SCANNED_AT_ONCE: usize = 1_000;
const SCAN_WITHIN: Duration = Duration::from_secs(1);
/// The look at the start ends after this; digests tell the rest within seconds.
const LOAD_WITHIN: Duration = Duration::from_secs(5);
/// Users taken over at the start at most.
const LOADED_MAX: usize = 262_144;
/// For taking the own users away at the end. What remains ends by itself.
const LEAVE_WITHIN: Duration = Duration::from_millis(500);

/// Writes one member of one key. The time is Redis's, so that the clocks of nodes do not matter. What is no sorted set
/// is no entry of ours, and the name belongs to us.
const RENEW: &str = "
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind ~= 'zset' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ttl = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ttl, ARGV[1])
if redis.call('PTTL', KEYS[1]) < ttl then redis.call('PEXPIRE', KEYS[1], ttl) end
return 1";

/// The wall clock.
type Now = fn() -> UnixMillis;

/// What the keys are about.
#[derive(Debug, Clone)]
pub struct OnlineSettings {
    pub cluster_name: String,
    /// This run of this node.
    pub own: Incarnation,
    /// How long an entry outlives a node that stopped renewing it.
    pub ttl: Duration,
}

/// The keeper of the keys, not yet running.
pub struct OnlineKeys {
    link: Link,
    settings: OnlineSettings,
    presence: Presence,
    now: Now,
}

impl OnlineKeys {
    /// Begins to connect and returns at once. Called within a tokio runtime. `now` is the wall clock, for the news.
    #[must_use]
    pub fn new(
        servers: Servers,
        settings: OnlineSettings,
        presence: Presence,
        now: Now,
    ) -> OnlineKeys {
        // From now on every change is told.
        let _ = presence.take_local_changes();
        OnlineKeys {
            link: Link::open(servers, Spread::ByKey, "presence"),
            settings,
            presence,
            now,
        }
    }

    /// How it goes.
    #[must_use]
    pub fn health(&self) -> Health {
        self.link.health().clone()
    }

    /// Works until `stop` resolves, then takes the own users away, within half a second.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        tokio::select! {
            () = stop => {}
            () = self.work() => {}
        }
        let own = self.presence.local();
        let gone = own.into_iter().map(|user| (user, false)).collect();
        // What could not be taken away ends by itself.
        let _ = timeout(LEAVE_WITHIN, self.write(gone)).await;
    }

    async fn work(&self) {
        let recalled = self.load_when_reached();
        tokio::pin!(recalled);
        let mut forget_at = None;
        let mut renewal = interval(self.settings.ttl / 3);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Something was not written: all has to be, once Redis is back.
        let mut owing = true;
        loop {
            let forgetting = async {
                match forget_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = &mut recalled, if forget_at.is_none() => {
                    forget_at = Some(Instant::now() + self.settings.ttl);
                }
                () = forgetting => {
                    self.presence.forget_unheard((self.now)());
                    forget_at = Some(Instant::now() + self.settings.ttl);
                }
                _ = renewal.tick() => owing = self.write_all().await.is_err(),
                () = self.link.reached(), if owing => owing = self.write_all().await.is_err(),
                () = self.presence.local_changed() => {
                    sleep(GATHER).await;
                    let changes = self.presence.take_local_changes();
                    owing |= self.write(changes).await.is_err();
                }
            }
            if owing {
                // Neither a tight circle nor a backlog: what changes meanwhile is part of the next full writing.
                sleep(OWING_PAUSE).await;
            }
        }
    }

    async fn write_all(&self) -> Result<(), Away> {
        let own = self.presence.local();
        let all = own.into_iter().map(|user| (user, true)).collect();
        self.write(all).await
    }

    async fn write(&self, changes: BTreeMap<UserId, bool>) -> Result<(), Away> {
        let ttl = u64::try_from(self.settings.ttl.as_millis()).unwrap_or(u64::MAX);
        let member = self.settings.own.to_string();
        let cmds: Vec<Cmd> = changes
            .into_iter()
            .map(|(user, online)| {
                let key = self.key(user);
                if online {
                    let mut renew = redis::cmd("EVAL");
                    renew.arg(RENEW).arg(1).arg(key).arg(&member).arg(ttl);
                    renew
                } else {
                    redis::cmd("ZREM").arg(key).arg(&member).take()
                }
            })
            .collect();
        for some in cmds.chunks(WRITTEN_AT_ONCE) {
            self.link.ask_each(some.to_vec(), WRITE_WITHIN).await?;
        }
        Ok(())
    }

    /// Looks once, as soon as Redis answers.
    async fn load_when_reached(&self) {
        self.link.reached().await;
        let mut found = Found::default();
        let looked = timeout(LOAD_WITHIN, self.look(&mut found)).await;
        let users: usize = found.by_node.values().map(Vec::len).sum();
        for (peer, users) in found.by_node {
            self.presence.recall(peer, &users, (self.now)());
        }
        match looked {
            Ok(Ok(())) => info!(users, "loaded from Redis who is online"),
            Ok(Err(error)) => warn!(%error, users, "not all who are online were loaded from Redis"),
            Err(_) => warn!(
                users,
                "not all who are online were loaded from Redis in time"
            ),
        }
    }

    async fn look(&self, found: &mut Found) -> Result<(), Away> {
        let pattern = format!("{}*", escaped(&self.prefix()));
        for shard in self.link.shards(SCAN_WITHIN).await? {
            let mut cursor = 0_u64;
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(cursor).arg("MATCH").arg(&pattern);
                scan.arg("COUNT")
                    .arg(SCANNED_AT_ONCE)
                    .arg("TYPE")
                    .arg("zset");
                let (next, keys): (u64, Vec<String>) =
                    self.link.ask_shard(&shard, &scan, SCAN_WITHIN).await?;
                self.look_at(&shard, &keys, found).await?;
                if next == 0 {
                    break;
                }
                cursor = next;
            }
        }
        Ok(())
    }

    async fn look_at(&self, shard: &Shard, keys: &[String], found: &mut Found) -> Result<(), Away> {
        let prefix = self.prefix();
        let users: Vec<(UserId, &String)> = keys
            .iter()
            .filter_map(|key| Some((UserId(key.strip_prefix(&prefix)?.parse().ok()?), key)))
            .collect();
        let time = redis::cmd("TIME");
        let (seconds, micros): (u64, u64) = self.link.ask_shard(shard, &time, SCAN_WITHIN).await?;
        let now = seconds * 1_000 + micros / 1_000;
        let cmds = users.iter().map(|(_, key)| {
            let mut range = redis::cmd("ZRANGEBYSCORE");
            range.arg(key).arg(format!("({now}")).arg("+inf");
            range
        });
        let answers = self.link.ask_each(cmds.collect(), SCAN_WITHIN).await?;
        for ((user, _), members) in users.into_iter().zip(answers) {
            let members: Vec<String> = redis::from_redis_value(members).unwrap_or_default();
            for node in members.iter().filter_map(|member| incarnation(member)) {
                if node != self.settings.own {
                    found.add(node, user);
                }
            }
        }
        Ok(())
    }

    fn prefix(&self) -> String {
        format!("{}:online:", self.settings.cluster_name)
    }

    fn key(&self, user: UserId) -> String {
        format!("{}{}", self.prefix(), user.0)
    }
}

/// Who is online where.
#[derive(Default)]
struct Found {
    by_node: BTreeMap<Incarnation, Vec<UserId>>,
    users: usize,
}

impl Found {
    fn add(&mut self, node: Incarnation, user: UserId) {
        if self.users < LOADED_MAX {
            self.users += 1;
            self.by_node.entry(node).or_default().push(user);
        }
    }
}

/// Reads a member; others than ours are left alone.
fn incarnation(member: &str) -> Option<Incarnation> {
    let id = uuid::Uuid::try_parse(member).ok()?;
    Some(Incarnation(id.into_bytes()))
}

/// A text that stands for itself in a pattern of `SCAN`.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '^' | '-' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests;
