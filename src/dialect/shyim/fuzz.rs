//! A seeded loop over what a client of dialect P may send: true frames with random changes, and noise. Nothing panics,
//! and the same bytes under another number are the same message.
//!
//! `STARLING_FUZZ_ITERATIONS` makes it longer. A failure names its seed.

use std::sync::Arc;

use prost::Message as _;

use super::proto::{Input, MESSAGE, Message as Frame, SYNC, SyncInputMsg, UpMsg};
use super::voice::{ShyimSpeech, ShyimVoice};
use crate::dialect::media::Place;
use crate::dialect::uses::Uses;
use crate::http::ws::{Heard, Message, Voice as _};
use crate::service::connections::Speech;

/// A few seconds of a debug build.
const ITERATIONS_DEFAULT: u64 = 30_000;

fn iterations() -> u64 {
    let long = std::env::var_os("STARLING_LONG").map_or(1, |_| 10);
    let text = std::env::var("STARLING_FUZZ_ITERATIONS").ok();
    text.map_or(ITERATIONS_DEFAULT * long, |text| {
        text.parse().expect("a number")
    })
}

fn voice() -> ShyimVoice {
    let speech = Arc::new(ShyimSpeech::new(Place::default()));
    let shared = Arc::clone(&speech) as Arc<dyn Speech>;
    ShyimVoice::new(speech, shared, Arc::new(Uses::default()))
}

fn up(msg: &[u8], client_id: u64) -> Vec<u8> {
    let up = UpMsg {
        msg: Some(msg.to_vec()),
        client_id,
    };
    let data = up.encode_to_vec();
    Input {
        r#type: MESSAGE,
        data,
    }
    .encode_to_vec()
}

fn mutated(rng: &mut fastrand::Rng, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..rng.usize(..4) {
        if bytes.is_empty() {
            break;
        }
        let at = rng.usize(..bytes.len());
        match rng.u8(..4) {
            0 => bytes[at] = rng.u8(..),
            1 => bytes.insert(at, rng.u8(..)),
            2 => bytes.truncate(at),
            _ => bytes.extend_from_within(at..),
        }
    }
    bytes
}

/// The id and address of the message that these bytes send.
fn sends(voice: &mut ShyimVoice, bytes: Vec<u8>) -> Option<(String, String)> {
    match voice.understand(Message::Binary(bytes)) {
        Ok(Heard::Send { request, .. }) => Some((request.cid?, request.to?)),
        Ok(_) | Err(_) => None,
    }
}

#[test]
fn whatever_a_program_sends_is_understood_or_refused_and_never_panics() {
    let mut voice = voice();
    let mut sent = 0;
    for seed in 0..iterations() {
        let mut rng = fastrand::Rng::with_seed(seed);
        let said = Frame {
            session_type: rng.i32(..4),
            receiver_id: rng.u64(..) >> rng.u8(..64),
            message_type: rng.i32(..5),
            content: (0..rng.usize(..20)).map(|_| rng.u8(..)).collect(),
            send_time: rng.i64(1..1_000_000),
            ..Frame::default()
        };
        let inner = mutated(&mut rng, said.encode_to_vec());
        let first = sends(&mut voice, up(&inner, 1));
        let again = sends(&mut voice, up(&inner, 2));
        let has_time = Frame::decode(inner.as_slice()).is_ok_and(|said| said.send_time != 0);
        if has_time {
            assert_eq!(first, again, "seed {seed}");
        }
        sent += u64::from(first.is_some());
        let seq = rng.u64(..);
        let sync = Input {
            r#type: SYNC,
            data: SyncInputMsg { seq }.encode_to_vec(),
        };
        for whole in [up(&inner, rng.u64(..)), sync.encode_to_vec()] {
            let _ = voice.understand(Message::Binary(mutated(&mut rng, whole)));
        }
    }
    assert!(sent > iterations() / 20, "{sent} were messages");
}
