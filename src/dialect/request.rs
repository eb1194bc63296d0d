//! A request of an old client: what it asks with, and who it is.

use warp::http::{HeaderMap, Method};

use super::params::Params;
use crate::http::auth::Gate;
use crate::http::door::Visitor;
use crate::http::reply;
use crate::model::error::{Code, Failure, Language};
use crate::model::ids::{ID_MAX, UserId};
use crate::service::sessions::{Device, Identity, Sessions};

/// A request, read to its end.
pub(super) struct Asked {
    pub(super) headers: HeaderMap,
    pub(super) params: Params,
    pub(super) visitor: Visitor,
}

/// Tells who asks. Cheap to clone.
#[derive(Clone)]
pub(super) struct Doorkeeper {
    pub(super) gate: Gate,
    pub(super) sessions: Sessions,
}

impl Asked {
    pub(super) fn language(&self) -> Language {
        reply::language(&self.headers)
    }

    /// What a session opened now is listed as.
    pub(super) fn device(&self, label: &str) -> Device {
        Device {
            label: label.to_owned(),
            address: self.visitor.address.to_string(),
        }
    }

    /// Who asks. These protocols change things by any method, so the cookie counts only from a page of ours, whatever
    /// the method is; `named`: parameters that name the asker, who must be the session's own user where they are there.
    pub(super) async fn login(
        &self,
        door: &Doorkeeper,
        named: &[&str],
    ) -> Result<Identity, Failure> {
        let token = match header_token(&self.headers) {
            Some(token) => token,
            None => door.gate.request_token(&Method::POST, &self.headers)?,
        };
        let identity = door.sessions.authenticate(&token).await?;
        for name in named {
            let given = self.params.number::<u64>(&[name], "userId")?;
            if given.is_some_and(|id| UserId(id) != identity.user.id) {
                return Err(Failure::new(Code::Forbidden));
            }
        }
        Ok(identity)
    }

    /// Somebody named by a number.
    pub(super) fn user(&self, names: &[&str]) -> Result<UserId, Failure> {
        let bad = Failure::field(Code::BadRequest, "id");
        match self.params.number::<u64>(names, "id")? {
            Some(id) if (1..=ID_MAX).contains(&id) => Ok(UserId(id)),
            Some(_) | None => Err(bad),
        }
    }
}

/// The header of shyim's client.
fn header_token(headers: &HeaderMap) -> Option<String> {
    let token = headers.get("token")?.to_str().ok()?.trim();
    (!token.is_empty()).then(|| token.to_owned())
}
