//! Who is there and who says what to whom, drawn from the seed: users, groups, pairs, a steady rate of messages, and
//! clients that come and go.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::client::api::{self, Account};
use crate::client::{Chatter, Habits, Room, RunClock, register};
use crate::scenario::Load;
use crate::tally::Tally;

/// Messages are handed out this often, several at once when the rate is higher.
const BREATH: Duration = Duration::from_millis(5);

/// The users and who may talk where.
pub(crate) struct Crowd {
    pub(crate) accounts: Vec<Account>,
    /// Rooms and the users in them, as indexes.
    rooms: Vec<(Room, Vec<usize>)>,
}

impl Crowd {
    pub(crate) async fn register(
        load: &Load,
        node: SocketAddr,
        seed: u64,
    ) -> anyhow::Result<Crowd> {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x6372_6f77);
        let accounts = register(node, &load.spoken()).await?;
        let mut rooms = Vec::new();
        for size in &load.groups {
            let mut members: Vec<usize> = (0..load.users).collect();
            rng.shuffle(&mut members);
            members.truncate(*size);
            let of_group: Vec<&Account> = members.iter().map(|member| &accounts[*member]).collect();
            let group = api::group(node, &of_group).await?;
            rooms.push((Room::Group(group), members));
        }
        for _ in 0..load.pairs {
            let one = rng.usize(..load.users);
            let other = (one + rng.usize(1..load.users)) % load.users;
            let room = Room::pair(accounts[one].id, accounts[other].id);
            rooms.push((room, vec![one, other]));
        }
        Ok(Crowd { accounts, rooms })
    }

    /// Writes down what the histories of pages show.
    pub(crate) async fn look_back(
        &self,
        chatters: &[Chatter],
        load: &Load,
        nodes: &[SocketAddr],
    ) -> anyhow::Result<()> {
        for (room, members) in &self.rooms {
            for user in members.iter().filter(|_| matches!(room, Room::Pair(..))) {
                let node = nodes[user % nodes.len()];
                chatters[user * load.devices].look_back(node, *room).await?;
            }
        }
        Ok(())
    }

    /// Begins all connections; each user's devices are next to each other and at different doors.
    pub(crate) fn connect(
        &self,
        load: &Load,
        doors: &[SocketAddr],
        clock: RunClock,
        tally: &Arc<Tally>,
    ) -> Vec<Chatter> {
        let mut chatters = Vec::new();
        for (user, account) in self.accounts.iter().enumerate() {
            for device in 0..load.devices {
                let habits = Habits {
                    stalls: user < load.stalled && device == 0,
                };
                chatters.push(Chatter::begin(
                    account,
                    doors,
                    user + device,
                    habits,
                    clock,
                    tally,
                ));
            }
        }
        chatters
    }
}

/// Talks at the asked rate until the time is over.
pub(crate) async fn talk(
    crowd: &Crowd,
    chatters: &[Chatter],
    load: &Load,
    seed: u64,
    time: Duration,
) {
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x7461_6c6b);
    let started = Instant::now();
    let mut breaths = interval(BREATH);
    breaths.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut said = 0_u64;
    let [least, most] = load.text_bytes;
    while started.elapsed() < time {
        breaths.tick().await;
        while (said as f64) < load.rate * started.elapsed().as_secs_f64() {
            let (room, members) = &crowd.rooms[rng.usize(..crowd.rooms.len())];
            let speaker =
                members[rng.usize(..members.len())] * load.devices + rng.usize(..load.devices);
            said += 1;
            let cid = format!("{seed}-{said}");
            if load.files > 0.0 && rng.f64() < load.files {
                let [least, most] = load.file_bytes;
                let (seed, bytes) = (rng.u64(..), rng.usize(least..=most));
                let _ = chatters[speaker].share(cid, *room, seed, bytes);
                continue;
            }
            let mut text = format!("message {said} ");
            let length = rng.usize(least..=most);
            text.extend(
                std::iter::repeat_with(|| rng.alphanumeric())
                    .take(length.saturating_sub(text.len())),
            );
            // A client with a thousand unsent messages has been away for long: nothing was said then.
            let _ = chatters[speaker].send(cid, *room, text);
        }
    }
}

/// Cuts connections at the asked rate.
pub(crate) async fn churn(chatters: &[Chatter], per_minute: f64, seed: u64) {
    if per_minute <= 0.0 {
        return std::future::pending().await;
    }
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x6368_7572);
    let mut ticks = interval(Duration::from_secs_f64(60.0 / per_minute));
    loop {
        ticks.tick().await;
        chatters[rng.usize(..chatters.len())].cut();
    }
}

/// Puts members of the first group out and lets them in again, asking another node each time.
pub(crate) async fn comings(crowd: &Crowd, doors: &[SocketAddr], per_minute: f64, seed: u64) {
    let group = crowd.rooms.iter().find_map(|(room, members)| match room {
        Room::Group(group) => Some((*group, members)),
        Room::Pair(..) => None,
    });
    let Some((group, members)) = group.filter(|_| per_minute > 0.0) else {
        return std::future::pending().await;
    };
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x636f_6d65);
    let mut ticks = interval(Duration::from_secs_f64(60.0 / per_minute));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let owner = &crowd.accounts[members[0]];
    let mut inside: BTreeMap<usize, bool> =
        members[1..].iter().map(|member| (*member, true)).collect();
    loop {
        ticks.tick().await;
        let member = members[rng.usize(1..members.len())];
        let door = doors[rng.usize(..doors.len())];
        let id = crowd.accounts[member].id;
        let path = format!("/api/v1/groups/{group}/members");
        let is_in = inside.get(&member).copied().unwrap_or(true);
        let done = if is_in {
            api::request(door, "DELETE", &format!("{path}/{id}"), &owner.token, "").await
        } else {
            api::request(
                door,
                "POST",
                &path,
                &owner.token,
                &json!({"users": [id]}).to_string(),
            )
            .await
        };
        // What became of it during a fault the log tells; here it only decides what is tried next.
        if done.is_ok_and(|(status, _)| status < 500) {
            inside.insert(member, !is_in);
        }
    }
}
