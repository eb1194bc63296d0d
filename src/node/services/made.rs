//! The services of a node one by one, each from what it needs of the configuration, the stores and the handles.

use std::sync::Arc;

use super::Handles;
use crate::config::Config;
use crate::http::assets::Assets;
use crate::journal::committer::Committer;
use crate::journal::position::Position;
use crate::service::accounts::{AccountParts, Accounts};
use crate::service::admission::{Admission, AdmissionParts};
use crate::service::alterations::Alterations;
use crate::service::audit::Audit;
use crate::service::bots::Bots;
use crate::service::clock::Clock;
use crate::service::conversations::{ConversationParts, Conversations};
use crate::service::entries::{Entries, EntryParts};
use crate::service::files::FileUses;
use crate::service::groups::{GroupParts, Groups};
use crate::service::hooks::{HookParts, Hooks};
use crate::service::invitations::Invitations;
use crate::service::messages::{Messages, SendSettings};
use crate::service::outcomes::Outcomes;
use crate::service::packets::{PacketParts, Packets};
use crate::service::passwords::{HashingSettings, InvalidHashing, Passwords};
use crate::service::profiles::Profiles;
use crate::service::reads::Reads;
use crate::service::search::Searches;
use crate::service::sessions::Sessions;
use crate::service::throttle::{Throttle, ThrottleSettings};
use crate::store::Stores;

pub(super) fn assets(config: &Config) -> Assets {
    if config.http.assets.as_os_str().is_empty() {
        Assets::embedded()
    } else {
        Assets::folder(config.http.assets.clone())
    }
}

pub(super) fn sessions(config: &Config, stores: &Stores, committer: &Committer) -> Sessions {
    Sessions::new(
        Arc::clone(&stores.sessions),
        Arc::clone(&stores.users),
        committer.clone(),
        Clock::system(),
        config.auth.session_days,
    )
}

pub(super) fn accounts(
    config: &Config,
    stores: &Stores,
    handles: &Handles,
    (sessions, profiles): (&Sessions, &Profiles),
    rooms: &Groups,
    files: FileUses,
) -> Result<Accounts, InvalidHashing> {
    Ok(Accounts::new(AccountParts {
        users: Arc::clone(&stores.users),
        invitations: Arc::clone(&stores.invitations),
        sessions: sessions.clone(),
        groups: rooms.clone(),
        passwords: Passwords::new(hashing(config))?,
        throttle: throttle(config, handles),
        profiles: profiles.clone(),
        signals: handles.signals.clone(),
        files,
        registration: config.auth.registration,
    }))
}

pub(super) fn messages(
    config: &Config,
    stores: &Stores,
    committer: &Committer,
    uses: &FileUses,
) -> Messages {
    Messages::new(
        committer.clone(),
        Arc::clone(&stores.log),
        Arc::clone(&stores.groups),
        Arc::clone(&stores.messages),
        uses.clone(),
        sending(config),
    )
}

pub(super) fn searches(
    config: &Config,
    stores: &Stores,
    conversations: &Conversations,
    position: &Position,
) -> Searches {
    Searches::new(
        config.chat.search.then(|| Arc::clone(&stores.search)),
        conversations.clone(),
        Outcomes::new(Arc::clone(&stores.messages)),
        position.clone(),
    )
}

pub(super) fn programs(
    config: &Config,
    stores: &Stores,
    (accounts, sessions, profiles): (&Accounts, &Sessions, &Profiles),
    rooms: &Groups,
    messages: &Messages,
) -> (Bots, Hooks) {
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
        allow_private: config.hooks.allow_private,
    });
    (bots, hooks)
}

pub(super) fn rooms(
    config: &Config,
    stores: &Stores,
    handles: &Handles,
    profiles: &Profiles,
    files: &FileUses,
) -> Groups {
    Groups::new(GroupParts {
        groups: Arc::clone(&stores.groups),
        mutes: Arc::clone(&stores.mutes),
        admissions: Arc::clone(&stores.admissions),
        committer: handles.committer.clone(),
        profiles: profiles.clone(),
        files: files.clone(),
        signals: handles.signals.clone(),
        clock: Clock::system(),
        owned_max: config.chat.groups_owned_max,
    })
}

pub(super) fn admission(
    config: &Config,
    stores: &Stores,
    handles: &Handles,
    profiles: &Profiles,
    rooms: &Groups,
) -> Admission {
    Admission::new(AdmissionParts {
        rooms: rooms.clone(),
        groups: Arc::clone(&stores.groups),
        admissions: Arc::clone(&stores.admissions),
        profiles: profiles.clone(),
        signals: handles.signals.clone(),
        clock: Clock::system(),
        public_url: config.http.public_url.clone(),
    })
}

pub(super) fn invitations(config: &Config, stores: &Stores, audit: &Audit) -> Invitations {
    Invitations::new(
        Arc::clone(&stores.invitations),
        Arc::clone(&stores.users),
        audit.clone(),
        Clock::system(),
        config.auth.inviters,
    )
}

pub(super) fn conversations(
    stores: &Stores,
    handles: &Handles,
    profiles: &Profiles,
    reads: &Reads,
    rooms: &Groups,
) -> Conversations {
    Conversations::new(ConversationParts {
        log: Arc::clone(&stores.log),
        conversations: Arc::clone(&stores.conversations),
        friends: Arc::clone(&stores.friends),
        groups: Arc::clone(&stores.groups),
        outcomes: Outcomes::new(Arc::clone(&stores.messages)),
        rooms: rooms.clone(),
        profiles: profiles.clone(),
        reads: reads.clone(),
        signals: handles.signals.clone(),
        position: handles.position.clone(),
    })
}

pub(super) fn entries(
    stores: &Stores,
    handles: &Handles,
    messages: &Messages,
    profiles: &Profiles,
    reads: &Reads,
) -> Entries {
    let log = || Arc::clone(&stores.log);
    Entries::new(EntryParts {
        alterations: Alterations::new(handles.committer.clone(), log(), messages.clone()),
        log: log(),
        messages: Arc::clone(&stores.messages),
        groups: Arc::clone(&stores.groups),
        profiles: profiles.clone(),
        reads: reads.clone(),
        signals: handles.signals.clone(),
    })
}

pub(super) fn packets(
    config: &Config,
    stores: &Stores,
    committer: &Committer,
    messages: &Messages,
) -> Packets {
    Packets::new(PacketParts {
        packets: Arc::clone(&stores.packets),
        log: Arc::clone(&stores.log),
        committer: committer.clone(),
        messages: messages.clone(),
        hours: config.chat.packet_hours,
        seed: uuid::Uuid::new_v4().as_u64_pair().0,
    })
}

pub(super) fn sending(config: &Config) -> SendSettings {
    SendSettings {
        per_second: config.limits.sends_per_second,
        burst: config.limits.sends_burst,
        text_bytes_max: config.limits.text_bytes,
    }
}

pub(super) fn throttle(config: &Config, handles: &Handles) -> Throttle {
    let throttle = Throttle::new(ThrottleSettings {
        auth_per_minute: config.limits.auth_per_minute,
        auth_failures: config.limits.auth_failures,
    });
    match &handles.counts {
        Some(counts) => throttle.with(Arc::clone(counts)),
        None => throttle,
    }
}

pub(super) fn hashing(config: &Config) -> HashingSettings {
    HashingSettings {
        scrypt_log_n: config.auth.scrypt_log_n,
        scrypt_r: config.auth.scrypt_r,
        scrypt_p: config.auth.scrypt_p,
        hashing_parallel: config.auth.hashing_slots(),
    }
}
