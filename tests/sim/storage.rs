//! The store's side of a run: requests take time, rows reach the disk later than they are seen, answers get lost.
//!
//! Responsible for the timing around the model store and for the committers. Driven by `world`.

use std::time::Duration;

use starling::cluster::core::{Core, Registration, StorePosition, Unavailable};
use starling::model::ids::{Epoch, Seq};

use crate::desk::Frame;
use crate::oracle::{Violation, violated};
use crate::store::{Appended, Verdict};
use crate::world::{Event, Look, Reply, Request, World};

/// P5: the poll interval, the wait for the bus, a range read and a confirmation, each with the model's latencies.
const DELIVERY_BOUND: Duration = Duration::from_millis(500);

/// An outage lasts at most 0.8 s; after a failed read the core leaves the store alone for a quarter of a second more.
const STORE_RECOVERY: Duration = Duration::from_millis(1_200);

impl World {
    pub fn request(&mut self, node: usize, request: Request) {
        let generation = self.nodes[node].generation;
        let wait = self.micros(100, 4_000);
        self.after(
            wait,
            Event::Execute {
                node,
                generation,
                request,
            },
        );
    }

    /// The store works on a request even if the asker has died meanwhile.
    pub fn execute(&mut self, node: usize, generation: u32, request: Request) {
        let up = self.store.up;
        let session = self.store.session;
        let reply = match request {
            Request::Start if up => {
                let reply = Reply::Started(Some(self.store.position()));
                return self.sync_and_reply(node, generation, reply);
            }
            Request::Append(batch) if up => {
                let appended = self.store.append(&batch);
                let reply = Reply::Appended(Some((self.store.epoch(), appended)));
                return self.sync_and_reply(node, generation, reply);
            }
            Request::Confirm(seq) if up && self.nodes[node].fetch_session == session => {
                return self.sync_and_reply(node, generation, Reply::Confirmed(Ok(seq)));
            }
            Request::Start => Reply::Started(None),
            Request::Append(_) => Reply::Appended(None),
            Request::Verify if up && self.nodes[node].epoch != self.store.epoch() => {
                let look = Look::Different(self.store.position());
                return self.sync_and_reply(node, generation, Reply::Verified(Some(look)));
            }
            Request::Verify => Reply::Verified(up.then_some(Look::Same)),
            Request::Confirm(_) => Reply::Confirmed(Err(Unavailable)),
            Request::Poll => Reply::Polled(if up {
                Ok(self.store.position())
            } else {
                Err(Unavailable)
            }),
            Request::Fetch { after, limit } => {
                let fetched = if up {
                    Ok(self.store.fetch(after, limit))
                } else {
                    Err(Unavailable)
                };
                Reply::Fetched(fetched, session)
            }
            Request::Registry => {
                let rows = self.store.registry.values().cloned().collect();
                Reply::Registry(if up { Ok(rows) } else { Err(Unavailable) })
            }
        };
        let wait = self.micros(100, 4_000);
        self.after(
            wait,
            Event::Answer {
                node,
                generation,
                reply,
            },
        );
    }

    pub fn sync_and_reply(&mut self, node: usize, generation: u32, reply: Reply) {
        let (session, head) = (self.store.session, self.store.head());
        let wait = self.micros(200, self.profile.disk.as_micros() as u64);
        self.after(
            wait,
            Event::Synced {
                node,
                generation,
                session,
                head,
                reply,
            },
        );
    }

    pub fn synced(&mut self, node: usize, generation: u32, session: u64, head: Seq, reply: Reply) {
        let reply = if session == self.store.session {
            if head > self.store.durable() {
                self.store.sync(self.now, head);
                let since = self.now;
                self.after(DELIVERY_BOUND, Event::Deadline { head, since });
            }
            reply
        } else {
            lost(&reply)
        };
        let mut wait = self.micros(100, 3_000);
        let late = self.profile.late_answers;
        if late > 0 && matches!(reply, Reply::Appended(_)) && self.rng.u32(0..100) < late {
            wait += self.micros(0, 300_000);
        }
        self.after(
            wait,
            Event::Answer {
                node,
                generation,
                reply,
            },
        );
    }

    pub fn answer(&mut self, node: usize, generation: u32, reply: Reply) -> Result<(), Violation> {
        let thaws = self.nodes[node].paused_until;
        if self.nodes[node].generation != generation {
            return Ok(());
        }
        if self.now < thaws {
            self.at(
                thaws,
                Event::Answer {
                    node,
                    generation,
                    reply,
                },
            );
            return Ok(());
        }
        match reply {
            Reply::Started(position) => self.started(node, position),
            Reply::Polled(answer) => {
                self.with_core(node, |core, now| core.handle_store_head(now, answer))
            }
            Reply::Fetched(answer, session) => {
                self.nodes[node].fetch_session = session;
                self.with_core(node, |core, now| core.handle_fetched(now, answer))
            }
            Reply::Confirmed(answer) => {
                self.with_core(node, |core, now| core.handle_confirmed(now, answer))
            }
            Reply::Registry(answer) => {
                self.with_core(node, |core, now| core.handle_registry(now, answer))
            }
            Reply::Appended(appended) => self.appended(node, appended),
            Reply::Verified(Some(Look::Same)) => self.with_core(node, Core::resume),
            Reply::Verified(Some(Look::Different(position))) => {
                self.nodes[node].epoch = position.epoch;
                self.nodes[node].replica.start(position.head);
                self.upper_restarts(node, position);
                self.with_core(node, |core, now| core.restart_at(now, position))
            }
            Reply::Verified(None) => {
                self.request(node, Request::Verify);
                Ok(())
            }
        }
    }

