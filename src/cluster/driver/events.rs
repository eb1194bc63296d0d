//! The loop: waits for whatever comes first and feeds it to the core or the sink.
//!
//! Responsible for fairness between the sources and for never waiting for anything else. Deliberately without carrying
//! out what the core answers (`outputs`). Driven by [`Driver::run`].

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval, sleep_until};

use super::wire::{RECEIVE_BYTES, readable};
use super::{Answer, Control, Driver, KeysRefused, Sink};
use crate::cluster::carrier::Side;
use crate::model::signal::Signal;

/// Datagrams read at once from one socket before the others have their turn.
const DATAGRAMS_AT_ONCE: usize = 64;

/// Batches of committed entries taken at once: each can hold 1,000 entries.
const BATCHES_AT_ONCE: usize = 8;

/// Commands and signals taken at once.
const MESSAGES_AT_ONCE: usize = 128;

/// Everything that need not be more punctual: faults, clock jumps, the own row, retries.
const HOUSEKEEPING_EVERY: Duration = Duration::from_millis(100);

/// How often this node tells about itself.
const REPORT_EVERY: Duration = Duration::from_millis(250);

/// What came first. Messages are in the buffers.
enum Event {
    Readable(Side),
    Committed,
    Commands,
    Signals,
    Control(Control),
    Answer(Answer),
    CoreTimer,
    Housekeeping,
    Report,
    Stop,
}

/// Memory that is used again and again.
pub(super) struct Buffers<S: Sink> {
    committed: Vec<Vec<S::Committed>>,
    commands: Vec<S::Command>,
    signals: Vec<Signal>,
    datagram: Box<[u8; RECEIVE_BYTES]>,
    copy: Box<[u8; RECEIVE_BYTES]>,
}

impl<S: Sink> Default for Buffers<S> {
    fn default() -> Self {
        Buffers {
            committed: Vec::new(),
            commands: Vec::new(),
            signals: Vec::new(),
            datagram: Box::new([0; RECEIVE_BYTES]),
            copy: Box::new([0; RECEIVE_BYTES]),
        }
    }
}

struct Ticks {
    housekeeping: Interval,
    report: Interval,
}

impl<S: Sink> Driver<S> {
    /// Works until `stop` resolves.
    pub(super) async fn serve(&mut self, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        let mut ticks = Ticks {
            housekeeping: interval(HOUSEKEEPING_EVERY),
            report: interval(REPORT_EVERY),
        };
        for tick in [&mut ticks.housekeeping, &mut ticks.report] {
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        self.carry_out();
        loop {
            match self.next_event(&mut ticks, stop.as_mut()).await {
                Event::Readable(side) => self.receive(side),
                Event::Committed => self.take_committed(),
                Event::Commands => {
                    for command in self.buffers.commands.drain(..) {
                        self.sink.command(command);
                    }
                }
                Event::Signals => self.take_signals(),
                Event::Control(control) => self.obey(control),
                Event::Answer(answer) => self.take_answer(answer),
                Event::CoreTimer => self.core.handle_timeout(self.clock.now()),
                Event::Housekeeping => self.keep_house(),
                Event::Report => self.report(),
                Event::Stop => return,
            }
            self.carry_out();
        }
    }

    async fn next_event(
        &mut self,
        ticks: &mut Ticks,
        stop: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Event {
        let carrier = self.wire.carrier.as_ref();
        let core_timer = self.core.poll_timeout().map(|at| self.clock.instant(at));
        // Without a preference: a flood on one of them leaves the others their turns. Every branch can be given up
        // while it waits without losing anything.
        tokio::select! {
            () = stop => Event::Stop,
            () = readable(carrier, Side::Listening) => Event::Readable(Side::Listening),
            () = readable(carrier, Side::Own) => Event::Readable(Side::Own),
            1.. = self.inputs.committed.recv_many(&mut self.buffers.committed, BATCHES_AT_ONCE) => Event::Committed,
            1.. = self.inputs.commands.recv_many(&mut self.buffers.commands, MESSAGES_AT_ONCE) => Event::Commands,
            1.. = self.inputs.signals.recv_many(&mut self.buffers.signals, MESSAGES_AT_ONCE) => Event::Signals,
            Some(control) = self.control.recv() => Event::Control(control),
            Some(answer) = self.answers.recv() => Event::Answer(answer),
            () = async {
                match core_timer {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            } => Event::CoreTimer,
            _ = ticks.housekeeping.tick() => Event::Housekeeping,
            _ = ticks.report.tick() => Event::Report,
        }
    }

    fn receive(&mut self, side: Side) {
        for _ in 0..DATAGRAMS_AT_ONCE {
            let now = self.clock.now();
            let buffer = &mut self.buffers.datagram[..];
            let Some((length, source)) = self.wire.receive(side, buffer, now, &mut self.warnings)
            else {
                return;
            };
            let copies = self.wire.copies_in();
            if copies > 1 {
                // The core opens a datagram in place, so the repetition needs bytes of its own.
                self.buffers.copy[..length].copy_from_slice(&self.buffers.datagram[..length]);
                let repeated = &mut self.buffers.copy[..length];
                self.core.handle_datagram(now, source, repeated);
            }
            if copies > 0 {
                let datagram = &mut self.buffers.datagram[..length];
                self.core.handle_datagram(now, source, datagram);
            }
            self.carry_out();
        }
    }

    /// Gives what was committed to the sink and the core.
    pub(super) fn take_committed(&mut self) {
        for batch in std::mem::take(&mut self.buffers.committed) {
            let mut items = self.sink.committed(batch);
            let now = self.clock.now();
            if let Some((head, until)) = self.restarted {
                if now < until {
                    // Appended before the restart and reported after it: part of what the sink started with.
                    items.retain(|item| item.seq > head);
                } else {
                    self.restarted = None;
                }
            }
            if !items.is_empty() {
                self.core.handle_committed(now, items);
                self.carry_out();
            }
        }
    }

    /// Takes what the committer has reported by now, without waiting.
    pub(super) fn take_remaining_committed(&mut self) {
        while let Ok(batch) = self.inputs.committed.try_recv() {
            self.buffers.committed.push(batch);
        }
        self.take_committed();
    }

    fn take_signals(&mut self) {
        for signal in std::mem::take(&mut self.buffers.signals) {
            if let Some(bytes) = self.sink.own_signal(signal) {
                self.core.handle_signal(self.clock.now(), bytes);
            }
        }
    }

    fn obey(&mut self, control: Control) {
        match control {
            Control::SetKeys { keys, reply } => {
                let verdict = if self.wire.carrier.is_none() {
                    Err(KeysRefused::Alone)
                } else if keys.is_empty() {
                    Err(KeysRefused::NoKey)
                } else {
                    tracing::info!(key_ids = ?keys.ids(), "cluster keys were reloaded");
                    self.core.set_keys(keys);
                    Ok(())
                };
                // Whoever asked may have stopped waiting.
                let _ = reply.send(verdict);
            }
        }
    }
}
