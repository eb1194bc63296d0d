//! What a character counts as when texts are compared, and how it is folded.
//!
//! Knows no words: what belongs together is put together by `search`.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// What a character is to a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Part of a word that spaces set apart from others.
    Letter,
    /// Of a script that writes words without spaces between them, or a picture: stands for itself.
    Sign,
    /// Changes how its neighbour looks, and nothing else: as if it were not there.
    Ornament,
    /// White space, punctuation, control characters: between words.
    Gap,
}

/// Scripts without spaces between words. What stands between words in them is not listed.
const SIGNS: &[(char, char)] = &[
    // Thai, Lao, Myanmar, Hangul by its letters, Khmer.
    ('\u{0e01}', '\u{0e3a}'),
    ('\u{0e40}', '\u{0e4e}'),
    ('\u{0e50}', '\u{0e59}'),
    ('\u{0e81}', '\u{0edf}'),
    ('\u{1000}', '\u{1049}'),
    ('\u{1050}', '\u{109f}'),
    ('\u{1100}', '\u{11ff}'),
    ('\u{1780}', '\u{17d3}'),
    ('\u{17e0}', '\u{17e9}'),
    // Arrows, technical and other symbols, dingbats.
    ('\u{2190}', '\u{2bff}'),
    // Radicals, marks of repetition, Kana, Bopomofo, letters of Hangul, strokes.
    ('\u{2e80}', '\u{2fdf}'),
    ('\u{3005}', '\u{3007}'),
    ('\u{3021}', '\u{3029}'),
    ('\u{3031}', '\u{3035}'),
    ('\u{3041}', '\u{309f}'),
    ('\u{30a1}', '\u{30fa}'),
    ('\u{30fc}', '\u{30ff}'),
    ('\u{3105}', '\u{31ff}'),
    // Han and Hangul.
    ('\u{3200}', '\u{4dff}'),
    ('\u{4e00}', '\u{9fff}'),
    ('\u{a960}', '\u{a97f}'),
    ('\u{ac00}', '\u{d7ff}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{ff66}', '\u{ff9f}'),
    ('\u{1b000}', '\u{1b16f}'),
    // Pictures.
    ('\u{1f000}', '\u{1fbff}'),
    ('\u{20000}', '\u{3ffff}'),
];

/// Accents and joiners that most people leave out, or that only choose between two pictures of the same thing. Marks of
/// other scripts are vowels, and count.
const ORNAMENTS: &[(char, char)] = &[
    ('\u{00ad}', '\u{00ad}'),
    ('\u{0300}', '\u{036f}'),
    ('\u{0591}', '\u{05bd}'),
    ('\u{064b}', '\u{065f}'),
    ('\u{1ab0}', '\u{1aff}'),
    ('\u{1dc0}', '\u{1dff}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2060}', '\u{2060}'),
    ('\u{20d0}', '\u{20ff}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{fe20}', '\u{fe2f}'),
    ('\u{feff}', '\u{feff}'),
];

/// What a character counts as.
pub(super) fn class(c: char) -> Class {
    if c.is_ascii() {
        return match c.is_ascii_alphanumeric() {
            true => Class::Letter,
            false => Class::Gap,
        };
    }
    if within(ORNAMENTS, c) {
        Class::Ornament
    } else if within(SIGNS, c) {
        Class::Sign
    } else if c.is_alphanumeric() || is_combining_mark(c) {
        Class::Letter
    } else {
        Class::Gap
    }
}

/// A letter without its accents, its width and its case; a sign as it is.
pub(super) fn fold(c: char, class: Class, mut push: impl FnMut(char)) {
    if c.is_ascii() {
        return push(c.to_ascii_lowercase());
    }
    if class != Class::Letter {
        return push(c);
    }
    decompose_compatible(c, |part| {
        if self::class(part) == Class::Letter {
            // The two small sigmas are one letter.
            let lower = part.to_lowercase();
            lower.for_each(|c| push(if c == 'ς' { 'σ' } else { c }));
        }
    });
}

fn within(ranges: &[(char, char)], c: char) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= c);
    after > 0 && ranges[after - 1].1 >= c
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        let mut out = String::new();
        text.chars().for_each(|c| match class(c) {
            Class::Letter => fold(c, Class::Letter, |c| out.push(c)),
            Class::Sign => fold(c, Class::Sign, |c| out.push(c)),
            Class::Ornament => {}
            Class::Gap => out.push(' '),
        });
        out
    }

    #[test]
    fn ranges_are_in_order_so_that_they_can_be_searched_by_halving() {
        for ranges in [SIGNS, ORNAMENTS] {
            assert!(ranges.iter().all(|(first, last)| first <= last));
            assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }

    #[test]
    fn case_accents_and_width_do_not_count_and_vowels_of_other_scripts_do() {
        assert_eq!(
            folded("Émile cafe\u{301} ＡＢＣ ﬁn İ"),
            "emile cafe abc fin i"
        );
        assert_eq!(folded("ΣΟΦΟΣ σοφος σοφός"), "σοφοσ σοφοσ σοφοσ");
        assert_ne!(folded("कि"), folded("का"));
        assert_eq!(folded("北京，ガ!\u{0}%_"), "北京 ガ    ");
    }
}
