//! The page that says what keeps out each fault of the systems before this one tells no stories.

use std::collections::BTreeSet;

use super::*;

const FAULTS: u32 = 88;

/// The rows of the tables of faults: their numbers, and what keeps them out.
fn rows(page: &str) -> Vec<(Vec<u32>, String)> {
    let tables = page.split_once("## Their faults").unwrap().1;
    let cells = tables
        .lines()
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    cells
        .filter_map(|cells| {
            let numbers = cells.get(1)?.split(", ").map(|number| number.parse().ok());
            Some((
                numbers.collect::<Option<Vec<u32>>>()?,
                (*cells.get(3)?).to_owned(),
            ))
        })
        .collect()
}

/// What is quoted and looks like the name of a test, which is a sentence.
fn named(cell: &str) -> impl Iterator<Item = &str> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.filter(|word| word.matches('_').count() > 1 && word.chars().all(is_word))
}

/// All functions of the source that are run as tests.
fn tests_of(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in ["src", "tests"].map(|folder| root.join(folder)) {
        for file in rust_files(&path) {
            let text = fs::read_to_string(file).unwrap();
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                let name = line
                    .strip_prefix("async fn ")
                    .or(line.strip_prefix("fn "))
                    .and_then(|rest| rest.split(['(', '<']).next());
                if let Some(name) = name.filter(|_| std::mem::take(&mut is_test)) {
                    found.insert(name.to_owned());
                }
            }
        }
    }
    found
}

#[test]
fn every_fault_of_the_ancestors_is_kept_out_by_something_and_every_test_named_there_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/ancestors.md")).unwrap();
    let rows = rows(&page);
    let mut numbers: Vec<u32> = rows
        .iter()
        .flat_map(|(numbers, _)| numbers.clone())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=FAULTS).collect::<Vec<_>>());
    let tests = tests_of(root);
    let stories: Vec<_> = rows
        .iter()
        .flat_map(|(numbers, cell)| named(cell).map(move |name| (numbers, name)))
        .filter(|(_, name)| !tests.contains(*name))
        .collect();
    assert!(stories.is_empty(), "no such tests: {stories:?}");
    assert!(rows.iter().all(|(_, cell)| !cell.is_empty()));
    let names: Vec<&str> = rows.iter().flat_map(|(_, cell)| named(cell)).collect();
    assert!(names.len() > 50, "{names:?}");
}
