//! Merges the layers into one tree, and says what is wrong with a key and where it came from.
//!
//! The known keys are those of the default configuration, and the form of a default decides how a text from
//! the environment or a flag is read. So a new key needs no entry in any list here.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use ::config as layered;
use layered::{FileFormat, Map, Source, Value as Layered, ValueKind};
use serde::Deserialize as _;
use toml::{Table, Value};

use super::Config;

/// The file that is read when it exists and no other is named.
const DEFAULT_FILE: &str = "config/starling.toml";
/// What the names of our environment variables start with.
const ENV_PREFIX: &str = "STARLING__";
/// Least similarity (Jaro-Winkler) at which a known key is offered in place of an unknown one.
const SIMILARITY_MIN: f64 = 0.75;

/// For each key that was set, where its value came from.
pub type Origins = BTreeMap<String, String>;

/// What a configuration is loaded from.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// A file that must exist; none: `config/starling.toml` if it exists.
    pub file: Option<PathBuf>,
    /// The environment; variables that are not ours are passed over.
    pub env: Vec<(String, String)>,
    /// Flags, in the order given.
    pub overrides: Vec<Override>,
}

/// One value from the command line.
#[derive(Clone, Debug)]
pub struct Override {
    /// As `http.listen`.
    pub key: String,
    pub value: String,
    /// The flag it came from, as `--listen`.
    pub flag: &'static str,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The text is left out: it may hold a secret.
    #[error("{}, line {line}: {what}", path.display())]
    Syntax {
        path: PathBuf,
        line: usize,
        what: String,
    },
    #[error("{}", sentences(.0))]
    Invalid(Vec<Problem>),
}

/// What is wrong with one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub key: String,
    /// Absent when the value is the default.
    pub origin: Option<String>,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)?;
        match &self.origin {
            Some(origin) => write!(f, " (from {origin})"),
            None => Ok(()),
        }
    }
}

fn sentences(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    match lines.len() {
        0 | 1 => lines.concat(),
        several => format!("{several} values are wrong:\n  {}", lines.join("\n  ")),
    }
}

/// The configuration as a tree of TOML values. Secrets are masked.
pub(super) fn tree(config: &Config) -> Table {
    Table::try_from(config).unwrap_or_default()
}

/// All layers, typed, and where each value came from. Bounds are not checked here.
pub(super) fn merge(options: &LoadOptions) -> Result<(Config, Origins), ConfigError> {
    let known = Known::of(&Config::default());
    let mut problems = Vec::new();
    let mut builder = layered::Config::builder();
    let mut file_name = String::new();
    if let Some((path, text)) = read_file(options.file.as_deref())? {
        file_name = path.display().to_string();
        builder = builder.add_source(layered::File::from_str(&text, FileFormat::Toml));
    }
    builder = builder.add_source(Texts::from_env(&options.env, &known, &mut problems));
    builder = builder.add_source(Texts::from_flags(&options.overrides, &known, &mut problems));
    let merged = builder.build().map_err(|error| ConfigError::Syntax {
        path: PathBuf::from(&file_name),
        line: 1,
        what: error.to_string(),
    })?;

    let mut leaves = Vec::new();
    known.walk("", merged.cache, &mut leaves, &mut problems, &file_name);
    let mut table = Table::new();
    let mut origins = Origins::new();
    for leaf in leaves {
        match leaf.refusal() {
            Some(what) => problems.push(leaf.problem(what)),
            None => insert(&mut table, &leaf.key, leaf.value),
        }
        origins.insert(leaf.key, leaf.origin);
    }
    if !problems.is_empty() {
        return Err(ConfigError::Invalid(problems));
    }
    match Config::deserialize(table) {
        Ok(config) => Ok((config, origins)),
        // Each leaf was accepted alone, and sections have no conditions across fields at this stage.
        Err(error) => Err(ConfigError::Invalid(vec![Problem {
            key: "configuration".to_owned(),
            origin: None,
            what: error.message().to_owned(),
        }])),
    }
}

fn read_file(named: Option<&Path>) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE)).to_owned();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(source) => return Err(ConfigError::Unreadable { path, source }),
    };
    match text.parse::<Table>() {
        Ok(_) => Ok(Some((path, text))),
        Err(error) => {
            let before = error.span().map_or("", |span| &text[..span.start]);
            Err(ConfigError::Syntax {
                path,
                line: before.matches('\n').count() + 1,
                what: error.message().to_owned(),
            })
        }
    }
}

/// One set value.
struct Leaf {
    key: String,
    origin: String,
    value: Value,
}

impl Leaf {
    /// What the typed configuration says to this value alone; `None` when it takes it.
    fn refusal(&self) -> Option<String> {
        let mut table = Table::new();
        insert(&mut table, &self.key, self.value.clone());
        let error = Config::deserialize(table).err()?;
        Some(error.message().trim().to_owned())
    }

    fn problem(&self, what: String) -> Problem {
        Problem {
            key: self.key.clone(),
            origin: Some(self.origin.clone()),
            what,
        }
    }
}

