//! Uploads: what is known of them, who meets them where, and what nobody needs any more.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::read::head;
use super::rows::int;
use super::visible::entitled;
use super::{Sqlite, now};
use crate::model::conversation::Conv;
use crate::model::entry::UnixMillis;
use crate::model::file::{Blob, Digest, Face, FileId, FileInfo, Place};
use crate::model::ids::{Cid, UserId};
use crate::model::policy::History;
use crate::store::{AddedFile, FileStore, RECALLED_ENDING, Result, Sight};

const FILE: &str = "id, owner, name, mime, size, sha256, width, height, seconds, thumb, at, gone";
const BLOB: &str = "sha256, place, size, folder";
/// A face, of `file_faces f`, counts while it shows the file: 30 characters are what the file's URLs begin with.
const SHOWS: &str = "(EXISTS (SELECT 1 FROM users u WHERE f.kind = 1 AND u.id = f.face
             AND substr(u.avatar, 1, 30) = '/files/' || f.file || '/')
         OR EXISTS (SELECT 1 FROM chat_groups g WHERE f.kind = 2 AND g.id = f.face
             AND substr(g.icon, 1, 30) = '/files/' || f.file || '/'))";
/// The conversations of a reader in which a file is used. His conversations come first: there are few of them, while a
/// popular file may be used everywhere.
const MEETINGS: &str = "SELECT u.conv FROM memberships m
         CROSS JOIN file_uses u ON u.file = ?1 AND u.conv = 'g:' || m.group_id WHERE m.user_id = ?2
     UNION
     SELECT u.conv FROM private_peers p
         CROSS JOIN file_uses u ON u.file = ?1 AND u.conv = p.conv WHERE p.user_id = ?2
     UNION
     SELECT u.conv FROM file_uses u WHERE u.file = ?1 AND u.conv = ?3";
const USES: &str = "FROM file_uses u
     CROSS JOIN entries e ON e.sender = u.sender AND e.cid = u.cid AND e.conv = u.conv
     WHERE u.file = ?1";

macro_rules! bytes_column {
    ($($type:ident),+) => {$(
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(&self.0[..]))
            }
        }

        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let bytes = value.as_blob()?.try_into();
                bytes.map($type).map_err(|_| FromSqlError::InvalidType)
            }
        }
    )+};
}

bytes_column!(Digest, Place);

impl ToSql for FileId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.to_string()))
    }
}

impl FromSql for FileId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let id = value.as_str()?.parse();
        id.map_err(|_| FromSqlError::InvalidType)
    }
}

#[async_trait]
impl FileStore for Sqlite {
    async fn place(&self, wish: Blob) -> Result<Blob> {
        self.writer
            .run(move |connection| {
                let sql = format!(
                    "INSERT INTO blobs ({BLOB}, touched_at) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (sha256) DO UPDATE SET touched_at = excluded.touched_at
                     RETURNING {BLOB}"
                );
                let values = params![wish.digest, wish.place, int(wish.size), wish.folder, now()];
                Ok(connection.prepare_cached(&sql)?.query_row(values, blob)?)
            })
            .await
    }

    async fn add(&self, file: FileInfo, quota: u64) -> Result<AddedFile> {
        self.writer
            .run(move |connection| Ok(add(connection, &file, quota)?))
            .await
    }

    async fn file(&self, id: FileId) -> Result<Option<FileInfo>> {
        self.readers
            .run(move |connection| {
                let sql = format!("SELECT {FILE} FROM files WHERE id = ?1");
                let mut statement = connection.prepare_cached(&sql)?;
                Ok(statement.query_row([id], file).optional()?)
            })
            .await
    }

    async fn blob(&self, digest: Digest) -> Result<Option<Blob>> {
        self.readers
            .run(move |connection| {
                let sql = format!("SELECT {BLOB} FROM blobs WHERE sha256 = ?1");
                let mut statement = connection.prepare_cached(&sql)?;
                Ok(statement.query_row([digest], blob).optional()?)
            })
            .await
    }

