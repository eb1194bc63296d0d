//! Frames to clients: WebSocket framing around bytes that are encoded once and shared.
//!
//! Frames from a server carry no mask (RFC 6455, section 5.1), so the same bytes serve every connection.

use bytes::{BufMut, Bytes, BytesMut};

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
/// FIN: every frame of ours is a whole message.
const FINAL: u8 = 0x80;
/// A control frame's payload (RFC 6455, section 5.5).
const CONTROL_BYTES_MAX: usize = 125;

/// Close codes of the public API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCode(pub u16);

impl CloseCode {
    pub const NORMAL: CloseCode = CloseCode(1000);
    pub const PROTOCOL: CloseCode = CloseCode(1002);
    pub const INVALID_TEXT: CloseCode = CloseCode(1007);
    pub const TOO_LARGE: CloseCode = CloseCode(1009);
    pub const LEAVING: CloseCode = CloseCode(1012);
    pub const REPLACED: CloseCode = CloseCode(4001);
    pub const UNAUTHORIZED: CloseCode = CloseCode(4003);
    pub const TOO_SLOW: CloseCode = CloseCode(4008);
    pub const ABUSE: CloseCode = CloseCode(4009);
}

/// A text frame around a payload of UTF-8.
#[must_use]
pub fn text(payload: &[u8]) -> Bytes {
    frame(TEXT, payload)
}

/// A binary frame.
#[must_use]
pub fn binary(payload: &[u8]) -> Bytes {
    frame(BINARY, payload)
}

/// A text frame around a JSON value of ours.
#[must_use]
pub fn json(value: &serde_json::Value) -> Bytes {
    text(value.to_string().as_bytes())
}

/// The frame that announces a close, and when the client may come back.
#[must_use]
pub fn bye(reason: &str, reconnect_after_ms: Option<u64>) -> Bytes {
    json(&serde_json::json!({
        "type": "bye", "reason": reason, "reconnect_after_ms": reconnect_after_ms,
    }))
}

/// A protocol-level ping without payload.
#[must_use]
pub fn ping() -> Bytes {
    frame(PING, &[])
}

/// The answer to a client's protocol-level ping.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    frame(PONG, &payload[..payload.len().min(CONTROL_BYTES_MAX)])
}

/// A close frame.
#[must_use]
pub fn close(code: CloseCode, reason: &str) -> Bytes {
    let mut payload = BytesMut::with_capacity(2 + reason.len());
    payload.put_u16(code.0);
    payload.put_slice(&reason.as_bytes()[..reason.len().min(CONTROL_BYTES_MAX - 2)]);
    frame(CLOSE, &payload)
}

fn frame(opcode: u8, payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(payload.len() + 10);
    out.put_u8(FINAL | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length), _) if length < 126 => out.put_u8(length),
        (_, Ok(length)) => {
            out.put_u8(126);
            out.put_u16(length);
        }
        (_, Err(_)) => {
            out.put_u8(127);
            out.put_u64(payload.len() as u64);
        }
    }
    out.put_slice(payload);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use tungstenite::protocol::frame::FrameHeader;
    use tungstenite::protocol::frame::coding::{Data, OpCode};

    use super::*;

    #[test]
    fn a_maintained_parser_reads_every_length_form() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let bytes = text(&vec![b'x'; length]);
            let mut cursor = Cursor::new(&bytes);
            let (header, payload) = FrameHeader::parse(&mut cursor).unwrap().unwrap();
            assert_eq!(
                (header.opcode, header.is_final),
                (OpCode::Data(Data::Text), true)
            );
            assert_eq!(payload, length as u64);
            assert_eq!(bytes.len() as u64 - cursor.position(), payload);
        }
    }
}
