//! What is inside a sealed datagram: preamble and frames, to bytes and back.
//!
//! Responsible for the layout of PROTOCOL.md section 2 and for refusing anything else without panic and without
//! allocating more than the datagram's own size. Deliberately without meaning: no state is changed here.
//! Driven by `receive` (reading) and `egress` (writing).

use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::model::ids::{Epoch, Seq};

use super::interface::NAME_BYTES_MAX;

/// Epoch 8, head 8, route 1.
pub(super) const PREAMBLE_BYTES: usize = 17;
/// Kind 1, length 2.
pub(super) const FRAME_HEAD_BYTES: usize = 3;
/// Seq 8, length 2.
pub(super) const ENTRY_HEAD_BYTES: usize = 10;
/// Length 2.
pub(super) const SIGNAL_HEAD_BYTES: usize = 2;
/// Number of the first signal in a frame 8.
pub(super) const SIGNALS_HEAD_BYTES: usize = 8;
/// From 8, to 8.
pub(super) const RANGE_BYTES: usize = 16;

/// What every datagram tells: which log, how far, and on which way it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Preamble {
    pub(super) epoch: Epoch,
    /// Durable up to here, by the sender's own knowledge.
    pub(super) head: Seq,
    pub(super) route: Route,
}

/// The way of this copy. It lets both sides find out in which direction broadcast works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Broadcast,
    /// To the receiver's own socket.
    Unicast,
    /// To the receiver's own socket, by a sender that does not hear the receiver's broadcasts.
    UnicastFromDeaf,
}

/// The kinds of frames. Unknown kinds are skipped by their length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Entries = 1,
    Announce = 2,
    Beat = 3,
    Nack = 4,
    Signals = 5,
    Leave = 6,
    Probe = 7,
}

/// One frame as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    Entries(Vec<(Seq, Bytes)>),
    Announce {
        from: Seq,
        to: Seq,
    },
    Beat(Beat),
    Nack(Vec<(Seq, Seq)>),
    /// Signals and the number of the first one: copies over several routes are told apart by it.
    Signals {
        first: u64,
        signals: Vec<Bytes>,
    },
    Leave,
    Probe {
        token: u64,
    },
    /// A kind of a later version.
    Unknown,
}

/// A beat as read, its digest a slice of the datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beat {
    pub(super) name: String,
    pub(super) key_ids: Vec<u8>,
    pub(super) connections: u32,
    pub(super) users: u32,
    pub(super) load: u16,
    pub(super) digest: Bytes,
}

/// A beat on the wire (postcard). Later versions append fields; earlier readers ignore what follows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct WireBeat<'a> {
    pub(super) name: &'a str,
    pub(super) address: SocketAddr,
    pub(super) version: u16,
    pub(super) wire_version_min: u8,
    pub(super) wire_version: u8,
    #[serde(borrow)]
    pub(super) key_ids: &'a [u8],
    pub(super) connections: u32,
    pub(super) users: u32,
    pub(super) load: u16,
    pub(super) health_factor: u8,
    #[serde(borrow)]
    pub(super) digest: &'a [u8],
}

/// An authenticated datagram that does not follow the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl Preamble {
    pub(super) fn write(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.epoch.0.to_be_bytes());
        to.extend_from_slice(&self.head.0.to_be_bytes());
        to.push(match self.route {
            Route::Broadcast => 0,
            Route::Unicast => 1,
            Route::UnicastFromDeaf => 2,
        });
    }

    fn read(bytes: &mut &[u8]) -> Result<Self, Malformed> {
        let epoch = Epoch(take_u64(bytes)?);
        let head = Seq(take_u64(bytes)?);
        let route = match take(bytes, 1)? {
            [0] => Route::Broadcast,
            [1] => Route::Unicast,
            [2] => Route::UnicastFromDeaf,
            _ => return Err(Malformed),
        };
        Ok(Self { epoch, head, route })
    }
}

/// Splits a plaintext into preamble and frames. Frames are decoded one by one, so that a damaged one costs the rest only.
pub(super) fn read(plain: &Bytes) -> Result<(Preamble, Frames<'_>), Malformed> {
    let mut rest = &plain[..];
    let preamble = Preamble::read(&mut rest)?;
    Ok((preamble, Frames { plain, rest }))
}

/// The frames of one datagram. Ends after the first malformed one.
pub(super) struct Frames<'a> {
    plain: &'a Bytes,
    rest: &'a [u8],
}

impl Iterator for Frames<'_> {
    type Item = Result<Frame, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let frame = self.read_frame();
        if frame.is_err() {
            self.rest = &[];
        }
        Some(frame)
    }
}

