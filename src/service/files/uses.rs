//! What refers to files: recorded before the thing itself is done, and only by who may have the file.

use std::sync::Arc;

use super::may_read;
use crate::model::conversation::Conv;
use crate::model::error::{Code, Failure};
use crate::model::file::{Face, FileId};
use crate::model::ids::{Cid, UserId};
use crate::store::{FileStore, LogStore};

/// Records references. Cheap to clone.
#[derive(Clone)]
pub struct FileUses {
    files: Arc<dyn FileStore>,
    log: Arc<dyn LogStore>,
}

impl FileUses {
    #[must_use]
    pub fn new(files: Arc<dyn FileStore>, log: Arc<dyn LogStore>) -> FileUses {
        FileUses { files, log }
    }

    /// Records that a message refers to the files in these fields. `not_found` in the field for a file that its sender
    /// cannot have, `gone` for one that was recalled; what is in the log already was allowed once (P4). A URL that
    /// cannot be a file's is a dead link and nothing more.
    pub async fn in_message(
        &self,
        conv: Conv,
        sender: UserId,
        cid: &Cid,
        fields: [(&'static str, &str); 2],
    ) -> Result<(), Failure> {
        for (field, url) in fields {
            let Some(id) = FileId::of_url(url) else {
                continue;
            };
            self.files.use_in(id, conv, sender, cid).await?;
            if let Err(failure) = self.may_use(id, sender).await {
                return match self.log.find(sender, cid).await? {
                    Some(_) => Ok(()),
                    None => Err(about(field, failure)),
                };
            }
        }
        Ok(())
    }

    /// Records that a user or a group is to be shown with this picture.
    pub async fn as_face(
        &self,
        user: UserId,
        face: Face,
        field: &'static str,
        url: &str,
    ) -> Result<(), Failure> {
        let Some(id) = FileId::of_url(url) else {
            return Ok(());
        };
        self.files.show_as(id, face).await?;
        let may = self.may_use(id, user).await;
        may.map_err(|failure| about(field, failure))
    }

    /// Looked at after it was recorded: what is recorded is not taken for an orphan in between.
    async fn may_use(&self, id: FileId, user: UserId) -> Result<(), Failure> {
        let file = self.files.file(id).await?;
        let file = file.ok_or(Failure::new(Code::NotFound))?;
        may_read(self.files.as_ref(), &file, user).await
    }
}

fn about(field: &'static str, failure: Failure) -> Failure {
    if [Code::NotFound, Code::Gone].contains(&failure.code) {
        Failure::field(failure.code, field)
    } else {
        failure
    }
}
