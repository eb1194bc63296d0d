//! Uploads and downloads: who may bring what, and who may have it.
//!
//! A file is for its uploader, for everybody while it is a face, and otherwise for those who may read a message that
//! refers to it: nothing here remembers a permission, so that a recall counts at once. Bytes are the business of
//! `files`, routes and headers that of `http`.

pub mod sweep;
mod upload;
mod uses;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ring::rand::{SecureRandom, SystemRandom};
use tokio::sync::Semaphore;
use tracing::{error, warn};

use crate::files::backend::Said;
use crate::files::inspect::{Inspector, served_as, thumb_mime};
use crate::files::name::disposition;
use crate::files::peers::{PeerKeys, Peers};
use crate::files::spool::Spool;
use crate::files::{Backend, Bytes, Fault, Folder, Span};
use crate::model::error::{Code, Failure};
use crate::model::file::{Blob, Digest, FileId, FileInfo, Place};
use crate::model::ids::UserId;
use crate::service::clock::Clock;
use crate::store::FileStore;

pub use crate::files::Bytes as Pieces;
pub use crate::files::name::in_url;
pub use crate::files::peers::PROOF;
pub use upload::Upload;
pub use uses::FileUses;

/// When to ask again for bytes that cannot be reached.
const RETRY_AFTER_MS: u64 = 2_000;
/// Uploads under way on a node: each has a file open and may wait for a slow sender.
const UPLOADS_MAX: usize = 64;
/// Of them by one user: as many as a browser sends at a time.
const UPLOADS_PER_USER_MAX: u32 = 6;
/// Bytes fetched from other nodes at a time: a page of pictures, without taking the network for itself.
const FETCHES_MAX: usize = 8;

/// The files. Cheap to clone.
#[derive(Clone)]
pub struct Files(Arc<Inner>);

/// What [`Files`] works with.
pub struct FileParts {
    pub store: Arc<dyn FileStore>,
    /// This node's own folder: for spooling, and for bytes where there is no bucket.
    pub folder: Folder,
    /// Where new bytes go instead of the folder.
    pub bucket: Option<Arc<dyn Backend>>,
    pub peers: Peers,
    pub keys: PeerKeys,
    /// Where other nodes reach this one; empty: there are none.
    pub node_url: String,
    pub clock: Clock,
    /// Largest upload.
    pub bytes_max: u64,
    /// Most bytes of one user; 0: no bound.
    pub quota_bytes: u64,
}

struct Inner {
    parts: FileParts,
    cache: Folder,
    inspector: Inspector,
    random: SystemRandom,
    uploads: Arc<Semaphore>,
    uploaders: Mutex<BTreeMap<UserId, u32>>,
    fetches: Semaphore,
    /// The last use of the place of files failed.
    failing: AtomicBool,
}

/// Bytes somebody may have.
pub struct Opened {
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// For the header of the same name.
    pub content_type: String,
    /// Likewise.
    pub disposition: String,
    blob: Blob,
}

impl Files {
    #[must_use]
    pub fn new(parts: FileParts) -> Files {
        Files(Arc::new(Inner {
            cache: parts.folder.cache(),
            parts,
            inspector: Inspector::default(),
            random: SystemRandom::new(),
            uploads: Arc::new(Semaphore::new(UPLOADS_MAX)),
            uploaders: Mutex::default(),
            fetches: Semaphore::new(FETCHES_MAX),
            failing: AtomicBool::new(false),
        }))
    }

    /// Largest upload, in bytes.
    #[must_use]
    pub fn bytes_max(&self) -> u64 {
        self.0.parts.bytes_max
    }