impl Frames<'_> {
    fn read_frame(&mut self) -> Result<Frame, Malformed> {
        let kind = take(&mut self.rest, 1)?[0];
        let length = usize::from(take_u16(&mut self.rest)?);
        let mut body = take(&mut self.rest, length)?;
        let Some(kind) = Kind::from_byte(kind) else {
            return Ok(Frame::Unknown);
        };
        match kind {
            Kind::Entries => self.read_entries(body),
            Kind::Announce => Ok(Frame::Announce {
                from: Seq(take_u64(&mut body)?),
                to: Seq(take_u64(&mut body)?),
            }),
            Kind::Beat => self.read_beat(body),
            Kind::Nack => read_ranges(body),
            Kind::Signals => self.read_signals(body),
            Kind::Leave => Ok(Frame::Leave),
            Kind::Probe => Ok(Frame::Probe {
                token: take_u64(&mut body)?,
            }),
        }
    }

    fn read_entries(&self, mut body: &[u8]) -> Result<Frame, Malformed> {
        let mut entries = Vec::new();
        while !body.is_empty() {
            let seq = Seq(take_u64(&mut body)?);
            let length = usize::from(take_u16(&mut body)?);
            if seq == Seq::ZERO {
                return Err(Malformed);
            }
            entries.push((seq, self.plain.slice_ref(take(&mut body, length)?)));
        }
        Ok(Frame::Entries(entries))
    }

    fn read_signals(&self, mut body: &[u8]) -> Result<Frame, Malformed> {
        let first = take_u64(&mut body)?;
        let mut signals = Vec::new();
        while !body.is_empty() {
            let length = usize::from(take_u16(&mut body)?);
            signals.push(self.plain.slice_ref(take(&mut body, length)?));
        }
        Ok(Frame::Signals { first, signals })
    }

    fn read_beat(&self, body: &[u8]) -> Result<Frame, Malformed> {
        let (beat, _later) =
            postcard::take_from_bytes::<WireBeat<'_>>(body).map_err(|_| Malformed)?;
        if beat.name.len() > NAME_BYTES_MAX {
            return Err(Malformed);
        }
        Ok(Frame::Beat(Beat {
            name: beat.name.to_owned(),
            key_ids: beat.key_ids.to_vec(),
            connections: beat.connections,
            users: beat.users,
            load: beat.load,
            digest: self.plain.slice_ref(beat.digest),
        }))
    }
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Entries,
            Self::Announce,
            Self::Beat,
            Self::Nack,
            Self::Signals,
            Self::Leave,
            Self::Probe,
        ]
        .into_iter()
        .find(|&kind| kind as u8 == byte)
    }
}

/// A datagram being written: room for the header and the preamble, then frames until it is full.
#[derive(Debug)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    full: usize,
    empty: usize,
}

impl Writer {
    /// `reserved` bytes are left for header and preamble; the plaintext may grow up to `full` bytes in all.
    pub(super) fn new(reserved: usize, full: usize) -> Self {
        let mut bytes = Vec::with_capacity(full);
        bytes.resize(reserved, 0);
        Self {
            bytes,
            full,
            empty: reserved,
        }
    }

    /// Room for the body of one more frame.
    pub(super) fn room(&self) -> usize {
        self.full
            .saturating_sub(self.bytes.len() + FRAME_HEAD_BYTES)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.len() == self.empty
    }

