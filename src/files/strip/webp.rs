//! WebP (RFC 9649): RIFF chunks, of which the first may say which others there are.

use super::split;

/// Chunks that say how the picture looks.
const KEPT: [&[u8; 4]; 7] = [
    b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP",
];
/// In the flags of VP8X: there is EXIF, there is XMP.
const METADATA_FLAGS: u8 = 0b0000_1100;

pub(super) fn stripped(bytes: &[u8]) -> Option<Vec<u8>> {
    let rest = bytes.strip_prefix(b"RIFF")?;
    let (size, rest) = rest.split_first_chunk()?;
    let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    let (riff, _) = split(rest, size)?;
    let mut rest = riff.strip_prefix(b"WEBP")?;
    let mut chunks = b"WEBP".to_vec();
    while !rest.is_empty() {
        let (name, length) = (rest.first_chunk::<4>()?, rest.get(4..8)?.first_chunk()?);
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        // Chunks begin at even places; writers forget that at the end.
        let padded = length.checked_add(length % 2)?.checked_add(8)?;
        let whole = padded.min(rest.len());
        if whole < length + 8 {
            return None;
        }
        let (chunk, behind) = split(rest, whole)?;
        if KEPT.contains(&name) {
            let at = chunks.len();
            chunks.extend_from_slice(chunk);
            if let (b"VP8X", Some(flags)) = (name, chunks.get_mut(at + 8)) {
                *flags &= !METADATA_FLAGS;
            }
            chunks.resize(at + padded, 0);
        }
        rest = behind;
    }
    let size = u32::try_from(chunks.len()).ok()?.to_le_bytes();
    Some([b"RIFF".as_slice(), &size, &chunks].concat())
}
