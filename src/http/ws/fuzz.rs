//! Seeded loops over what a hostile client may send: bytes through the decoder, beside tungstenite's own reader as a
//! judge, and texts through the parser of requests.
//!
//! Plain functions on stable; `STARLING_FUZZ_ITERATIONS` makes them longer. A failure names its seed and input.

use std::io::{ErrorKind, Read, Write};

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tungstenite::{Error, Message};

use super::codec::{Decoder, Incoming, Malformed};
use super::requests::Request;
use crate::model::error::Code;

/// Some seconds of a debug build, both loops together.
const ITERATIONS_DEFAULT: u64 = 30_000;

/// Small, so that the limit is met.
const MESSAGE_BYTES_MAX: usize = 300;

fn iterations() -> u64 {
    let long = std::env::var_os("STARLING_LONG").map_or(1, |_| 10);
    let text = std::env::var("STARLING_FUZZ_ITERATIONS").ok();
    text.map_or(ITERATIONS_DEFAULT * long, |text| {
        text.parse().expect("a number")
    })
}

// -- bytes ------------------------------------------------------------------------------------------------------------

/// What a reader made of the bytes until it wanted more or gave up.
#[derive(Debug, PartialEq)]
struct Outcome {
    messages: Vec<Incoming>,
    failed: bool,
    /// Gave up over the encoding of a text.
    not_utf8: bool,
}

/// By our decoder, the bytes cut into pieces.
fn by_ours(rng: &mut fastrand::Rng, wire: &[u8]) -> Outcome {
    let mut decoder = Decoder::new(MESSAGE_BYTES_MAX);
    let mut messages = Vec::new();
    let mut rest = wire;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rng.usize(1..=rest.len()));
        rest = later;
        decoder.extend(now);
        loop {
            match decoder.next() {
                Ok(Some(Incoming::Close)) => {
                    messages.push(Incoming::Close);
                    return Outcome {
                        messages,
                        failed: false,
                        not_utf8: false,
                    };
                }
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(malformed) => {
                    return Outcome {
                        messages,
                        failed: true,
                        not_utf8: malformed == Malformed::NotUtf8,
                    };
                }
            }
        }
    }
    Outcome {
        messages,
        failed: false,
        not_utf8: false,
    }
}

/// A socket that holds these bytes and swallows what is written.
struct Wire<'a>(&'a [u8]);

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.0.read(buffer)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn by_theirs(wire: &[u8]) -> Outcome {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let mut socket = WebSocket::from_raw_socket(Wire(wire), Role::Server, Some(config));
    let mut messages = Vec::new();
    let (failed, not_utf8) = loop {
        match socket.read() {
            Ok(Message::Text(text)) => messages.push(Incoming::Text(text.to_string())),
            Ok(Message::Binary(bytes)) => messages.push(Incoming::Binary(bytes.to_vec())),
            Ok(Message::Ping(bytes)) => messages.push(Incoming::Ping(bytes.to_vec())),
            Ok(Message::Pong(_)) => messages.push(Incoming::Pong),
            Ok(Message::Close(_)) => {
                messages.push(Incoming::Close);
                break (false, false);
            }
            Ok(Message::Frame(_)) => {}
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => break (false, false),
            Err(error) => break (true, matches!(error, Error::Utf8(_))),
        }
    };
    Outcome {
        messages,
        failed,
        not_utf8,
    }
}

fn random_wire(rng: &mut fastrand::Rng) -> Vec<u8> {
    const OPCODES: [OpCode; 8] = [
        OpCode::Data(Data::Text),
        OpCode::Data(Data::Text),
        OpCode::Data(Data::Binary),
        OpCode::Data(Data::Continue),
        OpCode::Data(Data::Continue),
        OpCode::Control(Control::Ping),
        OpCode::Control(Control::Pong),
        OpCode::Control(Control::Close),
    ];
    let mut wire = Vec::new();
    for _ in 0..rng.usize(1..6) {
        let header = FrameHeader {
            is_final: rng.u8(..4) > 0,
            rsv1: rng.u8(..60) == 0,
            rsv2: rng.u8(..60) == 0,
            rsv3: rng.u8(..60) == 0,
            opcode: OPCODES[rng.usize(..OPCODES.len())],
            mask: (rng.u8(..40) > 0).then(|| std::array::from_fn(|_| rng.u8(..))),
        };
        let length = match rng.u8(..12) {
            0 => rng.usize(120..130),
            1 => rng.usize(MESSAGE_BYTES_MAX - 2..MESSAGE_BYTES_MAX + 3),
            _ => rng.usize(..12),
        };
        let payload: Vec<u8> = (0..length).map(|_| payload_byte(rng)).collect();
        header
            .format(payload.len() as u64, &mut wire)
            .expect("written to memory");
        let key = header.mask.unwrap_or_default();
        wire.extend(payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k));
    }
    for _ in 0..rng.usize(..6).saturating_sub(3) {
        let at = rng.usize(..wire.len());
        match rng.u8(..3) {
            0 => wire[at] = rng.u8(..),
            1 => wire.insert(at, rng.u8(..)),
            _ => wire.truncate(at.max(1)),
        }
    }
    wire
}

