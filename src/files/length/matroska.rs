//! WebM and Matroska (RFC 8794, RFC 9559): `Info` may say how long it is; recorders that stream cannot know, and then
//! it is where the last block begins.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::time::Duration;

use super::bytes;

/// Elements looked at before giving up: some hours of sound.
const ELEMENTS_MAX: usize = 1_000_000;
/// Nanoseconds of a tick, where nothing else is said.
const SCALE_DEFAULT: u64 = 1_000_000;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

const SEGMENT: u64 = 0x1853_8067;
const INFO: u64 = 0x1549_a966;
const TIMESTAMP_SCALE: u64 = 0x2a_d7b1;
const DURATION: u64 = 0x4489;
const CLUSTER: u64 = 0x1f43_b675;
const TIMESTAMP: u64 = 0xe7;
const SIMPLE_BLOCK: u64 = 0xa3;
const BLOCK_GROUP: u64 = 0xa0;
const BLOCK: u64 = 0xa1;

/// Nanoseconds, and how many a second has.
pub(super) fn length(file: &mut (impl Read + Seek)) -> Option<(u64, u64)> {
    file.seek(SeekFrom::Start(0)).ok()?;
    let mut file = BufReader::new(file);
    let mut found = Found::default();
    for _ in 0..ELEMENTS_MAX {
        let Some((id, size)) = element(&mut file) else {
            return found.length();
        };
        match (id, size) {
            // Goes on with what is in it.
            (SEGMENT | INFO | BLOCK_GROUP, _) => {}
            (CLUSTER, _) => {
                if found.duration.is_some() {
                    return found.length();
                }
            }
            (TIMESTAMP_SCALE, Some(size)) => found.scale = Some(number(&mut file, size)?),
            (TIMESTAMP, Some(size)) => found.cluster = number(&mut file, size)?,
            (DURATION, Some(4)) => {
                found.duration = Some(f32::from_be_bytes(bytes(&mut file)?).into());
            }
            (DURATION, Some(8)) => found.duration = Some(f64::from_be_bytes(bytes(&mut file)?)),
            (SIMPLE_BLOCK | BLOCK, Some(size)) => {
                let (_, track_bytes) = vint(&mut file)?;
                let after: [u8; 2] = bytes(&mut file)?;
                let at = found
                    .cluster
                    .checked_add_signed(i16::from_be_bytes(after).into())?;
                found.last = found.last.max(at);
                skip(&mut file, size.checked_sub(track_bytes + 2)?)?;
            }
            (_, Some(size)) => skip(&mut file, size)?,
            (_, None) => return None,
        }
    }
    None
}

/// In ticks.
#[derive(Default)]
struct Found {
    scale: Option<u64>,
    duration: Option<f64>,
    /// Where the cluster begins that is looked at.
    cluster: u64,
    last: u64,
}

impl Found {
    fn length(&self) -> Option<(u64, u64)> {
        let scale = self.scale.unwrap_or(SCALE_DEFAULT);
        let Some(ticks) = self.duration else {
            return Some((self.last.checked_mul(scale)?, NANOS_PER_SECOND));
        };
        let tick = Duration::from_nanos(scale).as_secs_f64();
        let length = Duration::try_from_secs_f64(ticks * tick).ok()?;
        Some((u64::try_from(length.as_nanos()).ok()?, NANOS_PER_SECOND))
    }
}

/// An element's id, with its marker, and its size; `None`: it goes on for as long as there is something.
fn element(file: &mut impl Read) -> Option<(u64, Option<u64>)> {
    let (id, length) = vint(file)?;
    let id = id | 1 << (7 * length);
    let (size, length) = vint(file)?;
    let is_open = size == (1 << (7 * length)) - 1;
    Some((id, (!is_open).then_some(size)))
}

/// A number of variable length without its marker, and its length in bytes.
fn vint(file: &mut impl Read) -> Option<(u64, u64)> {
    let [first]: [u8; 1] = bytes(file)?;
    let more = first.leading_zeros();
    if more > 7 {
        return None;
    }
    let mut value = u64::from(first) & (0x7f >> more);
    for _ in 0..more {
        let [next]: [u8; 1] = bytes(file)?;
        value = value << 8 | u64::from(next);
    }
    Some((value, u64::from(more) + 1))
}

fn number(file: &mut impl Read, size: u64) -> Option<u64> {
    let mut value = 0;
    for _ in 0..Some(size).filter(|size| *size <= 8)? {
        let [next]: [u8; 1] = bytes(file)?;
        value = value << 8 | u64::from(next);
    }
    Some(value)
}

fn skip(file: &mut BufReader<impl Read + Seek>, by: u64) -> Option<()> {
    file.seek_relative(i64::try_from(by).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn of(id: &[u8], content: &[u8]) -> Vec<u8> {
        let size = u8::try_from(content.len()).unwrap() | 0x80;
        [id, &[size], content].concat()
    }

    /// As long as there is something.
    fn open(id: &[u8], content: &[u8]) -> Vec<u8> {
        [id, &[0x01], &[0xff; 7], content].concat()
    }

    fn millis(file: &[u8]) -> Option<u64> {
        let (nanos, per_second) = length(&mut Cursor::new(file))?;
        Some(nanos / (per_second / 1_000))
    }

    const HEADER: &[u8] = b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm";
    const INFO: &[u8] = b"\x15\x49\xa9\x66";
    const SEGMENT: &[u8] = b"\x18\x53\x80\x67";
    const CLUSTER: &[u8] = b"\x1f\x43\xb6\x75";

    #[test]
    fn a_film_is_as_long_as_it_says() {
        let duration = of(b"\x44\x89", &7_400.0_f64.to_be_bytes());
        let scale = of(b"\x2a\xd7\xb1", &[0x1e, 0x84, 0x80]);
        let info = of(INFO, &[duration, scale].concat());
        let file = [HEADER, &of(SEGMENT, &info)].concat();
        // Two million nanoseconds a tick.
        assert_eq!(millis(&file), Some(14_800));
        let short = of(INFO, &of(b"\x44\x89", &2_500.0_f32.to_be_bytes()));
        assert_eq!(
            millis(&[HEADER, &of(SEGMENT, &short)].concat()),
            Some(2_500)
        );
        for wrong in [f64::NAN, -1.0, f64::INFINITY] {
            let info = of(INFO, &of(b"\x44\x89", &wrong.to_be_bytes()));
            assert_eq!(millis(&[HEADER, &of(SEGMENT, &info)].concat()), None);
        }
    }

    #[test]
    fn a_recording_that_does_not_say_is_as_long_as_its_blocks() {
        let block = |at: i16| {
            of(
                b"\xa3",
                &[&[0x81][..], &at.to_be_bytes(), b"\x80sound"].concat(),
            )
        };
        let grouped = |at: i16| {
            let block = [&[0x81][..], &at.to_be_bytes(), b"\x80sound"].concat();
            of(b"\xa0", &of(b"\xa1", &block))
        };
        let first = [of(b"\xe7", &[0]), block(0), block(960)].concat();
        let second = [of(b"\xe7", &[0x03, 0xe8]), grouped(2_020), block(2_000)].concat();
        let clusters = [open(CLUSTER, &first), open(CLUSTER, &second)].concat();
        let info = of(INFO, &of(b"\x4d\x80", b"a recorder"));
        let file = [HEADER, &open(SEGMENT, &[info, clusters].concat())].concat();
        assert_eq!(millis(&file), Some(3_020));
        // Cut off wherever: no longer than that, and no panic.
        for end in 0..file.len() {
            assert!(millis(&file[..end]).is_none_or(|length| length <= 3_020));
        }
    }
}
