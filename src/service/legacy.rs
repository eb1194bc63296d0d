//! Password hashes of other systems: told apart once, when they are brought in, and checked at the first login.
//!
//! What is stored is a text of our own that names the form, whose account it was, its salt and its digest, so that a
//! login never guesses. Nothing is ever hashed anew in these forms, and the sources' own defects (short salts, fast
//! digests) stay theirs until `accounts` renews the hash.
//!
//! `$legacy-<form>$<account>$<salt in hex>$<digest in hex>`, and for bcrypt `$legacy-bcrypt$<account>` followed by its
//! own text. The account makes each text unique: two people with one password and one salt are still two people to
//! [`crate::store::UserStore::create`].

use md5::{Digest as _, Md5};
use ring::digest::{SHA256, SHA512, digest};
use scrypt::Params;
use scrypt::password_hash::phc::Output;

/// Longest salt, in bytes: with the longest digest it fits the stores' column.
const SALT_BYTES_MAX: usize = 96;
/// Longest name of an account, in bytes.
const ACCOUNT_BYTES_MAX: usize = 48;
/// The dearest bcrypt a login may cost: about a second and a half. A text of cost 31 would take two days.
const BCRYPT_COST_MAX: u32 = 14;
/// The cheapest cost bcrypt knows.
const BCRYPT_COST_MIN: u32 = 4;
/// Length of a bcrypt text.
const BCRYPT_BYTES: usize = 60;
/// What the ancestor that uses scrypt fixes: N=16384, r=8, p=1, 32 bytes.
const SCRYPT: (u8, u32, u32) = (14, 8, 1);
const SCRYPT_BYTES: usize = 32;

/// How another system made a digest of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Md5,
    Sha256,
    Sha512,
    Scrypt,
    Bcrypt,
    /// Nothing a password can match.
    Nothing,
}

const FORMS: [Form; 6] = [
    Form::Md5,
    Form::Sha256,
    Form::Sha512,
    Form::Scrypt,
    Form::Bcrypt,
    Form::Nothing,
];

impl Form {
    fn tag(self) -> &'static str {
        match self {
            Form::Md5 => "$legacy-md5$",
            Form::Sha256 => "$legacy-sha256$",
            Form::Sha512 => "$legacy-sha512$",
            Form::Scrypt => "$legacy-scrypt$",
            Form::Bcrypt => "$legacy-bcrypt$",
            Form::Nothing => "$legacy-nothing$",
        }
    }

    /// The digest of a salted password, for the forms that have one; they all put the salt behind it.
    fn digest(self, password: &[u8], salt: &[u8]) -> Option<Vec<u8>> {
        let salted = [password, salt].concat();
        match self {
            Form::Md5 => Some(Md5::digest(&salted).to_vec()),
            Form::Sha256 => Some(digest(&SHA256, &salted).as_ref().to_vec()),
            Form::Sha512 => Some(digest(&SHA512, &salted).as_ref().to_vec()),
            Form::Scrypt => {
                let (log_n, r, p) = SCRYPT;
                let params = Params::new(log_n, r, p).ok()?;
                let mut out = vec![0; SCRYPT_BYTES];
                scrypt::scrypt(password, salt, &params, &mut out).ok()?;
                Some(out)
            }
            Form::Bcrypt | Form::Nothing => None,
        }
    }

    fn digest_bytes(self) -> usize {
        match self {
            Form::Md5 => 16,
            Form::Sha256 | Form::Scrypt => 32,
            Form::Sha512 => 64,
            Form::Bcrypt | Form::Nothing => 0,
        }
    }
}

/// Why what another system stored is no password of use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrecognised {
    #[error("no password is stored there")]
    Empty,
    #[error("the stored password has no form that is known here")]
    Form,
    #[error("its bcrypt cost is above {BCRYPT_COST_MAX}")]
    TooDear,
    #[error("its salt is longer than {SALT_BYTES_MAX} bytes")]
    Salt,
}

