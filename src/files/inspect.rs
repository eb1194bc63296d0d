//! An upload looked at: what it is, cleaned, measured, and with a small picture of it where it is one.
//!
//! Works on the file an upload was spooled to, on a blocking thread; few at a time, since a picture may take much
//! memory while it is decoded.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::digest::{Context, SHA256};
use tokio::sync::Semaphore;

use super::picture::{self, NotTaken};
use super::sniff::{self, HEAD_BYTES, OCTETS, TEXT};
use super::{length, strip};
use crate::model::file::Digest;

/// Pictures that are decoded at a time: each may take 256 MiB.
const INSPECTIONS_MAX: usize = 2;
/// A larger file is no picture, whatever it begins with: pictures are held in memory whole.
const PICTURE_BYTES_MAX: u64 = 32 << 20;

/// What an upload is.
#[derive(Debug, PartialEq, Eq)]
pub struct Examined {
    pub mime: String,
    pub size: u64,
    pub digest: Digest,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub seconds: Option<u32>,
    pub thumb: Option<Thumb>,
}

/// A small picture in a file of its own beside the upload.
#[derive(Debug, PartialEq, Eq)]
pub struct Thumb {
    pub path: PathBuf,
    pub size: u64,
    pub digest: Digest,
}

/// Why an upload was not understood.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// A picture that would unpack to more than is ever decoded.
    #[error("the picture has too many pixels")]
    TooManyPixels,
    /// The spool could not be read or written.
    #[error("the upload could not be read back: {0}")]
    Io(#[from] std::io::Error),
}

/// What small pictures of a kind are.
#[must_use]
pub fn thumb_mime(mime: &str) -> &'static str {
    picture::thumb_mime(mime)
}

/// What a browser is told that a file is, and whether it may show it in place.
#[must_use]
pub fn served_as(mime: &str) -> (&str, bool) {
    match mime {
        TEXT => ("text/plain; charset=utf-8", true),
        mime => (mime, sniff::is_harmless(mime)),
    }
}

/// Looks at uploads. Cheap to clone.
#[derive(Clone)]
pub struct Inspector(Arc<Semaphore>);

impl Default for Inspector {
    fn default() -> Inspector {
        Inspector(Arc::new(Semaphore::new(INSPECTIONS_MAX)))
    }
}

impl Inspector {
    /// Looks at a file, and may write it anew without what must not be kept.
    pub async fn examine(&self, path: PathBuf) -> Result<Examined, Unfit> {
        let closed = |error| Unfit::Io(std::io::Error::other(error));
        let permit = Arc::clone(&self.0).acquire_owned().await;
        let permit = permit.map_err(|error| closed(error.to_string()))?;
        let work = tokio::task::spawn_blocking(move || {
            let examined = examine(&path);
            drop(permit);
            examined
        });
        work.await.map_err(|error| closed(error.to_string()))?
    }
}

fn examine(path: &Path) -> Result<Examined, Unfit> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut head = Vec::new();
    (&mut file).take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    let mut mime = sniff::by_head(&head);
    if let Some(kind) = mime.filter(|kind| sniff::is_picture(kind)) {
        if size <= PICTURE_BYTES_MAX
            && let Some(examined) = examine_picture(kind, path)?
        {
            return Ok(examined);
        }
        // It begins as a picture and is none.
        mime = Some(OCTETS);
    }
    let mime = match mime {
        Some(kind) => kind,
        None if sniff::is_plain_text(&file)? => TEXT,
        None => OCTETS,
    };
    let seconds = length::seconds(mime, &mut file);
    file.seek(SeekFrom::Start(0))?;
    Ok(Examined {
        mime: mime.to_owned(),
        size,
        digest: digest(&file)?,
        width: None,
        height: None,
        seconds,
        thumb: None,
    })
}

/// `None`: it is no picture after all.
fn examine_picture(mime: &str, path: &Path) -> Result<Option<Examined>, Unfit> {
    let bytes = std::fs::read(path)?;
    let Some(clean) = strip::stripped(mime, &bytes) else {
        return match picture::examined(mime, &bytes) {
            Err(NotTaken::TooManyPixels) => Err(Unfit::TooManyPixels),
            Ok(_) | Err(NotTaken::Broken) => Ok(None),
        };
    };
    let is_clean = clean == bytes;
    drop(bytes);
    let shown = match picture::examined(mime, &clean) {
        Ok(shown) => shown,
        Err(NotTaken::TooManyPixels) => return Err(Unfit::TooManyPixels),
        Err(NotTaken::Broken) => return Ok(None),
    };
    if !is_clean {
        std::fs::write(path, &clean)?;
    }
    let thumb = Thumb {
        path: path.with_extension("thumb"),
        size: shown.thumb.len() as u64,
        digest: digest(shown.thumb.as_slice())?,
    };
    std::fs::write(&thumb.path, &shown.thumb)?;
    Ok(Some(Examined {
        mime: mime.to_owned(),
        size: clean.len() as u64,
        digest: digest(clean.as_slice())?,
        width: Some(shown.width),
        height: Some(shown.height),
        seconds: None,
        thumb: Some(thumb),
    }))
}

fn digest(mut bytes: impl Read) -> std::io::Result<Digest> {
    let mut context = Context::new(&SHA256);
    let mut piece = vec![0; 64 * 1024];
    loop {
        match bytes.read(&mut piece)? {
            0 => break,
            read => context.update(&piece[..read]),
        }
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    Ok(Digest(digest))
}
