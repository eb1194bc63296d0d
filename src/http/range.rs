//! The `Range` header (RFC 9110, section 14): one range of bytes, or the whole.

use std::ops::RangeInclusive;

/// What a request wants of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// No range, one that is not understood, or several: all of it.
    All,
    /// First and last byte.
    Part(RangeInclusive<u64>),
    /// None of the bytes there are.
    Nothing,
}

/// Understands a header for a body of this size.
pub(super) fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let range = header.and_then(|header| header.trim().strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
        return Wanted::All;
    };
    let number = |digits: &str| match digits.trim() {
        "" => Some(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            // More than any number is more than any size.
            Some(Some(digits.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    };
    match (number(first), number(last)) {
        (Some(Some(first)), Some(last)) => {
            let last = last.unwrap_or(u64::MAX);
            if first > last {
                Wanted::All
            } else if first >= size {
                Wanted::Nothing
            } else {
                Wanted::Part(first..=last.min(size - 1))
            }
        }
        (Some(None), Some(Some(count))) => match (size, count) {
            (0, _) | (_, 0) => Wanted::Nothing,
            (size, count) => Wanted::Part(size.saturating_sub(count)..=size - 1),
        },
        (_, _) => Wanted::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood_and_everything_else_is_the_whole() {
        for (header, part) in [
            ("bytes=0-4", Wanted::Part(0..=4)),
            ("bytes=5-", Wanted::Part(5..=9)),
            ("bytes=5-99999999999999999999999", Wanted::Part(5..=9)),
            ("bytes=-3", Wanted::Part(7..=9)),
            ("bytes=-30", Wanted::Part(0..=9)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=4-3", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=a-b", Wanted::All),
            ("lines=0-1", Wanted::All),
        ] {
            assert_eq!(wanted(Some(header), 10), part, "{header}");
        }
        assert_eq!(wanted(None, 10), Wanted::All);
        assert_eq!(wanted(Some("bytes=0-0"), 0), Wanted::Nothing);
    }
}