/// The text to store for what another system stored, told apart by its form. `account` names whose it was.
///
/// Hex of 16, 32 or 64 bytes is md5, SHA-256 or SHA-512 of the password and the salt behind it; `hex$hex` is scrypt;
/// `$2a$`, `$2b$` and `$2y$` are bcrypt.
pub fn recognise(stored: &str, salt: &str, account: &str) -> Result<String, Unrecognised> {
    let stored = stored.trim();
    if stored.is_empty() {
        return Err(Unrecognised::Empty);
    }
    let account = label(account);
    if stored.starts_with("$2") {
        return match bcrypt_cost(stored) {
            Some(cost) if cost > BCRYPT_COST_MAX => Err(Unrecognised::TooDear),
            Some(_) => Ok(format!("{}{account}{stored}", Form::Bcrypt.tag())),
            None => Err(Unrecognised::Form),
        };
    }
    let (form, salt, hash) = match stored.split_once('$') {
        Some((salt, hash)) => (
            Form::Scrypt,
            from_hex(salt).ok_or(Unrecognised::Form)?,
            from_hex(hash).ok_or(Unrecognised::Form)?,
        ),
        None => {
            let hash = from_hex(stored).ok_or(Unrecognised::Form)?;
            let form = match hash.len() {
                16 => Form::Md5,
                32 => Form::Sha256,
                64 => Form::Sha512,
                _ => return Err(Unrecognised::Form),
            };
            (form, salt.as_bytes().to_vec(), hash)
        }
    };
    if hash.len() != form.digest_bytes() {
        return Err(Unrecognised::Form);
    }
    if salt.len() > SALT_BYTES_MAX {
        return Err(Unrecognised::Salt);
    }
    let (salt, hash) = (to_hex(&salt), to_hex(&hash));
    Ok(format!("{}{account}${salt}${hash}", form.tag()))
}

/// The text to store where no password can be brought along: nobody can log in until one is set.
#[must_use]
pub fn nothing(account: &str) -> String {
    format!("{}{}", Form::Nothing.tag(), label(account))
}

/// Whether it is the password behind a text of [`recognise`]; `None` for any other text. Most checks cost next to nothing:
/// a wrong password must not be answered that soon.
pub(super) fn verify(password: &[u8], stored: &str) -> Option<bool> {
    let (form, rest) = FORMS
        .into_iter()
        .find_map(|form| Some((form, stored.strip_prefix(form.tag())?)))?;
    Some(match form {
        Form::Bcrypt => matches_bcrypt(password, rest),
        Form::Md5 | Form::Sha256 | Form::Sha512 | Form::Scrypt => {
            matches_digest(form, password, rest).unwrap_or(false)
        }
        Form::Nothing => false,
    })
}

fn matches_digest(form: Form, password: &[u8], rest: &str) -> Option<bool> {
    let (_, rest) = rest.split_once('$')?;
    let (salt, hash) = rest.split_once('$')?;
    let (salt, hash) = (from_hex(salt)?, from_hex(hash)?);
    if hash.len() != form.digest_bytes() || salt.len() > SALT_BYTES_MAX {
        return None;
    }
    let computed = form.digest(password, &salt)?;
    // Outputs compare in constant time.
    Some(Output::new(&computed).ok()? == Output::new(&hash).ok()?)
}

fn matches_bcrypt(password: &[u8], rest: &str) -> bool {
    let Some(at) = rest.find('$') else {
        return false;
    };
    let text = &rest[at..];
    let affordable = bcrypt_cost(text).is_some_and(|cost| cost <= BCRYPT_COST_MAX);
    // It reads 72 bytes of a password and no more, as its makers did.
    affordable && bcrypt::verify(password, text).unwrap_or(false)
}

/// The cost of a bcrypt text that is one in every byte.
fn bcrypt_cost(text: &str) -> Option<u32> {
    let rest = ["$2a$", "$2b$", "$2y$"]
        .into_iter()
        .find_map(|version| text.strip_prefix(version))?;
    let (cost, hash) = rest.split_once('$')?;
    let alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'/';
    let digits = cost.len() == 2 && cost.bytes().all(|b| b.is_ascii_digit());
    if text.len() != BCRYPT_BYTES || !digits || !hash.bytes().all(alphabet) {
        return None;
    }
    cost.parse().ok().filter(|cost| *cost >= BCRYPT_COST_MIN)
}

/// An account's name without what would end it.
fn label(account: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-' || *c == ':';
    account
        .chars()
        .filter(plain)
        .take(ACCOUNT_BYTES_MAX)
        .collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes from hex digits of either case.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests;
