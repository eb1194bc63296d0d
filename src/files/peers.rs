//! Bytes that another node has: asking for them, and knowing who may ask.
//!
//! A request proves that its sender has the cluster key, by a code over what it asks for. The proof needs neither a
//! clock nor a random number: whoever overhears one learns the same bytes that it asked for and no others. What comes
//! back is checked against its digest, so the answer needs no proof.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::{Client, StatusCode};
use ring::digest::{Context, SHA256};
use ring::hmac;

use super::backend::Fault;
use super::spool::{Spool, TemporaryPath};
use crate::model::file::{Blob, Digest, Place};

/// The header with the proof; once for each key that its sender has.
pub const PROOF: &str = "x-starling-proof";
/// Where nodes ask for bytes: the digest and the place follow.
pub const PATH: &str = "internal/files";
/// What the keys are derived for.
pub const PURPOSE: &[u8] = b"starling files between nodes 1";

/// To reach a server.
const CONNECT_WAIT: Duration = Duration::from_secs(3);
/// Between two pieces of an answer.
const READ_WAIT: Duration = Duration::from_secs(10);

/// A client that follows nobody anywhere.
pub(super) fn client() -> Result<Client, reqwest::Error> {
    // Whoever comes second finds it done.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_WAIT)
        .read_timeout(READ_WAIT)
        .build()
}

/// What nodes of one cluster know. Cheap to clone; all clones change together.
#[derive(Clone, Default)]
pub struct PeerKeys(Arc<RwLock<Vec<hmac::Key>>>);

impl PeerKeys {
    /// Takes keys in place of those before; none: nobody is believed.
    pub fn set(&self, keys: &[[u8; 32]]) {
        let keys = keys
            .iter()
            .map(|key| hmac::Key::new(hmac::HMAC_SHA256, key));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys.collect();
    }

    fn all(&self) -> Vec<hmac::Key> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Proofs for one request, one for each key: the other side may not have all.
    fn proofs(&self, digest: Digest, place: Place) -> Vec<String> {
        let asked = asked(digest, place);
        let proof = |key: &hmac::Key| {
            let code = hmac::sign(key, &asked);
            let digits = code.as_ref().iter().map(|byte| format!("{byte:02x}"));
            digits.collect()
        };
        self.all().iter().map(proof).collect()
    }

    /// Whether one of the proofs is by a key of ours.
    #[must_use]
    pub fn believe<'a>(
        &self,
        digest: Digest,
        place: Place,
        proofs: impl IntoIterator<Item = &'a str>,
    ) -> bool {
        let asked = asked(digest, place);
        let keys = self.all();
        // As many as a ring holds: others are not looked at.
        proofs.into_iter().take(4).any(|proof| {
            // A code has the length of a digest, and the same digits.
            let code: Result<Digest, _> = proof.parse();
            code.is_ok_and(|code| {
                keys.iter()
                    .any(|key| hmac::verify(key, &asked, &code.0).is_ok())
            })
        })
    }
}

fn asked(digest: Digest, place: Place) -> Vec<u8> {
    [digest.0.as_slice(), place.0.as_slice()].concat()
}

/// Asks other nodes. Cheap to clone.
#[derive(Clone)]
pub struct Peers {
    client: Client,
    keys: PeerKeys,
}

impl Peers {
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn new(keys: PeerKeys) -> Result<Peers, reqwest::Error> {
        Ok(Peers {
            client: client()?,
            keys,
        })
    }

    /// Fetches bytes from a node that should have them into a spool.
    pub async fn fetch(
        &self,
        node: &str,
        blob: &Blob,
        mut spool: Spool,
    ) -> Result<TemporaryPath, Fault> {
        let (digest, place) = (blob.digest, blob.place);
        let url = format!("{}/{PATH}/{digest}/{place}", node.trim_end_matches('/'));
        let mut request = self.client.get(url);
        for proof in self.keys.proofs(digest, place) {
            request = request.header(PROOF, proof);
        }
        let lost = |error: reqwest::Error| Fault::Unavailable(format!("a node: {error}"));
        let answer = request.send().await.map_err(lost)?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(Fault::Missing),
            status => return Err(Fault::Unavailable(format!("a node answered {status}"))),
        }
        let full = |error: super::spool::SpoolError| Fault::Unavailable(error.to_string());
        let mut pieces = answer.bytes_stream();
        let mut context = Context::new(&SHA256);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(lost)?;
            context.update(&piece);
            spool.write(&piece).await.map_err(full)?;
        }
        if context.finish().as_ref() != digest.0 {
            return Err(Fault::Unavailable(
                "a node sent other bytes than it was asked for".to_owned(),
            ));
        }
        let (path, _) = spool.finish().await.map_err(full)?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_holder_of_a_key_is_believed_and_only_about_what_it_asked_for() {
        let (one, two) = (PeerKeys::default(), PeerKeys::default());
        let (digest, place) = (Digest([1; 32]), Place([2; 16]));
        let believes = |keys: &PeerKeys, place| {
            let proofs = one.proofs(digest, Place([2; 16]));
            keys.believe(digest, place, proofs.iter().map(String::as_str))
        };
        assert!(!believes(&two, place), "without keys");
        one.set(&[[1; 32], [2; 32]]);
        two.set(&[[3; 32]]);
        assert!(!believes(&two, place));
        two.set(&[[3; 32], [2; 32]]);
        assert!(believes(&two, place));
        assert!(!believes(&two, Place([3; 16])));
        assert!(!two.believe(digest, place, ["", "zz", &"0".repeat(64)]));
    }
}
