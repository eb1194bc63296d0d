//! Loading as an operator meets it: layers, mistakes, secrets.

use std::io::Write as _;

use super::*;

/// A configuration file that goes with its guard.
fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn set(key: &str, value: &str) -> Override {
    Override {
        key: key.to_owned(),
        value: value.to_owned(),
        flag: "--set",
    }
}

fn options(
    text: &str,
    pairs: &[(&str, &str)],
    overrides: &[Override],
) -> (tempfile::NamedTempFile, LoadOptions) {
    let file = file(text);
    let options = LoadOptions {
        file: Some(file.path().to_owned()),
        env: env(pairs),
        overrides: overrides.to_vec(),
    };
    (file, options)
}

fn load(text: &str, pairs: &[(&str, &str)], overrides: &[Override]) -> Result<Config, ConfigError> {
    let (_file, options) = options(text, pairs, overrides);
    Config::load(&options)
}

/// What is said about a configuration that must not load.
fn refusal(text: &str, pairs: &[(&str, &str)], overrides: &[Override]) -> String {
    load(text, pairs, overrides).unwrap_err().to_string()
}

#[test]
fn nothing_set_is_the_default() {
    assert_eq!(load("", &[], &[]).unwrap(), Config::default());
}

#[test]
fn later_layers_win_and_leave_other_keys_alone() {
    let text = "[limits]\nping_ms = 1000\ndead_ms = 9000\nslow_ms = 5000\n";
    let pairs = [
        ("STARLING__LIMITS__DEAD_MS", "8000"),
        ("STARLING__LIMITS__SLOW_MS", "6000"),
    ];
    let config = load(text, &pairs, &[set("limits.slow_ms", "7000")]).unwrap();
    assert_eq!(config.limits.ping_ms, 1_000);
    assert_eq!(config.limits.dead_ms, 8_000);
    assert_eq!(config.limits.slow_ms, 7_000);
    assert_eq!(config.limits.drain_ms, Limits::default().drain_ms);
}

