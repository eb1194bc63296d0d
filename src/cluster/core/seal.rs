//! Sealing and opening datagrams: header, subkeys, AES-256-GCM.
//!
//! Responsible for the outer layer of PROTOCOL.md section 1. Deliberately without knowing peers, replays or frames.
//! Driven by `receive` (open) and `sending` (seal).

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf;

use crate::model::ids::Incarnation;

use super::keys::KeyRing;
use super::status::DropReason;

/// The version of the protocol this node writes, and the oldest it reads.
pub(super) const WIRE_VERSION: u8 = 1;
pub(super) const WIRE_VERSION_MIN: u8 = 1;

pub(super) const HEADER_BYTES: usize = 32;
pub(super) const SEAL_BYTES: usize = 16;

/// No datagram of this protocol is longer: senders stay within one Ethernet frame, jumbo frames included.
pub(super) const DATAGRAM_BYTES_LIMIT: usize = 9_216;

const MAGIC: [u8; 2] = [0x53, 0x74];

/// One subkey seals 2^23 packets, the confidentiality limit of RFC 9001 for AES-GCM.
const PACKETS_PER_SUBKEY_BITS: u32 = 23;

/// The outer header as parsed from a datagram whose length, magic, version and cluster tag are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) key_id: u8,
    pub(super) incarnation: Incarnation,
    pub(super) packet_number: u64,
}

/// The cluster's keys, prepared.
#[derive(Debug)]
pub(super) struct ClusterKeys {
    keys: Vec<ClusterKey>,
}

#[derive(Debug)]
struct ClusterKey {
    id: u8,
    tag: [u8; 4],
    secret: hkdf::Prk,
}

/// Subkeys of one sender that opened something, at most two: the one in use and the one before (or after) it.
#[derive(Debug, Default)]
pub(super) struct SubkeyCache {
    slots: Vec<Subkey>,
}

#[derive(Debug)]
struct Subkey {
    key_id: u8,
    generation: u64,
    key: LessSafeKey,
}

/// Seals this node's datagrams and owns their numbers.
#[derive(Debug)]
pub(super) struct Sealer {
    incarnation: Incarnation,
    last_number: u64,
    subkey: Option<Subkey>,
}

impl ClusterKeys {
    pub(super) fn new(cluster_name: &str, ring: &KeyRing) -> Self {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, cluster_name.as_bytes());
        let keys = ring
            .iter()
            .map(|(id, key)| {
                let secret = salt.extract(key);
                ClusterKey {
                    id,
                    tag: cluster_tag(&secret),
                    secret,
                }
            })
            .collect();
        Self { keys }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The ids, ascending.
    pub(super) fn ids(&self) -> impl DoubleEndedIterator<Item = u8> {
        self.keys.iter().map(|key| key.id)
    }

    /// The cheap checks, in this order: length, magic, version, cluster tag, key id. No cryptography before they pass.
    pub(super) fn parse_header(&self, datagram: &[u8]) -> Result<Header, DropReason> {
        if self.keys.is_empty() {
            return Err(DropReason::Keyless);
        }
        let (Some(header), true) = (
            datagram.first_chunk::<HEADER_BYTES>(),
            is_possible_length(datagram.len()),
        ) else {
            return Err(DropReason::Length);
        };
        if header[..2] != MAGIC {
            return Err(DropReason::Magic);
        }
        if !(WIRE_VERSION_MIN..=WIRE_VERSION).contains(&header[2]) {
            return Err(DropReason::Version);
        }
        let key_id = header[3];
        if !self.keys.iter().any(|key| key.tag == header[4..8]) {
            return Err(DropReason::OtherCluster);
        }
        if !self
            .keys
            .iter()
            .any(|key| key.id == key_id && key.tag == header[4..8])
        {
            return Err(DropReason::UnknownKey);
        }
        let mut incarnation = [0; 16];
        incarnation.copy_from_slice(&header[8..24]);
        let mut number = [0; 8];
        number.copy_from_slice(&header[24..32]);
        Ok(Header {
            key_id,
            incarnation: Incarnation(incarnation),
            packet_number: u64::from_be_bytes(number),
        })
    }

