//! What texts accounts and groups may have. Checked once, here; nothing below checks again.

use crate::model::entry::UnixMillis;
use crate::model::error::{Code, Failure};
use crate::model::ids::ID_MAX;
use crate::model::message::{URL_BYTES_MAX, is_allowed_url};

const NAME_CHARS_MAX: usize = 32;
const NICKNAME_CHARS_MAX: usize = 40;
const MEMO_CHARS_MAX: usize = 140;
const REMARK_CHARS_MAX: usize = 120;
const GROUP_NAME_CHARS_MAX: usize = 40;
const DEVICE_CHARS_MAX: usize = 64;
const EMAIL_BYTES_MAX: usize = 254;
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 5..=15;
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;
const CATEGORY_MAX: u8 = 4;

/// The name that accounts which are gone are shown with; nobody may take it.
pub(super) const GONE_NAME: &str = "deleted";

fn bad(field: &'static str) -> Failure {
    Failure::field(Code::BadRequest, field)
}

/// One line without control characters, without the blanks around it.
fn line(text: &str, field: &'static str, chars_max: usize) -> Result<String, Failure> {
    let text = text.trim();
    if text.chars().count() > chars_max || text.chars().any(char::is_control) {
        return Err(bad(field));
    }
    Ok(text.to_owned())
}

fn filled(text: String, field: &'static str) -> Result<String, Failure> {
    if text.is_empty() {
        Err(bad(field))
    } else {
        Ok(text)
    }
}

/// The name to log in with.
pub(super) fn name(text: &str) -> Result<String, Failure> {
    let name = filled(line(text, "name", NAME_CHARS_MAX)?, "name")?;
    if name.eq_ignore_ascii_case(GONE_NAME) {
        return Err(Failure::field(Code::NameTaken, "name"));
    }
    Ok(name)
}

pub(super) fn nickname(text: &str) -> Result<String, Failure> {
    line(text, "nickname", NICKNAME_CHARS_MAX)
}

/// What somebody or a group says about itself; may have several lines.
pub(super) fn memo(text: &str) -> Result<String, Failure> {
    words(text, "memo")
}

/// The words that come with a request.
pub(super) fn request_message(text: &str) -> Result<String, Failure> {
    words(text, "message")
}

fn words(text: &str, field: &'static str) -> Result<String, Failure> {
    let odd = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.chars().count() > MEMO_CHARS_MAX || text.chars().any(odd) {
        return Err(bad(field));
    }
    Ok(text.to_owned())
}

pub(super) fn remark(text: &str) -> Result<String, Failure> {
    line(text, "remark", REMARK_CHARS_MAX)
}

pub(super) fn group_name(text: &str) -> Result<String, Failure> {
    filled(line(text, "name", GROUP_NAME_CHARS_MAX)?, "name")
}

pub(super) fn category(number: u8) -> Result<u8, Failure> {
    if number <= CATEGORY_MAX {
        Ok(number)
    } else {
        Err(bad("category"))
    }
}

/// A time until which somebody may not write; 0: he may.
pub(super) fn until(at: UnixMillis) -> Result<UnixMillis, Failure> {
    let fits = u64::try_from(at).is_ok_and(|at| at <= ID_MAX);
    if fits {
        Ok(at)
    } else {
        Err(bad("muted_until"))
    }
}

/// A picture's URL, or nothing.
pub(super) fn picture(url: &str, field: &'static str) -> Result<String, Failure> {
    let fits = url.len() <= URL_BYTES_MAX && is_allowed_url(url);
    if url.is_empty() || fits {
        Ok(url.to_owned())
    } else {
        Err(bad(field))
    }
}

/// A phone number, or none.
pub(super) fn phone(text: &str) -> Result<Option<String>, Failure> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let valid = PHONE_DIGITS.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    match text {
        "" => Ok(None),
        text if valid => Ok(Some(text.to_owned())),
        _ => Err(bad("phone")),
    }
}

/// An e-mail address, or none. Only mail sent there proves one; this finds slips.
pub(super) fn email(text: &str) -> Result<Option<String>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c);
    let valid = text.split_once('@').is_some_and(|(local, domain)| {
        let labels_ok = domain.split('.').all(|label| !label.is_empty());
        !local.is_empty() && domain.contains('.') && labels_ok && !domain.contains('@')
    });
    if valid && text.len() <= EMAIL_BYTES_MAX && !text.chars().any(odd) {
        Ok(Some(text.to_owned()))
    } else {
        Err(bad("email"))
    }
}

/// A new password, in the field it came in.
pub(super) fn password(text: &str, field: &'static str) -> Result<(), Failure> {
    if PASSWORD_CHARS.contains(&text.chars().count()) {
        Ok(())
    } else {
        Err(Failure::field(Code::WeakPassword, field))
    }
}

/// What a hook is called.
pub(super) fn hook_name(text: &str) -> Result<String, Failure> {
    filled(line(text, "name", NICKNAME_CHARS_MAX)?, "name")
}

/// What a client calls its device: a label of its own, cut rather than refused.
pub(super) fn device(text: &str) -> String {
    let clean = text.chars().filter(|c| !c.is_control());
    clean.take(DEVICE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_1_to_32_characters_on_one_line_and_one_is_reserved() {
        assert_eq!(name(" 小明 "), Ok("小明".to_owned()));
        assert!(name(&"名".repeat(32)).is_ok());
        for text in ["", "  ", "a\nb", &"名".repeat(33)] {
            assert_eq!(name(text), Err(bad("name")), "{text:?}");
        }
        assert_eq!(
            name("Deleted"),
            Err(Failure::field(Code::NameTaken, "name"))
        );
    }

    #[test]
    fn phone_numbers_and_addresses_are_checked_and_empty_means_none() {
        assert_eq!(phone(""), Ok(None));
        for text in ["12345", "+861234567890123"] {
            assert_eq!(phone(text), Ok(Some(text.to_owned())));
        }
        for text in ["1234", "1234567890123456", "12 345", "++12345", "+"] {
            assert!(phone(text).is_err(), "{text}");
        }
        assert_eq!(email(""), Ok(None));
        assert!(email("a.b+c@mail.example").is_ok());
        for text in [
            "a", "a@", "@b.c", "a@b", "a@b..c", "a b@c.d", "a@b@c.d", "a@b.c\n",
        ] {
            assert!(email(text).is_err(), "{text}");
        }
    }

    #[test]
    fn passwords_are_counted_in_characters() {
        assert!(password("口令口令口令口令", "password").is_ok());
        assert!(password(&"x".repeat(128), "password").is_ok());
        for text in ["", "1234567", &"x".repeat(129)] {
            let weak = Failure::field(Code::WeakPassword, "new");
            assert_eq!(password(text, "new"), Err(weak));
        }
    }
}
