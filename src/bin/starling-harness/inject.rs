//! Carries the timeline out on the running cluster, and notes when each fault really began and ended.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use crate::client::{Chatter, RunClock};
use crate::cluster::{Cluster, Mariadb, Node, Store};
use crate::hostile::Hostile;
use crate::progress::Progress;
use crate::recording::Recording;
use crate::scenario::{Fault, What};
use crate::timeline::Timeline;

/// A fault as it was, in seconds of the run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Mark {
    pub(crate) what: String,
    pub(crate) from: f64,
    pub(crate) to: Option<f64>,
}

pub(crate) struct Injector<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) chatters: &'a [Chatter],
    pub(crate) clock: RunClock,
    pub(crate) progress: &'a Progress,
    hostile: Hostile,
    locks: Vec<(usize, rusqlite::Connection)>,
    rng: fastrand::Rng,
    pub(crate) marks: Vec<Mark>,
    /// What a process did wrong.
    pub(crate) troubles: Vec<(f64, String)>,
}

impl<'a> Injector<'a> {
    pub(crate) fn new(
        cluster: &'a Cluster,
        chatters: &'a [Chatter],
        clock: RunClock,
        progress: &'a Progress,
        hostile: Hostile,
        seed: u64,
    ) -> Injector<'a> {
        Injector {
            cluster,
            chatters,
            clock,
            progress,
            hostile,
            locks: Vec::new(),
            rng: fastrand::Rng::with_seed(seed ^ 0x696e_6a65),
            marks: Vec::new(),
            troubles: Vec::new(),
        }
    }

    /// Writes what was heard on the bus so far, if it is wanted.
    pub(crate) fn write_down(&self, path: Option<&Path>) -> anyhow::Result<()> {
        let Some(path) = path else { return Ok(()) };
        let recording = Recording {
            bus: self.cluster.bus.clone(),
            datagrams: self.hostile.heard(),
        };
        recording.write(path)
    }

    /// Works through the timeline; what a node does wrong is noted and does not stop it.
    pub(crate) async fn run(&mut self, timeline: &Timeline) -> anyhow::Result<()> {
        let mut mark_of = vec![None; timeline.faults.len()];
        for step in &timeline.steps {
            let wait = step.at - self.clock.now();
            tokio::time::sleep(Duration::from_secs_f64(wait.max(0.0))).await;
            let fault = &timeline.faults[step.fault];
            let now = self.clock.now();
            if step.begins {
                self.progress.say(now, &fault.words());
                mark_of[step.fault] = Some(self.marks.len());
                self.marks.push(Mark {
                    what: fault.words(),
                    from: now,
                    to: None,
                });
                self.begin(step.fault, fault).await?;
            } else {
                self.end(step.fault, fault).await?;
                let mark = mark_of[step.fault].and_then(|mark: usize| self.marks.get_mut(mark));
                if let Some(mark) = mark {
                    mark.to = Some(self.clock.now());
                }
            }
        }
        Ok(())
    }

    /// Ends whatever still goes wrong, and starts again what does not run.
    pub(crate) async fn heal(&mut self) -> anyhow::Result<()> {
        self.cluster.wires.clear();
        self.cluster.apply_network()?;
        self.hostile.end_all();
        for (_, lock) in self.locks.drain(..) {
            let _ = lock.execute_batch("ROLLBACK");
        }
        for node in &self.cluster.nodes {
            node.thaw();
            if node.died() {
                let now = self.clock.now();
                self.troubles.push((
                    now,
                    format!("{} ended by itself:\n{}", node.name, node.log_end()),
                ));
                node.kill();
            }
            if !node.is_running() {
                node.start()?;
            }
        }
        for node in &self.cluster.nodes {
            node.wait_ready().await?;
        }
        let now = self.clock.now();
        for mark in self.marks.iter_mut().filter(|mark| mark.to.is_none()) {
            mark.to = Some(now);
        }
        Ok(())
    }

    async fn begin(&mut self, id: usize, fault: &Fault) -> anyhow::Result<()> {
        let cluster = self.cluster;
        match fault.what {
            What::Network | What::Blackout | What::Split | What::NoBroadcast => {
                cluster.wires.begin(id, fault);
                cluster.apply_network()?;
            }
            What::Kill => self.each(fault, Node::kill),
            What::Freeze => self.each(fault, Node::freeze),
            What::Restart => {
                for node in self.nodes(fault) {
                    if let Err(error) = cluster.nodes[node].leave().await {
                        self.troubles.push((self.clock.now(), error.to_string()));
                    }
                }
            }
            What::StoreRestart => self.server(Mariadb::stop),
            What::StoreKill => self.server(Mariadb::kill),
            What::StoreFreeze => match &cluster.store {
                Store::Mysql(server) => server.freeze(),
                Store::Sqlite(path) => {
                    let lock = rusqlite::Connection::open(path)?;
                    lock.busy_timeout(Duration::from_secs(5))?;
                    lock.execute_batch("BEGIN IMMEDIATE")?;
                    self.locks.push((id, lock));
                }
            },
            What::StoreRestore => cluster.backup().await.context("starling backup")?,
            What::RedisKill => {
                if let Some(redis) = &cluster.redis {
                    // To lose what nobody uses proves nothing.
                    if redis.keys().await.context("asking Redis")? == 0 {
                        let unused = "Redis held nothing when it was killed: no node used it";
                        self.troubles.push((self.clock.now(), unused.to_owned()));
                    }
                    redis.kill();
                }
            }
            What::Garbage => self.hostile.garbage(id, fault.rate)?,
            What::Replay => self.hostile.replay(id, fault.rate)?,
            What::WrongKey => self.hostile.wrong_key(id, cluster)?,
            What::Squatter => self.hostile.squat(id)?,
            What::Stall => {
                let slow = self
                    .chatters
                    .iter()
                    .filter(|chatter| chatter.ledger().stalls);
                for chatter in slow.take(fault.clients) {
                    chatter.stall(Duration::from_secs_f64(fault.lasts));
                }
            }
            What::Cut => {
                for _ in 0..fault.clients {
                    let chatter = self.rng.usize(..self.chatters.len());
                    self.chatters[chatter].cut();
                }
            }
        }
        Ok(())
    }

    async fn end(&mut self, id: usize, fault: &Fault) -> anyhow::Result<()> {
        let cluster = self.cluster;
        match fault.what {
            What::Network | What::Blackout | What::Split | What::NoBroadcast => {
                cluster.wires.end(id);
                cluster.apply_network()?;
            }
            // Not waited for: the timeline goes on, and the end of the run looks at everybody.
            What::Kill | What::Restart => {
                for node in self.nodes(fault) {
                    if fault.what == What::Restart {
                        cluster.upgrade(node);
                    }
                    cluster.nodes[node].start()?;
                }
            }
            What::Freeze => self.each(fault, Node::thaw),
            What::StoreRestart | What::StoreKill => {
                if let Store::Mysql(server) = &cluster.store {
                    server.start_again().await?;
                }
            }
            What::StoreFreeze => {
                if let Store::Mysql(server) = &cluster.store {
                    server.thaw();
                }
                for (_, lock) in self.locks.extract_if(.., |(lock_of, _)| *lock_of == id) {
                    lock.execute_batch("ROLLBACK")?;
                }
            }
            What::StoreRestore => {
                for node in &cluster.nodes {
                    node.leave().await?;
                }
                cluster.restore().await.context("starling restore")?;
                for node in &cluster.nodes {
                    node.start()?;
                }
            }
            What::RedisKill => {
                if let Some(redis) = &cluster.redis {
                    redis.start_again().await?;
                }
            }
            What::Garbage | What::Replay | What::WrongKey | What::Squatter => self.hostile.end(id),
            What::Stall | What::Cut => {}
        }
        Ok(())
    }

    fn nodes(&self, fault: &Fault) -> Vec<usize> {
        fault
            .nodes
            .clone()
            .unwrap_or_else(|| (0..self.cluster.nodes.len()).collect())
    }

    fn each(&self, fault: &Fault, act: impl Fn(&Node)) {
        for node in self.nodes(fault) {
            act(&self.cluster.nodes[node]);
        }
    }

    fn server(&self, act: impl Fn(&Mariadb)) {
        if let Store::Mysql(server) = &self.cluster.store {
            act(server);
        }
    }
}