    async fn of_owner(
        &self,
        owner: UserId,
        after: Option<FileId>,
        limit: usize,
    ) -> Result<Vec<FileInfo>> {
        self.readers
            .run(move |connection| {
                let sql = format!(
                    "SELECT {FILE} FROM files WHERE owner = ?1 AND (?2 IS NULL OR id > ?2)
                     ORDER BY id LIMIT ?3"
                );
                let mut statement = connection.prepare_cached(&sql)?;
                let rows = statement.query_map(params![owner, after, int(limit as u64)], file)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn use_in(&self, id: FileId, conv: Conv, sender: UserId, cid: &Cid) -> Result<()> {
        let cid = cid.clone();
        self.writer
            .run(move |connection| {
                let tx = connection.transaction()?;
                if touch(&tx, id)? {
                    tx.prepare_cached(
                        "INSERT INTO file_uses (file, conv, sender, cid, at)
                         VALUES (?1, ?2, ?3, ?4, ?5)
                         ON CONFLICT (file, conv, sender, cid) DO UPDATE SET at = excluded.at",
                    )?
                    .execute(params![id, conv, sender, cid, now()])?;
                }
                Ok(tx.commit()?)
            })
            .await
    }

    async fn show_as(&self, id: FileId, face: Face) -> Result<()> {
        self.writer
            .run(move |connection| {
                let tx = connection.transaction()?;
                if touch(&tx, id)? {
                    tx.prepare_cached(
                        "INSERT INTO file_faces (file, kind, face, at) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (file, kind, face) DO UPDATE SET at = excluded.at",
                    )?
                    .execute(params![
                        id,
                        face.code(),
                        int(face.id()),
                        now()
                    ])?;
                }
                Ok(tx.commit()?)
            })
            .await
    }

    async fn sight(&self, file: &FileInfo, reader: UserId) -> Result<Sight> {
        let (history, id, own) = (self.rules.history, file.id, file.owner == reader);
        self.readers
            .run(move |connection| sight(connection, history, id, reader, own))
            .await
    }

    async fn announce_folder(&self, folder: &str, url: &str) -> Result<()> {
        let (folder, url) = (folder.to_owned(), url.to_owned());
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT INTO file_folders (folder, url, at) VALUES (?1, ?2, ?3)
                         ON CONFLICT (folder, url) DO UPDATE SET at = excluded.at",
                    )?
                    .execute(params![folder, url, now()])?;
                Ok(())
            })
            .await
    }

