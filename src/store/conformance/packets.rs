//! Red packets, transfers and balances: conditions, effects, and that no cent is made or lost.

use std::sync::Arc;

use super::stage::{END, Make, Stage};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome, Refusal};
use crate::model::entry::EntryKind;
use crate::model::ids::{Seq, UserId};
use crate::model::packet::{NewPacket, PacketKind, PacketState, Split};
use crate::model::policy::{History, StoreRules};
use crate::store::Stores;

/// Longer than any test takes.
const LONG: i64 = 3_600_000;
/// Over at once.
const OVER: i64 = 0;
const START: u64 = 1_000;

async fn with_money(make: &impl Make) -> Stage {
    make.make(StoreRules {
        starting_balance: START,
        ..StoreRules::default()
    })
    .await
}

fn of(shares: &[u64], life_ms: i64) -> Change {
    let packet = NewPacket {
        kind: PacketKind::Packet,
        split: Split::Lucky,
        shares: shares.to_vec(),
        life_ms,
    };
    Change::SendPacket { packet }
}

async fn send(stage: &Stage, from: UserId, conv: Conv, shares: &[u64], life_ms: i64) -> Seq {
    let change = of(shares, life_ms);
    stage.done(from, conv, EntryKind::Message, change).await
}

async fn claim(stage: &Stage, user: UserId, conv: Conv, packet: Seq) -> Seq {
    let change = Change::ClaimPacket { packet };
    stage.done(user, conv, EntryKind::Notice, change).await
}

async fn unclaimed(stage: &Stage, user: UserId, conv: Conv, packet: Seq, refusal: Refusal) {
    let change = Change::ClaimPacket { packet };
    stage
        .refused(user, conv, EntryKind::Notice, change, refusal)
        .await;
}

fn refund(conv: Conv, packet: Seq) -> Draft {
    Draft {
        conv,
        from: UserId::SYSTEM,
        kind: EntryKind::Notice,
        cid: format!("refund:{packet}").parse().unwrap(),
        body: bytes::Bytes::from_static(b"{}"),
        change: Change::RefundPacket { packet },
    }
}

async fn balances<const N: usize>(stores: &Stores, users: [UserId; N]) -> [u64; N] {
    let mut balances = [0; N];
    for (balance, user) in balances.iter_mut().zip(users) {
        *balance = stores.packets.balance(user).await.unwrap();
    }
    balances
}

pub async fn a_packet_leaves_its_senders_balance_and_is_taken_share_by_share(make: &impl Make) {
    let stage = with_money(make).await;
    let users @ [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, _) = stage.group(anna, &[bert, carl]).await;
    let conv = Conv::Group(group);
    let packets = &stage.stores.packets;
    assert_eq!(balances(&stage.stores, users).await, [START; 3]);
    let seq = send(&stage, anna, conv, &[300, 1, 99], LONG).await;
    let sent = packets.packet(seq).await.unwrap().unwrap();
    assert_eq!((sent.seq, sent.conv, sent.sender), (seq, conv, anna));
    assert_eq!((sent.kind, sent.split), (PacketKind::Packet, Split::Lucky));
    assert_eq!((sent.total, sent.shares, sent.rest), (400, 3, 400));
    assert_eq!((sent.state, sent.claims.len()), (PacketState::Open, 0));
    claim(&stage, carl, conv, seq).await;
    claim(&stage, anna, conv, seq).await;
    assert_eq!(balances(&stage.stores, users).await, [601, START, 1_300]);
    unclaimed(&stage, carl, conv, seq, Refusal::AlreadyClaimed).await;
    claim(&stage, bert, conv, seq).await;
    let taken = packets.packet(seq).await.unwrap().unwrap();
    let claims: Vec<_> = taken.claims.iter().map(|c| (c.user, c.cents)).collect();
    assert_eq!(claims, [(carl, 300), (anna, 1), (bert, 99)]);
    assert_eq!((taken.rest, taken.state), (0, PacketState::Empty));
    assert!(taken.claims.is_sorted_by_key(|claim| claim.at));
    assert_eq!(balances(&stage.stores, users).await, [601, 1_099, 1_300]);
    unclaimed(&stage, bert, conv, seq, Refusal::AlreadyClaimed).await;
    let dora = stage.user("dora").await;
    stage.join(dora, group).await;
    unclaimed(&stage, dora, conv, seq, Refusal::NotFound).await;
    assert!(packets.packet(Seq(999)).await.unwrap().is_none());
}

