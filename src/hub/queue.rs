//! What waits to be written to one client, in order, and the writing itself: as few system calls as possible.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice};

use bytes::{Buf, Bytes};
use tokio::net::TcpStream;

/// Buffers handed to the kernel in one call; Linux takes up to 1,024.
const SLICES_MAX: usize = 64;
/// An emptied queue keeps no more room than this; most connections are idle most of the time.
const KEPT_CAPACITY: usize = 8;

/// Frames on their way to one client.
#[derive(Debug, Default)]
pub(super) struct Queue {
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// The first frame has been written in part: nothing may be put before its rest.
    partial: bool,
}

/// How far a write got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Nothing is left.
    All,
    /// The client's socket takes no more now.
    Blocked,
    /// The socket is dead.
    Broken,
}

impl Queue {
    pub(super) fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Drops what has not begun to leave, to make room for a last word.
    pub(super) fn clear_unsent(&mut self) {
        self.frames.truncate(usize::from(self.partial));
        self.bytes = self.frames.iter().map(Bytes::len).sum();
    }

    /// Writes as much as the socket takes; adds the bytes written to `written`.
    pub(super) fn write(&mut self, stream: &TcpStream, written: &mut u64) -> Written {
        while !self.frames.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let mut count = 0;
            for (slice, frame) in slices.iter_mut().zip(&self.frames) {
                *slice = IoSlice::new(frame);
                count += 1;
            }
            match stream.try_write_vectored(&slices[..count]) {
                Ok(0) => return Written::Broken,
                Ok(taken) => {
                    *written += taken as u64;
                    self.advance(taken);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Written::Blocked,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Written::Broken,
            }
        }
        if self.frames.capacity() > KEPT_CAPACITY {
            self.frames = VecDeque::new();
        }
        Written::All
    }

    fn advance(&mut self, mut taken: usize) {
        self.bytes -= taken;
        while let Some(first) = self.frames.front_mut() {
            if taken < first.len() {
                first.advance(taken);
                self.partial |= taken > 0;
                return;
            }
            taken -= first.len();
            self.frames.pop_front();
            self.partial = false;
        }
    }
}
