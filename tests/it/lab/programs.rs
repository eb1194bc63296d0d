//! Bots and hooks over the lab's store.

use std::sync::Arc;

use starling::service::accounts::Accounts;
use starling::service::bots::Bots;
use starling::service::groups::Groups;
use starling::service::hooks::{HookParts, Hooks};
use starling::service::messages::Messages;
use starling::service::profiles::Profiles;
use starling::service::sessions::Sessions;

use super::{Choices, World};

pub(super) fn made(
    world: &World,
    choices: &Choices,
    (accounts, sessions, profiles): (&Accounts, &Sessions, &Profiles),
    rooms: &Groups,
    messages: &Messages,
) -> (Bots, Hooks) {
    let stores = &world.stores;
    let bots = Bots::new(
        Arc::clone(&stores.hooks),
        Arc::clone(&stores.users),
        accounts.clone(),
        sessions.clone(),
        profiles.clone(),
    );
    let hooks = Hooks::new(HookParts {
        hooks: Arc::clone(&stores.hooks),
        groups: Arc::clone(&stores.groups),
        rooms: rooms.clone(),
        bots: bots.clone(),
        accounts: accounts.clone(),
        messages: messages.clone(),
        allow_private: choices.private_hooks,
    });
    (bots, hooks)
}