pub async fn sending_a_packet_has_conditions(make: &impl Make) {
    let stage = with_money(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, _) = stage.group(anna, &[]).await;
    let (to_group, to_bert) = (Conv::Group(group), Conv::private(anna, bert));
    let refused = async |from, conv, shares: &[u64], refusal| {
        let change = of(shares, LONG);
        stage
            .refused(from, conv, EntryKind::Message, change, refusal)
            .await;
    };
    refused(anna, to_group, &[START, 1], Refusal::Insufficient).await;
    refused(bert, to_group, &[1], Refusal::NotMember).await;
    refused(carl, to_bert, &[1], Refusal::NotAllowed).await;
    refused(anna, Conv::private(anna, anna), &[1], Refusal::NotAllowed).await;
    refused(anna, Conv::Notices, &[1], Refusal::NotAllowed).await;
    let nobody = Conv::private(anna, UserId(999));
    refused(anna, nobody, &[1], Refusal::NotFound).await;
    let friends = &stage.stores.friends;
    friends.set_blocked(bert, anna, true).await.unwrap();
    refused(anna, to_bert, &[1], Refusal::Blocked).await;
    friends.set_blocked(bert, anna, false).await.unwrap();
    assert_eq!(balances(&stage.stores, [anna, bert]).await, [START; 2]);
    send(&stage, anna, to_bert, &[START - 1], LONG).await;
    refused(anna, to_group, &[2], Refusal::Insufficient).await;
    send(&stage, anna, to_group, &[1], LONG).await;
    assert_eq!(balances(&stage.stores, [anna]).await, [0]);
}

