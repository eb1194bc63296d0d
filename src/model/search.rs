//! What people search for, and whether a message has it.
//!
//! A text is words, set apart by spaces and the like, and runs of signs (Chinese, Japanese, Korean, Thai, pictures),
//! where any part is as good as a word. A query asks for all of its words, and for each of its runs as part of one. An
//! index needs only [`tokens`]: what it finds by them is a guess until [`Query::find`] has looked at the body.

mod has;
mod letters;

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use letters::{Class, class, fold};

pub use has::Has;

/// Longest query, in characters.
pub const QUERY_CHARS_MAX: usize = 128;
/// Tokens of one query that an index is asked for, the longest ones; the others are looked for in what it found.
pub const QUERY_TOKENS_MAX: usize = 8;
/// Different tokens of one message. What a longer text says beyond them is not in an index: it would cost more than
/// hundreds of usual messages.
pub const MESSAGE_TOKENS_MAX: usize = 2_048;

/// What an index calls a word, a sign or two signs in a row: 32 bits of a hash. Two of them may share one.
pub type Token = u32;

/// A stretch of a text in UTF-16 code units, which is how browsers count; the end is not included.
pub type Stretch = (usize, usize);

/// What is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    terms: Vec<Term>,
    has: Option<Has>,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Term {
    /// A whole word, folded.
    Word(String),
    /// Signs in a row.
    Run(Vec<char>),
}

impl Query {
    /// Reads what somebody typed. [`Query::is_empty`]: it holds nothing to search for, as punctuation alone does not.
    #[must_use]
    pub fn parse(text: &str) -> Query {
        let mut terms = BTreeSet::new();
        pieces(text, |piece| {
            terms.insert(match piece {
                Piece::Word { word, .. } => Term::Word(word.to_owned()),
                Piece::Run(signs) => Term::Run(signs.iter().map(|sign| sign.folded).collect()),
            });
        });
        let mut tokens: Vec<(usize, Token)> = Vec::new();
        for term in &terms {
            match term {
                Term::Word(word) => tokens.push((word.chars().count(), of_word(word))),
                Term::Run(signs) => match signs.as_slice() {
                    [sign] => tokens.push((1, of_sign(*sign))),
                    signs => tokens.extend(pairs(signs).map(|token| (2, token))),
                },
            }
        }
        // Long words are rarer.
        tokens.sort_unstable_by(|one, other| other.cmp(one));
        let mut seen = BTreeSet::new();
        tokens.retain(|(_, token)| seen.insert(*token));
        tokens.truncate(QUERY_TOKENS_MAX);
        Query {
            terms: terms.into_iter().collect(),
            has: None,
            tokens: tokens.into_iter().map(|(_, token)| token).collect(),
        }
    }

    /// Asks besides that messages have this.
    #[must_use]
    pub fn having(mut self, has: Has) -> Query {
        self.has = Some(has);
        // Last, as words are rarer.
        self.tokens.push(has.token());
        self
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.has.is_none()
    }

    /// Tokens that every message with this has, unless it is longer than [`MESSAGE_TOKENS_MAX`]: at most
    /// [`QUERY_TOKENS_MAX`], and one for what [`Query::having`] asks for.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Looks into the body of a message or a notice. `None`: it does not have all of it. Otherwise where it is in the
    /// field `content`, in order; in other fields nothing is marked.
    #[must_use]
    pub fn find(&self, body: &[u8]) -> Option<Vec<Stretch>> {
        let fields = Fields::of(body);
        if self.is_empty() || (self.has.is_some() && self.has != Has::of(&fields)) {
            return None;
        }
        let mut missing: Vec<&Term> = self.terms.iter().collect();
        let mut marked = Vec::new();
        let content = fields.content();
        pieces(content, |piece| {
            for term in &self.terms {
                let before = marked.len();
                mark(term, &piece, &mut marked);
                if marked.len() > before {
                    missing.retain(|other| *other != term);
                }
            }
        });
        for text in fields.others() {
            pieces(text, |piece| missing.retain(|term| !is_in(term, &piece)));
        }
        missing.is_empty().then(|| joined(marked))
    }
}

/// The tokens of a message's or a notice's body, at most [`MESSAGE_TOKENS_MAX`]. A message that was taken back has none.
#[must_use]
pub fn tokens(body: &[u8]) -> BTreeSet<Token> {
    let fields = Fields::of(body);
    let mut tokens: BTreeSet<Token> = Has::of(&fields).map(Has::token).into_iter().collect();
    let mut add = |token| {
        if tokens.len() < MESSAGE_TOKENS_MAX {
            tokens.insert(token);
        }
    };
    for text in std::iter::once(fields.content()).chain(fields.others()) {
        pieces(text, |piece| match piece {
            Piece::Word { word, .. } => add(of_word(word)),
            Piece::Run(signs) => {
                let signs: Vec<char> = signs.iter().map(|sign| sign.folded).collect();
                signs.iter().for_each(|sign| add(of_sign(*sign)));
                pairs(&signs).for_each(&mut add);
            }
        });
    }
    tokens
}