    /// Opens a datagram in place and returns the plaintext. `cache` belongs to the sender when it is a known peer;
    /// subkeys of strangers are derived and forgotten, so that they cannot fill memory.
    pub(super) fn open<'a>(
        &self,
        header: Header,
        datagram: &'a mut [u8],
        cache: Option<&mut SubkeyCache>,
    ) -> Result<&'a mut [u8], DropReason> {
        let (associated, sealed) = datagram
            .split_at_mut_checked(HEADER_BYTES)
            .ok_or(DropReason::Length)?;
        let generation = header.packet_number >> PACKETS_PER_SUBKEY_BITS;
        let nonce = nonce(header.packet_number);
        let matches =
            |slot: &&Subkey| slot.key_id == header.key_id && slot.generation == generation;
        if let Some(slot) = cache
            .as_ref()
            .and_then(|cache| cache.slots.iter().find(matches))
        {
            return slot
                .key
                .open_in_place(nonce, Aad::from(&*associated), sealed)
                .map_err(|ring::error::Unspecified| DropReason::Forged);
        }
        let key = self
            .subkey(header.key_id, header.incarnation, generation)
            .ok_or(DropReason::UnknownKey)?;
        let plain = key
            .open_in_place(nonce, Aad::from(&*associated), sealed)
            .map_err(|ring::error::Unspecified| DropReason::Forged)?;
        if let Some(cache) = cache {
            cache.slots.truncate(1);
            cache.slots.insert(
                0,
                Subkey {
                    key_id: header.key_id,
                    generation,
                    key,
                },
            );
        }
        Ok(plain)
    }

    fn subkey(&self, key_id: u8, incarnation: Incarnation, generation: u64) -> Option<LessSafeKey> {
        let key = self.keys.iter().find(|key| key.id == key_id)?;
        let generation = generation.to_be_bytes();
        let info: [&[u8]; 2] = [&incarnation.0, &generation];
        let material = key.secret.expand(&info, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(material)))
    }

    fn tag(&self, key_id: u8) -> Option<[u8; 4]> {
        self.keys
            .iter()
            .find(|key| key.id == key_id)
            .map(|key| key.tag)
    }
}

impl Sealer {
    pub(super) fn new(incarnation: Incarnation) -> Self {
        Self {
            incarnation,
            last_number: 0,
            subkey: None,
        }
    }

    pub(super) fn last_number(&self) -> u64 {
        self.last_number
    }

    /// The keys changed: a subkey of an old ring must not be used under a reused id.
    pub(super) fn forget_subkey(&mut self) {
        self.subkey = None;
    }

    /// Seals `datagram`, whose first [`HEADER_BYTES`] are room for the header. `None` if there is no such key.
    pub(super) fn seal(
        &mut self,
        keys: &ClusterKeys,
        key_id: u8,
        mut datagram: Vec<u8>,
    ) -> Option<Vec<u8>> {
        let number = self.last_number.checked_add(1)?;
        let generation = number >> PACKETS_PER_SUBKEY_BITS;
        let tag = keys.tag(key_id)?;
        if !self
            .subkey
            .as_ref()
            .is_some_and(|held| held.key_id == key_id && held.generation == generation)
        {
            let key = keys.subkey(key_id, self.incarnation, generation)?;
            self.subkey = Some(Subkey {
                key_id,
                generation,
                key,
            });
        }
        // I3: a number is used once, even if sealing fails.
        self.last_number = number;
        let (header, plain) = datagram.split_first_chunk_mut::<HEADER_BYTES>()?;
        header[..2].copy_from_slice(&MAGIC);
        header[2] = WIRE_VERSION;
        header[3] = key_id;
        header[4..8].copy_from_slice(&tag);
        header[8..24].copy_from_slice(&self.incarnation.0);
        header[24..32].copy_from_slice(&number.to_be_bytes());
        let key = &self.subkey.as_ref()?.key;
        let seal = key
            .seal_in_place_separate_tag(nonce(number), Aad::from(&*header), plain)
            .ok()?;
        datagram.extend_from_slice(seal.as_ref());
        Some(datagram)
    }
}