pub async fn a_repeated_packet_is_the_first_one_however_it_was_cut(make: &impl Make) {
    let stage = with_money(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let draft = stage.draft(anna, conv, EntryKind::Message, of(&[3, 4], LONG));
    let again = Draft {
        change: of(&[4, 3], LONG),
        ..draft.clone()
    };
    let outcomes = stage.append(vec![draft, again]).await;
    let Outcome::Appended { seq, at } = outcomes[0] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(outcomes[1], Outcome::Duplicate { seq, at });
    assert_eq!(balances(&stage.stores, [anna]).await, [START - 7]);
}

pub async fn claiming_has_conditions(make: &impl Make) {
    let stage = with_money(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let private = Conv::private(anna, bert);
    let transfer = send(&stage, anna, private, &[10], LONG).await;
    unclaimed(&stage, anna, private, transfer, Refusal::NotAllowed).await;
    unclaimed(&stage, carl, private, transfer, Refusal::NotFound).await;
    let (group, _) = stage.group(anna, &[bert]).await;
    let conv = Conv::Group(group);
    // In the wrong conversation, and what is no packet.
    unclaimed(&stage, bert, conv, transfer, Refusal::NotFound).await;
    let said = stage.say(anna, conv, "no packet").await;
    unclaimed(&stage, bert, conv, said, Refusal::NotFound).await;
    let packet = send(&stage, anna, conv, &[5, 5], LONG).await;
    unclaimed(&stage, carl, conv, packet, Refusal::NotFound).await;
    stage.leave(bert, group).await;
    unclaimed(&stage, bert, conv, packet, Refusal::NotMember).await;
    stage.join(bert, group).await;
    claim(&stage, bert, conv, packet).await;
    stage.join(carl, group).await;
    let last = send(&stage, anna, conv, &[1], LONG).await;
    claim(&stage, anna, conv, last).await;
    unclaimed(&stage, carl, conv, last, Refusal::PacketEmpty).await;
    let over = send(&stage, anna, conv, &[1], OVER).await;
    unclaimed(&stage, carl, conv, over, Refusal::PacketExpired).await;
    stage.stores.users.set_disabled(bert, true).await.unwrap();
    unclaimed(&stage, bert, private, transfer, Refusal::Disabled).await;
    stage.stores.users.set_disabled(bert, false).await.unwrap();
    claim(&stage, bert, private, transfer).await;
    assert_eq!(balances(&stage.stores, [bert, carl]).await, [1_015, START]);
}

pub async fn who_sees_the_whole_past_may_claim_what_is_in_it(make: &impl Make) {
    let rules = StoreRules {
        history: History::All,
        ..StoreRules::default()
    };
    let stage = make.make(rules).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, _) = stage.group(anna, &[]).await;
    let conv = Conv::Group(group);
    let packet = send(&stage, anna, conv, &[1, 1], LONG).await;
    stage.join(bert, group).await;
    claim(&stage, bert, conv, packet).await;
    unclaimed(&stage, carl, conv, packet, Refusal::NotFound).await;
    stage.join(carl, group).await;
    stage.leave(carl, group).await;
    unclaimed(&stage, carl, conv, packet, Refusal::NotFound).await;
}

pub async fn what_is_left_goes_back_once_when_the_time_is_over(make: &impl Make) {
    let stage = with_money(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, _) = stage.group(anna, &[bert]).await;
    let conv = Conv::Group(group);
    let packets = &stage.stores.packets;
    let running = send(&stage, anna, conv, &[100], LONG).await;
    let early = stage.one(refund(conv, running)).await;
    assert_eq!(early, Outcome::Refused(Refusal::NotAllowed));
    let over = send(&stage, anna, conv, &[50, 50], OVER).await;
    assert_eq!(packets.overdue(10).await.unwrap(), vec![(over, conv)]);
    let found = packets.packet(over).await.unwrap().unwrap();
    assert_eq!((found.state, found.rest), (PacketState::Expired, 100));
    let by_bert = Draft {
        from: bert,
        ..refund(conv, over)
    };
    let not_his = stage.one(by_bert).await;
    assert_eq!(not_his, Outcome::Refused(Refusal::NotAllowed));
    assert_eq!(balances(&stage.stores, [anna]).await, [800]);
    let Outcome::Appended { seq, at } = stage.one(refund(conv, over)).await else {
        panic!("what is left should go back");
    };
    let again = stage.one(refund(conv, over)).await;
    assert_eq!(again, Outcome::Duplicate { seq, at });
    let with_other_cid = Draft {
        cid: "another".parse().unwrap(),
        ..refund(conv, over)
    };
    let twice = stage.one(with_other_cid).await;
    assert_eq!(twice, Outcome::Refused(Refusal::NotFound));
    assert_eq!(balances(&stage.stores, [anna]).await, [900]);
    assert!(packets.overdue(10).await.unwrap().is_empty());
    let settled = packets.packet(over).await.unwrap().unwrap();
    assert_eq!((settled.state, settled.rest), (PacketState::Expired, 0));
    unclaimed(&stage, bert, conv, over, Refusal::PacketExpired).await;
}

pub async fn notices_about_packets_are_seen_and_not_unread(make: &impl Make) {
    let stage = with_money(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let packet = send(&stage, anna, conv, &[5], LONG).await;
    let notice = claim(&stage, bert, conv, packet).await;
    let lists = &stage.stores.conversations;
    assert_eq!(lists.unread(anna, conv, Seq::ZERO, END).await.unwrap(), 0);
    assert_eq!(lists.unread(bert, conv, Seq::ZERO, END).await.unwrap(), 1);
    assert_eq!(stage.visible(anna).await, vec![packet, notice]);
    stage.notice("for everybody").await;
    let own = Conv::private(anna, anna);
    assert_eq!(lists.unread(anna, own, Seq::ZERO, END).await.unwrap(), 1);
}

pub async fn settled_packets_go_after_their_messages(make: &impl Make) {
    let stage = with_money(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let packets = &stage.stores.packets;
    let settled = send(&stage, anna, conv, &[5], LONG).await;
    let open = send(&stage, anna, conv, &[7], LONG).await;
    claim(&stage, bert, conv, settled).await;
    assert_eq!(packets.forget_pruned(10).await.unwrap(), 0);
    stage
        .say(anna, conv, "the last entry is never pruned")
        .await;
    stage.stores.retention.prune(open, 100).await.unwrap();
    assert_eq!(packets.forget_pruned(10).await.unwrap(), 1);
    assert_eq!(packets.forget_pruned(10).await.unwrap(), 0);
    assert!(packets.packet(settled).await.unwrap().is_none());
    assert_eq!(packets.packet(open).await.unwrap().unwrap().rest, 7);
    assert_eq!(balances(&stage.stores, [anna, bert]).await, [988, 1_005]);
}

const NODES: usize = 4;
const ROUNDS: usize = 12;

/// Four nodes send, claim and give back at once: whatever the order, what all have and what is in packets is what
/// they began with, and nobody has two shares of one packet.
pub async fn money_is_neither_made_nor_lost_by_many_at_once(make: &impl Make) {
    let stage = Arc::new(with_money(make).await);
    let users @ [anna, bert, carl, dora] = stage.users(["anna", "bert", "carl", "dora"]).await;
    let (group, _) = stage.group(anna, &[bert, carl, dora]).await;
    let conv = Conv::Group(group);
    let mut contested = Vec::new();
    for round in 0..ROUNDS {
        let life = if round % 3 == 2 { OVER } else { LONG };
        contested.push(send(&stage, users[round % 4], conv, &[20, 9, 1], life).await);
    }
    let mut working = Vec::new();
    for node in 0..NODES {
        let (stage, contested) = (Arc::clone(&stage), contested.clone());
        working.push(tokio::spawn(async move {
            let stores = stage.another().await;
            for round in 0..ROUNDS {
                // Each node meets the packets in another order, and all users ask on all of them.
                let packet = contested[(round * (node + 1) + node) % ROUNDS];
                let mut drafts = vec![refund(conv, packet)];
                for turn in 0..4 {
                    let user = users[(node + turn) % 4];
                    let change = Change::ClaimPacket { packet };
                    drafts.push(stage.draft(user, conv, EntryKind::Notice, change));
                    let change = of(&[u64::try_from(turn).unwrap() + 1, 200], OVER);
                    drafts.push(stage.draft(user, conv, EntryKind::Message, change));
                }
                for draft in drafts {
                    stores.log.append(vec![draft]).await.unwrap();
                }
            }
        }));
    }
    for node in working {
        node.await.unwrap();
    }
    let packets = &stage.stores.packets;
    let mut inside = 0;
    for seq in 1..=stage.head().await.0 {
        let Some(packet) = packets.packet(Seq(seq)).await.unwrap() else {
            continue;
        };
        inside += packet.rest;
        let mut takers: Vec<_> = packet.claims.iter().map(|claim| claim.user).collect();
        takers.sort_unstable();
        takers.dedup();
        assert_eq!(takers.len(), packet.claims.len(), "{packet:?}");
        let taken: u64 = packet.claims.iter().map(|claim| claim.cents).sum();
        assert!(taken + packet.rest <= packet.total, "{packet:?}");
        if contested.contains(&packet.seq) {
            let whole = packet.state == PacketState::Empty && taken == packet.total;
            let back = packet.state == PacketState::Expired && packet.claims.is_empty();
            assert!(whole || back, "{packet:?}");
        }
    }
    let all: u64 = balances(&stage.stores, users).await.iter().sum();
    assert_eq!(all + inside, 4 * START);
}
