//! The audit log: who of the admins did what to whom, when and from where.
//!
//! A trace is left before the thing is done, so that nothing is done without one: of a deed that failed in the same
//! moment there may be a trace too many. Nothing removes traces.

use std::sync::Arc;

use crate::model::admin::{Action, NewTrace, Trace};
use crate::model::error::Failure;
use crate::model::ids::UserId;
use crate::store::AuditStore;

/// Above every id of a trace.
const LATEST: u64 = crate::model::ids::ID_MAX;

/// An admin at work, or the operator at the command line.
#[derive(Clone, Debug)]
pub struct Actor {
    pub user: UserId,
    /// Where he is; empty at the command line.
    pub address: String,
}

impl Actor {
    /// Whoever has the command line.
    #[must_use]
    pub fn operator() -> Actor {
        Actor {
            user: UserId::SYSTEM,
            address: String::new(),
        }
    }
}

/// Some traces, newest first.
#[derive(Clone, Debug)]
pub struct TracePage {
    pub traces: Vec<Trace>,
    /// Ask for those below it; `None`: these were the first.
    pub next: Option<u64>,
}

/// The audit log. Cheap to clone.
#[derive(Clone)]
pub struct Audit(Arc<dyn AuditStore>);

impl Audit {
    #[must_use]
    pub fn new(store: Arc<dyn AuditStore>) -> Audit {
        Audit(store)
    }

    /// Leaves a trace of what is about to be done. When that fails it must not be done.
    pub(super) async fn leave(
        &self,
        actor: &Actor,
        action: Action,
        target: Option<UserId>,
        detail: String,
    ) -> Result<(), Failure> {
        let trace = NewTrace {
            admin: actor.user,
            action,
            target,
            detail,
            address: actor.address.clone(),
        };
        self.0.leave(trace).await?;
        Ok(())
    }

    /// Traces below `before`, newest first.
    pub(super) async fn traces(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<TracePage, Failure> {
        let before = before.unwrap_or(LATEST);
        let mut traces = self.0.traces(before, limit + 1).await?;
        let more = traces.len() > limit;
        traces.truncate(limit);
        let next = traces.last().map(|trace| trace.id).filter(|_| more);
        Ok(TracePage { traces, next })
    }
}