    pub fn started(
        &mut self,
        node: usize,
        position: Option<StorePosition>,
    ) -> Result<(), Violation> {
        let Some(position) = position else {
            self.after(Duration::from_millis(50), Event::Restart { node });
            return Ok(());
        };
        let seed = self.rng.u64(..);
        self.nodes[node].start(seed, self.now, position, &self.setup);
        let generation = self.nodes[node].generation;
        self.upper_begins(node, position);
        self.write_registry_row(node);
        self.after(
            Duration::from_secs(5),
            Event::WriteRegistry { node, generation },
        );
        self.with_core(node, |_, _| {})
    }

    pub fn appended(
        &mut self,
        node: usize,
        appended: Option<(Epoch, Vec<Appended>)>,
    ) -> Result<(), Violation> {
        // Another log's places say nothing here: the batch is repeated until this node has noticed.
        let of_this_log = appended.filter(|(epoch, _)| *epoch == self.nodes[node].epoch);
        let Some((epoch, appended)) = of_this_log else {
            self.nodes[node].committer.failed();
            self.commit(node);
            return Ok(());
        };
        self.nodes[node].committer.done();
        let dies = !self.healed && self.rng.u32(0..100) < self.profile.crash_after_append;
        if dies && self.rng.bool() {
            self.crash(node);
            return Ok(());
        }
        let mut items = Vec::new();
        for Appended {
            cid,
            origin,
            verdict,
        } in appended
        {
            match verdict {
                Verdict::Stored { item, new } => {
                    self.oracle.acked(&self.store, epoch, cid, item.seq)?;
                    if new {
                        self.upper_committed(node, item.seq, origin);
                        items.push(item);
                    }
                    self.tell_author(node, origin, Frame::Ack(cid));
                }
                Verdict::Refused => {
                    self.tell_author(node, origin, Frame::Refused(cid));
                }
            }
        }
        if dies {
            self.crash(node);
            return Ok(());
        }
        self.commit(node);
        self.with_core(node, |core, now| core.handle_committed(now, items))
    }

    pub fn commit(&mut self, node: usize) {
        if let Some(batch) = self.nodes[node].committer.next() {
            self.request(node, Request::Append(batch));
        }
    }

    pub fn write_registry(&mut self, node: usize, generation: u32) {
        if self.nodes[node].generation != generation {
            return;
        }
        if self.store.up && !self.nodes[node].is_paused(self.now) {
            self.write_registry_row(node);
        }
        self.after(
            Duration::from_secs(5),
            Event::WriteRegistry { node, generation },
        );
    }

    pub fn write_registry_row(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.counter += 1;
        let row = Registration {
            incarnation: node.incarnation,
            name: format!("node{index}"),
            address: node.address(),
            version: 1,
            packet_number: node.core.as_ref().map_or(0, Core::packet_number),
            counter: node.counter,
        };
        self.store.registry.insert(node.incarnation, row);
    }

    /// P5: what was durable for so long is applied by every node that was left in peace.
    pub fn deadline(&mut self, head: Seq, since: Duration) -> Result<(), Violation> {
        if !self.store.up || self.store.disturbed_at + STORE_RECOVERY > since {
            return Ok(());
        }
        for node in &self.nodes {
            let Some(core) = &node.core else { continue };
            if node.disturbed_at < since && core.applied() < head {
                let detail = format!(
                    "node {} is at {}, {head} was durable at {since:?}",
                    node.index,
                    core.applied()
                );
                return violated("P5", detail);
            }
        }
        Ok(())
    }
}

/// What the asker learns when the store died while it worked for him.
fn lost(reply: &Reply) -> Reply {
    match reply {
        Reply::Started(_) => Reply::Started(None),
        Reply::Polled(_) => Reply::Polled(Err(Unavailable)),
        Reply::Fetched(_, session) => Reply::Fetched(Err(Unavailable), *session),
        Reply::Confirmed(_) => Reply::Confirmed(Err(Unavailable)),
        Reply::Registry(_) => Reply::Registry(Err(Unavailable)),
        Reply::Appended(_) => Reply::Appended(None),
        Reply::Verified(_) => Reply::Verified(None),
    }
}
