//! Reading the databases of other chat systems: rows as they come, with no idea of what they mean.
//!
//! Which tables there are and what their columns say is `service::import`'s business. Whoever reads here writes
//! nothing there. The MySQL side is in `store::mysql`, the Redis side in [`redis`].

pub mod redis;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::model::entry::UnixMillis;

/// Why another system's database cannot be read. Texts name no password.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// The address is none.
    #[error("not an address of a database: {0}")]
    Address(String),
    /// Nobody answers there, or he refuses.
    #[error("cannot connect to {at}: {reason}")]
    Unreachable { at: String, reason: String },
    /// It stopped answering, or what it answers cannot be understood.
    #[error("reading from {at} failed: {reason}")]
    Broken { at: String, reason: String },
}

/// What stands in one column of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    Null,
    Number(i128),
    /// A text or bytes: databases lie about which.
    Bytes(Vec<u8>),
    /// A point in time that exists.
    At(UnixMillis),
}

/// A text that is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not valid UTF-8")]
pub struct NotText;

/// One row. Columns are asked for by any of several names, since versions of a system differ in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForeignRow(BTreeMap<String, Field>);

impl ForeignRow {
    /// Names compare without regard to case.
    pub fn new(fields: impl IntoIterator<Item = (String, Field)>) -> ForeignRow {
        let lower = |(name, field): (String, Field)| (name.to_ascii_lowercase(), field);
        ForeignRow(fields.into_iter().map(lower).collect())
    }

    fn field(&self, names: &[&str]) -> Option<&Field> {
        let mut found = names.iter().filter_map(|name| self.0.get(*name));
        found.find(|field| **field != Field::Null)
    }

    /// A number that is not negative.
    #[must_use]
    pub fn number(&self, names: &[&str]) -> Option<u64> {
        match self.field(names)? {
            Field::Number(number) => u64::try_from(*number).ok(),
            Field::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.trim().parse().ok(),
            Field::Null | Field::At(_) => None,
        }
    }

    /// A text; empty where there is none.
    pub fn text(&self, names: &[&str]) -> Result<String, NotText> {
        match self.field(names) {
            Some(Field::Bytes(bytes)) => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(text.to_owned()),
                Err(_) => Err(NotText),
            },
            Some(Field::Number(number)) => Ok(number.to_string()),
            Some(Field::Null | Field::At(_)) | None => Ok(String::new()),
        }
    }

    /// When something was; `None` where there is no such time.
    #[must_use]
    pub fn at(&self, names: &[&str]) -> Option<UnixMillis> {
        match self.field(names)? {
            Field::At(at) => Some(*at),
            Field::Null | Field::Number(_) | Field::Bytes(_) => None,
        }
    }

    /// Whether anything stands in the column.
    #[must_use]
    pub fn holds(&self, names: &[&str]) -> bool {
        self.field(names).is_some()
    }
}

/// A database with tables.
#[async_trait]
pub trait ForeignTables: Send + Sync {
    /// The names of its tables, as they are spelled there.
    async fn tables(&self) -> Result<BTreeSet<String>, ForeignError>;
    /// All rows of a table. Each element of `order` names one column by any of several names; the first that is there
    /// counts, and one that is not there by any name orders nothing.
    async fn rows(
        &self,
        table: &str,
        order: &[&[&str]],
    ) -> Result<Box<dyn ForeignRows>, ForeignError>;
}

/// Rows on their way: never more of them in memory than were asked for.
#[async_trait]
pub trait ForeignRows: Send {
    /// The next rows, at most `limit`; none: these were all.
    async fn next(&mut self, limit: usize) -> Result<Vec<ForeignRow>, ForeignError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_any_name_and_odd_values_are_no_values() {
        let row = ForeignRow::new([
            ("Mobile".to_owned(), Field::Bytes(b"12345".to_vec())),
            ("phone".to_owned(), Field::Null),
            ("id".to_owned(), Field::Number(-1)),
            ("count".to_owned(), Field::Bytes(b" 7 ".to_vec())),
            ("memo".to_owned(), Field::Bytes(vec![0xff])),
            ("sex".to_owned(), Field::Number(1)),
            ("created_at".to_owned(), Field::At(5)),
        ]);
        assert_eq!(row.text(&["phone", "mobile"]), Ok("12345".to_owned()));
        assert_eq!(row.number(&["id"]), None);
        assert_eq!(row.number(&["count"]), Some(7));
        assert_eq!(row.text(&["memo"]), Err(NotText));
        assert_eq!(row.text(&["sex"]), Ok("1".to_owned()));
        assert_eq!(row.text(&["nothing"]), Ok(String::new()));
        assert_eq!(row.at(&["created_at"]), Some(5));
        assert_eq!(row.at(&["mobile"]), None);
        assert!(row.holds(&["memo"]) && !row.holds(&["phone"]));
    }
}
