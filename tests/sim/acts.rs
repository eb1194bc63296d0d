//! What people do: talk, join and leave, hang up, come back, stall.
//!
//! Responsible for the clients' side of a run with people. Driven by `world`.

use starling::journal::cursor::Start;
use starling::model::conversation::Conv;
use starling::model::ids::{ConnId, Epoch, GroupId, UserId};

use crate::committer::Submission;
use crate::crowd::{Ask, Conn, DEVICES, GROUPS, PING_EVERY, Step, USERS};
use crate::desk::Frame;
use crate::oracle::Violation;
use crate::people::{Draft, What};
use crate::store::Cid;
use crate::world::{Event, World};

impl World {
    /// Somebody says something, joins or leaves.
    pub fn somebody_acts(&mut self, cid: Cid, size: usize) {
        let device = self.rng.usize(0..DEVICES);
        let group = GroupId(self.rng.u64(1..=GROUPS));
        let from = self.crowd().devices[device].ledger.user;
        let what = match self.rng.u32(0..10) {
            0..=4 => What::Say(Conv::Group(group)),
            5..=6 => What::Say(Conv::private(from, UserId(self.rng.u64(1..=USERS)))),
            7..=8 => What::Join(group),
            _ => What::Leave(group),
        };
        self.store.drafts.insert(cid, Draft { from, what });
        let crowd = self.crowd();
        crowd.author_of.insert(cid, device);
        let ledger = &mut crowd.devices[device].ledger;
        ledger.pending.insert(cid, size);
        ledger.sent.insert(cid);
    }

    /// Sends, or sends again, by the connection the device has now; an answered one is repeated now and then (P4).
    pub fn submit(&mut self, cid: Cid, size: usize) {
        let crowd = self.crowd.as_ref().expect("a run with people");
        let device = &crowd.devices[crowd.author_of[&cid]];
        let again = !device.ledger.pending.contains_key(&cid);
        let Some(conn) = device.conn.filter(|conn| crowd.conns[conn].is_greeted()) else {
            return;
        };
        let node = crowd.conns[&conn].node;
        if again && self.rng.u32(0..10) > 0 || self.nodes[node].is_paused(self.now) {
            return;
        }
        // A node's own early no, which a change may overtake on the way.
        if !self.store.rules.judged_in_append && !self.store.would_allow(cid) {
            return self.tell_author(node, Some(conn), Frame::Refused(cid));
        }
        self.nodes[node].committer.send(Submission {
            cid,
            size,
            origin: Some(conn),
        });
        self.commit(node);
    }

    pub fn still_asks(&self, cid: Cid) -> bool {
        self.crowd.as_ref().is_some_and(|crowd| {
            let device = &crowd.devices[crowd.author_of[&cid]];
            device.ledger.pending.contains_key(&cid)
        })
    }

    pub fn crowd_step(&mut self, step: Step) -> Result<(), Violation> {
        match step {
            Step::Connect { device } => self.connect(device),
            Step::Ask { conn, ask } => self.ask_store(conn, ask),
            Step::Told { conn, told } => self.told(conn, told),
            Step::Advance { conn } => self.advance(conn),
            Step::Drain { conn } => return self.drain(conn),
            Step::Ping { conn } => self.ping(conn),
            Step::Move => {
                if !self.healed {
                    let device = self.rng.usize(0..DEVICES);
                    self.hangs_up(device);
                    let every = self.profile.move_every.unwrap_or_default();
                    let wait = self.around(every);
                    self.after(wait, Event::Crowd(Step::Move));
                }
            }
            Step::Stall => {
                if !self.healed {
                    let device = self.rng.usize(0..DEVICES);
                    let until = self.now + self.micros(50_000, 900_000);
                    self.crowd().devices[device].slow_until = until;
                    let every = self.profile.stall_every.unwrap_or_default();
                    let wait = self.around(every);
                    self.after(wait, Event::Crowd(Step::Stall));
                }
            }
        }
        Ok(())
    }

    pub fn comes_back(&mut self, device: usize) {
        let wait = self.micros(1_000, 200_000);
        self.after(wait, Event::Crowd(Step::Connect { device }));
    }

    pub fn hangs_up(&mut self, device: usize) {
        let crowd = self.crowd();
        let Some(conn) = crowd.devices[device].conn.take() else {
            return;
        };
        if let Some(gone) = crowd.conns.remove(&conn)
            && let Some(upper) = &mut crowd.uppers[gone.node]
        {
            upper.replica.dispatch().seats.remove(&conn);
            upper.replica.detach(conn);
        }
        self.comes_back(device);
    }

    fn connect(&mut self, device: usize) {
        let up: Vec<usize> = (0..self.nodes.len())
            .filter(|&node| {
                self.nodes[node].core.is_some() && !self.nodes[node].is_paused(self.now)
            })
            .collect();
        if up.is_empty() {
            return self.comes_back(device);
        }
        let node = up[self.rng.usize(0..up.len())];
        let crowd = self.crowd();
        if crowd.devices[device].conn.is_some() {
            return;
        }
        crowd.next_conn += 1;
        let conn = ConnId(crowd.next_conn);
        crowd.devices[device].conn = Some(conn);
        crowd.conns.insert(
            conn,
            Conn {
                device,
                node,
                epoch: Epoch(0),
                start: None,
                cursor: None,
                waits_for_drain: false,
                draining: false,
            },
        );
        let resumes = crowd.rules.resumes && crowd.devices[device].ledger.position.is_some();
        if resumes {
            self.ask(conn, Ask::Head);
        } else {
            let applied = self.applied(node);
            self.greet(conn, Start::now(applied));
        }
    }

    fn ping(&mut self, conn: ConnId) {
        let Some(node) = self.crowd().conns.get(&conn).map(|conn| conn.node) else {
            return;
        };
        if let Some(desk) = self.crowd().desk(node) {
            desk.pong(conn);
        }
        self.after(PING_EVERY, Event::Crowd(Step::Ping { conn }));
        self.settle(node);
    }
}

impl Conn {
    pub fn is_greeted(&self) -> bool {
        self.start.is_some()
    }
}
