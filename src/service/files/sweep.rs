//! Letting go of what nobody needs: uploads that were never used, recalled ones, and their bytes.
//!
//! Every node does it, in small batches: each step says for itself what may go, so two at once do no harm.

use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::Files;
use crate::files::folder::Kept;
use crate::files::{Backend as _, Fault};
use crate::model::file::Blob;
use crate::store::StoreError;

/// The first round, and as much again at random, so that nodes started together do not begin together.
const FIRST_AFTER: Duration = Duration::from_secs(60);
/// Between two rounds, and up to a quarter more at random.
const ROUND_EVERY: Duration = Duration::from_secs(60 * 60);
/// An upload that nothing has referred to for so long was given up; a recalled one is kept as long, in case a backup
/// of the log is put back.
const UNUSED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Bytes of no file may belong to an upload that is about to be one: none takes longer than this.
const BYTES_UNUSED_FOR: Duration = Duration::from_secs(60 * 60);
/// What one statement takes away.
const BATCH: usize = 200;
/// Between two batches.
const BATCH_PAUSE: Duration = Duration::from_millis(50);
/// Batches of one step of a round.
const BATCHES_MAX: usize = 5_000;
/// Most bytes kept of other nodes: the oldest leave.
const CACHE_BYTES_MAX: u64 = 4 << 30;

/// How old what is let go must be.
#[derive(Clone, Copy, Debug)]
pub struct Ages {
    pub unused: Duration,
    pub bytes: Duration,
}

impl Default for Ages {
    fn default() -> Ages {
        Ages {
            unused: UNUSED_FOR,
            bytes: BYTES_UNUSED_FOR,
        }
    }
}

impl Files {
    /// Sweeps every hour for the life of the node, and keeps telling where its folder can be asked; `random` spreads
    /// the nodes.
    pub async fn run(self, mut random: fastrand::Rng) {
        if let Err(error) = self.announce().await {
            warn!(%error, "other nodes were not told where this node's files are");
        }
        sleep(FIRST_AFTER + FIRST_AFTER.mul_f64(random.f64())).await;
        loop {
            if let Err(error) = self.announce().await {
                warn!(%error, "other nodes were not told where this node's files are");
            }
            match self.round(Ages::default()).await {
                Ok(0) => debug!("there are no files to let go of"),
                Ok(files) => info!(files, "files that nobody needs were let go of"),
                // The next round does what this one left.
                Err(error) => warn!(%error, "files that nobody needs could not be let go of"),
            }
            sleep(ROUND_EVERY + (ROUND_EVERY / 4).mul_f64(random.f64())).await;
        }
    }

    /// Tells the other nodes where this one's folder can be asked.
    ///
    /// # Errors
    /// The store failed.
    pub async fn announce(&self) -> Result<(), StoreError> {
        let parts = &self.0.parts;
        if parts.node_url.is_empty() {
            return Ok(());
        }
        let folder = parts.folder.folder();
        parts.store.announce_folder(folder, &parts.node_url).await
    }

    /// Lets go of what is older than `ages`, and says how many files and blobs that were.
    ///
    /// # Errors
    /// The store failed; what was let go of before is gone.
    pub async fn round(&self, ages: Ages) -> Result<u64, StoreError> {
        let store = &self.0.parts.store;
        for _ in 0..BATCHES_MAX {
            if store.forget_uses(ages.unused, BATCH).await? == 0 {
                break;
            }
            sleep(BATCH_PAUSE).await;
        }
        let mut let_go = 0;
        for _ in 0..BATCHES_MAX {
            match store.retire_files(ages.unused, BATCH).await? {
                0 => break,
                retired => let_go += retired,
            }
            sleep(BATCH_PAUSE).await;
        }
        for _ in 0..BATCHES_MAX {
            let blobs = store.retire_blobs(ages.bytes, BATCH).await?;
            if blobs.is_empty() {
                break;
            }
            let_go += blobs.len() as u64;
            for blob in &blobs {
                self.take_away(blob).await;
            }
            sleep(BATCH_PAUSE).await;
        }
        self.tidy(ages).await?;
        Ok(let_go)
    }

    async fn take_away(&self, blob: &Blob) {
        let parts = &self.0.parts;
        let removed = match parts.bucket.as_deref() {
            Some(bucket) if blob.folder.is_empty() => bucket.remove(blob).await,
            Some(_) | None => parts.folder.remove(blob).await,
        };
        match removed {
            Ok(()) | Err(Fault::Missing) => {}
            // In a folder its owner finds it again; in a bucket it stays until somebody looks.
            Err(error) => warn!(digest = %blob.digest, %error, "bytes could not be taken away"),
        }
    }

    /// Takes away what lies in this node's folders and is known to nobody: bytes that another node retired, cached
    /// ones, and uploads that ended with their node.
    async fn tidy(&self, ages: Ages) -> Result<(), StoreError> {
        let now = now();
        let parts = &self.0.parts;
        for folder in [&parts.folder, &self.0.cache] {
            let listed = listed(folder.clone(), now).await;
            for kept in listed.chunks(BATCH) {
                let places: Vec<_> = kept.iter().map(|kept| kept.place).collect();
                let known = parts.store.known_places(&places).await?;
                let unknown = kept.iter().filter(|kept| !known.contains(&kept.place));
                for kept in unknown.filter(|kept| kept.age >= ages.bytes) {
                    forget(&kept.path).await;
                }
            }
        }
        let mut cached = listed(self.0.cache.clone(), now).await;
        cached.sort_by_key(|kept| kept.age);
        let mut bytes = 0;
        for kept in cached {
            bytes += kept.size;
            if bytes > CACHE_BYTES_MAX {
                forget(&kept.path).await;
            }
        }
        self.forget_unfinished(ages).await;
        Ok(())
    }

    async fn forget_unfinished(&self, ages: Ages) {
        let Ok(mut entries) = tokio::fs::read_dir(self.unfinished()).await else {
            return;
        };
        while let Ok(Some(entry)) = entries.next_entry().await {
            let changed = entry.metadata().await.and_then(|about| about.modified());
            let age = changed.ok().and_then(|at| now().duration_since(at).ok());
            if age.is_some_and(|age| age >= ages.unused) {
                forget(&entry.path()).await;
            }
        }
    }
}

async fn listed(folder: crate::files::Folder, now: SystemTime) -> Vec<Kept> {
    let listing = tokio::task::spawn_blocking(move || folder.listed(now));
    listing.await.unwrap_or_default()
}

async fn forget(path: &Path) {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            warn!(path = %path.display(), %error, "a file nobody needs could not be deleted");
        }
        Ok(()) | Err(_) => {}
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the age of a file is told by the clock of the machine it lies on"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
