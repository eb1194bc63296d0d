//! Reports of an outcome: a table for the terminal, JSON for programs, one HTML page for everybody.

mod html;
mod plot;
mod summary;
mod table;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::outcome::Outcome;

pub(crate) use table::{counter_example, table};

/// Several runs in one table; written into the folder, too, if there is one.
pub(crate) fn summary(outcomes: &[Outcome], folder: Option<&Path>) -> anyhow::Result<String> {
    let text = summary::table(outcomes);
    if let Some(folder) = folder {
        let path = folder.join("summary.md");
        std::fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(text)
}

/// Writes both files into the folder and returns their paths.
pub(crate) fn write(outcome: &Outcome, folder: &Path) -> anyhow::Result<[PathBuf; 2]> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path =
        |extension: &str| folder.join(format!("{}-{}.{extension}", outcome.scenario, outcome.seed));
    let (json, page) = (path("json"), path("html"));
    std::fs::write(&json, serde_json::to_vec_pretty(outcome)?)?;
    std::fs::write(&page, html::page(outcome))?;
    Ok([json, page])
}
