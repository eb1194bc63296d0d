//! A folder of blobs: this machine's own, or one that several machines share.
//!
//! A blob lies two levels deep under its digest and place, and is moved there whole. What is fetched from other nodes
//! lies in `cache`, under the same names.

use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::stream;
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::backend::{Backend, Bytes, Fault, Said, Span};
use crate::model::file::{Blob, Place};

/// Read at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// Names this folder to the store, whichever machine mounts it.
const NAME_FILE: &str = "folder-id";
const CACHE: &str = "cache";
const UNFINISHED: &str = "unfinished";
/// Longest name of a folder.
const NAME_BYTES_MAX: usize = 64;

/// See the module.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    name: String,
}

impl Folder {
    /// Opens a folder, making it where there is none. `fresh` becomes its name at the first time.
    ///
    /// # Errors
    /// It cannot be made, read or written.
    pub fn open(root: &Path, fresh: &str) -> io::Result<Folder> {
        std::fs::create_dir_all(root.join(UNFINISHED))?;
        let named = root.join(NAME_FILE);
        let file = std::fs::File::options()
            .write(true)
            .create_new(true)
            .open(root.join(UNFINISHED).join(fresh));
        // Put in place whole and only once, however many nodes open it at this moment.
        if let Ok(mut file) = file {
            io::Write::write_all(&mut file, fresh.as_bytes())?;
            file.sync_all()?;
            let unfinished = root.join(UNFINISHED).join(fresh);
            let linked = std::fs::hard_link(&unfinished, &named);
            std::fs::remove_file(&unfinished)?;
            match linked {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        let name = std::fs::read_to_string(&named)?.trim().to_owned();
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(io::Error::other(format!("{} is damaged", named.display())));
        }
        Ok(Folder {
            root: root.to_owned(),
            name,
        })
    }

    /// Where uploads are spooled: on the same file system, so that they are moved and not copied.
    #[must_use]
    pub fn unfinished(&self) -> PathBuf {
        self.root.join(UNFINISHED)
    }

    /// What was fetched from other nodes.
    #[must_use]
    pub fn cache(&self) -> Folder {
        Folder {
            root: self.root.join(CACHE),
            name: self.name.clone(),
        }
    }

    fn path(&self, blob: &Blob) -> PathBuf {
        let digest = blob.digest.to_string();
        let name = format!("{digest}.{}", blob.place);
        let (first, rest) = digest.split_at(2);
        self.root.join(first).join(&rest[..2]).join(name)
    }

    /// Files that lie here, with their age and size. Blocking.
    #[must_use]
    pub fn listed(&self, now: SystemTime) -> Vec<Kept> {
        let mut kept = Vec::new();
        for first in folders(&self.root) {
            for second in folders(&first) {
                let entries = std::fs::read_dir(second).into_iter().flatten().flatten();
                kept.extend(entries.filter_map(|entry| Kept::of(&entry.path(), now)));
            }
        }
        kept
    }
}

/// A blob that lies in a folder.
#[derive(Clone, Debug)]
pub struct Kept {
    pub path: PathBuf,
    pub place: Place,
    pub size: u64,
    /// Since it was put here.
    pub age: Duration,
}

impl Kept {
    fn of(path: &Path, now: SystemTime) -> Option<Kept> {
        let (_, place) = path.file_name()?.to_str()?.split_once('.')?;
        let about = path.metadata().ok()?;
        Some(Kept {
            path: path.to_owned(),
            place: place.parse().ok()?,
            size: about.len(),
            age: now
                .duration_since(about.modified().ok()?)
                .unwrap_or_default(),
        })
    }
}

/// The two-letter folders in a folder.
fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let is_ours = |path: &PathBuf| path.file_name().is_some_and(|name| name.len() == 2);
    entries
        .map(|entry| entry.path())
        .filter(|path| is_ours(path) && path.is_dir())
        .collect()
}

#[async_trait]
impl Backend for Folder {
    fn folder(&self) -> &str {
        &self.name
    }

    async fn put(&self, blob: &Blob, from: &Path) -> Result<(), Fault> {
        let (to, from) = (self.path(blob), from.to_owned());
        let moved = tokio::task::spawn_blocking(move || move_whole(&from, &to));
        match moved.await {
            Ok(moved) => moved.map_err(|error| Fault::Unavailable(error.to_string())),
            Err(error) => Err(Fault::Unavailable(error.to_string())),
        }
    }

    async fn read(&self, blob: &Blob, span: Option<Span>) -> Result<Bytes, Fault> {
        let mut file = File::open(self.path(blob)).await?;
        let left = match span {
            Some(span) => {
                file.seek(SeekFrom::Start(*span.start())).await?;
                (span.end() - span.start()).saturating_add(1)
            }
            None => blob.size,
        };
        let pieces = stream::try_unfold((file, left), async |(mut file, left)| {
            let most = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
            if most == 0 {
                return Ok(None);
            }
            let mut piece = vec![0; most];
            match file.read(&mut piece).await? {
                0 => Err(Fault::Unavailable(
                    "a file is shorter than it was".to_owned(),
                )),
                read => {
                    piece.truncate(read);
                    let rest = (file, left - read as u64);
                    Ok(Some((bytes::Bytes::from(piece), rest)))
                }
            }
        });
        Ok(Box::pin(pieces))
    }

    async fn has(&self, blob: &Blob) -> Result<bool, Fault> {
        Ok(fs::try_exists(self.path(blob)).await?)
    }

    async fn remove(&self, blob: &Blob) -> Result<(), Fault> {
        match fs::remove_file(self.path(blob)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn link(&self, _blob: &Blob, _said: &Said) -> Option<String> {
        None
    }
}

/// Durable before it is in place, and in place before this returns.
fn move_whole(from: &Path, to: &Path) -> io::Result<()> {
    let folder = to.parent().unwrap_or(to);
    std::fs::create_dir_all(folder)?;
    std::fs::File::open(from)?.sync_all()?;
    match std::fs::rename(from, to) {
        // Another file system: an upload spooled elsewhere.
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let near = to.with_extension("part");
            std::fs::copy(from, &near)?;
            std::fs::File::open(&near)?.sync_all()?;
            std::fs::rename(&near, to)?;
        }
        done => done?,
    }
    std::fs::File::open(folder)?.sync_all()
}
