//! The switch between the namespaces: takes each frame from one TAP device and decides, for every other one, whether,
//! how often, when and in what state it arrives.
//!
//! All dice come from one seed. Only UDP is touched: ARP passes, or nobody would find anybody. A network of this kind
//! needs nothing of the kernel but TAP devices; `netem` is missing on some machines.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tappers::{Interface, Tap};

use super::Environment;
use super::network::{Weather, Wires};

const FRAME_BYTES_MAX: usize = 2_048;
/// Frames on their way to the switch; more are lost, as in a real one.
const QUEUE_FRAMES: usize = 4_096;
/// Frames that wait for their time; more are lost.
const DELAYED_FRAMES_MAX: usize = 65_536;
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A reordered frame comes up to so much later.
const REORDER_SECONDS: f64 = 0.02;
/// Ethernet 14, IP 20: where the UDP header begins, and where its checksum is.
const UDP_AT: usize = 34;
const CHECKSUM_AT: usize = UDP_AT + 6;
const PAYLOAD_AT: usize = UDP_AT + 8;

/// Where a stranger's frames come from: no node's port.
const STRANGER: usize = usize::MAX;
/// Datagrams a stranger remembers; the first of a run, so that to repeat them is to repeat the past.
const HEARD_MAX: usize = 5_000;

type Heard = Arc<Mutex<Vec<Vec<u8>>>>;
type Rules = Vec<Vec<[Option<Weather>; 2]>>;

#[derive(Default)]
struct Counters {
    frames: AtomicU64,
    lost: AtomicU64,
    doubled: AtomicU64,
    late: AtomicU64,
    spoilt: AtomicU64,
}

pub(super) struct Switch {
    rules: Arc<Mutex<Rules>>,
    counters: Arc<Counters>,
    stop: Arc<AtomicBool>,
    frames: SyncSender<(usize, Vec<u8>)>,
    heard: Heard,
}

/// Somebody on the same network who is no node: hears every broadcast and says what he likes.
#[derive(Clone)]
pub(crate) struct Stranger {
    frames: SyncSender<(usize, Vec<u8>)>,
    heard: Heard,
    from: Ipv4Addr,
    to: SocketAddrV4,
}

impl Stranger {
    /// Broadcasts a datagram; lost if the switch is busy.
    pub(crate) fn say(&self, datagram: &[u8]) {
        let frame = broadcast_frame(self.from, self.to, datagram);
        let _ = self.frames.try_send((STRANGER, frame));
    }

