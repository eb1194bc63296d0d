//! Uploads: what is known of them, who meets them where, and what nobody needs any more.
//!
//! Nothing here locks what appends write: what is to be deleted is found by plain reads, and then deleted by its key
//! while nobody has touched it since. Whoever records something about a file touches it first.

use std::time::Duration;

use async_trait::async_trait;
use mysql_async::Value;

use super::Mysql;
use super::link::Link;
use super::many::{chunks, listed, positional};
use super::rows::{self, Columns};
use super::visible::Scope;
use crate::model::conversation::Conv;
use crate::model::entry::UnixMillis;
use crate::model::file::{Blob, Digest, Face, FileId, FileInfo, Place};
use crate::model::ids::{Cid, UserId};
use crate::store::{AddedFile, FileStore, RECALLED_ENDING, Result, Sight, StoreError};

/// The server's clock.
const NOW: &str = "CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)";
const FILE: &str = "id, owner, name, mime, size, sha256, width, height, seconds, thumb, at, gone";
const BLOB: &str = "b.sha256, b.place, b.size, b.folder";
/// A face, of `file_faces f`, counts while it shows the file: 30 characters are what the file's URLs begin with.
const SHOWS: &str = "(EXISTS (SELECT 1 FROM users u WHERE f.kind = 1 AND u.id = f.face
             AND LEFT(u.avatar, 30) = CONCAT('/files/', f.file, '/'))
         OR EXISTS (SELECT 1 FROM chat_groups g WHERE f.kind = 2 AND g.id = f.face
             AND LEFT(g.icon, 30) = CONCAT('/files/', f.file, '/')))";
/// The conversations of a reader in which a file is used. His conversations come first: there are few of them, while a
/// popular file may be used everywhere.
const MEETINGS: &str = "SELECT STRAIGHT_JOIN u.conv FROM memberships m
         JOIN file_uses u ON u.file = ? AND u.conv = CAST(CONCAT('g:', m.group_id) AS BINARY)
         WHERE m.user_id = ?
     UNION
     SELECT STRAIGHT_JOIN u.conv FROM private_peers p
         JOIN file_uses u ON u.file = ? AND u.conv = p.conv WHERE p.user_id = ?
     UNION
     SELECT u.conv FROM file_uses u WHERE u.file = ? AND u.conv = ?";
const USES: &str = "FROM file_uses u
     JOIN entries e ON e.sender = u.sender AND e.cid = u.cid AND e.conv = u.conv
     WHERE u.file = ?";

#[async_trait]
impl FileStore for Mysql {
    async fn place(&self, wish: Blob) -> Result<Blob> {
        let mut link = self.writers.link().await?;
        let sql = format!(
            "INSERT INTO blobs (sha256, place, size, folder, touched_at) VALUES (?, ?, ?, ?, {NOW})
             ON DUPLICATE KEY UPDATE touched_at = VALUES(touched_at)"
        );
        let digest = wish.digest;
        let values: [Value; 4] = [
            digest.into(),
            wish.place.into(),
            wish.size.into(),
            wish.folder.into(),
        ];
        link.execute(&sql, positional(values)).await?;
        find_blob(&mut link, digest).await?.ok_or_else(|| {
            StoreError::Unavailable("a row just written was deleted: try again".to_owned())
        })
    }

    async fn add(&self, file: FileInfo, quota: u64) -> Result<AddedFile> {
        let sql = format!("CALL starling_add_file_1({})", listed("?", 12));
        let values: [Value; 12] = [
            file.id.into(),
            file.owner.into(),
            file.name.into(),
            file.mime.into(),
            file.size.into(),
            file.digest.into(),
            file.width.into(),
            file.height.into(),
            file.seconds.into(),
            file.thumb.into(),
            file.at.into(),
            quota.into(),
        ];
        let mut link = self.writers.link().await?;
        let rows = link.call(&sql, positional(values)).await?;
        let added = rows::one(rows.into_iter().next(), Columns::next::<bool>)?;
        match added {
            Some(true) => Ok(AddedFile::Added),
            Some(false) => Ok(AddedFile::OverQuota),
            None => Err(StoreError::Corrupt("a file got no verdict".to_owned())),
        }
    }

    async fn file(&self, id: FileId) -> Result<Option<FileInfo>> {
        let mut link = self.readers.link().await?;
        let sql = format!("SELECT {FILE} FROM files WHERE id = ?");
        rows::one(link.first(&sql, (Value::from(id),)).await?, file)
    }

