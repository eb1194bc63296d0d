//! Uploaded files: their ids, what is known of each, and how other things refer to them.
//!
//! A file is one upload with its own id and name; the bytes are kept once for all files that have them. No IO here.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::entry::UnixMillis;
use super::ids::{GroupId, InvalidId, UserId};

/// Where files are served.
const ROOT: &str = "/files/";
/// Characters of an id: 16 bytes in base64url.
const ID_CHARS: usize = 22;

/// An upload: 128 random bits, so that nobody finds one by trying.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub [u8; 16]);

impl FileId {
    /// The file that a URL in a message or a profile refers to; `None` for what is no file of ours.
    #[must_use]
    pub fn of_url(url: &str) -> Option<FileId> {
        let (id, _) = url.strip_prefix(ROOT)?.split_once('/')?;
        id.parse().ok()
    }

    /// Whether this is the URL of something that looks like a file of ours.
    #[must_use]
    pub fn is_claimed_by(url: &str) -> bool {
        url.starts_with(ROOT)
    }

    /// What all URLs of this file begin with.
    #[must_use]
    pub fn url_prefix(self) -> String {
        format!("{ROOT}{self}/")
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for FileId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for FileId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<FileId, InvalidId> {
        let invalid = InvalidId("file id");
        if text.len() != ID_CHARS {
            return Err(invalid);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid)?;
        bytes.try_into().map(FileId).map_err(|_| invalid)
    }
}

/// The SHA-256 of a file's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Digest, InvalidId> {
        let invalid = InvalidId("digest");
        let digits = text.as_bytes();
        let is_digit = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 64 || !digits.iter().all(is_digit) {
            return Err(invalid);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| invalid)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| invalid)?;
        }
        Ok(Digest(bytes))
    }
}

/// One copy of bytes in a backend: 128 random bits drawn for each time they are put there, so that taking an old copy
/// away can never hit a new one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub [u8; 16]);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Place {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Place, InvalidId> {
        // The same digits as a digest, half as many.
        let Digest(bytes) = format!("{text}{text}").parse()?;
        let (half, _) = bytes.split_at(16);
        half.try_into()
            .map(Place)
            .map_err(|_| InvalidId("place of a file"))
    }
}

/// Bytes that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    pub digest: Digest,
    pub place: Place,
    /// In bytes.
    pub size: u64,
    /// The folder they were first put into; empty: the bucket.
    pub folder: String,
}

/// What is known of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    pub id: FileId,
    pub owner: UserId,
    pub name: String,
    /// What the bytes are, never what the uploader called them.
    pub mime: String,
    /// In bytes.
    pub size: u64,
    pub digest: Digest,
    /// Of a picture as it is shown, in pixels.
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// Length of sound or film.
    pub seconds: Option<u32>,
    /// A small picture of it.
    pub thumb: Option<Digest>,
    pub at: UnixMillis,
    /// Everything that showed it was recalled, and its bytes are no longer kept.
    pub gone: bool,
}

/// Something everybody sees that may show a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Face {
    /// A user's avatar.
    User(UserId),
    /// A group's icon.
    Group(GroupId),
}

impl Face {
    /// The number by which stores tell kinds apart.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Face::User(_) => 1,
            Face::Group(_) => 2,
        }
    }

    /// Whose it is, as a number.
    #[must_use]
    pub fn id(self) -> u64 {
        match self {
            Face::User(user) => user.0,
            Face::Group(group) => group.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_digests_and_places_have_one_spelling() {
        let id = FileId([0xfb; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        let digest = Digest([0xa5; 32]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        let place = Place([0x5a; 16]);
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "+++++++++++++++++++++g", "x", "-_-_-_-_-_-_-_-_-_-_-_="] {
            assert!(wrong.parse::<FileId>().is_err(), "{wrong}");
        }
        assert!("A5".repeat(32).parse::<Digest>().is_err());
        assert!("+5".repeat(16).parse::<Place>().is_err());
        assert!("é".repeat(16).parse::<Place>().is_err());
    }

    #[test]
    fn a_url_names_its_file() {
        let id = FileId([7; 16]);
        assert_eq!(FileId::of_url(&format!("/files/{id}/a.png")), Some(id));
        assert_eq!(FileId::of_url(&format!("/files/{id}/a?thumb=1")), Some(id));
        for other in [
            format!("/files/{id}"),
            "/files/1/a.png".to_owned(),
            format!("https://a.example/files/{id}/a"),
        ] {
            assert_eq!(FileId::of_url(&other), None, "{other}");
        }
    }
}
