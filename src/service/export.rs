//! All the deployment holds about one person, for himself: what he sees, without secrets, a page at a time.
//!
//! Reads only, and through the same eyes as the person: what the store would not show him is not in it. Where it is
//! written to is the caller's business; the form is described in `docs/export.md`.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::model::conversation::{Address, Conv};
use crate::model::entry::{Entry, UnixMillis};
use crate::model::error::{Code, Failure};
use crate::model::file::{FileId, FileInfo};
use crate::model::ids::{GroupId, Seq, UserId};
use crate::model::user::{Session, User};
use crate::store::{ConversationState, Stores, Window};

/// Version of the form.
pub const FORMAT: u32 = 1;
/// Entries read at a time.
const ENTRIES_PER_PAGE: usize = 500;
/// Uploads read at a time.
const FILES_PER_PAGE: usize = 500;

/// An entry of a conversation as its reader sees it.
#[derive(Serialize)]
pub struct EntryView<'e> {
    seq: Seq,
    at: UnixMillis,
    from: UserId,
    /// Whether the person did it.
    own: bool,
    kind: &'static str,
    /// The kind's fields as stored; `null` where they cannot be read.
    body: Option<&'e RawValue>,
}

/// One person's data.
pub struct Export {
    stores: Stores,
    user: User,
    /// What came later is not in it: all of it is true at one place of the log.
    upto: Seq,
}

/// A conversation, and how far it was read out.
pub struct Pages {
    conv: Conv,
    after: Seq,
    ended: bool,
}

impl Export {
    /// `not_found` without such a user.
    pub async fn new(stores: Stores, user: UserId) -> Result<Export, Failure> {
        let upto = stores.log.head().await?.head;
        let user = stores.users.user(user).await?;
        Ok(Export {
            user: user.ok_or(Failure::new(Code::NotFound))?,
            stores,
            upto,
        })
    }

    /// The account, without the password's hash.
    #[must_use]
    pub fn profile(&self) -> Value {
        let user = &self.user;
        json!({
            "id": user.id, "name": user.name, "nickname": user.nickname, "avatar": user.avatar,
            "sex": user.sex.letter(), "memo": user.memo, "phone": user.phone, "email": user.email,
            "admin": user.admin, "disabled": user.disabled, "created_at": user.created_at,
            "last_seen_at": user.last_seen_at,
        })
    }

    /// Logins that were not ended, without their tokens.
    pub async fn sessions(&self) -> Result<Value, Failure> {
        let sessions = self.stores.sessions.of_user(self.user.id).await?;
        let view = |session: Session| {
            json!({
                "id": session.id, "device": session.device, "address": session.address,
                "created_at": session.created_at, "last_seen_at": session.last_seen_at,
                "expires_at": session.expires_at,
            })
        };
        Ok(sessions.into_iter().map(view).collect())
    }

    /// Friends, open requests and blocks.
    pub async fn friends(&self) -> Result<Value, Failure> {
        let all = self.stores.friends.friendships(self.user.id).await?;
        let blocks = self.stores.friends.blocks(self.user.id).await?;
        let friends = all.friends.iter();
        let friends: Vec<Value> = friends
            .map(|friend| {
                json!({"user": friend.user, "remark": friend.remark, "since": friend.since})
            })
            .collect();
        let requests = all.incoming.iter().chain(&all.outgoing);
        let requests: Vec<Value> = requests
            .map(|request| {
                json!({
                    "id": request.id, "from": request.from, "to": request.to,
                    "message": request.message, "at": request.at,
                })
            })
            .collect();
        Ok(json!({"friends": friends, "requests": requests, "blocks": blocks}))
    }