/// Mostly letters, sometimes parts of longer characters.
fn payload_byte(rng: &mut fastrand::Rng) -> u8 {
    match rng.u8(..120) {
        0 => rng.u8(0x80..),
        _ => rng.u8(0x20..0x7f),
    }
}

#[test]
fn the_decoder_reads_what_tungstenite_reads_and_refuses_what_it_refuses() {
    for seed in 0..iterations() {
        let mut rng = fastrand::Rng::with_seed(seed);
        let wire = random_wire(&mut rng);
        let (ours, theirs) = (by_ours(&mut rng, &wire), by_theirs(&wire));
        let told = || format!("seed {seed}: {ours:?}\n{theirs:?}\n{wire:02x?}");
        // It looks at the encoding piece by piece, we at the whole text: it may give up before we do.
        if theirs.not_utf8 {
            assert!(ours.messages.starts_with(&theirs.messages), "{}", told());
            assert!(!ours.failed || ours.messages.len() >= theirs.messages.len());
            continue;
        }
        // A close is the end, whatever its payload says.
        if ours.messages.last() == Some(&Incoming::Close) {
            let before = &ours.messages[..ours.messages.len() - 1];
            assert!(theirs.messages.starts_with(before), "{}", told());
            continue;
        }
        assert_eq!(ours.messages, theirs.messages, "{}", told());
        if ours.failed && !theirs.failed {
            // We refuse by the header what it refuses when the payload is there.
            let padded = [&wire[..], &[0; MESSAGE_BYTES_MAX + 130]].concat();
            let later = by_theirs(&padded);
            assert_eq!(ours.messages, later.messages, "{}", told());
            assert!(later.failed, "{}", told());
        } else {
            assert_eq!(ours.failed, theirs.failed, "{}", told());
        }
        assert!(!ours.not_utf8, "{}", told());
    }
}

// -- texts ------------------------------------------------------------------------------------------------------------

const SAMPLES: [&str; 8] = [
    r#"{"type":"auth","token":"abc","after":12,"epoch":"9f"}"#,
    r#"{"type":"send","cid":"a-1","to":"u:7","media":"text","content":"hello"}"#,
    r#"{"type":"send","cid":"a-2","to":"g:9","media":"image","content":"https://x/y.png","reply_to":4}"#,
    r#"{"type":"read","conv":"u:7","seq":41}"#,
    r#"{"type":"typing","conv":"g:3"}"#,
    r#"{"type":"ping","n":-7}"#,
    r#"{"type":"unheard-of","cid":"a-3"}"#,
    r"[]",
];

const PIECES: [&str; 22] = [
    "\"type\":\"send\",",
    "\"cid\":\"b\",",
    "\"seq\":1,",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "null",
    "true",
    "-0",
    "1e400",
    "18446744073709551616",
    "9007199254740993",
    "0.1e-400",
    "\\ud800",
    "\\udc00\\ud800",
    "\\u0000",
    "\u{feff}",
    "\u{202e}鸟",
];

fn mutated(rng: &mut fastrand::Rng) -> String {
    let mut text: Vec<char> = SAMPLES[rng.usize(..SAMPLES.len())].chars().collect();
    for _ in 0..rng.usize(..5) {
        let at = rng.usize(..=text.len());
        match rng.u8(..6) {
            0 => text.truncate(at),
            1 if at < text.len() => text[at] = char::from(rng.u8(..0x7f)),
            2 if at < text.len() => {
                text.remove(at);
            }
            // The same keys twice.
            3 => {
                let end = rng.usize(at..=text.len());
                let part: Vec<char> = text[at..end].to_vec();
                text.splice(at..at, part);
            }
            4 => {
                let opening = ["[", "{\"a\":"][rng.usize(..2)];
                let deep = opening.repeat(1 << rng.u32(..14));
                text.splice(at..at, deep.chars());
            }
            _ => {
                let piece = PIECES[rng.usize(..PIECES.len())];
                text.splice(at..at, piece.chars());
            }
        }
    }
    text.into_iter().collect()
}

#[test]
fn whatever_text_comes_is_understood_or_refused_with_a_code() {
    let (mut understood, mut broken, mut wrong) = (0, 0, 0);
    for seed in 0..iterations() {
        let text = mutated(&mut fastrand::Rng::with_seed(seed));
        match Request::parse(&text) {
            Ok(_) => understood += 1,
            Err(invalid) if invalid.failure.code == Code::InvalidJson => {
                broken += 1;
                assert_eq!(invalid.cid, None, "seed {seed}: {text}");
            }
            Err(invalid) => {
                wrong += 1;
                assert_eq!(invalid.failure.code, Code::BadRequest, "seed {seed}");
                // What is wrong and not broken is JSON to any other reader too.
                let value = serde_json::from_str::<serde_json::Value>(&text);
                assert!(value.is_ok() || has_extremes(&text), "seed {seed}: {text}");
            }
        }
    }
    assert!(understood > 0 && broken > 0 && wrong > 0);
}

/// What a reader that skips values takes and one that keeps them cannot: numbers beyond any type, half characters.
fn has_extremes(text: &str) -> bool {
    text.contains('e') || text.contains("\\u")
}