#[test]
fn each_value_knows_where_it_came_from() {
    let (file, options) = options(
        "[node]\nname = 'birch'\n",
        &[("STARLING__LOG__FORMAT", "json")],
        &[set("cluster.poll_ms", "100")],
    );
    let (_, origins) = Config::load_with_origins(&options).unwrap();
    let path = file.path().display().to_string();
    let expected = [
        ("cluster.poll_ms", "--set"),
        ("log.format", "STARLING__LOG__FORMAT"),
        ("node.name", path.as_str()),
    ];
    let found: Vec<(&str, &str)> = origins
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn lists_come_from_toml_the_environment_and_flags() {
    let text = "[http]\nlisten = ['127.0.0.1:1', '[::1]:2']\nproxies = ['10.0.0.0/8']\n";
    let config = load(
        text,
        &[
            ("STARLING__CLUSTER__KEYS", "1:abc, 2:def,"),
            ("STARLING__HTTP__PROXIES", ""),
        ],
        &[set(
            "cluster.targets",
            "127.255.255.255:3000,10.0.0.255:3000",
        )],
    )
    .unwrap();
    assert_eq!(config.http.listen.len(), 2);
    assert!(config.http.proxies.is_empty());
    let keys: Vec<&str> = config.cluster.keys.iter().map(Secret::expose).collect();
    assert_eq!(keys, ["1:abc", "2:def"]);
    assert_eq!(config.cluster.targets.len(), 2);
}

#[test]
fn texts_are_read_in_the_form_of_the_default() {
    let pairs = [
        ("STARLING__DIALECTS__IMOOC", "false"),
        ("STARLING__AUTH__REGISTRATION", "invite"),
        ("STARLING__CLUSTER__ADVERTISE", "10.0.0.7"),
        ("STARLING__NODE__NAME", "7"),
        ("STARLING__FILES__S3__PATH_STYLE", "true"),
        ("STARLING_TOKEN", "not a setting"),
    ];
    let config = load("", &pairs, &[set("cluster.advertise", "")]).unwrap();
    assert!(!config.dialects.imooc);
    assert_eq!(
        config.auth.registration,
        crate::model::policy::Registration::Invite
    );
    assert_eq!(config.cluster.advertise, None);
    assert_eq!(config.node.name, "7");
    assert!(config.files.s3.path_style);
}

#[test]
fn an_unknown_key_is_refused_with_its_origin_and_the_nearest_known_one() {
    let said = refusal("[limits]\nping_mss = 5\n", &[], &[]);
    assert!(
        said.contains("limits.ping_mss: unknown key; did you mean limits.ping_ms?"),
        "{said}"
    );
    assert!(said.contains("(from /"), "{said}");
    let said = refusal("[clutser]\nname = 'x'\n", &[], &[]);
    assert!(
        said.contains("clutser: unknown key; did you mean cluster?"),
        "{said}"
    );
    let said = refusal("", &[("STARLING__HTTP__LISTENS", "x")], &[]);
    assert!(
        said.contains("did you mean http.listen? (from STARLING__HTTP__LISTENS)"),
        "{said}"
    );
    let said = refusal("", &[], &[set("files.s3.buckets", "x")]);
    assert!(
        said.contains("did you mean files.s3.bucket? (from --set)"),
        "{said}"
    );
    let said = refusal("", &[], &[set("zzz", "x")]);
    assert!(said.ends_with("zzz: unknown key (from --set)"), "{said}");
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_key_and_origin() {
    for (text, pairs, key) in [
        ("[limits]\nping_ms = '25 s'\n", vec![], "limits.ping_ms"),
        ("[limits]\nping_ms = '25000'\n", vec![], "limits.ping_ms"),
        ("[limits]\nping_ms = -1\n", vec![], "limits.ping_ms"),
        ("[chat]\nhistory = 'some'\n", vec![], "chat.history"),
        ("[http]\nlisten = 'localhost'\n", vec![], "http.listen"),
        ("http = 5\n", vec![], "http"),
        (
            "",
            vec![("STARLING__DIALECTS__SHYIM", "yes")],
            "dialects.shyim",
        ),
        (
            "",
            vec![("STARLING__CHAT__GROUP_MAX", "many")],
            "chat.group_max",
        ),
        (
            "",
            vec![("STARLING__HTTP__PROXIES", "10.0.0.0/40")],
            "http.proxies",
        ),
        ("", vec![("STARLING__HTTP", "x")], "http"),
    ] {
        let said = refusal(text, &pairs, &[]);
        assert!(said.starts_with(&format!("{key}: ")), "{said}");
        assert!(said.contains("(from "), "{said}");
    }
}

#[test]
fn a_value_out_of_bounds_is_refused_with_its_bounds() {
    let said = refusal("", &[], &[set("cluster.poll_ms", "1")]);
    assert_eq!(
        said,
        "cluster.poll_ms: 1 is not between 10 and 60000 (from --set)"
    );
    let said = refusal("", &[], &[set("chat.keep_days", "6")]);
    assert_eq!(
        said,
        "chat.keep_days: less than chat.retry_days: a repeated send is known by its entry; 0 keeps all (from --set)"
    );
    for (key, value) in [
        ("http.listen", ""),
        ("http.origins", "https://chat.example/path"),
        ("http.origins", "chat.example"),
        ("http.assets", "/no/such/folder"),
        ("store.url", "postgres://x"),
        ("store.url", "sqlite://"),
        ("store.url", "mysql://star:secret@db.lan"),
        ("store.url", "mysql://star:secret@db.lan/"),
        ("store.url", "mysql://star:secret@db.lan:99999/chat"),
        ("store.url", "mysql://star:sec/ret@db.lan/chat"),
        ("store.url", "mysql://star:s@ecret@db.lan/chat"),
        ("store.url", "mysql://star:s#ecret@db.lan/chat"),
        ("store.url", "mysql://star:s?ecret@db.lan/chat"),
        ("redis.url", "http://x"),
        ("cluster.name", ""),
        ("cluster.transport", "redis"),
        ("cluster.keys", "1:a,2:b,3:c,4:d,5:e"),
        ("cluster.targets", "10.0.0.255:0"),
        ("node.name", ""),
        ("data.dir", ""),
        ("limits.dead_ms", "20000"),
        ("limits.text_bytes", "65536"),
        ("limits.queue_bytes", "60000"),
        ("auth.scrypt_log_n", "24"),
        ("files.quota_bytes", "1"),
        ("files.s3.bucket", "b"),
        ("log.filter", "inof"),
        ("log.filter", "starling=loud"),
    ] {
        let said = refusal("", &[], &[set(key, value)]);
        let section = key.rsplit_once('.').unwrap().0;
        assert!(
            said.contains(&format!("{section}.")),
            "{key} = {value}: {said}"
        );
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let said = refusal(
        "[a]\nb = 1\n[limits]\nping_ms = true\n",
        &[],
        &[set("c", "d")],
    );
    assert!(said.starts_with("3 values are wrong:\n  c: "), "{said}");
}

#[test]
fn a_broken_file_is_told_by_line_without_its_text() {
    let said = refusal("[cluster]\nkeys = ['1:hunter2'\nname = 'x'\n", &[], &[]);
    assert!(said.contains(", line "), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_named_file_must_exist() {
    let options = LoadOptions {
        file: Some("/no/such/starling.toml".into()),
        ..LoadOptions::default()
    };
    let said = Config::load(&options).unwrap_err().to_string();
    assert!(
        said.starts_with("cannot read /no/such/starling.toml"),
        "{said}"
    );
}

#[test]
fn secrets_show_nowhere() {
    let pairs = [
        ("STARLING__CLUSTER__KEYS", "1:hunter2"),
        ("STARLING__STORE__URL", "mysql://star:hunter2@db/chat"),
        ("STARLING__REDIS__URL", "redis://:hunter2@cache"),
        ("STARLING__FILES__S3__SECRET_KEY", "hunter2"),
    ];
    let (_file, options) = options("", &pairs, &[]);
    let (config, origins) = Config::load_with_origins(&options).unwrap();
    let shown = config.render(&origins);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        shown.contains("keys = [\"***\"]  # STARLING__CLUSTER__KEYS"),
        "{shown}"
    );
    assert!(shown.contains("mysql://star:***@db/chat"), "{shown}");
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(config.files.s3.secret_key.expose(), "hunter2");
    let said = refusal("[files.s3]\nsecret_key = 14142135\n", &[], &[]);
    assert!(said.contains("files.s3.secret_key"), "{said}");
    assert!(!said.contains("14142135"), "{said}");
}

#[test]
fn what_is_shown_can_be_loaded_again() {
    let config = load("[http]\nproxies = ['10.0.0.0/8']\n", &[], &[]).unwrap();
    let shown = config.render(&Origins::new());
    assert_eq!(load(&shown, &[], &[]).unwrap(), config);
}

#[test]
fn paths_nobody_set_follow_the_data_folder() {
    let config = load("", &[], &[set("data.dir", "/var/lib/starling")]).unwrap();
    assert_eq!(
        config.store.url.expose(),
        "sqlite:///var/lib/starling/starling.db"
    );
    assert_eq!(
        config.files.dir,
        std::path::Path::new("/var/lib/starling/files")
    );
    let own = [set("data.dir", "/a"), set("store.url", "sqlite://b.db")];
    let config = load("", &[], &own).unwrap();
    assert_eq!(
        config.store.location(),
        Some(StoreLocation::Sqlite("b.db".into()))
    );
}

/// The lines of the shipped file that set something, as an operator would uncomment them.
fn uncommented(text: &str) -> String {
    let setting = |line: &str| {
        let line = line.strip_prefix("# ")?;
        let (key, _) = line.split_once(" = ")?;
        let is_key = key
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        is_key.then(|| line.to_owned())
    };
    text.lines()
        .map(|line| setting(line).unwrap_or_else(|| line.to_owned()) + "\n")
        .collect()
}

#[test]
fn the_shipped_file_changes_nothing_and_names_every_key_with_its_default() {
    let shipped = include_str!("../../config/starling.toml");
    let untouched = load(shipped, &[], &[]).unwrap();
    assert_eq!(untouched, Config::default());
    let (_file, options) = options(&uncommented(shipped), &[], &[set("node.name", "x")]);
    let (config, origins) = Config::load_with_origins(&options).unwrap();
    let expected = Config {
        node: Node {
            name: "x".to_owned(),
        },
        ..Config::default()
    };
    assert_eq!(config, expected);
    for key in keys() {
        assert!(
            origins.contains_key(&key),
            "config/starling.toml lacks {key}"
        );
    }
}

#[test]
fn the_readme_names_every_key_with_its_default() {
    let readme = include_str!("../../README.md");
    let defaults = layers::tree(&Config::default());
    for key in keys() {
        let mut value = &toml::Value::Table(defaults.clone());
        for part in key.split('.') {
            value = &value[part];
        }
        let shown = match key.as_str() {
            "node.name" => "host name".to_owned(),
            _ => format!("`{value}`"),
        };
        let row = format!("| `{key}` | {shown} |");
        assert!(readme.contains(&row), "README.md lacks the row {row}");
    }
}

/// Every key there is.
fn keys() -> Vec<String> {
    fn collect(path: &str, table: &toml::Table, keys: &mut Vec<String>) {
        for (name, value) in table {
            let key = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            match value.as_table() {
                Some(inner) => collect(&key, inner, keys),
                None => keys.push(key),
            }
        }
    }
    let mut keys = Vec::new();
    collect("", &layers::tree(&Config::default()), &mut keys);
    keys
}
