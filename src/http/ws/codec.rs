//! Frames from clients: bytes in, whole messages out, bounded and checked (RFC 6455).
//!
//! The header is read by tungstenite's parser; what follows from it (masks, fragments, limits, UTF-8) is
//! decided here. Holds no memory while nothing is half received. Driven by the connection's reading task.

use std::io::Cursor;

use bytes::{Buf, BytesMut};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// A whole message or control frame from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close,
}

/// Why the bytes cannot be followed any further. The connection must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Against the protocol: 1002.
    #[error("{0}")]
    Protocol(&'static str),
    /// A message beyond the limit: 1009.
    #[error("the message is too large")]
    TooLarge,
    /// A text that is not UTF-8: 1007.
    #[error("the text is not UTF-8")]
    NotUtf8,
}

/// A control frame's payload (RFC 6455, section 5.5).
const CONTROL_BYTES_MAX: u64 = 125;

/// The state between two reads of a connection.
#[derive(Debug)]
pub struct Decoder {
    bytes: BytesMut,
    message: Option<(Data, Vec<u8>)>,
    message_bytes_max: usize,
}

impl Decoder {
    /// A decoder for messages of at most so many bytes.
    #[must_use]
    pub fn new(message_bytes_max: usize) -> Decoder {
        Decoder {
            bytes: BytesMut::new(),
            message: None,
            message_bytes_max,
        }
    }

    /// Takes in what was read from the socket.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Forgets what was received and not understood.
    pub fn clear(&mut self) {
        self.bytes = BytesMut::new();
        self.message = None;
    }

    /// The next message; `None`: more bytes are needed.
    pub fn next(&mut self) -> Result<Option<Incoming>, Malformed> {
        loop {
            let Some((header, payload)) = self.next_frame()? else {
                if self.bytes.is_empty() {
                    // An idle connection keeps no buffer.
                    self.bytes = BytesMut::new();
                }
                return Ok(None);
            };
            if let Some(incoming) = self.accept(&header, payload)? {
                return Ok(Some(incoming));
            }
        }
    }

