//! ginchat's pages: `/user/*`, `/contact/*`, `/searchFriends`. Form-encoded or in the query; by name and by number.

use serde_json::{Value, json};

use super::answer::{Answer, Said, data, done, rows, told};
use super::old_frames;
use super::people;
use super::request::{Asked, Doorkeeper};
use super::routes::DialectParts;
use crate::http::auth::session_cookie;
use crate::model::conversation::Address;
use crate::model::entry::{Entry, EntryKind};
use crate::model::error::{Code, Failure};
use crate::model::group::JoinMode;
use crate::model::ids::{GroupId, Seq, UserId};
use crate::model::user::LoginName;
use crate::service::accounts::{Accounts, LoggedIn, NewAccount, ProfileChange};
use crate::service::admission::{Admission, Admitted};
use crate::service::conversations::{Conversations, Window};
use crate::service::friends::{Asked as Friendship, Friends, Wanted};
use crate::service::groups::{GroupWish, Groups};
use crate::service::profiles::{Profile, Profiles};

/// What the session of a page is listed as.
const DEVICE: &str = "ginchat";
/// Most users in a list of all.
const USERS_LISTED_MAX: usize = 200;
/// Most messages of one answer of history, …
const HISTORY_ANSWER_MAX: u64 = 200;
/// … and how far back its indexes reach.
const HISTORY_REACH_MAX: u64 = 10_000;
/// Entries read from the log at once.
const HISTORY_PAGE: usize = 200;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    CreateUser,
    Login,
    Find,
    List,
    Update,
    Delete,
    Friends,
    AddFriend,
    CreateGroup,
    LoadGroups,
    JoinGroup,
    History,
}

/// What is asked at this path.
pub(super) fn call(path: &str) -> Option<Call> {
    match path {
        "/user/createUser" => Some(Call::CreateUser),
        "/user/findUserByNameAndPwd" => Some(Call::Login),
        "/user/find" => Some(Call::Find),
        "/user/getUserList" => Some(Call::List),
        "/user/updateUser" => Some(Call::Update),
        "/user/deleteUser" => Some(Call::Delete),
        "/searchFriends" => Some(Call::Friends),
        "/contact/addfriend" => Some(Call::AddFriend),
        "/contact/createCommunity" => Some(Call::CreateGroup),
        "/contact/loadcommunity" => Some(Call::LoadGroups),
        "/contact/joinGroup" => Some(Call::JoinGroup),
        "/user/redisMsg" => Some(Call::History),
        _ => None,
    }
}

/// The dialect's requests.
pub(super) struct Ginchat {
    accounts: Accounts,
    profiles: Profiles,
    friends: Friends,
    groups: Groups,
    admission: Admission,
    conversations: Conversations,
}

impl Ginchat {
    pub(super) fn new(parts: &DialectParts) -> Ginchat {
        Ginchat {
            accounts: parts.accounts.clone(),
            profiles: parts.profiles.clone(),
            friends: parts.friends.clone(),
            groups: parts.groups.clone(),
            admission: parts.admission.clone(),
            conversations: parts.conversations.clone(),
        }
    }

    pub(super) async fn answer(&self, call: Call, asked: &Asked, door: &Doorkeeper) -> Answer {
        match call {
            Call::CreateUser => self.create_user(asked).await,
            Call::Login => self.login(asked).await,
            Call::Find => self.find(asked, door).await,
            Call::List => self.list(asked, door).await,
            Call::Update => self.update(asked, door).await,
            Call::Delete => {
                let who = asked.login(door, &["id"]).await?;
                self.accounts.end(who.user.id).await?;
                Ok(done())
            }
            Call::Friends => self.friends(asked, door).await,
            Call::AddFriend => self.add_friend(asked, door).await,
            Call::CreateGroup => self.create_group(asked, door).await,
            Call::LoadGroups => {
                let who = asked.login(door, &["ownerId"]).await?;
                let groups = self.groups.of_user(who.user.id).await?;
                Ok(rows(
                    groups
                        .iter()
                        .map(|view| people::ginchat_group(&view.group))
                        .collect(),
                ))
            }
            Call::JoinGroup => {
                let who = asked.login(door, &["userId"]).await?;
                let wanted = asked.params.get(&["comId"]);
                let group = join_by(&self.groups, who.user.id, wanted).await?;
                let answer = join(&self.admission, who.user.id, group).await?;
                Ok(Said {
                    data: Some(json!(0)),
                    ..answer
                })
            }
            Call::History => self.history(asked, door).await,
        }
    }

