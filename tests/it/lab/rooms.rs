//! The services of groups, as a node builds them.

use std::sync::Arc;

use starling::service::admission::{Admission, AdmissionParts};
use starling::service::clock::Clock;
use starling::service::files::FileUses;
use starling::service::groups::{GroupParts, Groups};
use starling::service::profiles::Profiles;

use super::{Choices, World};

pub(super) fn made(
    world: &World,
    choices: &Choices,
    profiles: &Profiles,
    clock: &Clock,
    files: &FileUses,
) -> (Groups, Admission) {
    let stores = &world.stores;
    let rooms = Groups::new(GroupParts {
        groups: Arc::clone(&stores.groups),
        mutes: Arc::clone(&stores.mutes),
        admissions: Arc::clone(&stores.admissions),
        committer: world.committer.clone(),
        profiles: profiles.clone(),
        files: files.clone(),
        signals: world.signals.clone(),
        clock: clock.clone(),
        owned_max: choices.owned_max,
    });
    let admission = Admission::new(AdmissionParts {
        rooms: rooms.clone(),
        groups: Arc::clone(&stores.groups),
        admissions: Arc::clone(&stores.admissions),
        profiles: profiles.clone(),
        signals: world.signals.clone(),
        clock: clock.clone(),
        public_url: choices.public_url.clone(),
    });
    (rooms, admission)
}
