//! shyim's client: protobuf over `/ws`, and a few routes with ids as texts and the header `token`.

mod proto;
mod voice;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use prost::Message as _;
use serde_json::{Value, json};

use super::answer::{Answer, data, told};
use super::ginchat::befriend;
use super::imooc::login_name;
use super::media::Place;
use super::request::{Asked, Doorkeeper};
use super::routes::DialectParts;
use super::uses::Uses;
use crate::http::ws::{Arrival, Beginning, BinaryProtocol, Parts};
use crate::model::error::{Code, Failure, Language};
use crate::model::group::JoinMode;
use crate::model::ids::{GroupId, UserId};
use crate::model::user::{LoginName, Sex};
use crate::service::accounts::{Accounts, NewAccount};
use crate::service::connections::{CloseCode, Speech};
use crate::service::friends::{Friends, Wanted};
use crate::service::groups::{GroupWish, Groups};
use proto::{Input, LoginMsg};
use voice::{ShyimSpeech, ShyimVoice};

/// What the session of a client is listed as.
const DEVICE: &str = "shyim";
/// Members read at once.
const MEMBERS_PAGE: usize = 200;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Register,
    Login,
    AddFriend,
    CreateGroup,
    Members,
}

/// What is asked at this path.
pub(super) fn call(path: &str) -> Option<Call> {
    match path {
        "/register" => Some(Call::Register),
        "/login" => Some(Call::Login),
        "/friend/add" => Some(Call::AddFriend),
        "/group/create" => Some(Call::CreateGroup),
        "/group_user/list" => Some(Call::Members),
        _ => None,
    }
}

/// The dialect's requests.
pub(super) struct Shyim {
    accounts: Accounts,
    friends: Friends,
    groups: Groups,
}

impl Shyim {
    pub(super) fn new(parts: &DialectParts) -> Shyim {
        Shyim {
            accounts: parts.accounts.clone(),
            friends: parts.friends.clone(),
            groups: parts.groups.clone(),
        }
    }

    pub(super) async fn answer(&self, call: Call, asked: &Asked, door: &Doorkeeper) -> Answer {
        match call {
            Call::Register => self.register(asked).await,
            Call::Login => {
                let name = login_name(asked.params.text(&["phone_number"]));
                let password = asked.params.text(&["password"]);
                let device = asked.device(DEVICE);
                let login = self
                    .accounts
                    .login(name, password, device, asked.visitor.address)
                    .await?;
                Ok(data(json!({
                    "token": login.opened.token, "user_id": login.user.id.to_string(),
                })))
            }
            Call::AddFriend => {
                let who = asked.login(door, &[]).await?;
                let wanted = Wanted::Id(asked.user(&["friend_id"])?);
                befriend(&self.friends, who.user.id, wanted).await
            }
            Call::CreateGroup => self.create_group(asked, door).await,
            Call::Members => self.members(asked, door).await,
        }
    }

    async fn register(&self, asked: &Asked) -> Answer {
        let (name, phone) = match login_name(asked.params.text(&["phone_number"])) {
            LoginName::Name(name) => (Some(name), String::new()),
            LoginName::Phone(phone) => (None, phone),
        };
        let account = NewAccount {
            name,
            password: asked.params.text(&["password"]),
            nickname: asked.params.text(&["nickname"]),
            phone,
            email: String::new(),
            avatar: String::new(),
            sex: Sex::U,
            memo: String::new(),
            // The pages have no field for one.
            invite: None,
        };
        let device = asked.device(DEVICE);
        let made = self
            .accounts
            .register(account, device, asked.visitor.address)
            .await?;
        Ok(data(
            json!({"token": made.opened.token, "id": made.user.id.to_string()}),
        ))
    }

    async fn create_group(&self, asked: &Asked, door: &Doorkeeper) -> Answer {
        let who = asked.login(door, &[]).await?;
        let params = &asked.params;
        let ids = params.all("ids").chain(params.all("ids[]"));
        let member = |text: &str| {
            let id = text
                .trim()
                .parse()
                .map_err(|_| Failure::field(Code::BadRequest, "ids"));
            id.map(UserId)
        };
        let wish = GroupWish {
            name: params.text(&["name"]),
            icon: String::new(),
            category: 0,
            memo: String::new(),
            join: JoinMode::Open,
            members: ids.map(member).collect::<Result<_, _>>()?,
        };
        let group = self.groups.create(who.user.id, wish).await?;
        Ok(data(json!({"id": group.group.id.to_string()})))
    }

    async fn members(&self, asked: &Asked, door: &Doorkeeper) -> Answer {
        let who = asked.login(door, &[]).await?;
        let group = asked.params.number::<u64>(&["group_id"], "group_id")?;
        let group = GroupId(group.ok_or(Failure::field(Code::BadRequest, "group_id"))?);
        let (mut ids, mut after) = (Vec::new(), UserId(0));
        loop {
            let page = self
                .groups
                .members(who.user.id, group, after, MEMBERS_PAGE)
                .await?;
            ids.extend(
                page.members
                    .iter()
                    .map(|member| member.person.profile.id.to_string()),
            );
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        let ids: Vec<Value> = ids.into_iter().map(Value::String).collect();
        Ok(super::answer::Said {
            data: Some(json!({"ids": ids})),
            ..told("Done.", "操作成功。")
        })
    }
}

/// The way into the socket that all protocols share.
pub struct Binary {
    speech: Arc<ShyimSpeech>,
    shared: Arc<dyn Speech>,
    uses: Arc<Uses>,
}

impl Binary {
    /// `public_url`: where files are reached; may be empty.
    #[must_use]
    pub fn new(public_url: &str, uses: Arc<Uses>) -> Binary {
        let place = Place::new(
            public_url.trim_end_matches('/').to_owned(),
            Language::Chinese,
        );
        let speech = Arc::new(ShyimSpeech::new(place));
        Binary {
            shared: Arc::clone(&speech) as Arc<dyn Speech>,
            speech,
            uses,
        }
    }
}

#[async_trait]
impl BinaryProtocol for Binary {
    async fn begin(
        &self,
        parts: &Parts,
        first: &[u8],
        language: Language,
    ) -> Result<Arrival, (Bytes, CloseCode)> {
        let refused = |failure: Failure| {
            let code = if failure.code == Code::Unavailable {
                CloseCode::LEAVING
            } else {
                CloseCode::UNAUTHORIZED
            };
            (voice::login_refused(&failure), code)
        };
        let token = token_of(first).ok_or_else(|| refused(Failure::new(Code::Unauthorized)))?;
        let identity = parts.sessions.authenticate(&token).await.map_err(refused)?;
        self.uses.shyim.connections.inc();
        Ok(Arrival {
            identity,
            voice: Box::new(ShyimVoice::new(
                Arc::clone(&self.speech),
                Arc::clone(&self.shared),
                Arc::clone(&self.uses),
            )),
            beginning: Beginning::OnRequest {
                position: parts.connections.position().applied(),
            },
            language,
        })
    }
}

/// The token of a login frame.
fn token_of(first: &[u8]) -> Option<String> {
    let input = Input::decode(first).ok()?;
    if input.r#type != proto::LOGIN {
        return None;
    }
    let login = LoginMsg::decode(input.data.as_slice()).ok()?;
    String::from_utf8(login.token).ok()
}