    async fn blob(&self, digest: Digest) -> Result<Option<Blob>> {
        let mut link = self.readers.link().await?;
        find_blob(&mut link, digest).await
    }

    async fn of_owner(
        &self,
        owner: UserId,
        after: Option<FileId>,
        limit: usize,
    ) -> Result<Vec<FileInfo>> {
        let mut link = self.readers.link().await?;
        let sql =
            format!("SELECT {FILE} FROM files WHERE owner = ? AND id > ? ORDER BY id LIMIT ?");
        let after = after.map_or(Value::Bytes(Vec::new()), Value::from);
        let values = [owner.into(), after, (limit as u64).into()];
        rows::all(link.rows(&sql, positional(values)).await?, file)
    }

    async fn use_in(&self, id: FileId, conv: Conv, sender: UserId, cid: &Cid) -> Result<()> {
        let mut link = self.writers.link().await?;
        touch(&mut link, id).await?;
        let sql = format!(
            "INSERT INTO file_uses (file, conv, sender, cid, at)
             SELECT i.id, ?, ?, ?, {NOW} FROM files i WHERE i.id = ?
             ON DUPLICATE KEY UPDATE at = VALUES(at)"
        );
        let values: [Value; 4] = [conv.into(), sender.into(), cid.as_str().into(), id.into()];
        link.execute(&sql, positional(values)).await?;
        Ok(())
    }

    async fn show_as(&self, id: FileId, face: Face) -> Result<()> {
        let mut link = self.writers.link().await?;
        touch(&mut link, id).await?;
        let sql = format!(
            "INSERT INTO file_faces (file, kind, face, at)
             SELECT i.id, ?, ?, {NOW} FROM files i WHERE i.id = ?
             ON DUPLICATE KEY UPDATE at = VALUES(at)"
        );
        let values: [Value; 3] = [face.code().into(), face.id().into(), id.into()];
        link.execute(&sql, positional(values)).await?;
        Ok(())
    }

    async fn sight(&self, file: &FileInfo, reader: UserId) -> Result<Sight> {
        let (history, id) = (self.rules.history, file.id);
        let mut link = self.readers.link().await?;
        let sql =
            format!("SELECT EXISTS (SELECT 1 FROM file_faces f WHERE f.file = ? AND {SHOWS})");
        let shown = rows::one(link.first(&sql, (Value::from(id),)).await?, Columns::next)?;
        let mut sight = Sight {
            shown: shown.unwrap_or(false),
            ..Sight::default()
        };
        if file.owner == reader {
            let found = uses(&mut link, "", &[id.into()]).await?;
            (sight.granted, sight.recalled) = found;
            return Ok(sight);
        }
        let own = Conv::private(reader, reader);
        let values: [Value; 6] = [
            id.into(),
            reader.into(),
            id.into(),
            reader.into(),
            id.into(),
            own.into(),
        ];
        let convs = link.rows(MEETINGS, positional(values)).await?;
        let convs: Vec<Conv> = rows::all(convs, Columns::next)?;
        for conv in convs {
            let scope = Scope::of(&mut link, reader, conv).await?;
            let spans = scope
                .standing
                .entitled(reader, conv, history, scope.log.head);
            for span in spans {
                let values: [Value; 4] = [
                    id.into(),
                    span.conv.into(),
                    span.low.into(),
                    span.high.into(),
                ];
                let within = "AND u.conv = ? AND e.seq BETWEEN ? AND ?";
                let (granted, recalled) = uses(&mut link, within, &values).await?;
                sight.granted |= granted;
                sight.recalled |= recalled;
            }
            if sight.granted {
                break;
            }
        }
        Ok(sight)
    }

    async fn announce_folder(&self, folder: &str, url: &str) -> Result<()> {
        let mut link = self.writers.link().await?;
        let sql = format!(
            "INSERT INTO file_folders (folder, url, at) VALUES (?, ?, {NOW})
             ON DUPLICATE KEY UPDATE at = VALUES(at)"
        );
        link.execute(&sql, (folder, url)).await?;
        Ok(())
    }

    async fn folder_urls(&self, folder: &str) -> Result<Vec<String>> {
        let mut link = self.readers.link().await?;
        let sql = "SELECT url FROM file_folders WHERE folder = ? ORDER BY at DESC, url";
        rows::all(link.rows(sql, (folder,)).await?, Columns::next)
    }

