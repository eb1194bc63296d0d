//! MPEG audio, layer III: its first frame may say how many frames there are; otherwise they are counted.

use std::io::{BufReader, Read, Seek, SeekFrom};

use super::bytes;

/// Frames counted before giving up: an hour and a half of the usual ones.
const FRAMES_MAX: u64 = 200_000;
/// Frame and side information, and what a first frame says beyond them: more than is looked at.
const FIRST_BYTES: u64 = 4 + 32 + 26;
/// In kbit/s, by the number in the header; 0 and 15 are none.
const RATES_OF_1: [u32; 15] = [
    0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
];
const RATES_OF_2: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/// Samples, and samples in a second.
pub(super) fn length(file: &mut (impl Read + Seek)) -> Option<(u64, u64)> {
    let begin = behind_tag(file)?;
    file.seek(SeekFrom::Start(begin)).ok()?;
    let mut first = Vec::new();
    file.take(FIRST_BYTES).read_to_end(&mut first).ok()?;
    let header = Frame::parse(first.first_chunk()?)?;
    if let Some(frames) = header.announced(&first) {
        return Some((frames * header.samples, header.samples_per_second));
    }
    file.seek(SeekFrom::Start(begin)).ok()?;
    let mut file = BufReader::new(file);
    let mut frames = 0;
    while frames < FRAMES_MAX {
        let frame = bytes(&mut file).and_then(|header| Frame::parse(&header));
        let Some(frame) = frame else {
            // The end, or what was put behind it.
            return Some((frames * header.samples, header.samples_per_second));
        };
        frames += 1;
        let rest = i64::try_from(frame.bytes.checked_sub(4)?).ok()?;
        file.seek_relative(rest).ok()?;
    }
    None
}

/// Where the sound begins: an ID3v2 tag may be before it.
fn behind_tag(file: &mut (impl Read + Seek)) -> Option<u64> {
    file.seek(SeekFrom::Start(0)).ok()?;
    let [i, d, three, _, _, flags, size @ ..]: [u8; 10] = bytes(file)?;
    if [i, d, three] != *b"ID3" {
        return Some(0);
    }
    // Seven bits of each byte.
    let size = size
        .iter()
        .fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
    let footer = if flags & 0x10 == 0 { 0 } else { 10 };
    Some(10 + size + footer)
}

struct Frame {
    samples: u64,
    samples_per_second: u64,
    /// All of it, header included.
    bytes: u64,
    /// Between the header and what a first frame may say.
    side_bytes: usize,
}

impl Frame {
    fn parse(header: &[u8; 4]) -> Option<Frame> {
        let [sync, kind, rates, mode] = *header;
        let is_layer_3 = kind & 0x06 == 0x02;
        if sync != 0xff || kind & 0xe0 != 0xe0 || !is_layer_3 {
            return None;
        }
        // Versions 2 and 2.5 halve and quarter the rates of version 1.
        let (halvings, table, samples) = match kind >> 3 & 3 {
            3 => (0, RATES_OF_1, 1152),
            2 => (1, RATES_OF_2, 576),
            0 => (2, RATES_OF_2, 576),
            _ => return None,
        };
        let kbits = table
            .get(usize::from(rates >> 4))
            .filter(|kbits| **kbits > 0)?;
        let per_second = [44_100_u32, 48_000, 32_000].get(usize::from(rates >> 2 & 3))?;
        let per_second = u64::from(per_second >> halvings);
        let padding = u64::from(rates >> 1 & 1);
        let side_bytes = match (halvings, mode >> 6) {
            (0, 3) => 17,
            (0, _) => 32,
            (_, 3) => 9,
            (_, _) => 17,
        };
        Some(Frame {
            samples,
            samples_per_second: per_second,
            bytes: samples / 8 * u64::from(*kbits) * 1_000 / per_second + padding,
            side_bytes,
        })
    }

    /// How many frames follow, as LAME and its like (`Xing`, `Info`) or Fraunhofer (`VBRI`) write it.
    fn announced(&self, first: &[u8]) -> Option<u64> {
        let number = |at: usize| Some(u32::from_be_bytes(*first.get(at..)?.first_chunk()?));
        let said = 4 + self.side_bytes;
        let frames = match first.get(said..said + 4)? {
            b"Xing" | b"Info" if number(said + 4)? & 1 == 1 => number(said + 8)?,
            _ if first.get(36..40)? == b"VBRI" => number(36 + 14)?,
            _ => return None,
        };
        Some(u64::from(frames))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn seconds(bytes: &[u8]) -> Option<u64> {
        let (samples, rate) = length(&mut Cursor::new(bytes))?;
        Some((samples + rate / 2) / rate)
    }

    /// 128 kbit/s, 44,100 samples in a second, stereo: 417 bytes.
    fn frame() -> Vec<u8> {
        let mut frame = vec![0xff, 0xfb, 0x90, 0x00];
        frame.resize(417, 0);
        frame
    }

    #[test]
    fn frames_are_counted_behind_a_tag_and_up_to_another() {
        let mut file = b"ID3\x04\0\0\0\0\x01\x02".to_vec();
        file.resize(10 + 130, 0xff);
        for _ in 0..383 {
            file.extend(frame());
        }
        file.extend(b"TAG a title");
        // 383 × 1,152 / 44,100.
        assert_eq!(seconds(&file), Some(10));
        assert_eq!(seconds(&file[..140]), None);
        assert_eq!(seconds(b"ID3"), None);
    }

    #[test]
    fn a_first_frame_that_says_how_many_follow_is_believed() {
        for (at, name, frames_at) in [(36, b"Xing", 44), (36, b"Info", 44), (36, b"VBRI", 50)] {
            let mut file = frame();
            file[at..at + 4].copy_from_slice(name);
            file[43] = 1;
            file[frames_at..frames_at + 4].copy_from_slice(&2_297_u32.to_be_bytes());
            assert_eq!(seconds(&file), Some(60));
        }
        // Version 2, mono, 22,050: 576 samples in each.
        let mut file = vec![0xff, 0xf3, 0x90, 0xc0];
        file.resize(261, 0);
        file[13..17].copy_from_slice(b"Xing");
        file[20] = 1;
        file[21..25].copy_from_slice(&383_u32.to_be_bytes());
        assert_eq!(seconds(&file), Some(10));
    }
}
