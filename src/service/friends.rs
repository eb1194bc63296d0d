//! Friendships and blocks: asking, answering, naming and ending.
//!
//! Friendships change through the log, so both sides hear of it in order; blocks and remarks are private to one.

use std::sync::Arc;

use serde_json::{Value, json};

use super::append::{append, draw_cid, encode};
use super::profiles::{Person, Profiles, take};
use super::rules;
use crate::journal::committer::Committer;
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft};
use crate::model::entry::{EntryKind, FriendBody, FriendState, UnixMillis};
use crate::model::error::{Code, Failure};
use crate::model::ids::UserId;
use crate::model::policy::FriendMode;
use crate::model::signal::Signal;
use crate::model::user::{FriendRequest, LoginName};
use crate::presence::Signals;
use crate::store::{FriendStore, UserStore};

/// A friend as one user sees him.
#[derive(Clone, Debug)]
pub struct FriendView {
    pub person: Person,
    pub remark: String,
    pub since: UnixMillis,
}

/// An open request, and the other one of the two.
#[derive(Clone, Debug)]
pub struct RequestView {
    pub id: u64,
    pub person: Person,
    pub message: String,
    pub at: UnixMillis,
}

/// All of a user's friendships.
#[derive(Clone, Debug)]
pub struct FriendList {
    pub friends: Vec<FriendView>,
    pub incoming: Vec<RequestView>,
    pub outgoing: Vec<RequestView>,
}

/// How somebody names whom he wants as a friend.
#[derive(Clone, Debug)]
pub enum Wanted {
    Id(UserId),
    Name(String),
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Friends,
    Requested,
}

/// The friendships. Cheap to clone.
#[derive(Clone)]
pub struct Friends {
    friends: Arc<dyn FriendStore>,
    users: Arc<dyn UserStore>,
    committer: Committer,
    profiles: Profiles,
    signals: Signals,
    mode: FriendMode,
}

impl Friends {
    #[must_use]
    pub fn new(
        friends: Arc<dyn FriendStore>,
        users: Arc<dyn UserStore>,
        committer: Committer,
        profiles: Profiles,
        signals: Signals,
        mode: FriendMode,
    ) -> Friends {
        Friends {
            friends,
            users,
            committer,
            profiles,
            signals,
            mode,
        }
    }

    pub async fn list(&self, user: UserId) -> Result<FriendList, Failure> {
        let all = self.friends.friendships(user).await?;
        let requests = all.incoming.iter().chain(&all.outgoing);
        let mut ids: Vec<UserId> = requests.flat_map(|r| [r.from, r.to]).collect();
        ids.extend(all.friends.iter().map(|friend| friend.user));
        let persons = self.profiles.persons_for(user, &ids).await?;
        let view = |request: FriendRequest, other: UserId| RequestView {
            id: request.id,
            person: take(&persons, other),
            message: request.message,
            at: request.at,
        };
        let friends = all.friends.into_iter().map(|friend| FriendView {
            person: take(&persons, friend.user),
            remark: friend.remark,
            since: friend.since,
        });
        let incoming = all.incoming.into_iter().map(|request| {
            let other = request.from;
            view(request, other)
        });
        let outgoing = all.outgoing.into_iter().map(|request| {
            let other = request.to;
            view(request, other)
        });
        Ok(FriendList {
            friends: friends.collect(),
            incoming: incoming.collect(),
            outgoing: outgoing.collect(),
        })
    }

    /// Asks somebody, or makes friends at once where the deployment or an earlier request of the other says so.
    pub async fn ask(
        &self,
        user: UserId,
        wanted: Wanted,
        message: String,
    ) -> Result<Asked, Failure> {
        let message = rules::request_message(&message)?;
        let other = self.resolve(wanted).await?;
        if other == user {
            return Err(Failure::new(Code::OneSelf));
        }
        let all = self.friends.friendships(user).await?;
        if all
            .outgoing
            .iter()
            .any(|r| r.to == other && r.message == message)
        {
            // Asked in the same words before: the other need not hear it twice, unless he would not hear it at all.
            if self.friends.blocks(other).await?.contains(&user) {
                return Err(Failure::new(Code::Blocked));
            }
            return Ok(Asked::Requested);
        }
        let auto = self.mode == FriendMode::Auto;
        let answers = all.incoming.iter().any(|request| request.from == other);
        let body = FriendBody {
            state: if auto || answers {
                FriendState::Friends
            } else {
                FriendState::Requested
            },
            message: message.clone(),
        };
        let change = Change::Befriend {
            other,
            message,
            auto,
        };
        self.append(user, other, &body, change).await?;
        // The other may have asked at the same moment; what is stored counts.
        match self.friends.are_friends(user, other).await? {
            true => Ok(Asked::Friends),
            false => Ok(Asked::Requested),
        }
    }