    /// Groups he is in, and all his stays in groups.
    pub async fn groups(&self) -> Result<Value, Failure> {
        let groups = self.stores.groups.of_user(self.user.id).await?;
        let view = |(group, role): (crate::model::group::Group, _)| {
            json!({
                "id": group.id, "name": group.name, "icon": group.icon,
                "category": group.category, "memo": group.memo, "owner": group.owner,
                "members": group.members, "created_at": group.created_at, "role": role,
            })
        };
        let stays = self.stays().await?;
        let stays: Vec<Value> = stays
            .into_iter()
            .map(|stay| json!({"group": stay.group, "from_seq": stay.from, "to_seq": stay.to}))
            .collect();
        let groups: Vec<Value> = groups.into_iter().map(view).collect();
        Ok(json!({"groups": groups, "stays": stays}))
    }

    async fn stays(&self) -> Result<Vec<crate::model::group::Interval>, Failure> {
        let snapshot = self.stores.log.snapshot(self.user.id).await?;
        Ok(snapshot
            .map(|snapshot| snapshot.intervals)
            .unwrap_or_default())
    }

    /// The next of his uploads, by id; none: these were all.
    pub async fn files(&self, after: Option<FileId>) -> Result<Vec<FileInfo>, Failure> {
        let files = &self.stores.files;
        let files = files.of_owner(self.user.id, after, FILES_PER_PAGE).await?;
        Ok(files)
    }

    /// His conversations with settings and read positions, those of groups he left included, and the way to each one's
    /// entries.
    pub async fn conversations(&self) -> Result<Vec<(Address, Value, Pages)>, Failure> {
        let me = self.user.id;
        let (_, states) = self
            .stores
            .conversations
            .conversations(me, self.upto)
            .await?;
        let mut left: BTreeSet<GroupId> = BTreeSet::new();
        left.extend(self.stays().await?.into_iter().map(|stay| stay.group));
        let mut all = Vec::new();
        for state in states {
            if let Conv::Group(group) = state.conv {
                left.remove(&group);
            }
            if let Some(address) = state.conv.as_seen_by(me) {
                all.push((address, settings(address, &state), Pages::of(state.conv)));
            }
        }
        for group in left {
            let address = Address::Group(group);
            all.push((
                address,
                json!({"conv": address}),
                Pages::of(Conv::Group(group)),
            ));
        }
        Ok(all)
    }

    /// The next entries of a conversation; none: these were all.
    pub async fn page(&self, pages: &mut Pages) -> Result<Vec<Entry>, Failure> {
        if pages.ended {
            return Ok(Vec::new());
        }
        let window = Window::After(pages.after);
        let log = &self.stores.log;
        let page = log
            .page(
                self.user.id,
                pages.conv,
                window,
                self.upto,
                ENTRIES_PER_PAGE,
            )
            .await?;
        pages.ended = !page.more_after;
        if let Some(last) = page.entries.last() {
            pages.after = last.seq;
        }
        Ok(page.entries)
    }

    /// An entry as the person sees it; `None` for what is shown to no client.
    #[must_use]
    pub fn view<'e>(&self, entry: &'e Entry) -> Option<EntryView<'e>> {
        Some(EntryView {
            seq: entry.seq,
            at: entry.at,
            from: entry.from,
            own: entry.from == self.user.id,
            kind: entry.kind.name()?,
            body: serde_json::from_slice(&entry.body).ok(),
        })
    }

    /// What the export is of.
    #[must_use]
    pub fn about(&self) -> Value {
        json!({"format": FORMAT, "user": self.user.id, "name": self.user.name, "head": self.upto})
    }
}

impl Pages {
    fn of(conv: Conv) -> Pages {
        Pages {
            conv,
            after: Seq::ZERO,
            ended: false,
        }
    }
}

fn settings(address: Address, state: &ConversationState) -> Value {
    let settings = &state.settings;
    let last = state.last.as_ref().map_or(Seq::ZERO, |last| last.seq);
    json!({
        "conv": address, "read_seq": state.read_seq, "muted": settings.muted,
        "pinned": settings.pinned, "hidden": settings.hides(last), "draft": settings.draft,
        "marked_unread": settings.marked_unread,
    })
}
