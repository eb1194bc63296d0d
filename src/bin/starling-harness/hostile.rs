//! Strangers on the bus: floods of rubbish, repetitions of what was heard before, a node with another key, and a
//! process that sits on the port. In namespaces they stand at the switch.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::cluster::{Cluster, Node, Stranger};
use crate::run::Order;
use crate::scenario::What;
use crate::timeline::Timeline;

/// Recorded datagrams kept; the first of a run, so that a replay is old.
const RECORDED_MAX: usize = 5_000;
const GARBAGE_BYTES_MAX: usize = 1_400;
/// Rubbish is drawn once and sent again and again: drawing it would cost more than sending it.
const GARBAGE_KINDS: usize = 512;
const BREATH: Duration = Duration::from_millis(2);
const CATCH_UP_MAX: Duration = Duration::from_millis(20);

pub(crate) struct Hostile {
    port: u16,
    at_switch: Option<Stranger>,
    recorded: Arc<Mutex<Vec<Vec<u8>>>>,
    recorder: Option<JoinHandle<()>>,
    /// What an earlier run heard.
    earlier: Vec<Vec<u8>>,
    tasks: BTreeMap<usize, JoinHandle<()>>,
    strangers: BTreeMap<usize, Node>,
    squatters: BTreeMap<usize, Vec<Socket>>,
    rng: fastrand::Rng,
}

impl Hostile {
    pub(crate) fn new(
        cluster: &Cluster,
        order: &Order<'_>,
        timeline: &Timeline,
    ) -> anyhow::Result<Hostile> {
        let mut faults = timeline.faults.iter();
        let records = order.record.is_some() || faults.any(|fault| fault.what == What::Replay);
        let port = cluster.bus_port;
        let at_switch = cluster.stranger_on_the_bus();
        let recorded: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let recorder = match records && at_switch.is_none() {
            true => Some(tokio::spawn(record(
                UdpSocket::from_std(shared(port)?.into())?,
                Arc::clone(&recorded),
            ))),
            false => None,
        };
        Ok(Hostile {
            port,
            at_switch,
            recorded,
            recorder,
            earlier: order
                .recorded
                .map(|recording| recording.datagrams.clone())
                .unwrap_or_default(),
            tasks: BTreeMap::new(),
            strangers: BTreeMap::new(),
            squatters: BTreeMap::new(),
            rng: fastrand::Rng::with_seed(order.seed ^ 0x686f_7374),
        })
    }

    pub(crate) fn garbage(&mut self, id: usize, rate: u64) -> anyhow::Result<()> {
        let rubbish = (0..GARBAGE_KINDS)
            .map(|_| {
                let length = self.rng.usize(..GARBAGE_BYTES_MAX);
                std::iter::repeat_with(|| self.rng.u8(..))
                    .take(length)
                    .collect()
            })
            .collect();
        self.flood(id, rubbish, rate)
    }

    /// What was broadcast at the beginning of this run.
    pub(crate) fn heard(&self) -> Vec<Vec<u8>> {
        match &self.at_switch {
            Some(stranger) => stranger.heard(),
            None => self
                .recorded
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    pub(crate) fn replay(&mut self, id: usize, rate: u64) -> anyhow::Result<()> {
        let mut datagrams = self.heard();
        datagrams.extend_from_slice(&self.earlier);
        self.rng.shuffle(&mut datagrams);
        self.flood(id, datagrams, rate)
    }

    fn flood(&mut self, id: usize, datagrams: Vec<Vec<u8>>, rate: u64) -> anyhow::Result<()> {
        let mouth = match &self.at_switch {
            Some(stranger) => Mouth::Switch(stranger.clone()),
            None => Mouth::loopback(self.port)?,
        };
        self.tasks
            .insert(id, tokio::spawn(flood(mouth, datagrams, rate)));
        Ok(())
    }

    /// A node on the same port and under the same name, with another key and another store.
    pub(crate) fn wrong_key(&mut self, id: usize, cluster: &Cluster) -> anyhow::Result<()> {
        let key: [u8; 32] = std::array::from_fn(|_| self.rng.u8(..));
        let keys = format!("1:{}", URL_SAFE_NO_PAD.encode(key));
        let node = cluster.stranger(id, &[("cluster.keys", &keys)])?;
        node.start()?;
        self.strangers.insert(id, node);
        Ok(())
    }

    /// Listens on the bus's port as the nodes do, and takes what it can get.
    pub(crate) fn squat(&mut self, id: usize) -> anyhow::Result<()> {
        let sockets = vec![shared(self.port)?, shared(self.port)?];
        self.squatters.insert(id, sockets);
        Ok(())
    }

    pub(crate) fn end(&mut self, id: usize) {
        if let Some(task) = self.tasks.remove(&id) {
            task.abort();
        }
        self.strangers.remove(&id);
        self.squatters.remove(&id);
    }

    pub(crate) fn end_all(&mut self) {
        for (_, task) in std::mem::take(&mut self.tasks) {
            task.abort();
        }
        self.strangers.clear();
        self.squatters.clear();
        if let Some(recorder) = self.recorder.take() {
            recorder.abort();
        }
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.end_all();
    }
}

fn shared(port: u16) -> anyhow::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_reuse_port(true)?;
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    Ok(socket)
}

async fn record(socket: UdpSocket, recorded: Arc<Mutex<Vec<Vec<u8>>>>) {
    let mut buffer = [0; 2_048];
    while let Ok(length) = socket.recv(&mut buffer).await {
        let mut recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
        if recorded.len() >= RECORDED_MAX {
            return;
        }
        recorded.push(buffer[..length].to_vec());
    }
}

/// How a stranger speaks to all nodes.
enum Mouth {
    Loopback(Socket, SockAddr),
    Switch(Stranger),
}

impl Mouth {
    fn loopback(port: u16) -> anyhow::Result<Mouth> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        socket.set_broadcast(true)?;
        socket.set_nonblocking(true)?;
        let target = SocketAddr::from((Ipv4Addr::new(127, 255, 255, 255), port));
        Ok(Mouth::Loopback(socket, target.into()))
    }

    /// What does not leave at once is not sent: a flood does not wait.
    fn say(&self, datagram: &[u8]) {
        match self {
            Mouth::Loopback(socket, target) => {
                let _ = socket.send_to(datagram, target);
            }
            Mouth::Switch(stranger) => stranger.say(datagram),
        }
    }
}

async fn flood(mouth: Mouth, datagrams: Vec<Vec<u8>>, rate: u64) {
    if datagrams.is_empty() {
        return;
    }
    let started = Instant::now();
    let mut breaths = interval(BREATH);
    breaths.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut due, mut said) = (0.0, 0_usize);
    loop {
        breaths.tick().await;
        let before = std::mem::replace(&mut due, rate as f64 * started.elapsed().as_secs_f64());
        // What this machine had no time to send is not made up for.
        let mut owed = (due - before).min(rate as f64 * CATCH_UP_MAX.as_secs_f64());
        while owed > 0.0 {
            mouth.say(&datagrams[said % datagrams.len()]);
            said += 1;
            owed -= 1.0;
        }
    }
}
