//! One upload, from its first byte to its id.

use std::sync::PoisonError;

use ring::rand::SecureRandom as _;
use tokio::sync::OwnedSemaphorePermit;
use tracing::warn;

use super::{Files, Inner, UPLOADS_PER_USER_MAX, failure};
use crate::files::inspect::{Examined, Unfit};
use crate::files::name::sanitised;
use crate::files::spool::{Spool, SpoolError};
use crate::files::{Backend, Fault};
use crate::model::error::{Code, Failure};
use crate::model::file::{Blob, Digest, FileId, FileInfo};
use crate::model::ids::UserId;
use crate::store::AddedFile;

/// The field of the form.
const FIELD: &str = "file";
/// When to try again while too many others upload.
const BUSY_RETRY_MS: u64 = 1_000;

/// An upload under way. Dropping it forgets what was written.
pub struct Upload {
    files: Files,
    owner: UserId,
    spool: Spool,
    _slot: Slot,
}

/// The right to one of the uploads that may be under way.
struct Slot {
    files: Files,
    owner: UserId,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    fn take(files: &Files, owner: UserId) -> Result<Slot, Failure> {
        let Inner {
            uploads, uploaders, ..
        } = files.0.as_ref();
        let busy = || Failure::retry(Code::RateLimited, BUSY_RETRY_MS);
        let permit = std::sync::Arc::clone(uploads).try_acquire_owned();
        let permit = permit.map_err(|_| busy())?;
        let mut uploaders = uploaders.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = uploaders.entry(owner).or_default();
        if *under_way >= UPLOADS_PER_USER_MAX {
            return Err(busy());
        }
        *under_way += 1;
        Ok(Slot {
            files: files.clone(),
            owner,
            _permit: permit,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let uploaders = &self.files.0.uploaders;
        let mut uploaders = uploaders.lock().unwrap_or_else(PoisonError::into_inner);
        let left = uploaders.get(&self.owner).map_or(0, |count| count - 1);
        if left == 0 {
            uploaders.remove(&self.owner);
        } else {
            uploaders.insert(self.owner, left);
        }
    }
}

impl Files {
    /// Begins an upload. `rate_limited` while too many are under way.
    pub async fn begin(&self, owner: UserId) -> Result<Upload, Failure> {
        let slot = Slot::take(self, owner)?;
        let spool = self.spool(self.0.parts.bytes_max).await;
        self.note(&spool);
        Ok(Upload {
            files: self.clone(),
            owner,
            spool: spool.map_err(failure)?,
            _slot: slot,
        })
    }

    /// Makes sure that bytes are kept, and says where.
    async fn keep(&self, digest: Digest, size: u64, from: &std::path::Path) -> Result<(), Failure> {
        let parts = &self.0.parts;
        let primary: &dyn Backend = match parts.bucket.as_deref() {
            Some(bucket) => bucket,
            None => &parts.folder,
        };
        let wish = Blob {
            digest,
            place: self.draw_place().map_err(failure)?,
            size,
            folder: primary.folder().to_owned(),
        };
        let blob = parts.store.place(wish.clone()).await?;
        // Bytes that were placed before may not be there yet, or not any more: both are mended by putting them again.
        let put = async {
            if blob.folder != primary.folder() {
                return Ok(());
            }
            if blob.place != wish.place && primary.has(&blob).await? {
                return Ok(());
            }
            primary.put(&blob, from).await
        };
        let put: Result<(), Fault> = put.await;
        self.note(&put);
        put.map_err(failure)
    }
}

impl Upload {
    /// Adds bytes. `too_large` beyond the bound.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.spool.write(bytes).await.map_err(refused)
    }

    /// Keeps what was written, under a name that is made harmless.
    pub async fn finish(self, name: &str) -> Result<FileInfo, Failure> {
        let (spooled, size) = self.spool.finish().await.map_err(refused)?;
        if size == 0 {
            return Err(Failure::field(Code::BadRequest, FIELD));
        }
        let inner = self.files.0.as_ref();
        let path = spooled.path().to_owned();
        let examined = match inner.inspector.examine(path).await {
            Ok(examined) => examined,
            Err(Unfit::TooManyPixels) => {
                return Err(Failure::field(Code::UnsupportedMedia, FIELD));
            }
            Err(Unfit::Io(error)) => return Err(refused(SpoolError::Io(error))),
        };
        let mut id = [0; 16];
        let drawn = inner.random.fill(&mut id);
        drawn.map_err(|_| Failure::new(Code::Internal))?;
        let Examined {
            mime,
            size,
            digest,
            width,
            height,
            seconds,
            thumb,
        } = examined;
        if let Some(thumb) = &thumb {
            self.files
                .keep(thumb.digest, thumb.size, &thumb.path)
                .await?;
        }
        self.files.keep(digest, size, spooled.path()).await?;
        let file = FileInfo {
            id: FileId(id),
            owner: self.owner,
            name: sanitised(name),
            mime,
            size,
            digest,
            width,
            height,
            seconds,
            thumb: thumb.map(|thumb| thumb.digest),
            at: inner.parts.clock.now(),
            gone: false,
        };
        let quota = inner.parts.quota_bytes;
        match inner.parts.store.add(file.clone(), quota).await? {
            AddedFile::Added => Ok(file),
            AddedFile::OverQuota => Err(Failure::field(Code::TooLarge, FIELD)),
        }
    }
}

fn refused(error: SpoolError) -> Failure {
    match error {
        SpoolError::TooLarge => Failure::field(Code::TooLarge, FIELD),
        SpoolError::Io(error) => {
            warn!(%error, "an upload could not be kept");
            Failure::retry(Code::Unavailable, BUSY_RETRY_MS)
        }
    }
}
