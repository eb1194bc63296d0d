//! The cluster's keys as text and in memory.
//!
//! Responsible for parsing, bounds and choosing by id. Deliberately without cryptography (`seal`) and without reading
//! files. Filled by the shell at start and on reload.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hkdf;

/// Keys held at a time: the old, the new, and room for a rotation that was never finished.
pub const KEYS_MAX: usize = 4;

/// Length of a cluster key, in bytes.
pub const KEY_BYTES: usize = 32;

/// Up to [`KEYS_MAX`] cluster keys by id. The highest id is the newest.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeyRing {
    keys: BTreeMap<u8, [u8; KEY_BYTES]>,
}

/// Why a text is not a key ring. The text itself is never repeated: it is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// Not `id:base64url` with an id of 1 to 255 and 32 bytes.
    #[error(
        "key number {position} is not of the form id:base64url(32 bytes) with an id from 1 to 255"
    )]
    Malformed {
        /// Which of the keys, from 1.
        position: usize,
    },
    /// Two keys have one id.
    #[error("key id {id} occurs twice")]
    Repeated {
        /// The id.
        id: u8,
    },
    /// More than [`KEYS_MAX`].
    #[error("more than {KEYS_MAX} keys")]
    TooMany,
}

impl KeyRing {
    /// Parses keys of the form `id:base64url(32 bytes)`, separated by commas or white space; `#` starts a comment.
    /// Without any key the ring is empty and the node runs alone.
    ///
    /// # Errors
    /// [`InvalidKeys`] names the first key that is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidKeys> {
        let mut ring = Self::default();
        let texts = text
            .lines()
            .map(|line| line.split_once('#').map_or(line, |(before, _)| before))
            .flat_map(|line| line.split([',', ' ', '\t', '\r']))
            .filter(|word| !word.is_empty());
        for (index, word) in texts.enumerate() {
            let (id, key) = parse_key(word).ok_or(InvalidKeys::Malformed {
                position: index + 1,
            })?;
            if ring.keys.insert(id, key).is_some() {
                return Err(InvalidKeys::Repeated { id });
            }
            if ring.keys.len() > KEYS_MAX {
                return Err(InvalidKeys::TooMany);
            }
        }
        Ok(ring)
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The ids, ascending.
    pub fn ids(&self) -> Vec<u8> {
        self.keys.keys().copied().collect()
    }

    /// Keys for another purpose than the bus, the newest first: from none of them can the cluster's be found out.
    #[must_use]
    pub fn derived(&self, cluster_name: &str, purpose: &[u8]) -> Vec<[u8; KEY_BYTES]> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, cluster_name.as_bytes());
        let derive = |key: &[u8; KEY_BYTES]| {
            let mut derived = [0; KEY_BYTES];
            let secret = salt.extract(key);
            let info = [purpose];
            let filled = secret.expand(&info, hkdf::HKDF_SHA256);
            filled.and_then(|filled| filled.fill(&mut derived)).ok()?;
            Some(derived)
        };
        self.keys.values().rev().filter_map(derive).collect()
    }

    /// The keys by id, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, &[u8; KEY_BYTES])> {
        self.keys.iter().map(|(&id, key)| (id, key))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("ids", &self.ids())
            .finish_non_exhaustive()
    }
}

/// The text form of a new key, for `starling keygen`. `random` comes from the operating system's generator.
pub fn generate_key_text(id: u8, random: [u8; KEY_BYTES]) -> String {
    format!("{id}:{}", URL_SAFE_NO_PAD.encode(random))
}

fn parse_key(word: &str) -> Option<(u8, [u8; KEY_BYTES])> {
    let (id, key) = word.split_once(':')?;
    let id: u8 = id.parse().ok().filter(|&id| id > 0)?;
    let key = URL_SAFE_NO_PAD.decode(key.trim_end_matches('=')).ok()?;
    Some((id, key.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_is_parsed_again() {
        let text = generate_key_text(7, [9; KEY_BYTES]);
        let ring = KeyRing::parse(&format!(
            "# rotation of May\n{text}, {}\n",
            generate_key_text(2, [1; 32])
        ))
        .unwrap();
        assert_eq!(ring.ids(), vec![2, 7]);
        assert!(
            !format!("{ring:?}").contains("CQkJ"),
            "a key must not be printed"
        );
    }

    #[test]
    fn a_wrong_key_text_is_named_by_its_position() {
        let good = generate_key_text(1, [1; 32]);
        assert_eq!(KeyRing::parse(""), Ok(KeyRing::default()));
        assert_eq!(
            KeyRing::parse(&format!("{good},2:abc")),
            Err(InvalidKeys::Malformed { position: 2 })
        );
        assert_eq!(
            KeyRing::parse("0:AAAA"),
            Err(InvalidKeys::Malformed { position: 1 })
        );
        assert_eq!(
            KeyRing::parse(&format!("{good} {good}")),
            Err(InvalidKeys::Repeated { id: 1 })
        );
        let five: Vec<String> = (1..=5).map(|id| generate_key_text(id, [id; 32])).collect();
        assert_eq!(KeyRing::parse(&five.join(",")), Err(InvalidKeys::TooMany));
    }
}
