//! Red packets and transfers, of play money that is worth nothing outside this deployment.

use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::http::StatusCode;

use super::shapes;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::path::{Conversation, EntryPath};
use crate::http::reply;
use crate::model::error::Failure;
use crate::model::packet::{PacketKind, Split};
use crate::service::packets::{PacketRequest, Packets};

pub(in crate::http) fn routes(door: &Door, packets: &Packets) -> Vec<Endpoint> {
    vec![
        endpoint::<__path_send>(
            warp::path!(Conversation / "packets")
                .and(warp::post())
                .and(door.login())
                .and(door.json())
                .and(with(packets))
                .then(send),
        ),
        endpoint::<__path_claim>(
            warp::path!(EntryPath / "claim")
                .and(warp::post())
                .and(door.login())
                .and(with(packets))
                .then(claim),
        ),
        endpoint::<__path_show>(
            warp::path!(EntryPath)
                .and(warp::get())
                .and(door.login())
                .and(with(packets))
                .then(show),
        ),
        endpoint::<__path_balance>(
            warp::path!("balance")
                .and(warp::get())
                .and(door.login())
                .and(with(packets))
                .then(balance),
        ),
    ]
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(example = json!({
    "cid": "0b1f…", "kind": "packet", "total": 1000, "count": 5, "split": "lucky", "memo": "恭喜发财"
}))]
pub(in crate::http) struct NewPacket {
    /// The sender's own id of it, 1-64 printable ASCII characters, the same on each retry.
    #[schema(value_type = String, required)]
    cid: Option<String>,
    /// A transfer goes to the other one of a private conversation, whole.
    #[schema(value_type = shapes::PacketKind, required)]
    kind: Option<PacketKind>,
    /// Cents of play money: at least one for each share, and what the sender has.
    #[schema(value_type = u64, required, minimum = 1, maximum = 100_000_000_000u64)]
    total: Option<u64>,
    /// Into how many shares it is cut, 1-100; in private 1, which a transfer need not say.
    #[schema(minimum = 1, maximum = 100)]
    count: Option<u64>,
    /// `equal` when missing.
    #[schema(value_type = Option<shapes::Split>)]
    split: Option<Split>,
    /// At most 140 characters.
    memo: Option<String>,
}

/// Sends a red packet or a transfer of play money: a message of media 5.
///
/// The total leaves the sender's balance with the message. In a group each member may claim one share, the sender too;
/// in private the other one. What is not claimed within `chat.packet_hours` goes back.
#[utoipa::path(
    post, path = "/api/v1/conversations/{conv}/packets", tag = "packets",
    params(("conv" = String, Path, description = "`u:<user id>` or `g:<group id>`")),
    request_body = NewPacket,
    responses(
        (status = 201, body = shapes::Accepted),
        (status = 200, body = shapes::Accepted, description = "Repeated: the first one's place"),
        (status = 429, description = "`rate_limited`"),
    )
)]
async fn send(
    conv: Conversation,
    login: Login,
    input: Result<NewPacket, Failure>,
    packets: Packets,
) -> Answer {
    let (me, input) = (login?.user.id, input?);
    let request = PacketRequest {
        cid: input.cid,
        kind: input.kind,
        total: input.total,
        count: input.count,
        split: input.split,
        memo: input.memo,
    };
    let sent = packets.send(me, conv.0, &request).await?;
    let status = if sent.duplicate {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    reply::json_with(status, &shapes::Accepted::from(sent))
}

/// Takes the next share of a packet, once. Everybody in the conversation sees it as a notice.
///
/// `already_claimed` after an answer that got lost: the packet's claims tell the amount.
#[utoipa::path(
    post, path = "/api/v1/packets/{seq}/claim", tag = "packets",
    params(("seq" = u64, Path, description = "The place of the packet's message")),
    responses((status = 200, body = shapes::ClaimedShare), (status = 429, description = "`rate_limited`"))
)]
async fn claim(seq: EntryPath, login: Login, packets: Packets) -> Answer {
    let amount = packets.claim(login?.user.id, seq.0).await?;
    reply::ok(&shapes::ClaimedShare { amount })
}

/// What is in a packet, and who took what of it; for who sees its message.
#[utoipa::path(
    get, path = "/api/v1/packets/{seq}", tag = "packets",
    params(("seq" = u64, Path, description = "The place of the packet's message")),
    responses((status = 200, body = shapes::Packet))
)]
async fn show(seq: EntryPath, login: Login, packets: Packets) -> Answer {
    let packet = packets.view(login?.user.id, seq.0).await?;
    reply::ok(&shapes::Packet::from(packet))
}

/// One's own play money, in cents.
#[utoipa::path(
    get, path = "/api/v1/me/balance", tag = "packets",
    responses((status = 200, body = shapes::Balance))
)]
async fn balance(login: Login, packets: Packets) -> Answer {
    let balance = packets.balance(login?.user.id).await?;
    reply::ok(&shapes::Balance { balance })
}