    /// Appends a frame if it fits.
    pub(super) fn frame(&mut self, kind: Kind, body: &[u8]) -> bool {
        let fits = body.len() <= self.room() && self.bytes.len() + FRAME_HEAD_BYTES <= self.full;
        if let (true, Ok(length)) = (fits, u16::try_from(body.len())) {
            self.bytes.push(kind as u8);
            self.bytes.extend_from_slice(&length.to_be_bytes());
            self.bytes.extend_from_slice(body);
            return true;
        }
        false
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Appends one entry to the body of an `Entries` frame if the body stays within `room`.
pub(super) fn push_entry(body: &mut Vec<u8>, room: usize, seq: Seq, payload: &[u8]) -> bool {
    let Ok(length) = u16::try_from(payload.len()) else {
        return false;
    };
    if body.len() + ENTRY_HEAD_BYTES + payload.len() > room {
        return false;
    }
    body.extend_from_slice(&seq.0.to_be_bytes());
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(payload);
    true
}

/// Appends one signal to the body of a `Signals` frame if the body stays within `room`.
pub(super) fn push_signal(body: &mut Vec<u8>, room: usize, signal: &[u8]) -> bool {
    let Ok(length) = u16::try_from(signal.len()) else {
        return false;
    };
    if body.len() + SIGNAL_HEAD_BYTES + signal.len() > room {
        return false;
    }
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(signal);
    true
}

/// The body of a `Nack` or, with one range, of an `Announce` frame.
pub(super) fn ranges_body(ranges: &[(Seq, Seq)]) -> Vec<u8> {
    ranges
        .iter()
        .flat_map(|(from, to)| [from.0.to_be_bytes(), to.0.to_be_bytes()])
        .flatten()
        .collect()
}

fn read_ranges(mut body: &[u8]) -> Result<Frame, Malformed> {
    let mut ranges = Vec::new();
    while !body.is_empty() {
        ranges.push((Seq(take_u64(&mut body)?), Seq(take_u64(&mut body)?)));
    }
    Ok(Frame::Nack(ranges))
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], Malformed> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or(Malformed)?;
    *bytes = rest;
    Ok(taken)
}

fn take_u64(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let (taken, rest) = bytes.split_first_chunk::<8>().ok_or(Malformed)?;
    *bytes = rest;
    Ok(u64::from_be_bytes(*taken))
}

fn take_u16(bytes: &mut &[u8]) -> Result<u16, Malformed> {
    let (taken, rest) = bytes.split_first_chunk::<2>().ok_or(Malformed)?;
    *bytes = rest;
    Ok(u16::from_be_bytes(*taken))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(frames: &[(Kind, Vec<u8>)]) -> Bytes {
        let mut writer = Writer::new(0, 4_000);
        let mut bytes = Vec::new();
        Preamble {
            epoch: Epoch(5),
            head: Seq(9),
            route: Route::UnicastFromDeaf,
        }
        .write(&mut bytes);
        for (kind, body) in frames {
            assert!(writer.frame(*kind, body));
        }
        bytes.extend(writer.into_bytes());
        Bytes::from(bytes)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..20),
            ranges in proptest::collection::vec((any::<u64>(), any::<u64>()), 0..20),
            first in any::<u64>(),
        ) {
            let (mut entries, mut signals) = (Vec::new(), first.to_be_bytes().to_vec());
            for (payload, seq) in payloads.iter().zip(1..) {
                prop_assert!(push_entry(&mut entries, 2_000, Seq(seq), payload));
                prop_assert!(push_signal(&mut signals, 2_000, payload));
            }
            let ranges: Vec<_> = ranges.into_iter().map(|(from, to)| (Seq(from), Seq(to))).collect();
            let bytes = plain(&[
                (Kind::Entries, entries),
                (Kind::Nack, ranges_body(&ranges)),
                (Kind::Signals, signals),
                (Kind::Leave, Vec::new()),
            ]);
            let (preamble, frames) = read(&bytes).map_err(|_| TestCaseError::fail("preamble"))?;
            prop_assert_eq!(preamble.head, Seq(9));
            let frames: Vec<_> = frames.collect();
            let payloads: Vec<_> = payloads.into_iter().map(Bytes::from).collect();
            let numbered = payloads.iter().cloned().zip(1..).map(|(payload, seq)| (Seq(seq), payload)).collect();
            prop_assert_eq!(frames, vec![
                Ok(Frame::Entries(numbered)),
                Ok(Frame::Nack(ranges)),
                Ok(Frame::Signals { first, signals: payloads }),
                Ok(Frame::Leave),
            ]);
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok((_, frames)) = read(&Bytes::from(bytes)) {
                frames.for_each(drop);
            }
        }
    }

    #[test]
    fn a_later_versions_beat_and_frames_are_understood_as_far_as_known() {
        let beat = WireBeat {
            name: "crow",
            address: SocketAddr::from(([10, 0, 0, 1], 4_000)),
            version: 3,
            wire_version_min: 1,
            wire_version: 2,
            key_ids: &[1, 2],
            connections: 7,
            users: 5,
            load: 30,
            health_factor: 1,
            digest: b"digest",
        };
        let mut body = postcard::to_stdvec(&beat).unwrap();
        body.extend_from_slice(b"fields of a later version");
        let mut bytes = plain(&[(Kind::Beat, body)]).to_vec();
        bytes.extend_from_slice(&[200, 0, 3, 1, 2, 3]);
        let bytes = Bytes::from(bytes);
        let Ok((_, frames)) = read(&bytes) else {
            panic!("the preamble is right")
        };
        let frames: Vec<_> = frames.collect();
        let Ok(Frame::Beat(read)) = &frames[0] else {
            panic!("{frames:?}")
        };
        assert_eq!(
            (read.name.as_str(), &read.key_ids[..], &read.digest[..]),
            ("crow", &[1, 2][..], &b"digest"[..])
        );
        assert_eq!(frames[1], Ok(Frame::Unknown));
    }

    #[test]
    fn a_damaged_frame_costs_the_rest_only() {
        let mut bytes = plain(&[(Kind::Leave, Vec::new())]).to_vec();
        bytes.extend_from_slice(&[Kind::Nack as u8, 0, 3, 1, 2, 3, Kind::Leave as u8, 0, 0]);
        let bytes = Bytes::from(bytes);
        let Ok((_, frames)) = read(&bytes) else {
            panic!("the preamble is right")
        };
        assert_eq!(
            frames.collect::<Vec<_>>(),
            vec![Ok(Frame::Leave), Err(Malformed)]
        );
    }

    #[test]
    fn a_full_datagram_takes_no_more() {
        let mut writer = Writer::new(10, 30);
        assert_eq!(writer.room(), 17);
        assert!(!writer.frame(Kind::Nack, &[0; 18]));
        assert!(writer.frame(Kind::Nack, &[0; 16]));
        assert!(
            !writer.frame(Kind::Leave, &[]),
            "one byte is no room for a frame"
        );
    }
}