    fn next_frame(&mut self) -> Result<Option<(FrameHeader, Vec<u8>)>, Malformed> {
        let mut cursor = Cursor::new(&self.bytes[..]);
        let parsed = FrameHeader::parse(&mut cursor)
            .map_err(|_| Malformed::Protocol("invalid frame header"))?;
        let Some((header, length)) = parsed else {
            return Ok(None);
        };
        let header_bytes = usize::try_from(cursor.position()).map_err(|_| Malformed::TooLarge)?;
        let Some(mask) = header.mask else {
            return Err(Malformed::Protocol("a client's frame must be masked"));
        };
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Malformed::Protocol("reserved bits are set"));
        }
        self.check_length(&header, length)?;
        let length = usize::try_from(length).map_err(|_| Malformed::TooLarge)?;
        if self.bytes.len() < header_bytes + length {
            return Ok(None);
        }
        self.bytes.advance(header_bytes);
        let mut payload = self.bytes.split_to(length).to_vec();
        for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= key;
        }
        Ok(Some((header, payload)))
    }

    /// Refuses by the announced length, before anything of that length is awaited.
    fn check_length(&self, header: &FrameHeader, length: u64) -> Result<(), Malformed> {
        match header.opcode {
            OpCode::Control(_) if length > CONTROL_BYTES_MAX => {
                Err(Malformed::Protocol("control frame too long"))
            }
            OpCode::Control(_) if !header.is_final => {
                Err(Malformed::Protocol("fragmented control frame"))
            }
            OpCode::Control(_) => Ok(()),
            OpCode::Data(_) => {
                let so_far = self.message.as_ref().map_or(0, |(_, bytes)| bytes.len());
                match length.checked_add(so_far as u64) {
                    Some(total) if total <= self.message_bytes_max as u64 => Ok(()),
                    Some(_) | None => Err(Malformed::TooLarge),
                }
            }
        }
    }

    fn accept(
        &mut self,
        header: &FrameHeader,
        payload: Vec<u8>,
    ) -> Result<Option<Incoming>, Malformed> {
        match header.opcode {
            OpCode::Control(Control::Ping) => Ok(Some(Incoming::Ping(payload))),
            OpCode::Control(Control::Pong) => Ok(Some(Incoming::Pong)),
            OpCode::Control(Control::Close) => Ok(Some(Incoming::Close)),
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(Data::Reserved(_)) => {
                Err(Malformed::Protocol("unknown opcode"))
            }
            OpCode::Data(Data::Continue) => {
                let Some((kind, mut message)) = self.message.take() else {
                    return Err(Malformed::Protocol("continuation of nothing"));
                };
                message.extend_from_slice(&payload);
                self.complete(kind, message, header.is_final)
            }
            OpCode::Data(kind @ (Data::Text | Data::Binary)) => {
                if self.message.is_some() {
                    return Err(Malformed::Protocol("a message within a message"));
                }
                self.complete(kind, payload, header.is_final)
            }
        }
    }

    fn complete(
        &mut self,
        kind: Data,
        message: Vec<u8>,
        is_final: bool,
    ) -> Result<Option<Incoming>, Malformed> {
        if !is_final {
            self.message = Some((kind, message));
            return Ok(None);
        }
        if kind == Data::Binary {
            return Ok(Some(Incoming::Binary(message)));
        }
        String::from_utf8(message)
            .map(|text| Some(Incoming::Text(text)))
            .map_err(|_| Malformed::NotUtf8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 64 * 1024;

    fn client_frame(
        opcode: OpCode,
        is_final: bool,
        mask: Option<[u8; 4]>,
        payload: &[u8],
    ) -> Vec<u8> {
        let header = FrameHeader {
            is_final,
            rsv1: false,
            rsv2: false,
            rsv3: false,
            opcode,
            mask,
        };
        let mut out = Vec::new();
        header.format(payload.len() as u64, &mut out).unwrap();
        let key = mask.unwrap_or([0; 4]);
        out.extend(
            payload
                .iter()
                .zip(key.iter().cycle())
                .map(|(byte, key)| byte ^ key),
        );
        out
    }

    fn decode_all(bytes: &[u8]) -> Result<Vec<Incoming>, Malformed> {
        let mut decoder = Decoder::new(MAX);
        decoder.extend(bytes);
        let mut all = Vec::new();
        while let Some(incoming) = decoder.next()? {
            all.push(incoming);
        }
        Ok(all)
    }

    const TEXT: OpCode = OpCode::Data(Data::Text);
    const REST: OpCode = OpCode::Data(Data::Continue);
    const PING: OpCode = OpCode::Control(Control::Ping);
    const KEY: Option<[u8; 4]> = Some([1, 2, 3, 4]);

    #[test]
    fn a_message_arrives_whole_however_its_bytes_are_cut_and_with_a_ping_between_its_fragments() {
        let mut wire = client_frame(TEXT, false, KEY, "grü".as_bytes());
        wire.extend(client_frame(PING, true, KEY, b"p"));
        wire.extend(client_frame(REST, true, KEY, "ße".as_bytes()));
        let expected = [
            Incoming::Ping(b"p".to_vec()),
            Incoming::Text("grüße".to_owned()),
        ];
        let mut decoder = Decoder::new(MAX);
        let mut all = Vec::new();
        for byte in wire {
            decoder.extend(&[byte]);
            while let Some(incoming) = decoder.next().unwrap() {
                all.push(incoming);
            }
        }
        assert_eq!(all, expected);
        assert_eq!(
            decoder.bytes.capacity(),
            0,
            "an idle connection keeps no buffer"
        );
    }

    #[test]
    fn what_is_against_the_protocol_is_named() {
        let unmasked = client_frame(TEXT, true, None, b"x");
        let long_ping = client_frame(PING, true, KEY, &[0; 126]);
        let cut_ping = client_frame(PING, false, KEY, b"");
        let rest_of_nothing = client_frame(REST, true, KEY, b"");
        for wire in [unmasked, long_ping, cut_ping, rest_of_nothing] {
            assert!(matches!(decode_all(&wire), Err(Malformed::Protocol(_))));
        }
        assert_eq!(
            decode_all(&client_frame(TEXT, true, KEY, &[0xff])),
            Err(Malformed::NotUtf8)
        );
    }

    #[test]
    fn size_is_judged_by_the_header_and_over_all_fragments() {
        let announced = &client_frame(TEXT, true, KEY, &vec![b'x'; MAX + 1])[..14];
        assert_eq!(decode_all(announced), Err(Malformed::TooLarge));
        let mut wire = client_frame(TEXT, false, KEY, &vec![b'x'; MAX]);
        wire.extend(client_frame(REST, true, KEY, b"x"));
        assert_eq!(decode_all(&wire), Err(Malformed::TooLarge));
    }

    #[test]
    fn random_and_mutated_bytes_never_panic_and_never_grow_a_message_past_the_limit() {
        let mut random = fastrand::Rng::with_seed(11);
        for _ in 0..20_000 {
            let mut wire = client_frame(TEXT, random.bool(), KEY, b"hello");
            wire.extend((0..random.usize(..40)).map(|_| random.u8(..)));
            let at = random.usize(..wire.len());
            wire[at] = random.u8(..);
            for incoming in decode_all(&wire).unwrap_or_default() {
                if let Incoming::Text(text) = incoming {
                    assert!(text.len() <= MAX);
                }
            }
        }
    }
}
