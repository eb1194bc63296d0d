//! Hostile uploads: what they are taken for, and seeded mutations of well-formed ones, which must never panic.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, RgbImage};

use super::inspect::{Examined, Inspector, Unfit, served_as};
use super::{length, picture, sniff, strip};

/// A gradient: something that decoders have work with.
fn drawn(width: u32, height: u32) -> DynamicImage {
    let pixel =
        |x: u32, y: u32| image::Rgb([x, y, x ^ y].map(|part| u8::try_from(part % 256).unwrap()));
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, pixel))
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    drawn(40, 30).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    let checked = [name.as_slice(), data].concat();
    [&length, checked.as_slice(), &crc(&checked).to_be_bytes()].concat()
}

/// The checksum of PNG (ISO 3309).
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| {
        if crc & 1 == 1 {
            0xedb8_8320 ^ (crc >> 1)
        } else {
            crc >> 1
        }
    };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), step);
    !bytes.iter().fold(u32::MAX, byte)
}

/// A PNG that says it is this large and holds nothing.
fn claiming(width: u32, height: u32) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 6, 0, 0, 0]);
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &header),
        chunk(b"IDAT", b"x\x9c\x03\0\0\0\0\x01"),
        chunk(b"IEND", b""),
    ]
    .concat()
}

async fn examined(bytes: &[u8]) -> Result<(Examined, Vec<u8>), Unfit> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upload.part");
    std::fs::write(&path, bytes).unwrap();
    let examined = Inspector::default().examine(path.clone()).await?;
    Ok((examined, std::fs::read(path).unwrap()))
}

#[tokio::test]
async fn pictures_that_unpack_to_more_than_is_decoded_are_refused() {
    for (width, height) in [(60_000, 60_000), (u32::MAX >> 1, 1), (7_072, 7_072)] {
        let refused = examined(&claiming(width, height)).await;
        assert!(
            matches!(refused, Err(Unfit::TooManyPixels)),
            "{width}x{height}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn what_only_begins_as_a_picture_is_bytes_to_save() {
    for bytes in [
        &b"GIF89a/*"[..],
        b"GIF89a=1;alert(document.domain)//",
        b"\x89PNG\r\n\x1a\n<script>alert(1)</script>",
        b"\xff\xd8\xff\xe0 <html>",
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
        b"BM<svg onload=alert(1)>",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"%PDF-1.4\nPK\x03\x04",
        b"\0",
    ] {
        let Ok((examined, kept)) = examined(bytes).await else {
            // What reads as a picture of impossible size is not even kept.
            assert!(bytes.starts_with(b"GIF89a"));
            continue;
        };
        let (_, in_place) = served_as(&examined.mime);
        assert!(!in_place, "{examined:?}");
        assert_eq!(kept, bytes, "it is kept as it came");
        assert_eq!((examined.thumb, examined.width), (None, None));
    }
}

#[tokio::test]
async fn a_picture_loses_its_metadata_and_its_trailer_and_nothing_else() {
    for (format, mime) in [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::WebP, "image/webp"),
        (ImageFormat::Gif, "image/gif"),
        (ImageFormat::Bmp, "image/bmp"),
    ] {
        let clean = encoded(format);
        let (found, kept) = examined(&clean).await.unwrap();
        assert_eq!(kept, clean, "{mime}");
        assert_eq!(found.mime, mime);
        assert_eq!((found.width, found.height), (Some(40), Some(30)));
        assert_eq!(found.size, clean.len() as u64);
    }
    let png = encoded(ImageFormat::Png);
    let said = chunk(b"tEXt", b"Comment\0secret");
    let place = chunk(b"eXIf", b"MM\0*secret");
    let (head, rest) = png.split_at(33);
    let spoken = [head, &said, &place, rest, b"PK\x03\x04 trailer"].concat();
    let (_, kept) = examined(&spoken).await.unwrap();
    assert_eq!(kept, png);
}

#[tokio::test]
async fn a_photograph_keeps_its_side_and_tells_no_place() {
    let mut jpeg = Vec::new();
    drawn(40, 30)
        .write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, 90))
        .unwrap();
    // Orientation 6, and a maker's note behind it.
    let exif =
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0secret place";
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let (head, rest) = jpeg.split_at(2);
    let photo = [head, &[0xff, 0xe1], &length, exif, rest].concat();
    let (found, kept) = examined(&photo).await.unwrap();
    assert_eq!((found.width, found.height), (Some(30), Some(40)));
    assert!(!kept.windows(6).any(|six| six == b"secret"));
    assert!(found.thumb.is_some());
}

/// Everything that reads a stranger's bytes.
fn read_all(bytes: &[u8]) {
    let _ = sniff::by_head(bytes);
    let _ = sniff::is_plain_text(bytes);
    for mime in [
        "image/png",
        "image/jpeg",
        "image/webp",
        "image/gif",
        "image/bmp",
    ] {
        let _ = strip::stripped(mime, bytes);
        if bytes.len() < 2_000 {
            let _ = picture::examined(mime, bytes);
        }
    }
    for mime in ["audio/x-wav", "audio/ogg", "video/mp4"] {
        let _ = length::seconds(mime, &mut Cursor::new(bytes));
    }
}

#[test]
fn mutated_files_never_panic() {
    let wav = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0";
    let ogg = b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0OggS\0\x04\x01\0\0\0\0\0\0\0";
    let mp4 = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x74moov\0\0\0\x6cmvhd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\xe8\0\0\x09\x60";
    let exif = b"\xff\xd8\xff\xe1\0\x2cExif\0\0MM\0*\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\xff\xd9";
    let mut originals = vec![wav.to_vec(), ogg.to_vec(), mp4.to_vec(), exif.to_vec()];
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::WebP,
        ImageFormat::Gif,
    ] {
        originals.push(encoded(format));
    }
    let mut random = fastrand::Rng::with_seed(8);
    for round in 0..1_500 {
        let mut bytes = originals[round % originals.len()].clone();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..bytes.len());
            match random.u8(..5) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes.insert(at, random.u8(..)),
                2 => bytes[at] = 0xff,
                3 => {
                    let piece = bytes[at..].to_vec();
                    bytes.extend_from_slice(&piece[..piece.len().min(40)]);
                }
                _ => bytes[at] ^= 1 << random.u8(..8),
            }
        }
        read_all(&bytes);
    }
}
