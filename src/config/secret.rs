//! Values that must never be printed: keys, and URLs with a password in them.
//!
//! Both print masked wherever they are shown or serialised; the true value leaves only through `expose`.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands in place of a secret.
const MASK: &str = "***";

/// A secret text. Empty means "not set" and is shown as empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is not set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret(text.to_owned())
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "" } else { MASK })
    }
}

/// A URL whose password is a secret; the rest of it is not.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// The URL with its password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is not set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for SecretUrl {
    fn from(text: &str) -> SecretUrl {
        SecretUrl(text.to_owned())
    }
}

impl fmt::Display for SecretUrl {
    /// Masks what stands between the user's name and the last `@` before the path, in each of several
    /// comma-separated URLs, and all of a query (drivers take passwords there too).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = &*self.0;
        while let Some(end) = end_of_first(rest) {
            let (url, others) = rest.split_at(end);
            write_masked(url, f)?;
            f.write_str(",")?;
            rest = others.trim_start_matches(',');
        }
        write_masked(rest, f)
    }
}

/// Where the first of several URLs ends: at a comma before another scheme. Other commas may be a password's.
fn end_of_first(urls: &str) -> Option<usize> {
    urls.match_indices(',').map(|(at, _)| at).find(|at| {
        let next = urls[*at..].trim_start_matches([',', ' ']);
        let letters = next.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        letters.len() < next.len() && letters.starts_with("://")
    })
}

fn write_masked(url: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (url, query) = match url.split_once('?') {
        Some((url, _)) => (url, true),
        None => (url, false),
    };
    // Where all of it is needed to know: a password may hold the question mark.
    let is_whole = !query || url.contains('@');
    let (scheme, rest) = match url.find("://") {
        Some(at) => url.split_at(at + 3),
        None => ("", url),
    };
    match rest.rfind('@') {
        Some(at) => {
            let (credentials, host) = rest.split_at(at);
            match credentials.split_once(':') {
                Some((user, _)) => write!(f, "{scheme}{user}:{MASK}{host}")?,
                None => write!(f, "{scheme}{credentials}{host}")?,
            }
        }
        None if is_whole => write!(f, "{scheme}{rest}")?,
        None => match rest.split_once(':') {
            Some((user, _)) => write!(f, "{scheme}{user}:{MASK}")?,
            None => write!(f, "{scheme}{rest}")?,
        },
    }
    if query {
        write!(f, "?{MASK}")?;
    }
    Ok(())
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text).map(Secret)
    }
}

impl<'de> Deserialize<'de> for SecretUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text).map(SecretUrl)
    }
}

/// Takes a text and refuses the rest without repeating it: serde's own messages show the value.
struct Text;

/// What anything but a text gets.
const NOT_A_TEXT: &str = "expected a text in quotes";

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text in quotes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<String, E> {
        Err(E::custom(NOT_A_TEXT))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<String, E> {
        Err(E::custom(NOT_A_TEXT))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<String, E> {
        Err(E::custom(NOT_A_TEXT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_itself() {
        let secret = Secret::from("1:c2VjcmV0");
        assert_eq!(secret.to_string(), "***");
        assert_eq!(format!("{secret:?}"), "\"***\"");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        assert_eq!(Secret::default().to_string(), "");
    }

    #[test]
    fn a_url_prints_without_its_password() {
        let masked = |url: &str| SecretUrl::from(url).to_string();
        assert_eq!(
            masked("mysql://star:p@ss:word@db.lan:3306/chat"),
            "mysql://star:***@db.lan:3306/chat"
        );
        assert_eq!(
            masked("mysql://u:p@db/chat?password=x&ssl=1"),
            "mysql://u:***@db/chat?***"
        );
        assert_eq!(
            masked("redis://:pw@a:6379,redis://:pw@b:6379"),
            "redis://:***@a:6379,redis://:***@b:6379"
        );
        assert_eq!(
            masked("sqlite://data/starling.db"),
            "sqlite://data/starling.db"
        );
        assert_eq!(masked("mysql://star@db/chat"), "mysql://star@db/chat");
        // Not encoded as they should be.
        assert_eq!(masked("mysql://u:p,ss@db/chat"), "mysql://u:***@db/chat");
        assert_eq!(masked("mysql://u:p?ss@db/chat"), "mysql://u:***?***");
        assert_eq!(
            masked("redis://:p,w@a:6379, redis://b:6379"),
            "redis://:***@a:6379, redis://b:6379"
        );
    }
}
