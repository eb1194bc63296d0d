//! Counting together with the other nodes, in Redis: tries of passwords, and sends.
//!
//! One script decides or books each time, so nothing happens between a look and a step; every key ends by itself.
//! Deliberately never in the way: a try waits for its script for a moment only, then the node's own count decides; a
//! send does not wait at all, see [`SendReporter`].

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use redis::{Cmd, FromRedisValue};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::rate::Senders;
use super::throttle::{Counted, SharedCounts};
use crate::model::ids::UserId;
use crate::redis::{Health, Link, Servers, Spread};

/// How long a try of a password waits for its verdict: little beside the hash of the password.
const DECIDE_WITHIN: Duration = Duration::from_millis(75);
/// How long booked sends may take. What takes longer is not booked.
const BOOK_WITHIN: Duration = Duration::from_millis(250);
/// Sends gather this long before they are booked together.
const GATHER: Duration = Duration::from_millis(20);
/// Sends booked in one go.
const BOOKED_AT_ONCE: usize = 4_096;

/// Takes one attempt, or answers how many milliseconds the window still lasts.
const TAKE: &str = "
local taken = tonumber(redis.call('GET', KEYS[1]) or '0')
local left = redis.call('PTTL', KEYS[1])
if left < 0 then taken = 0; left = tonumber(ARGV[2]) end
if taken >= tonumber(ARGV[1]) then return math.max(left, 1) end
redis.call('SET', KEYS[1], taken + 1, 'PX', math.max(left, 1))
return 0";

/// Gives one attempt back; the window stays.
const GIVE_BACK: &str = "
local taken = tonumber(redis.call('GET', KEYS[1]) or '0')
if taken > 0 then redis.call('DECR', KEYS[1]) end
return 0";

/// Books sends on the instant when all are earned back, in microseconds of Redis's clock. Answers how far that is ahead.
const BOOK: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local earned = tonumber(redis.call('GET', KEYS[1]) or '0')
if earned < now then earned = now end
earned = earned + tonumber(ARGV[1])
local ahead = earned - now
redis.call('SET', KEYS[1], string.format('%.0f', earned), 'PX', math.ceil(ahead / 1000))
return ahead";

/// The counts of logins, for all nodes of one cluster.
pub struct RedisCounts {
    link: Link,
    prefix: String,
}

impl RedisCounts {
    /// Begins to connect and returns at once. Called within a tokio runtime.
    #[must_use]
    pub fn new(servers: Servers, cluster_name: &str) -> RedisCounts {
        RedisCounts {
            link: Link::open(servers, Spread::ByKey, "counting logins together"),
            prefix: format!("{cluster_name}:tries:"),
        }
    }

    /// How it goes.
    #[must_use]
    pub fn health(&self) -> Health {
        self.link.health().clone()
    }

    async fn ask<T: FromRedisValue>(&self, cmd: Cmd) -> Option<T> {
        // Why not is told by the link's health.
        self.link.ask(&cmd, DECIDE_WITHIN).await.ok()
    }

    fn key(&self, what: Counted) -> String {
        format!("{}{what}", self.prefix)
    }
}

#[async_trait]
impl SharedCounts for RedisCounts {
    async fn take(
        &self,
        what: Counted,
        most: u32,
        window: Duration,
    ) -> Option<Result<(), Duration>> {
        let mut take = script(TAKE, &self.key(what));
        take.arg(most).arg(millis(window));
        let left_ms: u64 = self.ask(take).await?;
        Some(if left_ms == 0 {
            Ok(())
        } else {
            Err(Duration::from_millis(left_ms))
        })
    }

    async fn give_back(&self, what: Counted) {
        let _: Option<u64> = self.ask(script(GIVE_BACK, &self.key(what))).await;
    }

    async fn forget(&self, what: Counted) {
        let mut forget = redis::cmd("DEL");
        forget.arg(self.key(what));
        let _: Option<u64> = self.ask(forget).await;
    }
}

/// Books what users sent here on a bucket that all nodes share, and lets the own buckets follow it.
///
/// A send is decided by the node's own bucket at once. Some 20 ms later it is booked on the shared one, and what that
/// says holds for the sends after. So a user on several nodes can send each node's burst once, within those
/// milliseconds, and then waits until all of it is earned back: his average is the configured one however many nodes he
/// uses. Sends that cannot be booked (Redis is away, or the line is full) count on their node alone.
pub struct SendReporter {
    link: Link,
    prefix: String,
    senders: Senders,
    sent: mpsc::Receiver<UserId>,
}

impl SendReporter {
    /// Begins to connect and returns at once. Called within a tokio runtime.
    #[must_use]
    pub fn new(servers: Servers, cluster_name: &str, senders: Senders) -> SendReporter {
        SendReporter {
            link: Link::open(servers, Spread::ByKey, "counting sends together"),
            prefix: format!("{cluster_name}:sends:"),
            sent: senders.report(),
            senders,
        }
    }

    /// How it goes.
    #[must_use]
    pub fn health(&self) -> Health {
        self.link.health().clone()
    }

    /// Runs for the life of the node.
    pub async fn run(mut self) {
        let mut sent = Vec::new();
        while self.sent.recv_many(&mut sent, BOOKED_AT_ONCE).await > 0 {
            sleep(GATHER).await;
            while sent.len() < BOOKED_AT_ONCE
                && let Ok(user) = self.sent.try_recv()
            {
                sent.push(user);
            }
            let mut by_user: BTreeMap<UserId, u32> = BTreeMap::new();
            for user in sent.drain(..) {
                *by_user.entry(user).or_default() += 1;
            }
            self.book(by_user).await;
        }
    }

    async fn book(&self, by_user: BTreeMap<UserId, u32>) {
        let cmds = by_user.iter().map(|(user, count)| {
            let cost = self.senders.interval() * *count;
            let mut book = script(BOOK, &format!("{}{user}", self.prefix));
            book.arg(u64::try_from(cost.as_micros()).unwrap_or(u64::MAX));
            book
        });
        let Ok(answers) = self.link.ask_each(cmds.collect(), BOOK_WITHIN).await else {
            return;
        };
        let now = Instant::now();
        for (user, ahead) in by_user.into_keys().zip(answers) {
            if let Ok(ahead) = redis::from_redis_value(ahead) {
                let ahead = Duration::from_micros(ahead);
                self.senders.follow(user, ahead, now);
            }
        }
    }
}

/// A script on one key, still without its arguments. Redis keeps it compiled by itself.
fn script(text: &str, key: &str) -> Cmd {
    let mut cmd = redis::cmd("EVAL");
    cmd.arg(text).arg(1).arg(key);
    cmd
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
