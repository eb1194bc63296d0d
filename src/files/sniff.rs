//! What bytes are, by themselves; and what a browser may be shown of them in place.

use std::io::Read;

/// What is known of nothing else.
pub const OCTETS: &str = "application/octet-stream";
/// Text that is only read.
pub const TEXT: &str = "text/plain";
/// Bytes that tell what a file is.
pub const HEAD_BYTES: usize = 8 * 1024;
/// Read at a time when a whole file is looked at.
const PIECE_BYTES: usize = 64 * 1024;

/// What a browser shows or plays without being able to run anything in it. Pictures are in it only as what
/// [`super::picture`] has decoded; vector pictures, documents and markup are not.
const HARMLESS: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/bmp",
    "audio/mpeg",
    "audio/ogg",
    "audio/x-wav",
    "audio/wav",
    "audio/aac",
    "audio/mp4",
    "audio/m4a",
    "audio/x-flac",
    "audio/flac",
    "audio/amr",
    "video/mp4",
    "video/webm",
    "video/quicktime",
    "video/x-m4v",
    "video/ogg",
    TEXT,
];

/// Whether a kind may be shown in place.
#[must_use]
pub fn is_harmless(mime: &str) -> bool {
    HARMLESS.contains(&mime)
}

/// Whether it is a picture of a kind that is decoded here.
#[must_use]
pub fn is_picture(mime: &str) -> bool {
    mime.starts_with("image/") && is_harmless(mime)
}

/// What a file that begins like this is; `None`: perhaps text.
#[must_use]
pub fn by_head(head: &[u8]) -> Option<&'static str> {
    let kind = infer::get(head)?.mime_type();
    // Markup is a program for whoever opens it: it is nothing but bytes here.
    let runs = matches!(
        kind,
        "text/html" | "text/xml" | "image/svg+xml" | "text/x-shellscript"
    );
    Some(if runs { OCTETS } else { kind })
}

/// Whether all of it is text that nobody can take for markup.
pub fn is_plain_text(mut file: impl Read) -> std::io::Result<bool> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut kept = 0;
    let mut begun = false;
    loop {
        let read = file.read(&mut piece[kept..])?;
        let have = &piece[..kept + read];
        let (text, rest) = match std::str::from_utf8(have) {
            Ok(text) => (text, 0),
            // A character that goes on in the next piece.
            Err(error) if error.error_len().is_none() && read > 0 => {
                let upto = error.valid_up_to();
                let text = std::str::from_utf8(&have[..upto]).unwrap_or_default();
                (text, have.len() - upto)
            }
            Err(_) => return Ok(false),
        };
        if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            return Ok(false);
        }
        if !begun {
            let first = text
                .chars()
                .find(|c| !c.is_whitespace() && *c != '\u{feff}');
            if first == Some('<') {
                return Ok(false);
            }
            begun = first.is_some();
        }
        if read == 0 {
            return Ok(true);
        }
        let from = have.len() - rest;
        let upto = have.len();
        piece.copy_within(from..upto, 0);
        kept = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_cannot_be_taken_for_markup() {
        let long = "鸟".repeat(PIECE_BYTES);
        for (bytes, is_text) in [
            (&b"hello\r\n\tworld"[..], true),
            (long.as_bytes(), true),
            (&long.as_bytes()[1..], false),
            (&long.as_bytes()[..long.len() - 1], false),
            (b"  \xef\xbb\xbf<svg onload=alert(1)>", false),
            (b"<html>", false),
            (b"a\0b", false),
            (b"\x1b[2J", false),
        ] {
            let found = is_plain_text(bytes).unwrap();
            assert_eq!(found, is_text, "{:?}", bytes.get(..20));
        }
    }

    #[test]
    fn markup_and_programs_are_never_shown_in_place() {
        for head in [
            &b"<!DOCTYPE html><script>alert(1)</script>"[..],
            b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>",
            b"#!/bin/sh\n",
            b"%PDF-1.7\n",
            b"PK\x03\x04aaaa",
            b"\x7fELF\x02\x01\x01aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            let kind = by_head(head).unwrap_or(OCTETS);
            assert!(!is_harmless(kind), "{kind}");
        }
        assert_eq!(by_head(b"\x89PNG\r\n\x1a\n"), Some("image/png"));
    }
}
