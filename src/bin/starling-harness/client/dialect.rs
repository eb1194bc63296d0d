//! Which protocol a client speaks, and how its users come to be.

use std::net::SocketAddr;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use serde_json::{Value, json};

use super::api::{self, Account};
use super::ledger::Room;
use super::{pages, program};

/// Registrations at a time.
const AT_ONCE: usize = 16;
const PASSWORD: &str = "correct horse battery";
/// Phone numbers of old users count from here.
const PHONES_FROM: u64 = 13_800_000_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum Dialect {
    #[default]
    V1,
    Ginchat,
    Imooc,
    Shyim,
}

impl Dialect {
    /// Old pages hear no acks and have no position: the nodes remember how far they were told.
    pub(crate) fn is_page(self) -> bool {
        matches!(self, Dialect::Ginchat | Dialect::Imooc)
    }

    /// The id under which the log will have what this v1 frame sends.
    pub(super) fn cid_of(self, frame: &Value) -> String {
        match self {
            Dialect::V1 | Dialect::Ginchat | Dialect::Imooc => {
                frame["cid"].as_str().unwrap_or_default().to_owned()
            }
            Dialect::Shyim => program::cid_of(frame),
        }
    }

    /// Registers a user by this dialect's own forms.
    async fn register(self, node: SocketAddr, number: usize) -> anyhow::Result<Account> {
        let name = format!("user{number}");
        let phone = (PHONES_FROM + number as u64).to_string();
        let (id, token) = match self {
            Dialect::V1 => {
                let body = json!({"name": name, "password": PASSWORD});
                let answer = api::call(node, "POST", "/api/v1/register", "", &body).await?;
                (answer["user"]["id"].clone(), answer["token"].clone())
            }
            Dialect::Ginchat => {
                let form = [
                    ("name", name.as_str()),
                    ("password", PASSWORD),
                    ("Identity", PASSWORD),
                ];
                pages::form(node, "/user/createUser", "", &form).await?;
                let answer =
                    pages::form(node, "/user/findUserByNameAndPwd", "", &form[..2]).await?;
                let user = &answer["data"];
                (user["ID"].clone(), user["Identity"].clone())
            }
            Dialect::Imooc => {
                let form = [
                    ("mobile", phone.as_str()),
                    ("passwd", PASSWORD),
                    ("nickname", &name),
                ];
                pages::form(node, "/user/register", "", &form).await?;
                let answer = pages::form(node, "/user/login", "", &form[..2]).await?;
                let user = &answer["data"];
                (user["id"].clone(), user["token"].clone())
            }
            Dialect::Shyim => {
                let form = [
                    ("phone_number", phone.as_str()),
                    ("nickname", &name),
                    ("password", PASSWORD),
                ];
                let answer = pages::form(node, "/register", "", &form).await?;
                let user = &answer["data"];
                (user["id"].clone(), user["token"].clone())
            }
        };
        // One of them writes ids as texts.
        let in_words = id.as_str().and_then(|id| id.parse().ok());
        Ok(Account {
            id: id.as_u64().or(in_words).context("no user id")?,
            token: token.as_str().context("no token")?.to_owned(),
            name,
            dialect: self,
        })
    }
}

/// Registers one user after the other, each by his own dialect.
pub(crate) async fn register(
    node: SocketAddr,
    dialects: &[Dialect],
) -> anyhow::Result<Vec<Account>> {
    futures_util::stream::iter(dialects.iter().enumerate())
        .map(|(number, dialect)| dialect.register(node, number))
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// What a v1 client would send for this message.
pub(super) fn send_frame(
    cid: &str,
    room: Room,
    me: u64,
    media: u16,
    content: &str,
    url: Option<&str>,
    at: f64,
) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "milliseconds of a run, of which only one dialect knows"
    )]
    let send_time = (at * 1_000.0) as i64 + 1;
    json!({
        "type": "send", "cid": cid, "to": room.conv_for(me), "media": media, "content": content, "url": url,
        "send_time": send_time,
    })
}