    async fn folder_urls(&self, folder: &str) -> Result<Vec<String>> {
        let folder = folder.to_owned();
        self.readers
            .run(move |connection| {
                let sql = "SELECT url FROM file_folders WHERE folder = ?1 ORDER BY at DESC, url";
                let mut statement = connection.prepare_cached(sql)?;
                let rows = statement.query_map([folder], |row| row.get(0))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn forget_uses(&self, age: Duration, limit: usize) -> Result<u64> {
        self.writer
            .run(move |connection| Ok(forget_uses(connection, before(age), limit)?))
            .await
    }

    async fn retire_files(&self, age: Duration, limit: usize) -> Result<u64> {
        self.writer
            .run(move |connection| Ok(retire_files(connection, before(age), limit)?))
            .await
    }

    async fn retire_blobs(&self, age: Duration, limit: usize) -> Result<Vec<Blob>> {
        self.writer
            .run(move |connection| {
                let sql = format!(
                    "DELETE FROM blobs WHERE sha256 IN (
                         SELECT b.sha256 FROM blobs b WHERE b.touched_at < ?1
                             AND NOT EXISTS (SELECT 1 FROM files f WHERE f.sha256 = b.sha256 AND f.gone = 0)
                             AND NOT EXISTS (SELECT 1 FROM files f WHERE f.thumb = b.sha256 AND f.gone = 0)
                         LIMIT ?2)
                     RETURNING {BLOB}"
                );
                let mut statement = connection.prepare_cached(&sql)?;
                let rows = statement.query_map(params![before(age), int(limit as u64)], blob)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn known_places(&self, places: &[Place]) -> Result<Vec<Place>> {
        let places = places.to_vec();
        self.readers
            .run(move |connection| {
                let mut statement =
                    connection.prepare_cached("SELECT place FROM blobs WHERE place = ?1")?;
                let mut known = Vec::new();
                for place in places {
                    let found: Option<Place> =
                        statement.query_row([place], |row| row.get(0)).optional()?;
                    known.extend(found);
                }
                Ok(known)
            })
            .await
    }
}

fn before(age: Duration) -> UnixMillis {
    now().saturating_sub(UnixMillis::try_from(age.as_millis()).unwrap_or(UnixMillis::MAX))
}

fn file(row: &Row<'_>) -> rusqlite::Result<FileInfo> {
    Ok(FileInfo {
        id: row.get(0)?,
        owner: row.get(1)?,
        name: row.get(2)?,
        mime: row.get(3)?,
        size: row.get::<_, i64>(4)?.unsigned_abs(),
        digest: row.get(5)?,
        width: row.get(6)?,
        height: row.get(7)?,
        seconds: row.get(8)?,
        thumb: row.get(9)?,
        at: row.get(10)?,
        gone: row.get(11)?,
    })
}

fn blob(row: &Row<'_>) -> rusqlite::Result<Blob> {
    Ok(Blob {
        digest: row.get(0)?,
        place: row.get(1)?,
        size: row.get::<_, i64>(2)?.unsigned_abs(),
        folder: row.get(3)?,
    })
}

fn add(connection: &mut Connection, file: &FileInfo, quota: u64) -> rusqlite::Result<AddedFile> {
    let tx = connection.transaction()?;
    let there = tx
        .prepare_cached("SELECT 1 FROM files WHERE id = ?1")?
        .exists([file.id])?;
    if there {
        return Ok(AddedFile::Added);
    }
    let used: i64 = tx
        .prepare_cached("SELECT coalesce(sum(size), 0) FROM files WHERE owner = ?1 AND gone = 0")?
        .query_row([file.owner], |row| row.get(0))?;
    if quota > 0 && used.unsigned_abs().saturating_add(file.size) > quota {
        return Ok(AddedFile::OverQuota);
    }
    tx.prepare_cached(&format!(
        "INSERT INTO files ({FILE}, touched_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, ?12)"
    ))?
    .execute(params![
        file.id,
        file.owner,
        file.name,
        file.mime,
        int(file.size),
        file.digest,
        file.width,
        file.height,
        file.seconds,
        file.thumb,
        file.at,
        now()
    ])?;
    tx.commit()?;
    Ok(AddedFile::Added)
}

/// Keeps a file from being taken for an orphan for a while; whether there is one.
fn touch(connection: &Connection, id: FileId) -> rusqlite::Result<bool> {
    let mut statement =
        connection.prepare_cached("UPDATE files SET touched_at = ?2 WHERE id = ?1")?;
    Ok(statement.execute(params![id, now()])? > 0)
}

fn sight(
    connection: &mut Connection,
    history: History,
    id: FileId,
    reader: UserId,
    own: bool,
) -> Result<Sight> {
    let tx = connection.transaction()?;
    let mut sight = Sight {
        shown: tx
            .prepare_cached(&format!(
                "SELECT EXISTS (SELECT 1 FROM file_faces f WHERE f.file = ?1 AND {SHOWS})"
            ))?
            .query_row([id], |row| row.get(0))?,
        ..Sight::default()
    };
    let ending = RECALLED_ENDING.as_bytes();
    if own {
        let sql = format!(
            "SELECT EXISTS (SELECT 1 {USES} AND substr(e.body, -length(?2)) <> ?2),
                    EXISTS (SELECT 1 {USES} AND substr(e.body, -length(?2)) = ?2)"
        );
        let found = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        (sight.granted, sight.recalled) = tx
            .prepare_cached(&sql)?
            .query_row(params![id, ending], found)?;
        return Ok(sight);
    }
    let upto = head(&tx)?.head;
    let convs: Vec<Conv> = tx
        .prepare_cached(MEETINGS)?
        .query_map(params![id, reader, Conv::private(reader, reader)], |row| {
            row.get(0)
        })?
        .collect::<rusqlite::Result<_>>()?;
    let within = format!("{USES} AND u.conv = ?3 AND e.seq BETWEEN ?4 AND ?5");
    let sql = format!(
        "SELECT EXISTS (SELECT 1 {within} AND substr(e.body, -length(?2)) <> ?2),
                EXISTS (SELECT 1 {within} AND substr(e.body, -length(?2)) = ?2)"
    );
    let mut statement = tx.prepare_cached(&sql)?;
    for conv in convs {
        for span in entitled(&tx, history, reader, conv, upto)? {
            let (granted, recalled): (bool, bool) = statement
                .query_row(params![id, ending, span.conv, span.low, span.high], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
            sight.granted |= granted;
            sight.recalled |= recalled;
        }
        if sight.granted {
            break;
        }
    }
    Ok(sight)
}

fn forget_uses(
    connection: &mut Connection,
    before: UnixMillis,
    limit: usize,
) -> rusqlite::Result<u64> {
    let limit = int(limit as u64);
    let tx = connection.transaction()?;
    let uses = tx
        .prepare_cached(
            "DELETE FROM file_uses WHERE (file, conv, sender, cid) IN (
                 SELECT u.file, u.conv, u.sender, u.cid FROM file_uses u
                 WHERE u.at < ?1 AND NOT EXISTS (SELECT 1 FROM entries e
                     WHERE e.sender = u.sender AND e.cid = u.cid AND e.conv = u.conv)
                 LIMIT ?2)",
        )?
        .execute(params![before, limit])?;
    let faces = tx
        .prepare_cached(&format!(
            "DELETE FROM file_faces WHERE (file, kind, face) IN (
                 SELECT f.file, f.kind, f.face FROM file_faces f WHERE f.at < ?1 AND NOT {SHOWS}
                 LIMIT ?2)"
        ))?
        .execute(params![before, limit])?;
    tx.commit()?;
    Ok((uses + faces) as u64)
}

fn retire_files(
    connection: &mut Connection,
    before: UnixMillis,
    limit: usize,
) -> rusqlite::Result<u64> {
    let limit = int(limit as u64);
    let tx = connection.transaction()?;
    let unused = tx
        .prepare_cached(
            "DELETE FROM files WHERE id IN (
                 SELECT i.id FROM files i WHERE i.touched_at < ?1
                     AND NOT EXISTS (SELECT 1 FROM file_uses u WHERE u.file = i.id)
                     AND NOT EXISTS (SELECT 1 FROM file_faces f WHERE f.file = i.id)
                 LIMIT ?2)",
        )?
        .execute(params![before, limit])?;
    // A use without its entry may be of a message that is about to be appended: it keeps the file.
    let recalled = tx
        .prepare_cached(
            "UPDATE files SET gone = 1 WHERE id IN (
                 SELECT i.id FROM files i WHERE i.gone = 0 AND i.touched_at < ?1
                     AND NOT EXISTS (SELECT 1 FROM file_faces f WHERE f.file = i.id)
                     AND NOT EXISTS (SELECT 1 FROM file_uses u LEFT JOIN entries e
                         ON e.sender = u.sender AND e.cid = u.cid AND e.conv = u.conv
                         WHERE u.file = i.id AND (e.seq IS NULL OR substr(e.body, -length(?3)) <> ?3))
                 LIMIT ?2)",
        )?
        .execute(params![before, limit, RECALLED_ENDING.as_bytes()])?;
    tx.commit()?;
    Ok((unused + recalled) as u64)
}