    async fn forget_uses(&self, age: Duration, limit: usize) -> Result<u64> {
        let before = self.before(age).await?;
        let mut link = self.readers.link().await?;
        let sql = "SELECT u.file, u.conv, u.sender, u.cid FROM file_uses u WHERE u.at < ?
             AND NOT EXISTS (SELECT 1 FROM entries e
                 WHERE e.sender = u.sender AND e.cid = u.cid AND e.conv = u.conv) LIMIT ?";
        let found = link.rows(sql, (before, limit as u64)).await?;
        let uses: Vec<[Value; 4]> = rows::all(found, |row| {
            let (file, conv): (FileId, Conv) = (row.next()?, row.next()?);
            let (sender, cid): (UserId, Cid) = (row.next()?, row.next()?);
            Ok([file.into(), conv.into(), sender.into(), cid.as_str().into()])
        })?;
        let sql = format!(
            "SELECT f.file, f.kind, f.face FROM file_faces f WHERE f.at < ? AND NOT {SHOWS} LIMIT ?"
        );
        let found = link.rows(&sql, (before, limit as u64)).await?;
        let faces: Vec<[Value; 3]> = rows::all(found, |row| {
            let (file, kind): (FileId, u64) = (row.next()?, row.next()?);
            Ok([file.into(), kind.into(), row.next::<u64>()?.into()])
        })?;
        drop(link);
        let mut forgotten = 0;
        let mut link = self.writers.link().await?;
        let sql = "DELETE FROM file_uses
             WHERE file = ? AND conv = ? AND sender = ? AND cid = ? AND at < ?";
        for key in uses {
            let values = key.into_iter().chain([before.into()]);
            forgotten += link.execute(sql, positional(values)).await?.affected;
        }
        let sql = "DELETE FROM file_faces WHERE file = ? AND kind = ? AND face = ? AND at < ?";
        for key in faces {
            let values = key.into_iter().chain([before.into()]);
            forgotten += link.execute(sql, positional(values)).await?.affected;
        }
        Ok(forgotten)
    }

    async fn retire_files(&self, age: Duration, limit: usize) -> Result<u64> {
        let before = self.before(age).await?;
        let mut link = self.readers.link().await?;
        let sql = "SELECT i.id FROM files i WHERE i.touched_at < ?
             AND NOT EXISTS (SELECT 1 FROM file_uses u WHERE u.file = i.id)
             AND NOT EXISTS (SELECT 1 FROM file_faces f WHERE f.file = i.id) LIMIT ?";
        let unused = link.rows(sql, (before, limit as u64)).await?;
        let unused: Vec<FileId> = rows::all(unused, Columns::next)?;
        // A use without its entry may be of a message that is about to be appended: it keeps the file.
        let sql = "SELECT i.id FROM files i WHERE i.gone = 0 AND i.touched_at < ?
             AND EXISTS (SELECT 1 FROM file_uses u WHERE u.file = i.id)
             AND NOT EXISTS (SELECT 1 FROM file_faces f WHERE f.file = i.id)
             AND NOT EXISTS (SELECT 1 FROM file_uses u LEFT JOIN entries e
                 ON e.sender = u.sender AND e.cid = u.cid AND e.conv = u.conv
                 WHERE u.file = i.id
                     AND (e.seq IS NULL OR RIGHT(e.body, LENGTH(?)) <> CAST(? AS BINARY))) LIMIT ?";
        let values = (before, RECALLED_ENDING, RECALLED_ENDING, limit as u64);
        let recalled: Vec<FileId> = rows::all(link.rows(sql, values).await?, Columns::next)?;
        drop(link);
        let mut link = self.writers.link().await?;
        let mut retired = 0;
        for (sql, ids) in [
            ("DELETE FROM files WHERE id = ? AND touched_at < ?", unused),
            (
                "UPDATE files SET gone = 1 WHERE id = ? AND touched_at < ?",
                recalled,
            ),
        ] {
            for id in ids {
                retired += link.execute(sql, (Value::from(id), before)).await?.affected;
            }
        }
        Ok(retired)
    }

