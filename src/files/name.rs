//! Names of uploads: what is left of what somebody called a file, harmless to show and to save.

/// Longest name, in characters.
const CHARS_MAX: usize = 128;
/// Longest name, in bytes: what file systems take, with room for an ending.
const BYTES_MAX: usize = 240;
/// Longest ending that is kept when a name is cut, in characters, its dot included.
const ENDING_CHARS_MAX: usize = 12;
/// The name of what has none.
const NAMELESS: &str = "file";

/// The last part of a path, without what hides or reorders text; never empty, never `.` or `..`.
#[must_use]
pub fn sanitised(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|c| is_shown(*c)).collect();
    let shown = shown.trim_matches(|c: char| c.is_whitespace() || c == '.');
    // A name may begin with a dot; one that is nothing but dots is none.
    let shown = match last.trim().strip_prefix('.') {
        Some(rest) if !shown.is_empty() && !rest.starts_with('.') => format!(".{shown}"),
        Some(_) | None => shown.to_owned(),
    };
    if shown.is_empty() {
        return NAMELESS.to_owned();
    }
    cut(&shown)
}

fn is_shown(c: char) -> bool {
    // Overrides and marks of direction, invisible joiners that make two names look alike, and byte order marks.
    let deceives = matches!(
        c,
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{061c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    // What no file system of clients takes, and what quotes end with.
    let forbidden = matches!(c, '"' | '<' | '>' | '|' | ':' | '*' | '?');
    !c.is_control() && !deceives && !forbidden
}

/// Cuts the middle out of what is too long, so that the ending stays.
fn cut(name: &str) -> String {
    let fits = |name: &str| name.chars().count() <= CHARS_MAX && name.len() <= BYTES_MAX;
    if fits(name) {
        return name.to_owned();
    }
    let (stem, ending) = match name.rfind('.') {
        Some(at) if at > 0 && name[at..].chars().count() <= ENDING_CHARS_MAX => name.split_at(at),
        Some(_) | None => (name, ""),
    };
    let mut kept = String::new();
    for c in stem.chars() {
        kept.push(c);
        if !fits(&format!("{kept}{ending}")) {
            kept.pop();
            break;
        }
    }
    format!("{kept}{ending}")
}

/// As a segment of a URL's path.
#[must_use]
pub fn in_url(name: &str) -> String {
    let mut escaped = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(byte.into());
            }
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    // Two dots in a row would be taken for a way up by whoever looks for one.
    escaped.replace("..", ".%2E")
}

/// The value of a `Content-Disposition` header (RFC 6266).
#[must_use]
pub fn disposition(kind: &str, name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| match c {
            ' '..='~' if !matches!(c, '"' | '\\' | '%') => c,
            _ => '_',
        })
        .collect();
    format!(
        "{kind}; filename=\"{plain}\"; filename*=UTF-8''{}",
        in_url(name)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_of_a_path_without_tricks() {
        for (given, name) in [
            ("a.png", "a.png"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("a/b", "b"),
            ("..", "file"),
            ("a/..", "file"),
            ("", "file"),
            (" . ", "file"),
            ("nul\0l.txt", "null.txt"),
            ("a\u{202e}gnp.exe", "agnp.exe"),
            ("\u{feff}a\r\nb\".html", "ab.html"),
            ("鸟 🐦.jpg", "鸟 🐦.jpg"),
            (".bashrc", ".bashrc"),
            ("...a", "a"),
        ] {
            assert_eq!(sanitised(given), name, "{given:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        for c in ["x", "鸟", "🐦"] {
            let name = sanitised(&format!("{}.jpeg", c.repeat(5_000)));
            assert!(name.ends_with(".jpeg") && name.starts_with(c), "{name}");
            assert!(name.chars().count() <= CHARS_MAX && name.len() <= BYTES_MAX);
        }
        let endless = sanitised(&format!("a.{}", "b".repeat(5_000)));
        assert_eq!(endless.chars().count(), CHARS_MAX);
    }

    #[test]
    fn names_are_escaped_in_urls_and_headers() {
        assert_eq!(in_url("a b..鸟"), "a%20b.%2E%E9%B8%9F");
        assert_eq!(
            disposition("inline", "a鸟.txt"),
            "inline; filename=\"a_.txt\"; filename*=UTF-8''a%E9%B8%9F.txt"
        );
    }
}
