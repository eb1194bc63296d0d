//! Statements over many values.
//!
//! A server prepares every statement it has not seen before. Statements over many values therefore come in few
//! sizes, and a chunk that is smaller repeats its last value.

use mysql_async::{Params, Value};

/// The sizes; what is more goes into several statements.
const SIZES: [usize; 4] = [1, 8, 64, 512];

/// Cuts values into chunks of at most `most`, each filled up to one of the sizes.
pub(super) fn chunks<T: Clone>(values: &[T], most: usize) -> Vec<Vec<T>> {
    let filled = |chunk: &[T]| {
        let size = SIZES.into_iter().find(|size| *size >= chunk.len());
        let mut filled = chunk.to_vec();
        if let (Some(size), Some(last)) = (size, chunk.last()) {
            filled.resize(size, last.clone());
        }
        filled
    };
    values.chunks(most).map(filled).collect()
}

/// The same text several times, with commas between.
pub(super) fn listed(text: &str, times: usize) -> String {
    vec![text; times].join(", ")
}

/// Values in the order of their question marks.
pub(super) fn positional(values: impl IntoIterator<Item = Value>) -> Params {
    Params::Positional(values.into_iter().collect())
}