    /// Why files cannot be had at the moment, if they cannot.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let failing = self.0.failing.load(Ordering::Relaxed);
        failing.then(|| "the place of files does not answer".to_owned())
    }

    /// A file, or the small picture of it, for somebody who may have it. `not_found` for others, `gone` when it was
    /// recalled.
    pub async fn open(&self, reader: UserId, id: FileId, thumb: bool) -> Result<Opened, Failure> {
        let store = self.0.parts.store.as_ref();
        let file = store.file(id).await?;
        let file = file.ok_or(Failure::new(Code::NotFound))?;
        may_read(store, &file, reader).await?;
        let digest = match (thumb, file.thumb) {
            (false, _) => file.digest,
            (true, Some(digest)) => digest,
            (true, None) => return Err(Failure::new(Code::NotFound)),
        };
        let Some(blob) = store.blob(digest).await? else {
            error!(%digest, "a file's bytes are nowhere");
            return Err(Failure::new(Code::Internal));
        };
        let mime = if thumb {
            thumb_mime(&file.mime)
        } else {
            &file.mime
        };
        let (content_type, in_place) = served_as(mime);
        let kind = if in_place { "inline" } else { "attachment" };
        Ok(Opened {
            digest,
            size: blob.size,
            content_type: content_type.to_owned(),
            disposition: disposition(kind, &file.name),
            blob,
        })
    }

    /// Where the client can fetch the bytes itself, if it can.
    #[must_use]
    pub fn link(&self, opened: &Opened) -> Option<String> {
        let said = Said {
            content_type: opened.content_type.clone(),
            disposition: opened.disposition.clone(),
        };
        match self.0.parts.bucket.as_deref() {
            Some(bucket) if opened.blob.folder.is_empty() => bucket.link(&opened.blob, &said),
            Some(_) | None => None,
        }
    }

    /// The bytes; `None`: all of them. From wherever they are.
    pub async fn read(&self, opened: &Opened, span: Option<Span>) -> Result<Bytes, Failure> {
        let read = self.read_blob(&opened.blob, span).await;
        self.note(&read);
        read.map_err(failure)
    }

    /// Bytes of this node's own folder, for another node that proves to be one. `not_found` for everybody else.
    pub async fn for_node<'a>(
        &self,
        digest: Digest,
        place: Place,
        proofs: impl IntoIterator<Item = &'a str> + Send,
    ) -> Result<Bytes, Failure> {
        if !self.0.parts.keys.believe(digest, place, proofs) {
            return Err(Failure::new(Code::NotFound));
        }
        let blob = self.0.parts.store.blob(digest).await?;
        let blob = blob.filter(|blob| blob.place == place);
        let blob = blob.ok_or(Failure::new(Code::NotFound))?;
        match self.0.parts.folder.read(&blob, None).await {
            Err(Fault::Missing) => Err(Failure::new(Code::NotFound)),
            read => read.map_err(failure),
        }
    }

    async fn read_blob(&self, blob: &Blob, span: Option<Span>) -> Result<Bytes, Fault> {
        let Inner { parts, cache, .. } = self.0.as_ref();
        if blob.folder.is_empty() {
            return match parts.bucket.as_deref() {
                Some(bucket) => bucket.read(blob, span).await,
                None => Err(Fault::Unavailable("there is no bucket any more".to_owned())),
            };
        }
        for folder in [&parts.folder, cache] {
            match folder.read(blob, span.clone()).await {
                Err(Fault::Missing) => {}
                read => return read,
            }
        }
        if blob.folder == parts.folder.folder() {
            return Err(Fault::Missing);
        }
        self.fetch(blob).await?;
        cache.read(blob, span).await
    }

    /// Brings bytes into the cache from the node that has them.
    async fn fetch(&self, blob: &Blob) -> Result<(), Fault> {
        let Inner { parts, cache, .. } = self.0.as_ref();
        let closed = |_| Fault::Unavailable("the node is leaving".to_owned());
        let _permit = self.0.fetches.acquire().await.map_err(closed)?;
        if cache.has(blob).await? {
            // Another request waited for the same bytes.
            return Ok(());
        }
        let unavailable = |error: String| Fault::Unavailable(error);
        let nodes = parts.store.folder_urls(&blob.folder).await;
        let nodes = nodes.map_err(|error| unavailable(error.to_string()))?;
        let mut last = unavailable("nobody says where the bytes are".to_owned());
        for node in nodes.iter().filter(|node| **node != parts.node_url) {
            let spool = self.spool(blob.size).await;
            let spool = spool.map_err(|error| unavailable(error.to_string()))?;
            match parts.peers.fetch(node, blob, spool).await {
                Ok(file) => return cache.put(blob, file.path()).await,
                Err(fault) => last = fault,
            }
        }
        warn!(digest = %blob.digest, error = %last, "no node gave the bytes of a file");
        // Somebody has them, or had: this node cannot say that they do not exist.
        Err(unavailable(last.to_string()))
    }

    async fn spool(&self, bytes_max: u64) -> Result<Spool, Fault> {
        let folder = self.unfinished();
        let unique = self.draw_place()?.to_string();
        let spool = Spool::create(&folder, &unique, bytes_max).await;
        spool.map_err(|error| Fault::Unavailable(error.to_string()))
    }

    fn unfinished(&self) -> PathBuf {
        self.0.parts.folder.unfinished()
    }

    fn draw_place(&self) -> Result<Place, Fault> {
        let mut place = [0; 16];
        let drawn = self.0.random.fill(&mut place);
        drawn.map_err(|_| Fault::Unavailable("the system gives no random numbers".to_owned()))?;
        Ok(Place(place))
    }

    /// Remembers whether the place of files does its part, and says when that changes.
    fn note<T>(&self, done: &Result<T, Fault>) {
        let failing = match done {
            Err(Fault::Unavailable(_)) => true,
            Ok(_) | Err(Fault::Missing) => false,
        };
        let before = self.0.failing.swap(failing, Ordering::Relaxed);
        if let (false, Err(fault)) = (before, done) {
            warn!(error = %fault, "files cannot be had");
        }
    }
}

/// Refuses who may not have a file.
async fn may_read(store: &dyn FileStore, file: &FileInfo, reader: UserId) -> Result<(), Failure> {
    let sight = store.sight(file, reader).await?;
    let own = file.owner == reader;
    if file.gone {
        let was_his = own || sight.recalled || sight.granted || sight.shown;
        return Err(Failure::new(if was_his {
            Code::Gone
        } else {
            Code::NotFound
        }));
    }
    match (sight.shown || sight.granted, sight.recalled) {
        (true, _) => Ok(()),
        (false, true) => Err(Failure::new(Code::Gone)),
        (false, false) if own => Ok(()),
        (false, false) => Err(Failure::new(Code::NotFound)),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn failure(fault: Fault) -> Failure {
    match fault {
        Fault::Unavailable(_) => Failure::retry(Code::Unavailable, RETRY_AFTER_MS),
        Fault::Missing => {
            error!("bytes that should be kept are missing");
            Failure::retry(Code::Unavailable, RETRY_AFTER_MS)
        }
    }
}