    async fn retire_blobs(&self, age: Duration, limit: usize) -> Result<Vec<Blob>> {
        let before = self.before(age).await?;
        let mut link = self.readers.link().await?;
        let sql = format!(
            "SELECT {BLOB} FROM blobs b WHERE b.touched_at < ?
                 AND NOT EXISTS (SELECT 1 FROM files f WHERE f.sha256 = b.sha256 AND f.gone = 0)
                 AND NOT EXISTS (SELECT 1 FROM files f WHERE f.thumb = b.sha256 AND f.gone = 0)
             LIMIT ?"
        );
        let found = link.rows(&sql, (before, limit as u64)).await?;
        let found: Vec<Blob> = rows::all(found, blob)?;
        drop(link);
        let mut link = self.writers.link().await?;
        let mut retired = Vec::new();
        let sql = "DELETE FROM blobs WHERE sha256 = ? AND place = ? AND touched_at < ?";
        for blob in found {
            let values: [Value; 3] = [blob.digest.into(), blob.place.into(), before.into()];
            if link.execute(sql, positional(values)).await?.affected > 0 {
                retired.push(blob);
            }
        }
        Ok(retired)
    }

    async fn known_places(&self, places: &[Place]) -> Result<Vec<Place>> {
        let mut known = Vec::new();
        if places.is_empty() {
            return Ok(known);
        }
        let mut link = self.readers.link().await?;
        for places in chunks(places, PLACES_MAX) {
            let marks = listed("?", places.len());
            let sql = format!("SELECT place FROM blobs WHERE place IN ({marks})");
            let found = link
                .rows(&sql, positional(places.into_iter().map(Value::from)))
                .await?;
            known.extend(rows::all(found, Columns::next::<Place>)?);
        }
        Ok(known)
    }
}

/// Places asked for by one statement.
const PLACES_MAX: usize = 512;

impl Mysql {
    /// The moment that long ago.
    async fn before(&self, age: Duration) -> Result<UnixMillis> {
        let mut link = self.readers.link().await?;
        let now = link.first(&format!("SELECT {NOW}"), ()).await?;
        let now: Option<UnixMillis> = rows::one(now, Columns::next)?;
        let now = now.ok_or_else(|| StoreError::Corrupt("the server has no clock".to_owned()))?;
        Ok(now.saturating_sub(UnixMillis::try_from(age.as_millis()).unwrap_or(UnixMillis::MAX)))
    }
}

fn file(row: &mut Columns) -> Result<FileInfo> {
    Ok(FileInfo {
        id: row.next()?,
        owner: row.next()?,
        name: row.next()?,
        mime: row.next()?,
        size: row.next()?,
        digest: row.next()?,
        width: row.next()?,
        height: row.next()?,
        seconds: row.next()?,
        thumb: row.next()?,
        at: row.next()?,
        gone: row.next()?,
    })
}

fn blob(row: &mut Columns) -> Result<Blob> {
    Ok(Blob {
        digest: row.next()?,
        place: row.next()?,
        size: row.next()?,
        folder: row.next()?,
    })
}

async fn find_blob(link: &mut Link, digest: Digest) -> Result<Option<Blob>> {
    let sql = format!("SELECT {BLOB} FROM blobs b WHERE b.sha256 = ?");
    rows::one(link.first(&sql, (Value::from(digest),)).await?, blob)
}

/// Keeps a file from being taken for an orphan for a while.
async fn touch(link: &mut Link, id: FileId) -> Result<()> {
    let sql = format!("UPDATE files SET touched_at = {NOW} WHERE id = ?");
    link.execute(&sql, (Value::from(id),)).await?;
    Ok(())
}

/// Whether messages refer to a file that were not recalled, and whether some were. `values` begin with the file.
async fn uses(link: &mut Link, within: &str, values: &[Value]) -> Result<(bool, bool)> {
    let ending = [Value::from(RECALLED_ENDING), Value::from(RECALLED_ENDING)];
    let sql = format!(
        "SELECT EXISTS (SELECT 1 {USES} {within} AND RIGHT(e.body, LENGTH(?)) <> CAST(? AS BINARY)),
                EXISTS (SELECT 1 {USES} {within} AND RIGHT(e.body, LENGTH(?)) = CAST(? AS BINARY))"
    );
    let half = || values.iter().cloned().chain(ending.clone());
    let row = link.first(&sql, positional(half().chain(half()))).await?;
    let found = rows::one(row, |row| Ok((row.next()?, row.next()?)))?;
    Ok(found.unwrap_or_default())
}
