//! Registering, logging in, logging out.

use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::http::StatusCode;

use super::shapes;
use crate::http::auth::session_cookie;
use crate::http::door::{Door, Login, Visitor, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::reply;
use crate::model::error::{Code, Failure};
use crate::model::user::{LoginName, Sex};
use crate::service::accounts::{self, Accounts, NewAccount};
use crate::service::sessions::Device;

pub(in crate::http) fn routes(door: &Door, accounts: &Accounts) -> Vec<Endpoint> {
    vec![
        endpoint::<__path_register>(
            warp::path::end()
                .and(warp::post())
                .and(door.visitor())
                .and(door.json())
                .and(with(accounts))
                .then(register),
        ),
        endpoint::<__path_login>(
            warp::path::end()
                .and(warp::post())
                .and(door.visitor())
                .and(door.json())
                .and(with(accounts))
                .then(login),
        ),
        endpoint::<__path_logout>(
            warp::path::end()
                .and(warp::post())
                .and(door.login())
                .and(door.visitor())
                .and(with(accounts))
                .then(logout),
        ),
    ]
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct NewUser {
    /// 1-32 characters. May be missing when there is a phone number.
    name: Option<String>,
    /// 8-128 characters.
    #[schema(value_type = String, required)]
    password: Option<String>,
    /// At most 40 characters; the name when missing.
    nickname: Option<String>,
    /// `+?[0-9]{5,15}`
    phone: Option<String>,
    email: Option<String>,
    avatar: Option<String>,
    #[schema(value_type = Option<shapes::Sex>)]
    sex: Option<Sex>,
    /// At most 140 characters.
    memo: Option<String>,
    /// What the session will be listed as.
    device: Option<String>,
    /// The code of an invitation, where registration takes one.
    invite: Option<String>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct Credentials {
    /// This or `phone`.
    name: Option<String>,
    phone: Option<String>,
    #[schema(value_type = String, required)]
    password: Option<String>,
    /// What the session will be listed as.
    device: Option<String>,
}

/// Makes an account and logs in.
#[utoipa::path(
    post, path = "/api/v1/register", tag = "accounts", security(()), request_body = NewUser,
    responses(
        (status = 201, body = shapes::LoggedIn),
        (status = 403, description = "`forbidden`: nobody may register, or not without an invitation"),
        (status = 409, description = "`name_taken`, `phone_taken`, `email_taken`"),
        (status = 422, description = "`weak_password`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn register(visitor: Visitor, input: Result<NewUser, Failure>, accounts: Accounts) -> Answer {
    let input = input?;
    let device = device(&visitor, input.device);
    let account = NewAccount {
        name: input.name,
        password: required(input.password, "password")?,
        nickname: input.nickname.unwrap_or_default(),
        phone: input.phone.unwrap_or_default(),
        email: input.email.unwrap_or_default(),
        avatar: input.avatar.unwrap_or_default(),
        sex: input.sex.unwrap_or_default(),
        memo: input.memo.unwrap_or_default(),
        invite: input.invite,
    };
    let login = accounts.register(account, device, visitor.address).await?;
    logged_in(StatusCode::CREATED, &login, &visitor)
}

/// Logs in by name or phone number.
#[utoipa::path(
    post, path = "/api/v1/login", tag = "accounts", security(()), request_body = Credentials,
    responses(
        (status = 200, body = shapes::LoggedIn),
        (status = 401, description = "`wrong_credentials`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn login(
    visitor: Visitor,
    input: Result<Credentials, Failure>,
    accounts: Accounts,
) -> Answer {
    let input = input?;
    let device = device(&visitor, input.device);
    let name = match (input.name, input.phone) {
        (Some(name), _) => LoginName::Name(name),
        (None, Some(phone)) => LoginName::Phone(phone),
        (None, None) => return Err(Failure::field(Code::BadRequest, "name")),
    };
    let password = required(input.password, "password")?;
    let login = accounts
        .login(name, password, device, visitor.address)
        .await?;
    logged_in(StatusCode::OK, &login, &visitor)
}

/// Ends the session that asks; its sockets close on every node.
#[utoipa::path(post, path = "/api/v1/logout", tag = "accounts", responses((status = 204)))]
async fn logout(login: Login, visitor: Visitor, accounts: Accounts) -> Answer {
    accounts.logout(&login?).await?;
    Ok(reply::with_cookie(
        reply::nothing()?,
        &session_cookie("", 0, visitor.https),
    ))
}

fn device(visitor: &Visitor, label: Option<String>) -> Device {
    Device {
        label: label.unwrap_or_default(),
        address: visitor.address.to_string(),
    }
}

fn required(text: Option<String>, field: &'static str) -> Result<String, Failure> {
    text.ok_or(Failure::field(Code::BadRequest, field))
}

fn logged_in(status: StatusCode, login: &accounts::LoggedIn, visitor: &Visitor) -> Answer {
    let response = reply::json_with(status, &shapes::LoggedIn::from(login))?;
    let cookie = session_cookie(&login.opened.token, login.opened.lasts_s, visitor.https);
    Ok(reply::with_cookie(response, &cookie))
}
