//! Users, their groups and what they say: the load of the tests, and the settling before the checker looks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::client::{Account, Chatter, Http, Ledger, Room};
use super::harness::{Cluster, until};

/// Who exists and who may hear whom. Memberships do not change while a crowd talks.
pub(crate) struct Crowd {
    pub(crate) accounts: Vec<Account>,
    pub(crate) groups: BTreeMap<u64, BTreeSet<u64>>,
}

impl Crowd {
    /// Registers so many users at the first node.
    pub(crate) async fn register(cluster: &Cluster, users: usize) -> Crowd {
        let http = Http::new(cluster.nodes[0].http);
        let mut accounts = Vec::new();
        for index in 0..users {
            accounts.push(http.register(&format!("user{index}")).await);
        }
        Crowd {
            accounts,
            groups: BTreeMap::new(),
        }
    }

    /// Makes a group of the users with these indexes; the first owns it.
    pub(crate) async fn group(&mut self, cluster: &Cluster, members: &[usize]) -> Room {
        let http = Http::new(cluster.nodes[0].http);
        let ids: Vec<u64> = members.iter().map(|m| self.accounts[*m].id).collect();
        let name = format!("group{}", self.groups.len());
        let id = http
            .group(&self.accounts[members[0]], &name, &ids[1..])
            .await;
        self.groups.insert(id, ids.into_iter().collect());
        Room::Group(id)
    }

    /// Five groups of eight, and each user with another.
    pub(crate) async fn rooms(&mut self, cluster: &Cluster) -> Vec<Room> {
        let users = self.accounts.len();
        let mut rooms = Vec::new();
        for group in 0..5 {
            let members: BTreeSet<usize> = (0..8).map(|m| (group * 5 + m) % users).collect();
            let members: Vec<usize> = members.into_iter().collect();
            rooms.push(self.group(cluster, &members).await);
        }
        rooms.extend((0..users).map(|user| self.pair(user, (user + 7) % users)));
        rooms
    }

    pub(crate) fn pair(&self, a: usize, b: usize) -> Room {
        Room::pair(self.accounts[a].id, self.accounts[b].id)
    }

    /// Whether what is said in the room is for this user.
    pub(crate) fn may_hear(&self, user: u64, room: Room) -> bool {
        match room {
            Room::Group(id) => self
                .groups
                .get(&id)
                .is_some_and(|members| members.contains(&user)),
            Room::Pair(a, b) => user == a || user == b,
        }
    }

    /// Connects everybody, spread over the nodes.
    pub(crate) async fn connect(&self, cluster: &Cluster) -> Vec<Chatter> {
        let nodes = cluster.addresses();
        let connecting = self
            .accounts
            .iter()
            .enumerate()
            .map(|(index, account)| Chatter::connect(account, &nodes, index));
        futures_util::future::join_all(connecting).await
    }
}

/// Waits until every send is answered and every client's position is at or above the last of them.
pub(crate) async fn settle(chatters: &[Chatter], deadline: Duration) {
    for chatter in chatters {
        chatter
            .until("every send is answered", deadline, Ledger::is_settled)
            .await;
    }
    let last = chatters
        .iter()
        .filter_map(|chatter| chatter.ledger().acks.values().map(|ack| ack.seq).max())
        .max()
        .unwrap_or_default();
    for chatter in chatters {
        chatter
            .until(
                &format!("the position reaches {last}"),
                deadline,
                |ledger| ledger.position >= Some(last),
            )
            .await;
    }
}

/// Waits until so many more sends were acknowledged.
pub(crate) async fn acked_more(chatters: &[Chatter], more: usize, deadline: Duration) {
    let acked = || {
        let acks = chatters.iter().map(|chatter| chatter.ledger().acks.len());
        acks.sum::<usize>()
    };
    let least = acked() + more;
    until("more sends are acknowledged", deadline, || async {
        acked() >= least
    })
    .await;
}

/// Talk at a steady pace: who speaks and where is drawn from a seed, every text is different.
pub(crate) struct Talk {
    rng: fastrand::Rng,
    rooms: Vec<Room>,
    said: usize,
}

/// Messages between two breaths.
const BREATH: usize = 10;

impl Talk {
    pub(crate) fn new(seed: u64, rooms: Vec<Room>) -> Talk {
        Talk {
            rng: fastrand::Rng::with_seed(seed),
            rooms,
            said: 0,
        }
    }

    /// Goes on for ever, for a `select!` with what ends it.
    pub(crate) async fn never_end(
        &mut self,
        crowd: &Crowd,
        chatters: &[Chatter],
        per_second: usize,
    ) {
        self.go_on(crowd, chatters, usize::MAX, per_second).await;
    }

    /// Lets random members say so many messages in random rooms, about so many per second.
    pub(crate) async fn go_on(
        &mut self,
        crowd: &Crowd,
        chatters: &[Chatter],
        messages: usize,
        per_second: usize,
    ) {
        let breath = Duration::from_millis((1_000 * BREATH / per_second) as u64);
        let mut ticks = tokio::time::interval(breath);
        for message in 0..messages {
            if message % BREATH == 0 {
                ticks.tick().await;
            }
            let room = self.rooms[self.rng.usize(..self.rooms.len())];
            let members: Vec<&Chatter> = chatters
                .iter()
                .filter(|chatter| crowd.may_hear(chatter.account.id, room))
                .collect();
            let speaker = members[self.rng.usize(..members.len())];
            self.said += 1;
            speaker.send(
                room,
                &format!("{} says {}", speaker.account.name, self.said),
            );
        }
    }
}
