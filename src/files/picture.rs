//! Pictures: how large they are, and small ones of them.
//!
//! Decoding is where a small file can ask for much: the size is read and bounded before anything is unpacked, and the
//! decoder's memory is bounded as well. Runs on blocking threads.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};

/// Most pixels that are decoded: above what cameras of today take, 200 MiB once unpacked.
const PIXELS_MAX: u64 = 50_000_000;
/// Most memory of a decoder: that many pixels of 4 bytes, and its own.
const DECODER_BYTES_MAX: u64 = 256 << 20;
/// Longer side of a small picture, in pixels: a bubble on a screen with two pixels to a point.
const THUMB_SIDE: u32 = 320;
/// Of small pictures, out of 100: artefacts are not seen at this size.
const THUMB_QUALITY: u8 = 80;

/// Why a picture is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotTaken {
    /// It would unpack to more than is ever decoded.
    TooManyPixels,
    /// It cannot be decoded, so it is no picture.
    Broken,
}

/// A picture that can be shown.
#[derive(Debug)]
pub(super) struct Picture {
    /// As it is shown: on the side that its orientation says.
    pub(super) width: u32,
    pub(super) height: u32,
    /// A small one, encoded as [`thumb_mime`] says.
    pub(super) thumb: Vec<u8>,
}

/// What small pictures of this kind are: photographs have no transparency to keep.
#[must_use]
pub(super) fn thumb_mime(mime: &str) -> &'static str {
    match mime {
        "image/jpeg" | "image/bmp" => "image/jpeg",
        _ => "image/png",
    }
}

fn format_of(mime: &str) -> Option<ImageFormat> {
    match mime {
        "image/png" => Some(ImageFormat::Png),
        "image/jpeg" => Some(ImageFormat::Jpeg),
        "image/gif" => Some(ImageFormat::Gif),
        "image/webp" => Some(ImageFormat::WebP),
        "image/bmp" => Some(ImageFormat::Bmp),
        _ => None,
    }
}

/// Decodes a picture, of moving ones the first.
pub(super) fn examined(mime: &str, bytes: &[u8]) -> Result<Picture, NotTaken> {
    let format = format_of(mime).ok_or(NotTaken::Broken)?;
    let broken = |_| NotTaken::Broken;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(NotTaken::TooManyPixels);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let whole = DynamicImage::from_decoder(decoder).map_err(refused)?;
    let mut thumb = if width.max(height) > THUMB_SIDE {
        whole.thumbnail(THUMB_SIDE, THUMB_SIDE)
    } else {
        whole
    };
    thumb.apply_orientation(orientation);
    let mut encoded = Vec::new();
    if thumb_mime(mime) == "image/jpeg" {
        let encoder = JpegEncoder::new_with_quality(&mut encoded, THUMB_QUALITY);
        thumb
            .to_rgb8()
            .write_with_encoder(encoder)
            .map_err(broken)?;
    } else {
        let encoder = PngEncoder::new(&mut encoded);
        thumb
            .to_rgba8()
            .write_with_encoder(encoder)
            .map_err(broken)?;
    }
    let lies = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let (width, height) = if lies {
        (height, width)
    } else {
        (width, height)
    };
    Ok(Picture {
        width,
        height,
        thumb: encoded,
    })
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODER_BYTES_MAX);
    limits
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it takes the place of a closure"
)]
fn refused(error: image::ImageError) -> NotTaken {
    match error {
        image::ImageError::Limits(_) => NotTaken::TooManyPixels,
        image::ImageError::Decoding(_)
        | image::ImageError::Encoding(_)
        | image::ImageError::Parameter(_)
        | image::ImageError::Unsupported(_)
        | image::ImageError::IoError(_) => NotTaken::Broken,
    }
}