    /// What was broadcast at the beginning of the run.
    pub(crate) fn heard(&self) -> Vec<Vec<u8>> {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Switch {
    /// A place at the switch for somebody with this address, who speaks to this one.
    pub(super) fn stranger(&self, from: Ipv4Addr, to: SocketAddrV4) -> Stranger {
        Stranger {
            frames: self.frames.clone(),
            heard: Arc::clone(&self.heard),
            from,
            to,
        }
    }

    /// Makes a device `bus` in each namespace and starts to carry frames.
    pub(super) fn plug(namespaces: &[String], seed: u64) -> anyhow::Result<Switch> {
        let count = namespaces.len();
        let (frames, inbox) = sync_channel(QUEUE_FRAMES);
        let switch = Switch {
            frames: frames.clone(),
            heard: Heard::default(),
            rules: Arc::new(Mutex::new(vec![
                vec![[Some(Weather::default()); 2]; count];
                count
            ])),
            counters: Arc::default(),
            stop: Arc::default(),
        };
        let mut taps = Vec::new();
        for (port, namespace) in namespaces.iter().enumerate() {
            let tap = Arc::new(open(namespace)?);
            taps.push(Arc::clone(&tap));
            let (frames, stop) = (frames.clone(), Arc::clone(&switch.stop));
            std::thread::spawn(move || carry_in(port, &tap, &frames, &stop));
        }
        let mut fabric = Fabric {
            taps,
            rules: Arc::clone(&switch.rules),
            counters: Arc::clone(&switch.counters),
            dice: fastrand::Rng::with_seed(seed ^ 0x7377_6974),
            waiting: BinaryHeap::new(),
            number: 0,
            heard: Arc::clone(&switch.heard),
        };
        let stop = Arc::clone(&switch.stop);
        std::thread::spawn(move || fabric.run(&inbox, &stop));
        Ok(switch)
    }

    pub(super) fn obey(&self, wires: &Wires, nodes: usize) {
        let rules = (0..nodes)
            .map(|from| {
                (0..nodes)
                    .map(|to| {
                        [
                            wires.between(from, to, false),
                            wires.between(from, to, true),
                        ]
                    })
                    .collect()
            })
            .collect();
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    pub(super) fn counters(&self) -> Vec<(&'static str, u64)> {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        vec![
            ("frames", of(&self.counters.frames)),
            ("lost", of(&self.counters.lost)),
            ("doubled", of(&self.counters.doubled)),
            ("late", of(&self.counters.late)),
            ("damaged or cut", of(&self.counters.spoilt)),
        ]
    }

    pub(super) fn unplug(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A device in the namespace, made by a thread that goes there: it never comes back, and ends.
fn open(namespace: &str) -> anyhow::Result<Tap> {
    let path = format!("/var/run/netns/{namespace}");
    let there = std::fs::File::open(&path).with_context(|| format!("cannot open {path}"))?;
    let made = std::thread::spawn(move || -> anyhow::Result<Tap> {
        move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network))?;
        let mut tap = Tap::new_named(Interface::new("bus")?)?;
        tap.set_nonblocking(true)?;
        Ok(tap)
    });
    match made.join() {
        Ok(Ok(tap)) => Ok(tap),
        Ok(Err(error)) => Err(Environment::error(
            format!("no TAP device in {namespace}: {error}"),
            "give the container /dev/net/tun and CAP_NET_ADMIN, or set network = \"loopback\"",
        )),
        Err(_) => anyhow::bail!("the thread that opens a TAP device ended badly"),
    }
}

/// Frames of one device, to the switch.
fn carry_in(port: usize, tap: &Tap, frames: &SyncSender<(usize, Vec<u8>)>, stop: &AtomicBool) {
    let mut buffer = [0; FRAME_BYTES_MAX];
    let patience = Timespec {
        tv_sec: 0,
        tv_nsec: 50_000_000,
    };
    while !stop.load(Ordering::Relaxed) {
        let mut ready = [PollFd::new(tap, PollFlags::IN)];
        if poll(&mut ready, Some(&patience)).is_err() {
            continue;
        }
        while let Ok(length) = tap.recv(&mut buffer) {
            match frames.try_send((port, buffer[..length].to_vec())) {
                Ok(()) | Err(TrySendError::Full(_)) => {}
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
    }
}

/// A frame that waits for its time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: Instant,
    /// First come, first served at the same time.
    number: u64,
    to: usize,
    frame: Vec<u8>,
}

struct Fabric {
    taps: Vec<Arc<Tap>>,
    rules: Arc<Mutex<Rules>>,
    counters: Arc<Counters>,
    dice: fastrand::Rng,
    waiting: BinaryHeap<Reverse<Waiting>>,
    number: u64,
    heard: Heard,
}

impl Fabric {
    fn run(&mut self, inbox: &Receiver<(usize, Vec<u8>)>, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let now = Instant::now();
            let patience = self.waiting.peek().map_or(LOOK_EVERY, |Reverse(next)| {
                next.due.saturating_duration_since(now)
            });
            match inbox.recv_timeout(patience.min(LOOK_EVERY)) {
                Ok((from, frame)) => self.take(from, &frame),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.hand_out();
        }
    }

    fn take(&mut self, from: usize, frame: &[u8]) {
        let is_udp = frame.len() > PAYLOAD_AT && frame[12..14] == [8, 0] && frame[23] == 17;
        let is_broadcast = frame.first().is_some_and(|byte| byte & 1 == 1);
        if is_udp && is_broadcast && from != STRANGER {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            if heard.len() < HEARD_MAX {
                heard.push(frame[PAYLOAD_AT..].to_vec());
            }
        }
        for to in (0..self.taps.len()).filter(|to| *to != from) {
            if !is_udp {
                self.put(to, frame.to_vec(), 0.0);
                continue;
            }
            self.counters.frames.fetch_add(1, Ordering::Relaxed);
            let rule = if from == STRANGER {
                Some(Weather::default())
            } else {
                self.rules.lock().unwrap_or_else(PoisonError::into_inner)[from][to]
                    [usize::from(is_broadcast)]
            };
            let copies = rule.map_or(0, |weather| self.copies(weather));
            if copies == 0 {
                self.counters.lost.fetch_add(1, Ordering::Relaxed);
            }
            if copies > 1 {
                self.counters.doubled.fetch_add(1, Ordering::Relaxed);
            }
            for _ in 0..copies {
                let weather = rule.unwrap_or_default();
                let late = self.lateness(weather);
                let frame = self.spoil(weather, frame.to_vec());
                self.put(to, frame, late);
            }
        }
    }

    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.dice.f64() < probability
    }

    fn copies(&mut self, weather: Weather) -> usize {
        if self.happens(weather.loss) {
            return 0;
        }
        1 + usize::from(self.happens(weather.duplicate))
    }

    fn lateness(&mut self, weather: Weather) -> f64 {
        let [from, to] = weather.delay_ms;
        let mut late = if to > 0.0 {
            (from + (to - from) * self.dice.f64()) / 1_000.0
        } else {
            0.0
        };
        if self.happens(weather.reorder) {
            late += REORDER_SECONDS * self.dice.f64();
        }
        if late > 0.0 {
            self.counters.late.fetch_add(1, Ordering::Relaxed);
        }
        late
    }

    /// Damage that the receiver's kernel does not notice: the checksum is taken out of a damaged or cut frame.
    fn spoil(&mut self, weather: Weather, mut frame: Vec<u8>) -> Vec<u8> {
        let corrupts = self.happens(weather.corrupt);
        let cuts = self.happens(weather.truncate);
        if !corrupts && !cuts {
            return frame;
        }
        self.counters.spoilt.fetch_add(1, Ordering::Relaxed);
        let payload = frame.len() - PAYLOAD_AT;
        frame[CHECKSUM_AT..PAYLOAD_AT].fill(0);
        if corrupts {
            let bit = self.dice.usize(..payload * 8);
            frame[PAYLOAD_AT + bit / 8] ^= 1 << (bit % 8);
        }
        if cuts {
            // The UDP length says less than the packet holds: the rest is padding.
            let left = self.dice.usize(..payload);
            let length = u16::try_from(8 + left).unwrap_or(u16::MAX);
            frame[UDP_AT + 4..UDP_AT + 6].copy_from_slice(&length.to_be_bytes());
        }
        frame
    }

    fn put(&mut self, to: usize, frame: Vec<u8>, late: f64) {
        if self.waiting.len() >= DELAYED_FRAMES_MAX {
            return;
        }
        self.number += 1;
        let due = Instant::now() + Duration::from_secs_f64(late);
        self.waiting.push(Reverse(Waiting {
            due,
            number: self.number,
            to,
            frame,
        }));
    }

    fn hand_out(&mut self) {
        let now = Instant::now();
        while self
            .waiting
            .peek()
            .is_some_and(|Reverse(next)| next.due <= now)
        {
            if let Some(Reverse(next)) = self.waiting.pop() {
                // A device whose queue is full loses the frame, as a port of a real switch does.
                let _ = self.taps[next.to].send(&next.frame);
            }
        }
    }
}

/// A broadcast as it is on the wire (RFC 791, RFC 768): no options, and no UDP checksum, which is allowed to be absent.
fn broadcast_frame(from: Ipv4Addr, to: SocketAddrV4, datagram: &[u8]) -> Vec<u8> {
    let udp_bytes = u16::try_from(8 + datagram.len()).unwrap_or(u16::MAX);
    let mut ip = [0; 20];
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&udp_bytes.saturating_add(20).to_be_bytes());
    ip[8..10].copy_from_slice(&[64, 17]);
    ip[12..16].copy_from_slice(&from.octets());
    ip[16..20].copy_from_slice(&to.ip().octets());
    let words = ip
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX);
    ip[10..12].copy_from_slice(&checksum.to_be_bytes());
    let mut frame = Vec::with_capacity(PAYLOAD_AT + datagram.len());
    frame.extend([0xff; 6]);
    // A locally administered address that no device here has.
    frame.extend([0x02, 0, 0, 0, 0, 0xc8]);
    frame.extend([8, 0]);
    frame.extend(ip);
    frame.extend(to.port().to_be_bytes());
    frame.extend(to.port().to_be_bytes());
    frame.extend(udp_bytes.to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(datagram);
    frame
}