    async fn create_user(&self, asked: &Asked) -> Answer {
        let params = &asked.params;
        let password = params.text(&["password", "passwd"]);
        let again = params.get(&["Identity", "repassword"]);
        if again.is_some_and(|again| again != password) {
            return Err(Failure::field(Code::BadRequest, "repassword"));
        }
        let account = NewAccount {
            name: Some(params.text(&["name"])),
            password,
            nickname: String::new(),
            phone: String::new(),
            email: String::new(),
            avatar: String::new(),
            sex: crate::model::user::Sex::U,
            memo: String::new(),
            // The pages have no field for one.
            invite: None,
        };
        let device = asked.device(DEVICE);
        let made = self
            .accounts
            .register(account, device, asked.visitor.address)
            .await?;
        Ok(logged_in(asked, &made))
    }

    async fn login(&self, asked: &Asked) -> Answer {
        let name = LoginName::Name(asked.params.text(&["name"]));
        let password = asked.params.text(&["password", "passwd"]);
        let device = asked.device(DEVICE);
        let login = self
            .accounts
            .login(name, password, device, asked.visitor.address)
            .await?;
        Ok(logged_in(asked, &login))
    }

    async fn find(&self, asked: &Asked, door: &Doorkeeper) -> Answer {
        let who = asked.login(door, &[]).await?;
        let wanted = asked.user(&["userId", "id"])?;
        if wanted == who.user.id {
            let own = self.accounts.own(wanted).await?;
            return Ok(data(people::ginchat_self(&own, None)));
        }
        let person = self.profiles.person(wanted).await?;
        let person = person.ok_or(Failure::new(Code::NotFound))?;
        Ok(data(people::ginchat_person(&person.profile, person.online)))
    }

    async fn list(&self, asked: &Asked, door: &Doorkeeper) -> Answer {
        asked.login(door, &[]).await?;
        let some = self.profiles.some(USERS_LISTED_MAX).await?;
        let list: Vec<Value> = some
            .iter()
            .map(|person| people::ginchat_person(&person.profile, person.online))
            .collect();
        Ok(Said {
            data: Some(Value::Array(list)),
            ..Said::default()
        })
    }

    /// A name renames, and moves the nickname along where the two were equal. A password here is refused: pages send
    /// an empty one with every other change.
    async fn update(&self, asked: &Asked, door: &Doorkeeper) -> Answer {
        let who = asked.login(door, &["id"]).await?;
        let params = &asked.params;
        if params.get(&["password", "passwd"]).is_some() {
            return Err(Failure::field(Code::NotAllowed, "password"));
        }
        let given = |names: &[&str]| params.get(names).map(str::to_owned);
        let change = ProfileChange {
            nickname: None,
            avatar: given(&["icon", "avatar", "img", "pic"]),
            sex: None,
            memo: None,
            phone: given(&["phone"]),
            email: given(&["email"]),
        };
        if let Some(name) = given(&["name"]) {
            self.accounts.rename(who.user.id, &name).await?;
        }
        let user = self.accounts.change_profile(who.user.id, change).await?;
        Ok(data(people::ginchat_self(&user, None)))
    }

    async fn friends(&self, asked: &Asked, door: &Doorkeeper) -> Answer {
        let who = asked.login(door, &["userId"]).await?;
        let list = self.friends.list(who.user.id).await?;
        let person = |friend: &crate::service::friends::FriendView| {
            let profile: &Profile = &friend.person.profile;
            people::ginchat_person(profile, friend.person.online)
        };
        Ok(rows(list.friends.iter().map(person).collect()))
    }

    async fn add_friend(&self, asked: &Asked, door: &Doorkeeper) -> Answer {
        let who = asked.login(door, &["userId"]).await?;
        let wanted = Wanted::Name(asked.params.text(&["targetName"]));
        let answer = befriend(&self.friends, who.user.id, wanted).await?;
        Ok(Said {
            data: Some(json!(0)),
            ..answer
        })
    }

    async fn create_group(&self, asked: &Asked, door: &Doorkeeper) -> Answer {
        let who = asked.login(door, &["ownerId"]).await?;
        let group = self.groups.create(who.user.id, wish(asked)?).await?;
        Ok(data(people::ginchat_group(&group.group)))
    }

