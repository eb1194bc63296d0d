//! Collects what is wrong with values, by key; knows no section.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::layers::{Origins, Problem};

/// Findings of one pass over all sections.
#[derive(Default)]
pub(super) struct Checks(Vec<(&'static str, String)>);

impl Checks {
    /// The value lies within its bounds.
    pub(super) fn within<T: PartialOrd + Display + Copy>(
        &mut self,
        key: &'static str,
        value: T,
        bounds: RangeInclusive<T>,
    ) {
        if !bounds.contains(&value) {
            let (least, most) = (bounds.start(), bounds.end());
            self.0
                .push((key, format!("{value} is not between {least} and {most}")));
        }
    }

    /// The condition holds; `otherwise` says what is wrong if not.
    pub(super) fn that(&mut self, key: &'static str, holds: bool, otherwise: &str) {
        if !holds {
            self.0.push((key, otherwise.to_owned()));
        }
    }

    /// All findings, each with where its value came from.
    pub(super) fn problems(self, origins: &Origins) -> Vec<Problem> {
        self.0
            .into_iter()
            .map(|(key, what)| Problem {
                key: key.to_owned(),
                origin: origins.get(key).cloned(),
                what,
            })
            .collect()
    }
}
