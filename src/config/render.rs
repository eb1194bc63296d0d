//! Prints a configuration as TOML that could be loaded again, secrets aside.

use std::fmt::Write as _;

use toml::Value;

use super::Config;
use super::layers::{Origins, tree};

pub(super) fn toml(config: &Config, origins: &Origins) -> String {
    let mut text = String::new();
    for (name, section) in &tree(config) {
        if let Value::Table(section) = section {
            write_section(&mut text, name, section, origins);
        }
    }
    text
}

fn write_section(text: &mut String, path: &str, section: &toml::Table, origins: &Origins) {
    if !text.is_empty() {
        text.push('\n');
    }
    // Writing to a String cannot fail.
    let _ = writeln!(text, "[{path}]");
    let (sections, leaves): (Vec<_>, Vec<_>) =
        section.iter().partition(|(_, value)| value.is_table());
    for (key, value) in leaves {
        let _ = match origins.get(&format!("{path}.{key}")) {
            Some(origin) => writeln!(text, "{key} = {value}  # {origin}"),
            None => writeln!(text, "{key} = {value}"),
        };
    }
    for (key, value) in sections {
        if let Value::Table(inner) = value {
            write_section(text, &format!("{path}.{key}"), inner, origins);
        }
    }
}
