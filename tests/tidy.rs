//! The rules of the house that no compiler knows: who may import whom, where a crate may be known, module docs,
//! names and sizes.
//!
//! Reads the source as text. What it cannot see: paths made by macros, and names that travel through a re-export.

#![expect(
    clippy::unwrap_used,
    reason = "what is read is this checkout, and a failure is a finding"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Longest file, in lines.
const FILE_LINES_MAX: usize = 500;
/// Longest function, in lines that hold code.
const FUNCTION_LINES_MAX: usize = 70;

/// Files that may be longer, and why.
const LONG_FILES: &[(&str, &str)] = &[];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "misc", "manager", "mod",
];

/// A module, and names that go with it.
type Rule = (&'static str, &'static [&'static str]);

/// Who may use whom. The longest matching module counts; a module may always use its own inside. A module
/// that is not named may use everything: the composition root and the command line.
const IMPORTS: &[Rule] = &[
    ("model", &[]),
    ("config", &["model"]),
    ("telemetry", &["config"]),
    ("redis", &["config"]),
    ("cluster", &["model", "store", "config", "redis"]),
    ("cluster::core", &["model::ids"]),
    ("store", &["model"]),
    ("journal", &["model", "store", "cluster"]),
    ("hub", &["model"]),
    ("presence", &["model", "cluster", "config", "redis"]),
    ("files", &["model", "config"]),
    (
        "service",
        &[
            "model", "config", "store", "journal", "hub", "presence", "files", "redis",
        ],
    ),
    ("http", &["service", "model", "config"]),
    // Its own doors into the same sockets and answers.
    ("dialect", &["service", "model", "config", "http"]),
];

/// Who alone may know a crate, or a type of the standard library.
const KNOWN_BY: &[Rule] = &[
    ("warp", &["http", "dialect"]),
    ("hyper", &["http", "dialect"]),
    ("hyper_util", &["http", "dialect"]),
    ("http_body_util", &["http", "dialect"]),
    ("utoipa", &["http", "dialect"]),
    // What is measured where it happens, and where it is shown.
    (
        "prometheus_client",
        &["http", "journal", "node", "store", "dialect"],
    ),
    ("rusqlite", &["store::sqlite", "bin"]),
    ("refinery", &["store::sqlite", "store::mysql"]),
    ("mysql_async", &["store::mysql", "bin"]),
    // The connection, and the three that say what is asked over it.
    (
        "redis",
        &[
            "redis",
            "presence::redis",
            "cluster::redis",
            "service::redis",
            "store::foreign::redis",
        ],
    ),
    ("socket2", &["cluster", "bin"]),
    ("rustix", &["cluster", "bin"]),
    ("UdpSocket", &["cluster", "bin"]),
    // What nodes tell each other: the bus itself, and the two payloads it carries without looking.
    // What reads and keeps uploads.
    ("image", &["files"]),
    ("infer", &["files"]),
    ("reqwest", &["files", "service::hooks::outgoing"]),
    ("rustls", &["files", "service::hooks::outgoing"]),
    ("rusty_s3", &["files"]),
    ("multer", &["http", "dialect"]),
    ("postcard", &["cluster", "presence::digest", "node::sink"]),
    ("scrypt", &["service"]),
    // The forms other systems keep passwords in, and none of ours.
    ("bcrypt", &["service::legacy"]),
    ("md5", &["service::legacy"]),
    // Which letters are the same but for accents and width.
    ("unicode_normalization", &["model::search"]),
    ("clap", &["cli", "bin"]),
    ("anyhow", &["main", "cli", "node", "bin"]),
    ("tracing_subscriber", &["telemetry", "config"]),
];

/// What a part may not even mention, because time, bytes and chance are handed to it.
const UNSPEAKABLE: &[Rule] = &[
    (
        "cluster::core",
        &[
            "tokio",
            "async",
            "async_trait",
            "Instant",
            "SystemTime",
            "thread",
            "UdpSocket",
            "TcpStream",
            "socket2",
            "HashMap",
            "HashSet",
            "SystemRandom",
            "tracing",
            "env",
            "fs",
        ],
    ),
    (
        "model",
        &[
            "tokio",
            "async",
            "async_trait",
            "tracing",
            "Instant",
            "SystemTime",
            "env",
            "fs",
        ],
    ),
];

#[test]
fn the_source_keeps_the_rules_of_the_house() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut findings = Vec::new();
    let mut files = 0;
    for folder in ["src", "tests"] {
        for path in rust_files(&root.join(folder)) {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            findings.extend(check(name, &fs::read_to_string(&path).unwrap()));
            files += 1;
        }
    }
    assert!(files > 20, "only {files} files were found");
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_foreign = path.ends_with("node_modules") || path.ends_with("target");
        if path.is_dir() && !is_foreign {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// All findings in one file, each as `path:line: what`.
fn check(path: &str, text: &str) -> Vec<String> {
    let mut findings = check_shape(path, text);
    let code = code_of(text);
    findings.extend(check_functions(path, text, &code));
    let Some(module) = module_of(path) else {
        return findings;
    };
    let is_test = |part| part == "tests" || part == "conformance";
    if !module.split("::").any(is_test) {
        let own = without_tests(&code);
        findings.extend(check_imports(path, &module, own));
        findings.extend(check_words(path, &module, own));
    }
    findings
}

fn check_shape(path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    if !text.starts_with("//! ") {
        findings.push(format!("{path}:1: the first line is not a `//!` doc"));
    }
    for part in path.trim_end_matches(".rs").split('/') {
        if EMPTY_NAMES.contains(&part) {
            findings.push(format!("{path}:1: `{part}` does not say what is inside"));
        }
    }
    let lines = text.lines().count();
    let excused = LONG_FILES.iter().any(|(long, _)| *long == path);
    if lines > FILE_LINES_MAX && !excused {
        findings.push(format!("{path}:{lines}: more than {FILE_LINES_MAX} lines"));
    }
    if lines <= FILE_LINES_MAX && excused {
        findings.push(format!(
            "{path}:1: not long any more: strike it from the list"
        ));
    }
    findings
}

/// Functions that are too long and do not carry the lint's attribute, which needs a reason.
fn check_functions(path: &str, text: &str, code: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut findings = Vec::new();
    for (at, _) in words(code).filter(|(_, word)| *word == "fn") {
        let Some(open) = body_start(code, at) else {
            continue;
        };
        let body = &code[open..matching_brace(code, open)];
        let length = body.lines().filter(|line| !line.trim().is_empty()).count();
        let line = line_of(code, at);
        let mut attributes = lines[..line - 1]
            .iter()
            .rev()
            .take_while(|line| !line.trim().is_empty() && !line.trim().starts_with('}'));
        let excused = attributes.any(|line| line.contains("too_many_lines"));
        if length > FUNCTION_LINES_MAX && !excused {
            findings.push(format!("{path}:{line}: a function of {length} lines"));
        }
    }
    findings
}

fn check_imports(path: &str, module: &str, code: &str) -> Vec<String> {
    let Some((owner, allowed)) = longest(IMPORTS, module) else {
        return Vec::new();
    };
    let permitted =
        |target: &str| is_inside(target, owner) || allowed.iter().any(|one| is_inside(target, one));
    used_modules(code, module)
        .into_iter()
        .filter(|(_, target)| !permitted(target))
        .map(|(line, target)| format!("{path}:{line}: `{owner}` may not use `{target}`"))
        .collect()
}

fn check_words(path: &str, module: &str, code: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let unspeakable = longest(UNSPEAKABLE, module).map_or(&[][..], |(_, names)| names);
    let submodules: Vec<&str> = words(code)
        .zip(words(code).skip(1))
        .filter(|((_, keyword), _)| *keyword == "mod")
        .map(|(_, (_, name))| name)
        .collect();
    for (at, word) in words(code).filter(|(_, word)| !submodules.contains(word)) {
        let line = line_of(code, at);
        if unspeakable.contains(&word) {
            findings.push(format!("{path}:{line}: `{module}` may not know `{word}`"));
        }
        let Some((_, owners)) = KNOWN_BY.iter().find(|(known, _)| *known == word) else {
            continue;
        };
        let is_type = word.starts_with(char::is_uppercase);
        let is_crate = code[at + word.len()..].starts_with("::") && !code[..at].ends_with("::");
        if (is_type || is_crate) && !owners.iter().any(|owner| is_inside(module, owner)) {
            let owners = owners.join(", ");
            findings.push(format!("{path}:{line}: only {owners} may know `{word}`"));
        }
    }
    findings
}

/// The rule of the longest module that holds `module`.
fn longest(table: &'static [Rule], module: &str) -> Option<Rule> {
    table
        .iter()
        .filter(|(owner, _)| is_inside(module, owner))
        .max_by_key(|(owner, _)| owner.len())
        .copied()
}

/// Whether a path is the module or lies in it.
fn is_inside(path: &str, module: &str) -> bool {
    path.strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// `src/store/sqlite/open.rs` is `store::sqlite::open`. Not a module of the library: `None`.
fn module_of(path: &str) -> Option<String> {
    let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    (inside != "lib").then(|| inside.replace('/', "::"))
}

/// The paths of this crate that the code of a module names, with their lines.
fn used_modules(code: &str, module: &str) -> Vec<(usize, String)> {
    let mut used = Vec::new();
    for (at, word) in words(code) {
        let starts = !code[..at].ends_with("::") && code[at + word.len()..].starts_with("::");
        let base = match word {
            "crate" if starts => Vec::new(),
            "super" if starts => module.split("::").collect(),
            _ => continue,
        };
        let end = code[at..].find(';').map_or(code.len(), |end| at + end);
        let mut paths = Vec::new();
        expand(&code[at..end], base, &mut paths);
        let line = line_of(code, at);
        used.extend(paths.into_iter().map(|path| (line, path)));
    }
    used
}

/// Follows one path and its groups in braces from `base`; says how much text that was.
fn expand<'a>(text: &'a str, mut base: Vec<&'a str>, found: &mut Vec<String>) -> usize {
    let mut at = 0;
    loop {
        let word = words(&text[at..]).next().filter(|(start, _)| *start == 0);
        match word.map_or("", |(_, word)| word) {
            "" | "crate" | "self" => {}
            "super" => {
                base.pop();
            }
            name => base.push(name),
        }
        at += word.map_or(0, |(_, word)| word.len());
        if text[at..].starts_with("::{") {
            at += 3;
            loop {
                let rest = &text[at..];
                at += rest.find(|c| is_word(c) || c == '}').unwrap_or(rest.len());
                if !text[at..].starts_with(is_word) {
                    return text.len().min(at + 1);
                }
                at += expand(&text[at..], base.clone(), found);
            }
        }
        if !text[at..].starts_with("::") {
            found.push(base.join("::"));
            return at;
        }
        at += 2;
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// All words with their places.
fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.split(|c: char| !is_word(c))
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - code.as_ptr() as usize, word))
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Where the body of the function at `at` opens; `None` for a declaration without one.
fn body_start(code: &str, at: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (offset, c) in code[at..].char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at + offset),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn matching_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_i32;
    for (offset, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + offset + 1;
        }
    }
    code.len()
}

/// The code without its inline test module, which may know more.
fn without_tests(code: &str) -> &str {
    match code.find("#[cfg(test)]\nmod tests {") {
        Some(at) => &code[..at],
        None => code,
    }
}

/// The text with comments and literals blanked, line by line the same.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (blank, rest_of_it) = rest.split_at(blank_length(rest, code.chars().next_back()));
        if blank.is_empty() {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            code.push(' ');
            code.extend(blank.chars().filter(|c| *c == '\n'));
            rest = rest_of_it;
        }
    }
    code
}

