//! Pictures without what their camera or editor wrote about them: segments are left out, nothing is encoded anew.
//!
//! Strict about structure, since it reads what strangers send: what cannot be followed to its end is no picture. What
//! stands behind the end is left out as well, and with it whatever else the file claims to be.

mod jpeg;
mod png;
mod webp;

/// The picture without its metadata; `None` when its structure is broken. Kinds without metadata come back as they are.
#[must_use]
pub fn stripped(mime: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    match mime {
        "image/jpeg" => jpeg::stripped(bytes),
        "image/png" => png::stripped(bytes),
        "image/webp" => webp::stripped(bytes),
        _ => Some(bytes.to_vec()),
    }
}

/// The first bytes, and the rest; `None` when there are fewer.
fn split(bytes: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(at)
}