fn is_possible_length(length: usize) -> bool {
    (HEADER_BYTES + SEAL_BYTES..=DATAGRAM_BYTES_LIMIT).contains(&length)
}

fn nonce(packet_number: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&packet_number.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

/// Strangers are told by four bytes. Its info is 20 bytes long, a subkey's 24: they never meet.
fn cluster_tag(secret: &hkdf::Prk) -> [u8; 4] {
    struct TagLength;
    impl hkdf::KeyType for TagLength {
        fn len(&self) -> usize {
            4
        }
    }
    let mut tag = [0; 4];
    let filled = secret
        .expand(&[b"starling cluster tag"], TagLength)
        .and_then(|material| material.fill(&mut tag));
    debug_assert!(filled.is_ok(), "four bytes are within HKDF's limit");
    tag
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::core::keys::generate_key_text;

    fn keys(cluster: &str, seed: u8) -> ClusterKeys {
        ClusterKeys::new(
            cluster,
            &KeyRing::parse(&generate_key_text(1, [seed; 32])).unwrap(),
        )
    }

    fn sealed(keys: &ClusterKeys, sealer: &mut Sealer, body: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0; HEADER_BYTES];
        datagram.extend_from_slice(body);
        sealer.seal(keys, 1, datagram).unwrap()
    }

    #[test]
    fn what_was_sealed_is_opened_with_the_same_number() {
        let keys = keys("flock", 1);
        let mut sealer = Sealer::new(Incarnation([7; 16]));
        let mut cache = SubkeyCache::default();
        for number in 1..=3 {
            let mut datagram = sealed(&keys, &mut sealer, b"hello");
            let header = keys.parse_header(&datagram).unwrap();
            assert_eq!(
                (header.packet_number, header.incarnation),
                (number, Incarnation([7; 16]))
            );
            assert_eq!(
                keys.open(header, &mut datagram, Some(&mut cache)).unwrap(),
                b"hello"
            );
        }
        assert_eq!(cache.slots.len(), 1);
    }

    #[test]
    fn a_subkey_seals_two_to_the_23_packets_only() {
        let keys = keys("flock", 1);
        let mut sealer = Sealer::new(Incarnation([7; 16]));
        sealer.last_number = (1 << PACKETS_PER_SUBKEY_BITS) - 2;
        let mut cache = SubkeyCache::default();
        for _ in 0..3 {
            let mut datagram = sealed(&keys, &mut sealer, b"x");
            let header = keys.parse_header(&datagram).unwrap();
            assert!(keys.open(header, &mut datagram, Some(&mut cache)).is_ok());
        }
        let generations: Vec<_> = cache.slots.iter().map(|slot| slot.generation).collect();
        assert_eq!(generations, vec![1, 0]);
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let keys = keys("flock", 1);
        let good = sealed(&keys, &mut Sealer::new(Incarnation([7; 16])), b"hello");
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let opened = keys
                .parse_header(&bad)
                .and_then(|header| keys.open(header, &mut bad, None).map(|_| ()));
            assert!(opened.is_err(), "bit {bit}");
        }
    }

    #[test]
    fn another_name_or_key_is_refused_before_any_cryptography() {
        let ours = keys("flock", 1);
        for theirs in [keys("other", 1), keys("flock", 2)] {
            let datagram = sealed(&theirs, &mut Sealer::new(Incarnation([7; 16])), b"hello");
            assert_eq!(ours.parse_header(&datagram), Err(DropReason::OtherCluster));
        }
    }
}
