//! Uploads on their way: each in a file of its own that is gone with its owner.

use std::path::{Path, PathBuf};

use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

/// Why no more is taken.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// It would be more than the bound.
    #[error("the upload is too large")]
    TooLarge,
    /// The disk did not take it.
    #[error("the upload could not be kept: {0}")]
    Io(#[from] std::io::Error),
}

/// A file that is being written.
pub struct Spool {
    file: File,
    path: TemporaryPath,
    size: u64,
    bytes_max: u64,
}

/// Deleted when dropped, together with the small picture beside it.
pub struct TemporaryPath(PathBuf);

impl Spool {
    /// Begins one in a folder, under a name nobody else has.
    pub async fn create(folder: &Path, unique: &str, bytes_max: u64) -> Result<Spool, SpoolError> {
        tokio::fs::create_dir_all(folder).await?;
        let path = folder.join(format!("{unique}.part"));
        let file = File::options()
            .write(true)
            .create_new(true)
            .open(&path)
            .await?;
        Ok(Spool {
            file,
            path: TemporaryPath(path),
            size: 0,
            bytes_max,
        })
    }

    /// Adds bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        self.size += bytes.len() as u64;
        if self.size > self.bytes_max {
            return Err(SpoolError::TooLarge);
        }
        self.file.write_all(bytes).await?;
        Ok(())
    }

    /// All was written: the file and its size.
    pub async fn finish(mut self) -> Result<(TemporaryPath, u64), SpoolError> {
        self.file.flush().await?;
        Ok((self.path, self.size))
    }
}

impl TemporaryPath {
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryPath {
    fn drop(&mut self) {
        // What a backend has moved away is not there any more.
        let _ = std::fs::remove_file(&self.0);
        let _ = std::fs::remove_file(self.0.with_extension("thumb"));
    }
}
