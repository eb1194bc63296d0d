//! How conversation lists are made, whatever database they are read from: where notices are listed, where counting
//! ends, in which order the lines come. Reads nothing.

use std::cmp::Reverse;

use super::ConversationState;
use crate::model::conversation::Conv;
use crate::model::ids::UserId;

/// Where counting unread messages stops.
pub const UNREAD_MAX: u32 = 1_000;
/// Entries looked at for one count, the newest first; own messages among them do not count.
pub const UNREAD_SCANNED_MAX: u32 = 20_000;

/// Notices are shown among a user's notes to self, so that is where he reads and sets them.
pub fn as_listed(user: UserId, conv: Conv) -> Conv {
    match conv {
        Conv::Notices => Conv::private(user, user),
        Conv::Private(..) | Conv::Group(_) | Conv::Account(_) => conv,
    }
}

/// Puts the lines in a list's order.
pub fn newest_first(states: &mut [ConversationState]) {
    states.sort_by_key(|state| Reverse(state.last.as_ref().map(|entry| entry.seq)));
}
