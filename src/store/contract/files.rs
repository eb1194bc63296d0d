//! Uploads: what is known of them, who may see them, and what nobody needs any more.
//!
//! A file belongs to its uploader and to whatever refers to it: messages ([`FileStore::use_in`]) and the faces of users
//! and groups ([`FileStore::show_as`]). Both are recorded before the thing itself, and count only while that says so:
//! a record whose message was refused, or whose avatar was changed, opens nothing. The bytes are elsewhere.

use std::time::Duration;

use async_trait::async_trait;

use super::Result;
use crate::model::conversation::Conv;
use crate::model::file::{Blob, Digest, Face, FileId, FileInfo, Place};
use crate::model::ids::{Cid, UserId};

/// What the body of a recalled message, and of no other, ends with.
pub const RECALLED_ENDING: &str = ",\"recalled\":true}";

/// What became of a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddedFile {
    Added,
    /// With it the owner would have more than the quota. Nothing was added.
    OverQuota,
}

/// Where a reader meets a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// It is somebody's avatar or a group's icon.
    pub shown: bool,
    /// He may see a message that refers to it and was not recalled.
    pub granted: bool,
    /// He may see a message that referred to it and was recalled.
    pub recalled: bool,
}

/// The uploads.
#[async_trait]
pub trait FileStore: Send + Sync {
    /// Says where these bytes are, or that they belong at `wish` if they are nowhere; either way they are not taken for
    /// orphans for a while. Whoever is told another place than his wish need not put them there again.
    async fn place(&self, wish: Blob) -> Result<Blob>;
    /// Adds a file whose bytes are in place. One with this id that is there already is left as it is. `quota` in bytes
    /// of all files of the owner, those that are gone aside; 0: none. Exact however many are added at once.
    async fn add(&self, file: FileInfo, quota: u64) -> Result<AddedFile>;
    async fn file(&self, id: FileId) -> Result<Option<FileInfo>>;
    /// Where bytes are.
    async fn blob(&self, digest: Digest) -> Result<Option<Blob>>;
    /// Up to `limit` files of a user with ids above `after`, by id.
    async fn of_owner(
        &self,
        owner: UserId,
        after: Option<FileId>,
        limit: usize,
    ) -> Result<Vec<FileInfo>>;

    /// Records that the entry with this client id refers to a file. Without such a file nothing is recorded.
    async fn use_in(&self, id: FileId, conv: Conv, sender: UserId, cid: &Cid) -> Result<()>;
    /// Records that a face shows a file. Without such a file nothing is recorded.
    async fn show_as(&self, id: FileId, face: Face) -> Result<()>;
    /// Where the reader meets a file, by the same rules as history. For its owner every message that refers to it
    /// counts.
    async fn sight(&self, file: &FileInfo, reader: UserId) -> Result<Sight>;

    /// Notes where a folder of blobs can be asked for what is in it.
    async fn announce_folder(&self, folder: &str, url: &str) -> Result<()>;
    /// Where a folder can be asked, the latest first.
    async fn folder_urls(&self, folder: &str) -> Result<Vec<String>>;

    /// Forgets up to `limit` records of either kind that are older than `age` and whose entry does not exist (any
    /// more), or whose face shows something else. How many.
    async fn forget_uses(&self, age: Duration, limit: usize) -> Result<u64>;
    /// Deletes up to `limit` files that nothing has referred to for `age`, and marks as gone those of which for `age`
    /// only recalled messages are left. How many.
    async fn retire_files(&self, age: Duration, limit: usize) -> Result<u64>;
    /// Deletes up to `limit` blobs of no file that nobody has placed for `age`, and returns them: their bytes may be
    /// taken away.
    async fn retire_blobs(&self, age: Duration, limit: usize) -> Result<Vec<Blob>>;
    /// Which of these places hold blobs.
    async fn known_places(&self, places: &[Place]) -> Result<Vec<Place>>;
}
