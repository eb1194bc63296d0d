//! The description of the API, put together from the endpoints that are served.

use bytes::Bytes;
use tracing::error;
use utoipa::OpenApi as _;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Content, OpenApi, Ref, RefOr, ResponseBuilder};
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
        shapes::Asked,
        shapes::Balance,
        shapes::Blocks,
        shapes::BotToken,
        shapes::Bots,
        shapes::ChangedReading,
        shapes::ClaimedShare,
        shapes::Cluster,
        shapes::ClusterNode,
        shapes::Conversation,
        shapes::ConversationKind,
        shapes::Conversations,
        shapes::Entries,
        shapes::Entry,
        shapes::ErrorBody,
        shapes::ErrorDetail,
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
        shapes::JoinMode,
        shapes::JoinRequest,
        shapes::JoinRequests,
        shapes::LoggedIn,
        shapes::Member,
        shapes::Members,
        shapes::MutedUntil,
        shapes::OwnUser,
        shapes::Reaction,
        shapes::Readers,
        shapes::NewBot,
        shapes::NewHook,
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
        v1::invites::NewInvite,
        v1::join::JoinAnswer,
        v1::join::Joining,
        v1::hooks::HookMessage,
        v1::hooks::WantedHook,
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

/// The document of these endpoints. Each may fail with the error object, whatever its code.
pub(super) fn document(endpoints: &[Endpoint]) -> OpenApi {
    let mut document = Base::openapi();
    for endpoint in endpoints {
        let mut operation = endpoint.operation.clone();
        let failure = Content::new(Some(Ref::from_schema_name("ErrorBody")));
        let failure = ResponseBuilder::new()
            .description("It did not happen: `error.code` says why")
            .content("application/json", failure)
            .build();
        let responses = &mut operation.responses.responses;
        responses.insert("default".to_owned(), RefOr::T(failure));
        document.paths.add_path_operation(
            endpoint.template.as_ref(),
            endpoint.methods.clone(),
            operation,
        );
    }
    let components = document.components.get_or_insert_with(Components::new);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let cookie = ApiKey::Cookie(ApiKeyValue::new("starling"));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    document
}

/// `/openapi.json`.
pub(super) fn route(document: &OpenApi) -> BoxedFilter<(Response,)> {
    let json: Bytes = match document.to_json() {
        Ok(json) => json.into(),
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