fn insert(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner = table
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// Every key there is, with its default.
struct Known(BTreeMap<String, Value>);

impl Known {
    fn of(config: &Config) -> Known {
        let mut known = Known(BTreeMap::new());
        known.add("", tree(config));
        known
    }

    fn add(&mut self, path: &str, table: Table) {
        for (name, value) in table {
            let key = join(path, &name);
            match value {
                Value::Table(inner) => self.add(&key, inner),
                Value::String(_)
                | Value::Integer(_)
                | Value::Float(_)
                | Value::Boolean(_)
                | Value::Datetime(_)
                | Value::Array(_) => {
                    self.0.insert(key, value);
                }
            }
        }
    }

    fn is_section(&self, key: &str) -> bool {
        let inside = format!("{key}.");
        self.0.keys().any(|known| known.starts_with(&inside))
    }

    /// Sorts a merged tree into leaves of known keys and problems. A value without an origin is the file's.
    fn walk(
        &self,
        path: &str,
        node: Layered,
        leaves: &mut Vec<Leaf>,
        problems: &mut Vec<Problem>,
        file: &str,
    ) {
        let origin = node.origin().unwrap_or(file).to_owned();
        let refuse = |what: String| Problem {
            key: path.to_owned(),
            origin: Some(origin.clone()),
            what,
        };
        if self.0.contains_key(path) {
            let key = path.to_owned();
            match plain(node.kind) {
                Some(value) => leaves.push(Leaf { key, origin, value }),
                None => problems.push(refuse("a number out of range".to_owned())),
            }
        } else if path.is_empty() || self.is_section(path) {
            let ValueKind::Table(inner) = node.kind else {
                problems.push(refuse("this is a section, not a value".to_owned()));
                return;
            };
            for (name, child) in inner.into_iter().collect::<BTreeMap<_, _>>() {
                self.walk(&join(path, &name), child, leaves, problems, file);
            }
        } else {
            problems.push(refuse(self.unknown(path)));
        }
    }

    fn unknown(&self, key: &str) -> String {
        let sections = self
            .0
            .keys()
            .filter_map(|known| Some(known.rsplit_once('.')?.0));
        let nearest = self
            .0
            .keys()
            .map(String::as_str)
            .chain(sections)
            .map(|known| (strsim::jaro_winkler(key, known), known))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN);
        match nearest {
            Some((_, known)) => format!("unknown key; did you mean {known}?"),
            None => "unknown key".to_owned(),
        }
    }

    /// Reads a text in the form of the key's default.
    fn read(&self, key: &str, text: &str) -> Result<ValueKind, String> {
        match self.0.get(key) {
            None => Err(self.unknown(key)),
            Some(Value::Boolean(_)) => text
                .parse()
                .map(ValueKind::Boolean)
                .map_err(|_| "expected true or false".to_owned()),
            Some(Value::Integer(_)) => text
                .parse()
                .map(ValueKind::I64)
                .map_err(|_| "expected a whole number".to_owned()),
            Some(Value::Array(_)) => Ok(ValueKind::Array(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| Layered::new(None, item))
                    .collect(),
            )),
            Some(Value::String(_) | Value::Float(_) | Value::Datetime(_) | Value::Table(_)) => {
                Ok(ValueKind::String(text.to_owned()))
            }
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The same value for TOML's types; `None` for numbers TOML does not have.
fn plain(kind: ValueKind) -> Option<Value> {
    Some(match kind {
        ValueKind::Nil => Value::String(String::new()),
        ValueKind::Boolean(value) => Value::Boolean(value),
        ValueKind::I64(value) => Value::Integer(value),
        ValueKind::I128(value) => Value::Integer(value.try_into().ok()?),
        ValueKind::U64(value) => Value::Integer(value.try_into().ok()?),
        ValueKind::U128(value) => Value::Integer(value.try_into().ok()?),
        ValueKind::Float(value) => Value::Float(value),
        ValueKind::String(value) => Value::String(value),
        ValueKind::Array(items) => {
            let items: Option<Vec<Value>> =
                items.into_iter().map(|item| plain(item.kind)).collect();
            Value::Array(items?)
        }
        ValueKind::Table(inner) => {
            let mut table = Table::new();
            for (name, value) in inner.into_iter().collect::<BTreeMap<_, _>>() {
                table.insert(name, plain(value.kind)?);
            }
            Value::Table(table)
        }
    })
}

/// A layer of texts: the environment, or the flags.
#[derive(Clone, Debug)]
struct Texts(BTreeMap<String, Layered>);

impl Texts {
    fn from_env(env: &[(String, String)], known: &Known, problems: &mut Vec<Problem>) -> Texts {
        let mut layer = Texts(BTreeMap::new());
        for (name, text) in env {
            if let Some(path) = name.strip_prefix(ENV_PREFIX) {
                let key = path.to_ascii_lowercase().replace("__", ".");
                layer.add(known, problems, &key, text, name.clone());
            }
        }
        layer
    }

    fn from_flags(flags: &[Override], known: &Known, problems: &mut Vec<Problem>) -> Texts {
        let mut layer = Texts(BTreeMap::new());
        for Override { key, value, flag } in flags {
            layer.add(known, problems, key, value, (*flag).to_owned());
        }
        layer
    }

    fn add(
        &mut self,
        known: &Known,
        problems: &mut Vec<Problem>,
        key: &str,
        text: &str,
        origin: String,
    ) {
        match known.read(key, text) {
            Ok(kind) => {
                self.0
                    .insert(key.to_owned(), Layered::new(Some(&origin), kind));
            }
            Err(what) => problems.push(Problem {
                key: key.to_owned(),
                origin: Some(origin),
                what,
            }),
        }
    }
}

impl Source for Texts {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Layered>, layered::ConfigError> {
        Ok(self.0.clone().into_iter().collect())
    }
}
