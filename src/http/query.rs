//! Query parameters, with the name of the one that is wrong.

use std::collections::BTreeMap;
use std::convert::Infallible;

use warp::Filter;

use crate::model::error::{Code, Failure};
use crate::model::ids::{Seq, UserId, parse_id};

/// How long a list is that nobody asked to be another length.
const LIMIT_DEFAULT: usize = 50;
/// How long a list may be.
const LIMIT_MAX: usize = 200;

/// The parameters of one request. Of a repeated one the last counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(BTreeMap<String, String>);

/// Extracts them.
pub(super) fn query() -> impl Filter<Extract = (Query,), Error = Infallible> + Clone {
    warp::query::<BTreeMap<String, String>>()
        .or(warp::any().map(BTreeMap::new))
        .unify()
        .map(Query)
}

impl Query {
    /// A text; empty counts as not given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name).map(|text| text.trim());
        text.filter(|text| !text.is_empty())
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

    fn number(&self, name: &'static str) -> Result<Option<u64>, Failure> {
        let text = self.text(name);
        text.map(|text| parse_id(text).map_err(|_| bad(name)))
            .transpose()
    }
}

fn bad(field: &'static str) -> Failure {
    Failure::field(Code::BadRequest, field)
}
