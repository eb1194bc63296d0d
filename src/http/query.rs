//! Query parameters, with the name of the one that is wrong.

use std::convert::Infallible;

use warp::Filter;

use crate::model::error::{Code, Failure};
use crate::model::ids::{Seq, UserId, parse_id};

/// How long a list is that nobody asked to be another length.
const LIMIT_DEFAULT: usize = 50;
/// How long a text may be that is looked for, in characters.
const TEXT_CHARS_MAX: usize = 128;
/// How long a list may be.
const LIMIT_MAX: usize = 200;

/// The parameters of one request. One that is asked for may be there once; others do not matter.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

/// Extracts them.
pub(super) fn query() -> impl Filter<Extract = (Query,), Error = Infallible> + Clone {
    warp::query::<Vec<(String, String)>>()
        .or(warp::any().map(Vec::new))
        .unify()
        .map(Query)
}

impl Query {
    /// A text; empty counts as not given.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>, Failure> {
        let text = self.given(name)?.map(str::trim);
        if text.is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX) {
            return Err(bad(name));
        }
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// A text that has to be there.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, Failure> {
        self.text(name)?.ok_or(bad(name))
    }

    pub(super) fn seq(&self, name: &'static str) -> Result<Option<Seq>, Failure> {
        Ok(self.number(name)?.map(Seq))
    }

    /// A number that names something.
    pub(super) fn id(&self, name: &'static str) -> Result<Option<u64>, Failure> {
        self.number(name)
    }

    /// The user to begin behind; the first one without the parameter.
    pub(super) fn after(&self) -> Result<UserId, Failure> {
        Ok(UserId(self.number("after")?.unwrap_or(0)))
    }

    /// How many to list: 50, or as asked from 1 on; more than 200 is 200.
    pub(super) fn limit(&self) -> Result<usize, Failure> {
        let asked = match self.number("limit")? {
            None => return Ok(LIMIT_DEFAULT),
            Some(0) => return Err(bad("limit")),
            Some(asked) => usize::try_from(asked).unwrap_or(LIMIT_MAX),
        };
        Ok(asked.min(LIMIT_MAX))
    }

    /// A number from 0 on. Empty is none.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<u64>, Failure> {
        let text = self.given(name)?;
        text.map(|text| parse_id(text).map_err(|_| bad(name)))
            .transpose()
    }

    fn given(&self, name: &'static str) -> Result<Option<&str>, Failure> {
        let mut given = self.0.iter().filter(|(given, _)| given == name);
        match (given.next(), given.next()) {
            (first, None) => Ok(first.map(|(_, text)| text.as_str())),
            (_, Some(_)) => Err(bad(name)),
        }
    }
}

fn bad(field: &'static str) -> Failure {
    Failure::field(Code::BadRequest, field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Query {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        Query(pairs.iter().map(owned).collect())
    }

    #[test]
    fn a_number_is_digits_and_nothing_else() {
        assert_eq!(of(&[]).limit(), Ok(LIMIT_DEFAULT));
        assert_eq!(of(&[("limit", "7"), ("other", "")]).limit(), Ok(7));
        assert_eq!(of(&[("limit", "201")]).limit(), Ok(LIMIT_MAX));
        for text in [
            "",
            " ",
            "0",
            "-1",
            " 5",
            "5 ",
            "+5",
            "05",
            "1e1",
            "x",
            "9007199254740992",
        ] {
            assert_eq!(
                of(&[("limit", text)]).limit(),
                Err(bad("limit")),
                "{text:?}"
            );
            if text != "0" {
                assert_eq!(of(&[("before", text)]).seq("before"), Err(bad("before")));
                assert_eq!(of(&[("after", text)]).after(), Err(bad("after")));
            }
        }
    }

    #[test]
    fn a_text_has_no_blanks_around_it_and_an_end() {
        assert_eq!(of(&[("q", " a b ")]).text("q"), Ok(Some("a b")));
        assert_eq!(of(&[("q", "  ")]).text("q"), Ok(None));
        assert_eq!(of(&[("q", "  ")]).required("q"), Err(bad("q")));
        assert_eq!(of(&[]).required("q"), Err(bad("q")));
        let longest = "中".repeat(TEXT_CHARS_MAX);
        assert_eq!(of(&[("q", &longest)]).required("q"), Ok(&*longest));
        assert_eq!(
            of(&[("q", &format!("{longest}x"))]).text("q"),
            Err(bad("q"))
        );
    }

    #[test]
    fn what_is_asked_for_is_said_once() {
        let twice = of(&[("limit", "1"), ("limit", "1"), ("q", "a"), ("q", "b")]);
        assert_eq!(twice.limit(), Err(bad("limit")));
        assert_eq!(twice.text("q"), Err(bad("q")));
        assert_eq!(twice.text("other"), Ok(None));
    }
}