    async fn resolve(&self, wanted: Wanted) -> Result<UserId, Failure> {
        let found = match wanted {
            Wanted::Id(id) => self.users.user(id).await?,
            Wanted::Name(name) => {
                let name = LoginName::Name(name.trim().to_owned());
                self.users.credentials(&name).await?.map(|(user, _)| user)
            }
        };
        match found {
            Some(user) if !user.disabled => Ok(user.id),
            Some(_) | None => Err(Failure::new(Code::NotFound)),
        }
    }

    /// Accepts or declines a request that was put to the user.
    pub async fn answer(&self, user: UserId, request: u64, accept: bool) -> Result<(), Failure> {
        let all = self.friends.friendships(user).await?;
        let asked = all.incoming.iter().find(|open| open.id == request);
        let other = asked.ok_or(Failure::new(Code::NotFound))?.from;
        let body = FriendBody {
            state: if accept {
                FriendState::Friends
            } else {
                FriendState::Refused
            },
            message: String::new(),
        };
        let change = Change::AnswerFriend {
            request,
            other,
            accept,
        };
        self.append(user, other, &body, change).await
    }

    /// Names a friend for oneself; the empty remark takes the name away.
    pub async fn remark(&self, user: UserId, friend: UserId, remark: &str) -> Result<(), Failure> {
        let remark = rules::remark(remark)?;
        if !self.friends.set_remark(user, friend, &remark).await? {
            return Err(Failure::new(Code::NotFound));
        }
        self.tell_own(user, friend, &json!({ "remark": remark }));
        Ok(())
    }

    /// Ends the friendship for both.
    pub async fn end(&self, user: UserId, friend: UserId) -> Result<(), Failure> {
        if friend == user {
            return Err(Failure::new(Code::OneSelf));
        }
        let body = FriendBody {
            state: FriendState::Removed,
            message: String::new(),
        };
        let change = Change::Unfriend { other: friend };
        self.append(user, friend, &body, change).await
    }

    /// Whom the user has blocked.
    pub async fn blocks(&self, user: UserId) -> Result<Vec<Person>, Failure> {
        let ids = self.friends.blocks(user).await?;
        let persons = self.profiles.persons(&ids).await?;
        Ok(ids.into_iter().map(|id| take(&persons, id)).collect())
    }

    /// Blocks or unblocks. Blocking ends no friendship; it only stops what the other would send.
    pub async fn set_blocked(
        &self,
        user: UserId,
        other: UserId,
        blocked: bool,
    ) -> Result<(), Failure> {
        if other == user {
            return Err(Failure::new(Code::OneSelf));
        }
        if self.profiles.person(other).await?.is_none() {
            return Err(Failure::new(Code::NotFound));
        }
        self.friends.set_blocked(user, other, blocked).await?;
        self.tell_own(user, other, &json!({ "blocked": blocked }));
        Ok(())
    }

    /// Tells the user's devices what he changed about another, who hears nothing of it. Best effort.
    fn tell_own(&self, user: UserId, other: UserId, changed: &Value) {
        self.signals.publish(Signal::Settings {
            conv: Conv::private(user, other).to_string(),
            user,
            changed: changed.to_string(),
        });
    }

    async fn append(
        &self,
        user: UserId,
        other: UserId,
        body: &FriendBody,
        change: Change,
    ) -> Result<(), Failure> {
        let draft = Draft {
            conv: Conv::private(user, other),
            from: user,
            kind: EntryKind::Friend,
            cid: draw_cid()?,
            body: encode(body)?,
            change,
        };
        append(&self.committer, draft, None).await.map(|_| ())
    }
}