fn of_word(word: &str) -> Token {
    hashed(0, word.bytes())
}

fn of_sign(sign: char) -> Token {
    hashed(1, u32::from(sign).to_be_bytes())
}

fn pairs(signs: &[char]) -> impl Iterator<Item = Token> {
    let pair = |pair: &[char]| hashed(2, pair.iter().flat_map(|c| u32::from(*c).to_be_bytes()));
    signs.windows(2).map(pair)
}

/// FNV-1a, 64 bits folded to 32. Whoever makes words that share a token makes his own conversations slower to search.
fn hashed(kind: u8, bytes: impl IntoIterator<Item = u8>) -> Token {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    let hash = bytes.into_iter().fold(step(OFFSET, kind), step);
    let [a, b, c, d, e, f, g, h] = hash.to_be_bytes();
    u32::from_be_bytes([a, b, c, d]) ^ u32::from_be_bytes([e, f, g, h])
}

/// What of a body is searched.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields<'b> {
    media: u16,
    #[serde(borrow)]
    content: Option<Cow<'b, str>>,
    #[serde(borrow)]
    memo: Option<Cow<'b, str>>,
    #[serde(borrow)]
    meta: Option<&'b RawValue>,
    recalled: bool,
    #[serde(skip)]
    name: String,
}

/// Of `meta`, whose fields may hold anything.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta<'b> {
    #[serde(borrow)]
    name: Option<&'b RawValue>,
}

