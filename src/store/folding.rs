//! What names are compared by. Every store keeps the result beside the name, so that all compare alike and no
//! database's collation decides who is who.

/// The key of a text where case does not count and everything else does: accents, widths, trailing spaces.
pub fn folded(text: &str) -> String {
    text.to_lowercase()
}
