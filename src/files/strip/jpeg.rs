//! JPEG (ITU T.81): markers with segments, and between them the data of scans.
//!
//! Of EXIF only the orientation is kept, in a segment of our own: without it photographs would lie on their side.

use super::split;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const COMMENT: u8 = 0xfe;
const EXIF: &[u8] = b"Exif\0\0";
const COLOUR_PROFILE: &[u8] = b"ICC_PROFILE\0";
/// The tag of EXIF that says which side is up, and the value for "as it is".
const ORIENTATION: u16 = 0x0112;
const UPRIGHT: u16 = 1;

pub(super) fn stripped(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes.strip_prefix(&[0xff, SOI])?;
    let mut kept = vec![0xff, SOI];
    let mut oriented = false;
    loop {
        let (marker, behind) = next_marker(rest)?;
        rest = behind;
        match marker {
            EOI => {
                kept.extend([0xff, EOI]);
                return Some(kept);
            }
            // Markers without a segment, and a picture within the picture.
            0x01 | 0xd0..=0xd7 => kept.extend([0xff, marker]),
            0x00 | SOI => return None,
            _ => {
                let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
                let (segment, behind) = split(rest, length)?;
                let data = segment.get(2..)?;
                if marker == 0xe1
                    && !oriented
                    && let Some(side) = orientation(data)
                {
                    oriented = true;
                    if side != UPRIGHT {
                        kept.extend(orientation_segment(side));
                    }
                }
                if is_kept(marker, data) {
                    kept.extend([0xff, marker]);
                    kept.extend_from_slice(segment);
                }
                rest = behind;
                if marker == SOS {
                    let (scan, behind) = scan(rest);
                    kept.extend_from_slice(scan);
                    rest = behind;
                }
            }
        }
    }
}

/// The marker at the start, after any fill bytes.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = bytes.strip_prefix(&[0xff])?;
    loop {
        let (marker, behind) = rest.split_first()?;
        if *marker != 0xff {
            return Some((*marker, behind));
        }
        rest = behind;
    }
}

/// How it looks: everything but comments and what applications add, of which the size of a pixel (JFIF), the colour
/// profile and the kind of colours (Adobe) are kept.
fn is_kept(marker: u8, data: &[u8]) -> bool {
    match marker {
        0xe0 => data.starts_with(b"JFIF\0"),
        0xe2 => data.starts_with(COLOUR_PROFILE),
        0xee => data.starts_with(b"Adobe"),
        0xe1..=0xef | COMMENT => false,
        _ => true,
    }
}

/// The data of a scan ends at a marker that is neither an escaped byte nor a restart.
fn scan(bytes: &[u8]) -> (&[u8], &[u8]) {
    let ends = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7);
    let at = bytes.windows(2).position(ends);
    bytes.split_at(at.unwrap_or(bytes.len()))
}

/// What the first directory of EXIF (TIFF 6.0) says about the side that is up.
fn orientation(data: &[u8]) -> Option<u16> {
    let tiff = data.strip_prefix(EXIF)?;
    let big = match tiff.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk()?;
        Some(if big {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        })
    };
    let long = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk()?;
        let number = if big {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        };
        usize::try_from(number).ok()
    };
    let directory = long(4)?;
    let entries = usize::from(short(directory)?);
    for entry in 0..entries {
        let at = directory.checked_add(2 + entry * 12)?;
        if short(at)? == ORIENTATION {
            return short(at.checked_add(8)?).filter(|side| (1..=8).contains(side));
        }
    }
    None
}

/// EXIF that says which side is up and nothing else.
fn orientation_segment(side: u16) -> Vec<u8> {
    let mut tiff = b"MM\0*\0\0\0\x08\0\x01".to_vec();
    // One SHORT, in the upper half of its field; no further directory.
    tiff.extend(ORIENTATION.to_be_bytes());
    tiff.extend([0, 3, 0, 0, 0, 1]);
    tiff.extend(side.to_be_bytes());
    tiff.extend([0, 0, 0, 0, 0, 0]);
    let length = u16::try_from(2 + EXIF.len() + tiff.len()).unwrap_or(u16::MAX);
    [&[0xff, 0xe1], length.to_be_bytes().as_slice(), EXIF, &tiff].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orientation_is_all_that_is_kept_of_exif() {
        let said = orientation_segment(6);
        assert_eq!(orientation(&said[4..]), Some(6));
        let secret = [0xff, 0xe1, 0, 8, b's', b'e', b'c', b'r', b'e', b't'];
        let comment = [0xff, 0xfe, 0, 4, b'h', b'i'];
        let scan = [0xff, SOS, 0, 2, 1, 0xff, 0, 2, 0xff, 0xd0, 3];
        let begin: &[u8] = &[0xff, SOI];
        let end: &[u8] = &[0xff, EOI];
        let picture = [begin, &said, &secret, &comment, &scan, end, b"PK trailer"].concat();
        let expected = [begin, &said, &scan, end].concat();
        assert_eq!(stripped(&picture), Some(expected));
        for cut in 0..picture.len() - 12 {
            assert_eq!(stripped(&picture[..cut]), None, "{cut}");
        }
    }
}
