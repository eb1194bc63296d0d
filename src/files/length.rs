//! How long sound and film are, where the container says so in a place that is cheap to find.
//!
//! A hint for people and nothing else: what is not found, or makes no sense, is left out.

mod matroska;
mod mpeg;

use std::io::{Read, Seek, SeekFrom};

/// The end of an Ogg file that must hold a whole page: the largest page is 65,307 bytes.
const OGG_TAIL_BYTES: u64 = 2 * 65_307;
/// Boxes or chunks looked at before giving up.
const PARTS_MAX: usize = 64;
/// Longer ones are mistakes: four days.
const SECONDS_MAX: u64 = 4 * 24 * 60 * 60;
/// Samples of an Opus stream in a second, whatever was recorded (RFC 7845).
const OPUS_RATE: u64 = 48_000;

/// Length in seconds, rounded, at least 1.
pub(super) fn seconds(mime: &str, file: &mut (impl Read + Seek)) -> Option<u32> {
    let (ticks, rate) = match mime {
        "audio/x-wav" | "audio/wav" => wav(file),
        "audio/ogg" | "video/ogg" => ogg(file),
        "audio/mp4" | "audio/m4a" | "video/mp4" | "video/quicktime" | "video/x-m4v" => mp4(file),
        "audio/mpeg" => mpeg::length(file),
        "video/webm" | "video/x-matroska" => matroska::length(file),
        _ => None,
    }?;
    if rate == 0 || ticks == 0 {
        return None;
    }
    let seconds = (ticks.saturating_add(rate / 2) / rate).max(1);
    (seconds <= SECONDS_MAX).then(|| u32::try_from(seconds).ok())?
}

fn bytes<const N: usize>(file: &mut impl Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn skip(file: &mut impl Seek, by: u64) -> Option<()> {
    file.seek(SeekFrom::Current(i64::try_from(by).ok()?)).ok()?;
    Some(())
}

/// RIFF: the bytes of a second are in `fmt `, all bytes are `data`.
fn wav(file: &mut (impl Read + Seek)) -> Option<(u64, u64)> {
    file.seek(SeekFrom::Start(12)).ok()?;
    let mut rate = None;
    for _ in 0..PARTS_MAX {
        let name: [u8; 4] = bytes(file)?;
        let length = u64::from(u32::from_le_bytes(bytes(file)?));
        match (&name, rate) {
            (b"fmt ", _) => {
                let fields: [u8; 16] = bytes(file)?;
                let per_second: [u8; 4] = *fields.get(8..)?.first_chunk()?;
                rate = Some(u64::from(u32::from_le_bytes(per_second)));
                skip(file, (length + length % 2).checked_sub(16)?)?;
            }
            (b"data", Some(rate)) => {
                // Recorders that stream leave the length open: then it is what there is.
                let here = file.stream_position().ok()?;
                let end = file.seek(SeekFrom::End(0)).ok()?;
                return Some((length.min(end.checked_sub(here)?), rate));
            }
            (_, _) => skip(file, length + length % 2)?,
        }
    }
    None
}

/// The last page says how many samples there were; the first says at which rate.
fn ogg(file: &mut (impl Read + Seek)) -> Option<(u64, u64)> {
    file.seek(SeekFrom::Start(0)).ok()?;
    let head: [u8; 28] = bytes(file)?;
    let segments = head.get(26).copied()?;
    skip(file, u64::from(segments.checked_sub(1)?))?;
    let packet: [u8; 16] = bytes(file)?;
    let (rate, before) = if packet.starts_with(b"OpusHead") {
        let skipped: [u8; 2] = *packet.get(10..)?.first_chunk()?;
        (OPUS_RATE, u64::from(u16::from_le_bytes(skipped)))
    } else if packet.starts_with(b"\x01vorbis") {
        let rate: [u8; 4] = *packet.get(12..)?.first_chunk()?;
        (u64::from(u32::from_le_bytes(rate)), 0)
    } else {
        return None;
    };
    let end = file.seek(SeekFrom::End(0)).ok()?;
    file.seek(SeekFrom::Start(end.saturating_sub(OGG_TAIL_BYTES)))
        .ok()?;
    let mut tail = Vec::new();
    file.take(OGG_TAIL_BYTES).read_to_end(&mut tail).ok()?;
    let last = tail.windows(4).rposition(|four| four == b"OggS")?;
    let samples: [u8; 8] = *tail.get(last + 6..)?.first_chunk()?;
    let samples = u64::from_le_bytes(samples);
    // No packet ends on that page.
    (samples != u64::MAX).then(|| (samples.saturating_sub(before), rate))
}

/// ISO 14496-12: `moov` holds `mvhd`, which has a time scale and a duration.
fn mp4(file: &mut (impl Read + Seek)) -> Option<(u64, u64)> {
    file.seek(SeekFrom::Start(0)).ok()?;
    for _ in 0..PARTS_MAX {
        let short = u64::from(u32::from_be_bytes(bytes(file)?));
        let name: [u8; 4] = bytes(file)?;
        let inside = match short {
            1 => u64::from_be_bytes(bytes(file)?).checked_sub(16)?,
            length => length.checked_sub(8)?,
        };
        match &name {
            // Goes on with what is in it.
            b"moov" => {}
            b"mvhd" => {
                let version: [u8; 4] = bytes(file)?;
                return if version[0] == 1 {
                    skip(file, 16)?;
                    let scale = u64::from(u32::from_be_bytes(bytes(file)?));
                    Some((u64::from_be_bytes(bytes(file)?), scale))
                } else {
                    skip(file, 8)?;
                    let scale = u64::from(u32::from_be_bytes(bytes(file)?));
                    Some((u64::from(u32::from_be_bytes(bytes(file)?)), scale))
                };
            }
            _ => skip(file, inside)?,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn length(mime: &str, bytes: &[u8]) -> Option<u32> {
        seconds(mime, &mut Cursor::new(bytes))
    }

    #[test]
    fn a_wav_file_is_as_long_as_its_bytes() {
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        wav.extend(8_000_u32.to_le_bytes());
        wav.extend(16_000_u32.to_le_bytes());
        wav.extend(b"\x02\0\x10\0data\xff\xff\xff\xff");
        wav.resize(wav.len() + 40_000, 0);
        assert_eq!(length("audio/x-wav", &wav), Some(3));
        assert_eq!(length("audio/x-wav", &wav[..30]), None);
    }

    #[test]
    fn an_opus_file_is_as_long_as_its_last_page_says() {
        let mut ogg = b"OggS\0\x02".to_vec();
        ogg.extend([0; 20]);
        ogg.extend([1, 19]);
        ogg.extend(b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0");
        ogg.extend(b"OggS\0\x04");
        ogg.extend((48_000_u64 * 7 + 312).to_le_bytes());
        assert_eq!(length("audio/ogg", &ogg), Some(7));
    }

    #[test]
    fn a_film_says_its_length_in_its_header() {
        let mut mp4 = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x74moov\0\0\0\x6cmvhd\0\0\0\0".to_vec();
        mp4.extend([0; 8]);
        mp4.extend(1_000_u32.to_be_bytes());
        mp4.extend(2_400_u32.to_be_bytes());
        assert_eq!(length("video/mp4", &mp4), Some(2));
        assert_eq!(length("video/mp4", b"\0\0\0\0free"), None);
    }
}
