//! The door for fuzzing: hostile bytes through header, seal and frames.
//!
//! Responsible for one cheap function that must never panic. Deliberately without a fuzzing framework: the tests drive
//! it with a seeded loop, any fuzzer may as well.

use bytes::Bytes;

use crate::model::ids::Incarnation;

use super::keys::KeyRing;
use super::replay::ReplayWindow;
use super::seal::{ClusterKeys, HEADER_BYTES, Sealer};
use super::wire;

/// Takes the bytes as a datagram, as a plaintext whose seal was right, and as the numbers of a replay window.
pub fn fuzz_open_decode(keys: &FuzzKeys, data: &[u8]) {
    let mut datagram = data.to_vec();
    if let Ok(header) = keys.keys.parse_header(&datagram) {
        let _ = keys.keys.open(header, &mut datagram, None);
    }
    let plain = Bytes::copy_from_slice(data);
    if let Ok((_, frames)) = wire::read(&plain) {
        frames.for_each(drop);
    }
    let mut window = ReplayWindow::starting_after(u64::from(data.first().copied().unwrap_or(0)));
    for number in data
        .chunks_exact(8)
        .filter_map(|chunk| chunk.try_into().ok())
        .map(u64::from_be_bytes)
    {
        if window.is_fresh(number) {
            window.mark(number);
        }
    }
}

/// A key ring prepared once for many calls.
#[derive(Debug)]
pub struct FuzzKeys {
    keys: ClusterKeys,
    sealer: Sealer,
    key_id: u8,
}

impl FuzzKeys {
    /// Prepares the ring's newest key; `None` for an empty ring.
    pub fn new(cluster_name: &str, ring: &KeyRing) -> Option<Self> {
        let keys = ClusterKeys::new(cluster_name, ring);
        let key_id = keys.ids().next_back()?;
        Some(Self {
            keys,
            sealer: Sealer::new(Incarnation([7; 16])),
            key_id,
        })
    }

    /// A datagram with a right seal around any plaintext: what a hostile holder of the key could send.
    pub fn seal(&mut self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut datagram = vec![0; HEADER_BYTES];
        datagram.extend_from_slice(plain);
        self.sealer.seal(&self.keys, self.key_id, datagram)
    }
}
