//! Accounts, messages and conversations over the lab's store.

use std::sync::Arc;

use starling::service::accounts::{AccountParts, Accounts};
use starling::service::alterations::Alterations;
use starling::service::clock::Clock;
use starling::service::conversations::{ConversationParts, Conversations};
use starling::service::entries::{Entries, EntryParts};
use starling::service::files::FileUses;
use starling::service::friends::Friends;
use starling::service::groups::Groups;
use starling::service::messages::Messages;
use starling::service::outcomes::Outcomes;
use starling::service::packets::{PacketParts, Packets};
use starling::service::passwords::Passwords;
use starling::service::profiles::Profiles;
use starling::service::reads::Reads;
use starling::service::search::Searches;
use starling::service::sessions::Sessions;
use starling::service::throttle::Throttle;

use super::{CHEAP, Choices, World};

impl World {
    pub(super) fn messages(&self, choices: &Choices, uses: &FileUses) -> Messages {
        let stores = &self.stores;
        Messages::new(
            self.committer.clone(),
            Arc::clone(&stores.log),
            Arc::clone(&stores.groups),
            Arc::clone(&stores.messages),
            uses.clone(),
            choices.sending,
        )
    }

    pub(super) fn sessions(&self, clock: Clock) -> Sessions {
        let stores = &self.stores;
        let (sessions, users) = (Arc::clone(&stores.sessions), Arc::clone(&stores.users));
        Sessions::new(sessions, users, self.committer.clone(), clock, 30)
    }

    pub(super) fn friends(&self, choices: &Choices, profiles: &Profiles) -> Friends {
        Friends::new(
            Arc::clone(&self.stores.friends),
            Arc::clone(&self.stores.users),
            self.committer.clone(),
            profiles.clone(),
            self.signals.clone(),
            choices.friend_mode,
        )
    }

    pub(super) fn conversations(
        &self,
        rooms: &Groups,
        profiles: &Profiles,
        reads: &Reads,
    ) -> Conversations {
        let stores = &self.stores;
        Conversations::new(ConversationParts {
            log: Arc::clone(&stores.log),
            conversations: Arc::clone(&stores.conversations),
            friends: Arc::clone(&stores.friends),
            groups: Arc::clone(&stores.groups),
            outcomes: Outcomes::new(Arc::clone(&stores.messages)),
            rooms: rooms.clone(),
            profiles: profiles.clone(),
            reads: reads.clone(),
            signals: self.signals.clone(),
            position: self.position.clone(),
        })
    }

    pub(super) fn searches(&self, choices: &Choices, conversations: &Conversations) -> Searches {
        let stores = &self.stores;
        Searches::new(
            choices.search.then(|| Arc::clone(&stores.search)),
            conversations.clone(),
            Outcomes::new(Arc::clone(&stores.messages)),
            self.position.clone(),
        )
    }

    pub(super) fn packets(&self, choices: &Choices, sending: &Messages) -> Packets {
        Packets::new(PacketParts {
            packets: Arc::clone(&self.stores.packets),
            log: Arc::clone(&self.stores.log),
            committer: self.committer.clone(),
            messages: sending.clone(),
            hours: choices.packet_hours,
            seed: 7,
        })
    }

    pub(super) fn entries(
        &self,
        sending: &Messages,
        profiles: &Profiles,
        reads: &Reads,
    ) -> Entries {
        let stores = &self.stores;
        let log = || Arc::clone(&stores.log);
        Entries::new(EntryParts {
            alterations: Alterations::new(self.committer.clone(), log(), sending.clone()),
            log: log(),
            messages: Arc::clone(&stores.messages),
            groups: Arc::clone(&stores.groups),
            profiles: profiles.clone(),
            reads: reads.clone(),
            signals: self.signals.clone(),
        })
    }

    pub(super) fn accounts(
        &self,
        choices: &Choices,
        sessions: &Sessions,
        profiles: &Profiles,
        rooms: &Groups,
    ) -> Accounts {
        Accounts::new(AccountParts {
            users: Arc::clone(&self.stores.users),
            invitations: Arc::clone(&self.stores.invitations),
            sessions: sessions.clone(),
            groups: rooms.clone(),
            passwords: Passwords::new(CHEAP).unwrap(),
            throttle: Throttle::new(choices.throttle),
            profiles: profiles.clone(),
            signals: self.signals.clone(),
            files: FileUses::new(Arc::clone(&self.stores.files), Arc::clone(&self.stores.log)),
            registration: choices.registration,
        })
    }
}
