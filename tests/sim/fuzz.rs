//! Hostile bytes never panic and never deliver.
//!
//! Responsible for a seeded loop over random and mutated datagrams; `STARLING_FUZZ_ITERATIONS` makes it longer.

use std::time::Duration;

use starling::cluster::core::fuzz::{FuzzKeys, fuzz_open_decode};
use starling::cluster::core::{Core, Output};
use starling::model::ids::Incarnation;

use crate::lab;
use crate::node::{address, key_ring};

const ITERATIONS_DEFAULT: u64 = 300_000;

fn iterations() -> u64 {
    let long = std::env::var_os("STARLING_LONG").map_or(1, |_| 10);
    let text = std::env::var("STARLING_FUZZ_ITERATIONS").ok();
    text.map_or(ITERATIONS_DEFAULT * long, |text| {
        text.parse().expect("a number")
    })
}

/// Plaintexts a real node writes, as a start for mutations.
fn samples() -> Vec<Vec<u8>> {
    let mut samples = vec![vec![0; 17], Vec::new()];
    let preamble = [&lab::EPOCH.0.to_be_bytes()[..], &5_u64.to_be_bytes(), &[0]].concat();
    let frame = |kind: u8, body: &[u8]| {
        [
            &preamble[..],
            &[kind],
            &u16::try_from(body.len()).unwrap().to_be_bytes(),
            body,
        ]
        .concat()
    };
    let entry = [&3_u64.to_be_bytes()[..], &4_u16.to_be_bytes(), b"text"].concat();
    let range = [&2_u64.to_be_bytes()[..], &9_u64.to_be_bytes()].concat();
    samples.push(frame(1, &entry.repeat(3)));
    samples.push(frame(2, &range));
    samples.push(frame(4, &range.repeat(4)));
    samples.push(frame(
        5,
        &[&1_u64.to_be_bytes()[..], &2_u16.to_be_bytes(), b"hi"].concat(),
    ));
    samples.push(frame(6, &[]));
    samples.push(frame(7, &range));
    let beat = b"\x04name\x00\x0a\x00\x00\x01\xa0\x1f\x01\x01\x01\x01\x01\x05\x05\x05\x01\x02dd";
    samples.push(frame(3, beat));
    samples.push(
        [
            frame(1, &entry),
            frame(99, b"later")[17..].to_vec(),
            frame(6, &[])[17..].to_vec(),
        ]
        .concat(),
    );
    samples
}

fn mutated(rng: &mut fastrand::Rng, samples: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = match rng.u32(0..4) {
        0 => (0..rng.usize(0..120)).map(|_| rng.u8(..)).collect(),
        _ => samples[rng.usize(0..samples.len())].clone(),
    };
    for _ in 0..rng.usize(0..4) {
        let place = rng.usize(0..=bytes.len());
        match rng.u32(0..5) {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, rng.u8(..)),
            2 if place < bytes.len() => bytes[place] = [0, 1, 0x7f, 0x80, 0xff][rng.usize(0..5)],
            3 if place < bytes.len() => bytes[place] ^= 1 << rng.u32(0..8),
            _ => bytes.extend_from_slice(&samples[rng.usize(0..samples.len())][..]),
        }
    }
    bytes
}

#[test]
fn hostile_bytes_never_panic() {
    let mut keys = FuzzKeys::new("flock", &key_ring(1)).unwrap();
    let (mut rng, samples) = (fastrand::Rng::with_seed(1), samples());
    for _ in 0..iterations() {
        let plain = mutated(&mut rng, &samples);
        fuzz_open_decode(&keys, &plain);
        if rng.u32(0..8) == 0 {
            let mut sealed = keys.seal(&plain).unwrap();
            let place = rng.usize(0..sealed.len());
            sealed[place] ^= rng.u8(..);
            fuzz_open_decode(&keys, &sealed);
        }
    }
}

/// Even a peer that has the key and speaks nonsense only makes a node read the store.
#[test]
fn an_insane_peer_never_breaks_a_core() {
    let mut keys = FuzzKeys::new("flock", &key_ring(1)).unwrap();
    let (mut rng, samples) = (fastrand::Rng::with_seed(2), samples());
    let mut now = Duration::from_secs(1);
    let mut core = Core::new(lab::config(1, key_ring(1)), 1, now, lab::start(0));
    core.handle_registry(now, Ok(vec![lab::registration(Incarnation([7; 16]), 7, 1)]));
    for round in 0..iterations() / 10 {
        now += Duration::from_micros(rng.u64(0..3_000));
        let mut datagram = keys.seal(&mutated(&mut rng, &samples)).unwrap();
        core.handle_datagram(now, address(7), &mut datagram);
        if round % 7 == 0 {
            core.handle_timeout(now);
        }
        while let Some(output) = core.poll_output() {
            if output == Output::ReadRegistry {
                let row = lab::registration(Incarnation([7; 16]), 7, round);
                core.handle_registry(now, Ok(vec![row]));
            }
        }
    }
    let status = core.status(now);
    assert!(status.counters.dropped_malformed > 0 && status.counters.frames_unknown > 0);
    assert!(status.reorder_entries <= 16_384 && status.holes.len() <= 2_048);
}