    /// A stretch of a private conversation by indexes, newest first, or oldest first with `isRev`. The odd shape is the
    /// page's: each message is a string, and they are where another answer has its count.
    async fn history(&self, asked: &Asked, door: &Doorkeeper) -> Answer {
        let who = asked.login(door, &[]).await?;
        let (one, other) = (asked.user(&["userIdA"])?, asked.user(&["userIdB"])?);
        let peer = match who.user.id {
            me if me == one => other,
            me if me == other => one,
            _ => return Err(Failure::new(Code::Forbidden)),
        };
        let number = |name: &'static str| asked.params.number::<i64>(&[name], "start");
        let start = u64::try_from(number("start")?.unwrap_or(0)).unwrap_or(0);
        let end = match number("end")?.unwrap_or(9) {
            // As a sorted set counts: from its end.
            end if end < 0 => start + HISTORY_ANSWER_MAX - 1,
            end => u64::try_from(end).unwrap_or(0),
        };
        let oldest_first = matches!(asked.params.get(&["isRev"]), Some("true" | "1"));
        let wanted = Stretch {
            first: start,
            last: end
                .min(start + HISTORY_ANSWER_MAX - 1)
                .min(HISTORY_REACH_MAX),
            oldest_first,
        };
        let found = self.stretch(who.user.id, peer, &wanted).await?;
        Ok(Said {
            rows: Some(json!("ok")),
            total: Some(Value::Array(found)),
            ..Said::default()
        })
    }

    async fn stretch(
        &self,
        user: UserId,
        peer: UserId,
        wanted: &Stretch,
    ) -> Result<Vec<Value>, Failure> {
        let mut window = if wanted.oldest_first {
            Window::After(Seq::ZERO)
        } else {
            Window::Latest
        };
        let (mut index, mut found) = (0, Vec::new());
        while index <= wanted.last {
            let address = Address::User(peer);
            let page = self
                .conversations
                .page(user, address, window, HISTORY_PAGE)
                .await?;
            let mut entries: Vec<Entry> = page.entries.into_iter().map(|told| told.entry).collect();
            if !wanted.oldest_first {
                entries.reverse();
            }
            let Some(last) = entries.last().map(|entry| entry.seq) else {
                break;
            };
            for entry in entries
                .iter()
                .filter(|entry| entry.kind == EntryKind::Message)
            {
                let Some(frame) = old_frames::ginchat_text(entry) else {
                    continue;
                };
                if (wanted.first..=wanted.last).contains(&index) {
                    found.push(Value::String(frame));
                }
                index += 1;
            }
            let more = if wanted.oldest_first {
                page.more_after
            } else {
                page.more_before
            };
            if !more {
                break;
            }
            window = if wanted.oldest_first {
                Window::After(last)
            } else {
                Window::Before(last)
            };
        }
        Ok(found)
    }
}

/// Messages of a conversation by their indexes, both included.
struct Stretch {
    first: u64,
    last: u64,
    oldest_first: bool,
}

/// A login's answer: the token in the data, and in the cookie for all that follows.
fn logged_in(asked: &Asked, login: &LoggedIn) -> Said {
    let opened = &login.opened;
    Said {
        data: Some(people::ginchat_self(&login.user, Some(&opened.token))),
        cookie: Some(session_cookie(
            &opened.token,
            opened.lasts_s,
            asked.visitor.https,
        )),
        ..Said::default()
    }
}

/// Asks somebody for friendship, and says what came of it.
pub(super) async fn befriend(friends: &Friends, user: UserId, wanted: Wanted) -> Answer {
    match friends.ask(user, wanted, String::new()).await? {
        Friendship::Friends => Ok(told("You are friends now.", "添加好友成功。")),
        Friendship::Requested => Ok(told("The request was sent.", "好友申请已发送。")),
    }
}

/// Comes into a group, or asks to where its admins decide.
pub(super) async fn join(admission: &Admission, user: UserId, group: GroupId) -> Answer {
    match admission.join(user, group, None, "").await? {
        (Admitted::Joined, _) => Ok(done()),
        (Admitted::Requested, _) => Ok(told("The request was sent.", "入群申请已发送。")),
    }
}

/// A group to be made, under all the names pages give its fields.
pub(super) fn wish(asked: &Asked) -> Result<GroupWish, Failure> {
    let params = &asked.params;
    Ok(GroupWish {
        name: params.text(&["name"]),
        icon: params.text(&["icon", "img", "pic"]),
        category: params.number(&["cate"], "cate")?.unwrap_or(0),
        memo: params.text(&["memo", "desc"]),
        join: JoinMode::Open,
        members: Vec::new(),
    })
}

/// The group that a page means by its number or its name. Of several with one name none is guessed.
pub(super) async fn join_by(
    groups: &Groups,
    user: UserId,
    wanted: Option<&str>,
) -> Result<GroupId, Failure> {
    let wanted = wanted
        .ok_or(Failure::field(Code::BadRequest, "comId"))?
        .trim();
    if let Ok(id) = wanted.parse() {
        return Ok(GroupId(id));
    }
    let found = groups.search(user, wanted, 10).await?;
    let mut same = found.iter().filter(|view| view.group.name == wanted);
    match (same.next(), same.next()) {
        (Some(only), None) => Ok(only.group.id),
        (Some(_), Some(_)) => Err(Failure::field(Code::BadRequest, "comId")),
        (None, _) => Err(Failure::new(Code::NotFound)),
    }
}
