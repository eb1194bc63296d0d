//! Proves from the clients' ledgers and the log what the server promises, or finds the first counter-example.
//!
//! Pure: takes what was written down and the log as it is in the store. Who was entitled to what is worked out here,
//! from the entries about comings and goings, and not asked of the server.

mod defect;
mod history;
mod judge;
#[cfg(test)]
mod page_tests;
mod pages;
#[cfg(test)]
mod tests;
mod truth;
mod visibility;

pub(crate) use defect::{Defect, Finding, PROMISES};
pub(crate) use judge::{Verdict, judge};
pub(crate) use pages::has_everything;
pub(crate) use truth::Truth;
pub(crate) use visibility::{Delivery, Percentiles, absences, deliveries, percentiles};