impl<'b> Fields<'b> {
    /// What cannot be read says nothing.
    fn of(body: &'b [u8]) -> Fields<'b> {
        let mut fields: Fields<'b> = serde_json::from_slice(body).unwrap_or_default();
        if fields.recalled {
            return Fields::default();
        }
        let meta = fields.meta.map(RawValue::get);
        let meta: Option<Meta<'b>> = meta.and_then(|meta| serde_json::from_str(meta).ok());
        let name = meta.and_then(|meta| meta.name);
        let name = name.and_then(|name| serde_json::from_str(name.get()).ok());
        fields.name = name.unwrap_or_default();
        fields
    }

    fn content(&self) -> &str {
        self.content.as_deref().unwrap_or_default()
    }

    fn others(&self) -> impl Iterator<Item = &str> {
        let memo = self.memo.as_deref().unwrap_or_default();
        [memo, self.name.as_str()].into_iter()
    }
}

/// A stretch of a text that is searched as one.
enum Piece<'t> {
    Word { word: &'t str, at: Stretch },
    Run(&'t [Sign]),
}

#[derive(Clone, Copy)]
struct Sign {
    folded: char,
    at: Stretch,
}

/// Cuts a text into its words and runs.
fn pieces(text: &str, mut each: impl FnMut(Piece<'_>)) {
    let mut word = String::new();
    let mut word_at = (0, 0);
    let mut run: Vec<Sign> = Vec::new();
    let mut place = 0;
    for c in text.chars() {
        let at = (place, place + c.len_utf16());
        place = at.1;
        let class = class(c);
        if class != Class::Letter && class != Class::Ornament && !word.is_empty() {
            each(Piece::Word {
                word: &word,
                at: word_at,
            });
            word.clear();
        }
        if class != Class::Sign && class != Class::Ornament && !run.is_empty() {
            each(Piece::Run(&run));
            run.clear();
        }
        match class {
            Class::Letter => {
                if word.is_empty() {
                    word_at.0 = at.0;
                }
                word_at.1 = at.1;
                fold(c, class, |c| word.push(c));
            }
            Class::Sign => fold(c, class, |folded| run.push(Sign { folded, at })),
            // It belongs to what it adorns.
            Class::Ornament => match run.last_mut() {
                Some(sign) => sign.at.1 = at.1,
                None => word_at.1 = at.1,
            },
            Class::Gap => {}
        }
    }
    if !word.is_empty() {
        each(Piece::Word {
            word: &word,
            at: word_at,
        });
    }
    if !run.is_empty() {
        each(Piece::Run(&run));
    }
}

/// Adds where a term is in a piece, each time.
fn mark(term: &Term, piece: &Piece<'_>, marked: &mut Vec<Stretch>) {
    match (term, piece) {
        (Term::Word(wanted), Piece::Word { word, at }) if wanted == word => marked.push(*at),
        (Term::Run(wanted), Piece::Run(signs)) => {
            for part in signs.windows(wanted.len()) {
                if part.iter().map(|sign| &sign.folded).eq(wanted)
                    && let (Some(first), Some(last)) = (part.first(), part.last())
                {
                    marked.push((first.at.0, last.at.1));
                }
            }
        }
        (Term::Word(_), Piece::Word { .. } | Piece::Run(_))
        | (Term::Run(_), Piece::Word { .. }) => {}
    }
}

fn is_in(term: &Term, piece: &Piece<'_>) -> bool {
    let mut marked = Vec::new();
    mark(term, piece, &mut marked);
    !marked.is_empty()
}

/// In order, and those that touch as one.
fn joined(mut marked: Vec<Stretch>) -> Vec<Stretch> {
    marked.sort_unstable();
    let mut joined: Vec<Stretch> = Vec::with_capacity(marked.len());
    for (start, end) in marked {
        match joined.last_mut() {
            Some(last) if last.1 >= start => last.1 = last.1.max(end),
            Some(_) | None => joined.push((start, end)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(content: &str) -> Vec<u8> {
        json!({"media": 1, "content": content})
            .to_string()
            .into_bytes()
    }

    fn marked(query: &str, content: &str) -> Option<Vec<Stretch>> {
        let found = Query::parse(query).find(&body(content));
        let known = tokens(&body(content));
        let query = Query::parse(query);
        if found.is_some() {
            let indexed = query.tokens().iter().all(|token| known.contains(token));
            assert!(indexed, "{query:?} would not be found in {content}");
        }
        found
    }

    #[test]
    fn words_are_found_whole_and_signs_as_parts_of_runs() {
        let text = "Meet me in 北京大学 at 9:30, Émile! 👍🏽 100%";
        for (query, stretches) in [
            ("MEET", vec![(0, 4)]),
            ("emile in", vec![(8, 10), (25, 30)]),
            ("京大", vec![(12, 14)]),
            ("北", vec![(11, 12)]),
            ("北京 大学", vec![(11, 15)]),
            ("me北京at", vec![(5, 7), (11, 13), (16, 18)]),
            ("👍", vec![(32, 34)]),
            ("100%", vec![(37, 40)]),
        ] {
            assert_eq!(marked(query, text), Some(stretches), "{query}");
        }
        for query in [
            "mee",
            "北大",
            "大学北京",
            "meet you",
            "%",
            "",
            "\u{0}",
            "_",
            "👎",
        ] {
            assert_eq!(marked(query, text), None, "{query}");
        }
    }

    #[test]
    fn a_run_goes_on_over_what_only_adorns_it() {
        assert_eq!(marked("❤☀", "x ❤\u{fe0f}☀"), Some(vec![(2, 5)]));
        assert_eq!(
            marked("cafe", "le cafe\u{301}s cafe\u{301}"),
            Some(vec![(10, 15)])
        );
    }

    #[test]
    fn memo_and_the_name_of_a_file_are_searched_and_nothing_is_marked_there() {
        let body = json!({
            "media": 10, "url": "/files/1/a.pdf", "content": "the plan", "memo": "draft",
            "meta": {"name": "年度报告.pdf", "size": 5},
        });
        let body = body.to_string().into_bytes();
        for (query, found) in [
            ("报告", Some(vec![])),
            ("draft plan", Some(vec![(4, 8)])),
            ("pdf", Some(vec![])),
            ("files", None),
            ("url", None),
        ] {
            assert_eq!(Query::parse(query).find(&body), found, "{query}");
        }
    }

    #[test]
    fn what_was_taken_back_or_cannot_be_read_says_nothing() {
        for body in [
            r#"{"media":1,"recalled":true}"#,
            r#"{"media":1,"content":"hi","recalled":true}"#,
            r#"{"media":1,"content":7}"#,
            r#"{"content":null,"meta":{"name":["hi"]}}"#,
            "{}",
            "",
        ] {
            assert_eq!(Query::parse("hi").find(body.as_bytes()), None, "{body}");
            assert!(tokens(body.as_bytes()).is_empty(), "{body}");
        }
    }

    #[test]
    fn a_query_asks_an_index_for_its_longest_words_only() {
        let query = Query::parse("a bb ccc dddd eeeee ffffff ggggggg hhhhhhhh iiiiiiiii j");
        assert_eq!(query.tokens().len(), QUERY_TOKENS_MAX);
        assert!(!query.tokens().contains(&of_word("a")));
        assert_eq!(query.tokens()[0], of_word("iiiiiiiii"));
        assert!(Query::parse(" ,.%_\u{0}").is_empty());
    }

    #[test]
    fn a_message_has_a_bounded_number_of_tokens() {
        let text: String = ('\u{4e00}'..'\u{9fff}').take(5_000).collect();
        assert_eq!(tokens(&body(&text)).len(), MESSAGE_TOKENS_MAX);
    }
}
