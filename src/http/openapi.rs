//! The description of the API, put together from the endpoints that are served.

pub(super) mod promise;
pub(super) mod refusals;

use bytes::Bytes;
use serde_json::Value;
use tracing::error;
use utoipa::OpenApi as _;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::endpoint::Endpoint;
use super::reply;
use super::v1::{self, shapes};

/// What does not come from an endpoint.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Starling",
        description = "A self-hosted chat server. Ids are integers below 2^53, times are milliseconds since 1970 UTC. \
                       The WebSocket `/ws` is described in docs/protocol.md.",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(
        shapes::Accepted,
        shapes::AccountPage,
        shapes::Added,
        shapes::Admitted,
        shapes::AdminUser,
        shapes::Alive,
        shapes::Asked,
        shapes::Balance,
        shapes::Blocks,
        shapes::BotToken,
        shapes::Bots,
        shapes::ChangedReading,
        shapes::ClaimedShare,
        shapes::Audit,
        shapes::Cluster,
        shapes::ClusterNode,
        shapes::Conversation,
        shapes::ConversationKind,
        shapes::Conversations,
        shapes::Entries,
        shapes::Entry,
        shapes::ErrorBody,
        shapes::ErrorDetail,
        shapes::File,
        shapes::Found,
        shapes::FoundEntry,
        shapes::Friend,
        shapes::FriendRequest,
        shapes::Friends,
        shapes::Group,
        shapes::Groups,
        shapes::Invite,
        shapes::InvitePreview,
        shapes::Invites,
        shapes::Hook,
        shapes::HookKind,
        shapes::Hooks,
        shapes::Invitation,
        shapes::Invitations,
        shapes::JoinMode,
        shapes::JoinRequest,
        shapes::JoinRequests,
        shapes::LoggedIn,
        shapes::Member,
        shapes::Members,
        shapes::MutedUntil,
        shapes::NewInvitation,
        shapes::OwnUser,
        shapes::Reaction,
        shapes::Readers,
        shapes::NewBot,
        shapes::NewHook,
        shapes::NewInvite,
        shapes::Packet,
        shapes::PacketClaim,
        shapes::PacketKind,
        shapes::PacketState,
        shapes::Readiness,
        shapes::Role,
        shapes::RoleOf,
        shapes::SendBody,
        shapes::Session,
        shapes::Sessions,
        shapes::Settings,
        shapes::Sex,
        shapes::Split,
        shapes::UploadForm,
        shapes::Trace,
        shapes::User,
        shapes::Users,
        v1::accounts::Credentials,
        v1::accounts::NewUser,
        v1::admin::ChangedAccount,
        v1::admin::Notice,
        v1::admin::ResetPassword,
        v1::bots::WantedBot,
        v1::conversations::ChangedSettings,
        v1::conversations::ReadUpTo,
        v1::entries::ChangedText,
        v1::friends::FriendAnswer,
        v1::friends::Remark,
        v1::friends::WantedFriend,
        v1::groups::ChangedGroup,
        v1::groups::NewGroup,
        v1::groups::NewOwner,
        v1::invites::WantedInvite,
        v1::join::JoinAnswer,
        v1::join::Joining,
        v1::hooks::HookMessage,
        v1::hooks::WantedHook,
        v1::invitations::WantedInvitation,
        v1::me::ChangedPassword,
        v1::me::ChangedProfile,
        v1::me::Password,
        v1::members::ChangedMember,
        v1::members::NewMembers,
        v1::packets::NewPacket,
    )),
    security(("bearer" = []), ("cookie" = [])),
)]
struct Base;

/// The document of these endpoints.
pub(super) fn document(endpoints: &[Endpoint]) -> OpenApi {
    let mut document = Base::openapi();
    for endpoint in endpoints {
        document.paths.add_path_operation(
            endpoint.template.as_ref(),
            endpoint.methods.clone(),
            endpoint.operation.clone(),
        );
    }
    let components = document.components.get_or_insert_with(Components::new);
    components.responses.extend(refusals::components());
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let cookie = ApiKey::Cookie(ApiKeyValue::new("starling"));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    document
}

/// `/openapi.json`.
pub(super) fn route(document: &OpenApi) -> BoxedFilter<(Response,)> {
    let json: Bytes = match serde_json::to_value(document) {
        Ok(mut json) => {
            say_no_width(&mut json);
            json.to_string().into()
        }
        Err(error) => {
            error!(%error, "the API's description cannot be encoded");
            Bytes::from_static(b"{}")
        }
    };
    warp::path!("openapi.json")
        .and(warp::get())
        .map(move || reply::encoded(StatusCode::OK, json.clone()))
        .boxed()
}

/// Unsigned numbers come out as `int64`, of which half are negative and which ends below where they end.
fn say_no_width(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let unsigned = fields.get("minimum").and_then(Value::as_u64) == Some(0);
            if unsigned && fields.get("format").is_some_and(|format| format == "int64") {
                fields.remove("format");
            }
            fields.values_mut().for_each(say_no_width);
        }
        Value::Array(items) => items.iter_mut().for_each(say_no_width),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
