//! Uploaded files.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::file::FileInfo;

/// A file that was uploaded.
#[derive(Serialize, ToSchema)]
pub struct File {
    /// 22 characters.
    pub id: String,
    /// Where it is served, from the root of this host; what goes into a message.
    #[schema(example = "/files/AAAAAAAAAAAAAAAAAAAAAA/picture.png")]
    pub url: String,
    /// The last part of the given name, without what hides or reorders text.
    pub name: String,
    /// What the bytes are, whatever they were said to be.
    #[schema(example = "image/png")]
    pub mime: String,
    /// In bytes, as it is kept: without metadata of pictures.
    pub size: u64,
    /// Of the bytes as they are kept, in hexadecimal digits.
    pub sha256: String,
    /// Of a picture as it is shown, in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Length of sound or film, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// Where a small picture of it is served: at most 320 pixels wide and high.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumb: Option<String>,
}

impl File {
    /// `url` is where it is served.
    #[must_use]
    pub fn of(file: &FileInfo, url: String) -> File {
        File {
            id: file.id.to_string(),
            name: file.name.clone(),
            mime: file.mime.clone(),
            size: file.size,
            sha256: file.digest.to_string(),
            width: file.width,
            height: file.height,
            seconds: file.seconds,
            thumb: file.thumb.map(|_| format!("{url}?thumb=1")),
            url,
        }
    }
}

/// The form of an upload.
#[derive(ToSchema)]
pub struct UploadForm {
    /// The bytes, with a file name.
    #[schema(value_type = String, format = Binary)]
    #[expect(dead_code, reason = "it describes the form, which is read as a stream")]
    file: Vec<u8>,
}
