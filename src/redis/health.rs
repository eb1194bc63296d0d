//! How one use of Redis fares, in words for people: the node adds it to the reasons why it is degraded.
//!
//! Responsible for telling a change once and for remembering since when. Deliberately without consequences.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tracing::{info, warn};

/// The state of one use. Cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<Shared>);

struct Shared {
    purpose: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Redis does not answer; none: it does.
    away: Option<Trouble>,
    /// It answers, but refuses what it is asked for (it is full, read-only, a replica).
    refusing: Option<Trouble>,
    /// It answers, but too late.
    late: Option<Trouble>,
}

struct Trouble {
    since: Instant,
    why: String,
}

impl Health {
    /// Not reached yet. `purpose` says what Redis is used for, as in "cannot be used for …".
    pub(crate) fn new(purpose: &'static str) -> Health {
        let state = State {
            away: Some(Trouble {
                since: Instant::now(),
                why: "not reached yet".to_owned(),
            }),
            ..State::default()
        };
        Health(Arc::new(Shared {
            purpose,
            state: Mutex::new(state),
        }))
    }

    /// Why this use is in trouble, in words; none when it is well.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let state = self.state();
        let answers_ill = state.refusing.as_ref().or(state.late.as_ref());
        let trouble = state.away.as_ref().or(answers_ill)?;
        Some(format!(
            "Redis cannot be used for {}, for {} s now: {}",
            self.0.purpose,
            trouble.since.elapsed().as_secs(),
            trouble.why
        ))
    }

    /// Whether Redis answers and does what it is asked for.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let state = self.state();
        state.away.is_none() && state.refusing.is_none() && state.late.is_none()
    }

    /// Redis does not answer.
    pub(crate) fn away(&self, why: &str) {
        let mut state = self.state();
        match &mut state.away {
            Some(trouble) if trouble.why == why => {}
            Some(trouble) => {
                why.clone_into(&mut trouble.why);
                warn!(purpose = self.0.purpose, why, "Redis is still away");
            }
            None => {
                warn!(
                    purpose = self.0.purpose,
                    why, "Redis is away; the node goes on without it"
                );
                state.away = Some(Trouble::now(why));
            }
        }
    }

    /// Redis answers.
    pub(crate) fn reached(&self) {
        if let Some(trouble) = self.state().away.take() {
            let seconds = trouble.since.elapsed().as_secs();
            info!(purpose = self.0.purpose, seconds, "Redis is reached");
        }
    }

    /// Redis answers, but not with what it was asked for.
    pub(crate) fn refused(&self, why: &str) {
        let mut state = self.state();
        if state.refusing.is_none() {
            warn!(purpose = self.0.purpose, why, "Redis refuses");
            state.refusing = Some(Trouble::now(why));
        }
    }

    /// Redis did what it was asked for.
    pub(crate) fn obeyed(&self) {
        if self.state().refusing.take().is_some() {
            info!(purpose = self.0.purpose, "Redis obeys again");
        }
    }

    /// Redis did not answer a call in time.
    pub(crate) fn late(&self) {
        let mut state = self.state();
        if state.late.is_none() {
            warn!(purpose = self.0.purpose, "Redis answers too late");
            state.late = Some(Trouble::now("it answers too late"));
        }
    }

    /// Redis answers as quickly as it should.
    pub(crate) fn in_time(&self) {
        if self.state().late.take().is_some() {
            info!(purpose = self.0.purpose, "Redis answers in time again");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trouble {
    fn now(why: &str) -> Trouble {
        Trouble {
            since: Instant::now(),
            why: why.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_until_it_is_over_and_being_away_comes_first() {
        let health = Health::new("tests");
        assert!(health.reason().unwrap().contains("not reached yet"));
        health.reached();
        assert!(health.is_well() && health.reason().is_none());
        health.refused("it is full");
        assert!(health.reason().unwrap().contains("for tests"));
        health.away("connection refused");
        assert!(health.reason().unwrap().ends_with("connection refused"));
        health.reached();
        assert!(health.reason().unwrap().ends_with("it is full"));
        health.late();
        health.obeyed();
        assert!(health.reason().unwrap().ends_with("it answers too late"));
        health.in_time();
        assert!(health.is_well());
    }
}
