//! A seeded loop over random configurations: whatever file, environment and flags say, it is a configuration or an error
//! that names what is wrong.
//!
//! `STARLING_FUZZ_ITERATIONS` makes it longer. A failure names its seed.

use toml::Value;

use super::layers;
use super::*;

/// A few seconds of a debug build.
const ITERATIONS_DEFAULT: u64 = 2_000;

const VALUES: [&str; 26] = [
    "0",
    "1",
    "-1",
    "1000",
    "65536",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1e308",
    "nan",
    "inf",
    "0.5",
    "true",
    "false",
    "\"\"",
    "\"text\"",
    "\"127.0.0.1:1\"",
    "\"0.0.0.0:99999\"",
    "\"sqlite://x\"",
    "\"mysql://a:b@c/d\"",
    "\"1:AAAA\"",
    "\"鸟\\u0000\"",
    "[]",
    "[\"a\", \"b\"]",
    "1979-05-27",
];

fn iterations() -> u64 {
    let long = std::env::var_os("STARLING_LONG").map_or(1, |_| 10);
    let text = std::env::var("STARLING_FUZZ_ITERATIONS").ok();
    text.map_or(ITERATIONS_DEFAULT * long, |text| {
        text.parse().expect("a number")
    })
}

/// All keys of the default configuration, as `http.listen`.
fn keys() -> Vec<String> {
    fn walk(prefix: &str, value: &Value, into: &mut Vec<String>) {
        match value.as_table() {
            Some(table) => {
                for (key, value) in table {
                    let path = match prefix {
                        "" => key.clone(),
                        _ => format!("{prefix}.{key}"),
                    };
                    walk(&path, value, into);
                }
            }
            None => into.push(prefix.to_owned()),
        }
    }
    let mut keys = Vec::new();
    walk(
        "",
        &Value::Table(layers::tree(&Config::default())),
        &mut keys,
    );
    keys
}

/// A known key, sometimes one letter off or a section.
fn key(rng: &mut fastrand::Rng, keys: &[String]) -> String {
    let mut key = keys[rng.usize(..keys.len())].clone();
    match rng.u8(..12) {
        0 => key.truncate(rng.usize(..key.len())),
        1 => key.push(rng.alphanumeric()),
        2 => key = key.split('.').next().unwrap_or_default().to_owned(),
        _ => {}
    }
    key
}

fn file(rng: &mut fastrand::Rng, keys: &[String]) -> String {
    let mut text = String::new();
    for _ in 0..rng.usize(..5) {
        let value = VALUES[rng.usize(..VALUES.len())];
        text.push_str(&format!("{} = {value}\n", key(rng, keys)));
    }
    if rng.u8(..4) == 0 && !text.is_empty() {
        let at = rng.usize(..text.len());
        if text.is_char_boundary(at) {
            text.insert(at, ['[', ']', '"', '\n', '=', '\0', '鸟'][rng.usize(..7)]);
        }
    }
    text
}

#[test]
fn any_input_is_a_configuration_or_an_error_that_says_what_is_wrong() {
    let keys = keys();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("starling.toml");
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..iterations() {
        let mut rng = fastrand::Rng::with_seed(seed);
        std::fs::write(&path, file(&mut rng, &keys)).unwrap();
        let value = |rng: &mut fastrand::Rng| {
            let text = VALUES[rng.usize(..VALUES.len())];
            text.trim_matches('"').to_owned()
        };
        let env = (0..rng.usize(..3)).map(|_| {
            let name = key(&mut rng, &keys).to_uppercase().replace('.', "__");
            (format!("STARLING__{name}"), value(&mut rng))
        });
        let env = env.collect();
        let overrides = (0..rng.usize(..2)).map(|_| Override {
            key: key(&mut rng, &keys),
            value: value(&mut rng),
            flag: "--set",
        });
        let overrides = overrides.collect();
        let options = LoadOptions {
            file: Some(path.clone()),
            env,
            overrides,
        };
        match Config::load_with_origins(&options) {
            Ok((config, origins)) => {
                taken += 1;
                let shown = config.render(&origins);
                assert!(shown.parse::<toml::Table>().is_ok(), "seed {seed}: {shown}");
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty(), "seed {seed}");
            }
        }
    }
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
}
