//! imooc's pages: `/login`, `/user/*`, `/contact/*`, `/modification`. Form-encoded or JSON, by any method.

use serde_json::{Map, Value, json};

use super::answer::{Answer, Said, data, rows};
use super::ginchat::{befriend, join, join_by, wish};
use super::people;
use super::request::{Asked, Doorkeeper};
use super::routes::DialectParts;
use crate::http::auth::session_cookie;
use crate::model::error::{Code, Failure};
use crate::model::user::{LoginName, Sex};
use crate::service::accounts::{Accounts, LoggedIn, NewAccount, ProfileChange};
use crate::service::admission::Admission;
use crate::service::friends::{Friends, Wanted};
use crate::service::groups::Groups;
use crate::service::profiles::Profiles;

/// What the session of a page is listed as.
const DEVICE: &str = "imooc";

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Login,
    Register,
    Modify,
    Find,
    LoadFriends,
    AddFriend,
    CreateGroup,
    LoadGroups,
    JoinGroup,
}

/// What is asked at this path.
pub(super) fn call(path: &str) -> Option<Call> {
    match path {
        "/login" | "/user/login" => Some(Call::Login),
        "/register" | "/user/register" => Some(Call::Register),
        "/modification" => Some(Call::Modify),
        "/user/find" => Some(Call::Find),
        "/contact/loadfriend" => Some(Call::LoadFriends),
        "/contact/addfriend" => Some(Call::AddFriend),
        "/contact/createcommunity" => Some(Call::CreateGroup),
        "/contact/loadcommunity" => Some(Call::LoadGroups),
        "/contact/joincommunity" => Some(Call::JoinGroup),
        _ => None,
    }
}

/// The dialect's requests.
pub(super) struct Imooc {
    accounts: Accounts,
    profiles: Profiles,
    friends: Friends,
    groups: Groups,
    admission: Admission,
}

impl Imooc {
    pub(super) fn new(parts: &DialectParts) -> Imooc {
        Imooc {
            accounts: parts.accounts.clone(),
            profiles: parts.profiles.clone(),
            friends: parts.friends.clone(),
            groups: parts.groups.clone(),
            admission: parts.admission.clone(),
        }
    }

    pub(super) async fn answer(&self, call: Call, asked: &Asked, door: &Doorkeeper) -> Answer {
        match call {
            Call::Login => self.login(asked).await,
            Call::Register => self.register(asked).await,
            Call::Modify => self.modify(asked, door).await,
            Call::Find => {
                asked.login(door, &[]).await?;
                let person = self.profiles.person(asked.user(&["id"])?).await?;
                let person = person.ok_or(Failure::new(Code::NotFound))?;
                Ok(data(people::imooc_person(&person)))
            }
            Call::LoadFriends => {
                let who = asked.login(door, &["userid"]).await?;
                let list = self.friends.list(who.user.id).await?;
                let friends = list
                    .friends
                    .iter()
                    .map(|friend| people::imooc_person(&friend.person));
                Ok(rows(friends.collect()))
            }
            Call::AddFriend => {
                let who = asked.login(door, &["userid"]).await?;
                let wanted = Wanted::Id(asked.user(&["dstid"])?);
                befriend(&self.friends, who.user.id, wanted).await
            }
            Call::CreateGroup => {
                let who = asked.login(door, &["ownerid", "userid"]).await?;
                let group = self.groups.create(who.user.id, wish(asked)?).await?;
                Ok(data(people::imooc_group(&group.group)))
            }
            Call::LoadGroups => self.load_groups(asked, door).await,
            Call::JoinGroup => {
                let who = asked.login(door, &["userid"]).await?;
                let group =
                    join_by(&self.groups, who.user.id, asked.params.get(&["dstid"])).await?;
                join(&self.admission, who.user.id, group).await
            }
        }
    }

    async fn login(&self, asked: &Asked) -> Answer {
        let name = login_name(asked.params.text(&["mobile"]));
        let password = asked.params.text(&["passwd", "password"]);
        let device = asked.device(DEVICE);
        let login = self
            .accounts
            .login(name, password, device, asked.visitor.address)
            .await?;
        Ok(logged_in(asked, &login))
    }

    async fn register(&self, asked: &Asked) -> Answer {
        let params = &asked.params;
        let (name, phone) = match login_name(params.text(&["mobile"])) {
            LoginName::Name(name) => (Some(name), String::new()),
            LoginName::Phone(phone) => (None, phone),
        };
        let account = NewAccount {
            name,
            password: params.text(&["passwd", "password"]),
            nickname: params.text(&["nickname"]),
            phone,
            email: String::new(),
            avatar: params.text(&["avatar"]),
            sex: params
                .get(&["sex"])
                .and_then(Sex::from_letter)
                .unwrap_or_default(),
            memo: params.text(&["memo"]),
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

    /// These fields and no others, whatever else is sent along. A password is not among them.
    async fn modify(&self, asked: &Asked, door: &Doorkeeper) -> Answer {
        let who = asked.login(door, &["id", "userid"]).await?;
        let params = &asked.params;
        if params.get(&["password", "passwd"]).is_some() {
            return Err(Failure::field(Code::NotAllowed, "password"));
        }
        let given = |names: &[&str]| params.get(names).map(str::to_owned);
        let sex = params
            .get(&["sex"])
            .map(|letter| Sex::from_letter(letter).ok_or(Failure::field(Code::BadRequest, "sex")));
        let change = ProfileChange {
            nickname: given(&["nickname"]),
            avatar: given(&["avatar", "icon"]),
            sex: sex.transpose()?,
            memo: given(&["memo"]),
            phone: None,
            email: None,
        };
        let user = self.accounts.change_profile(who.user.id, change).await?;
        Ok(data(people::imooc_self(&user, None)))
    }

    /// One answer for both of its pages: a list, and an object with the members of each group counted.
    async fn load_groups(&self, asked: &Asked, door: &Doorkeeper) -> Answer {
        let who = asked.login(door, &["userid"]).await?;
        let groups = self.groups.of_user(who.user.id).await?;
        let list: Vec<Value> = groups
            .iter()
            .map(|view| people::imooc_group(&view.group))
            .collect();
        let counts: Map<String, Value> = groups
            .iter()
            .map(|view| (view.group.id.to_string(), json!(view.group.members)))
            .collect();
        Ok(Said {
            data: Some(json!({"communities": list, "group_map": counts})),
            ..rows(list.clone())
        })
    }
}

fn logged_in(asked: &Asked, login: &LoggedIn) -> Said {
    let opened = &login.opened;
    Said {
        data: Some(people::imooc_self(&login.user, Some(&opened.token))),
        cookie: Some(session_cookie(
            &opened.token,
            opened.lasts_s,
            asked.visitor.https,
        )),
        ..Said::default()
    }
}

/// People log in by phone number or name, in one field.
pub(super) fn login_name(given: String) -> LoginName {
    let digits = given.strip_prefix('+').unwrap_or(&given);
    let is_phone =
        (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_phone {
        LoginName::Phone(given)
    } else {
        LoginName::Name(given)
    }
}