/// How much at the start of the text is a comment or a literal.
fn blank_length(text: &str, before: Option<char>) -> usize {
    let through = |from: usize, end: &str| {
        let found = text[from..].find(end);
        found.map_or(text.len(), |at| from + at + end.len())
    };
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return through(2, "*/");
    }
    if let Some(inside) = text.strip_prefix('"') {
        return 1 + quoted_length(inside);
    }
    let raw = text
        .strip_prefix('r')
        .map(|raw| raw.trim_start_matches('#'));
    let in_word = before.is_some_and(|c| is_word(c) && c != 'b');
    if let Some(raw) = raw.filter(|raw| raw.starts_with('"') && !in_word) {
        let opening = text.len() - raw.len();
        return through(opening + 1, &format!("\"{}", "#".repeat(opening - 1)));
    }
    let Some(inside) = text.strip_prefix('\'') else {
        return 0;
    };
    // A lifetime has no closing quote.
    let mut characters = inside.char_indices();
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((at, escaped))) => through(1 + at + escaped.len_utf8(), "'"),
        (Some(_), Some((at, '\''))) => at + 2,
        _ => 0,
    }
}

/// Up to and with the closing quote.
fn quoted_length(inside: &str) -> usize {
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    inside.len()
}

#[path = "tidy/ancestors.rs"]
mod ancestors;
#[path = "tidy/bites.rs"]
mod bites;
