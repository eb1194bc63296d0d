//! A red packet that everybody wants at once, on every node: each gets at most one share, and the sum is the packet.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::client::{Http, Room};
use super::crowd::Crowd;
use super::harness::{Plan, until};

const PEOPLE: usize = 12;
const SHARES: u64 = 8;
const TOTAL: u64 = 5_000;
const START: u64 = 100_000;
const SEEN_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test]
async fn of_all_who_claim_at_once_on_three_nodes_each_gets_one_share_and_no_more_than_there_is() {
    let cluster = Plan::nodes(3).start().await;
    let mut crowd = Crowd::register(&cluster, PEOPLE).await;
    let everybody: Vec<usize> = (0..PEOPLE).collect();
    let room = crowd.group(&cluster, &everybody).await;
    let Room::Group(group) = room else {
        unreachable!("a group was made")
    };
    let nodes: Vec<Http> = cluster.addresses().into_iter().map(Http::new).collect();
    let chatters = crowd.connect(&cluster).await;
    let wish =
        json!({"cid": "p", "kind": "packet", "total": TOTAL, "count": SHARES, "split": "lucky"});
    let path = format!("/api/v1/conversations/g:{group}/packets");
    let giver = &crowd.accounts[0];
    let sent = nodes[0].post(&path, &giver.token, wish).await.expect(201);
    let seq = sent["seq"].as_u64().unwrap();

    // Everybody on every node at once.
    let path = format!("/api/v1/packets/{seq}/claim");
    let claims = nodes.iter().flat_map(|node| {
        let path = path.as_str();
        let all = crowd.accounts.iter();
        all.map(move |account| async move {
            (account.id, node.post(path, &account.token, json!({})).await)
        })
    });
    let mut shares: BTreeMap<u64, u64> = BTreeMap::new();
    for (user, reply) in join_all(claims).await {
        if reply.status == 200 {
            let amount = reply.body["amount"].as_u64().unwrap();
            assert_eq!(shares.insert(user, amount), None, "{user} claimed twice");
        } else {
            let code = reply.body["error"]["code"].as_str().unwrap();
            let known = matches!(code, "already_claimed" | "packet_empty");
            assert!(reply.status == 409 && known, "{}", reply.text);
        }
    }
    assert_eq!(shares.len() as u64, SHARES);
    assert_eq!(shares.values().sum::<u64>(), TOTAL);

    let mut all = 0;
    for (at, account) in crowd.accounts.iter().enumerate() {
        let node = &nodes[at % nodes.len()];
        let found = node.get("/api/v1/me/balance", &account.token).await;
        let balance = found.expect(200)["balance"].as_u64().unwrap();
        let paid = if account.id == giver.id { TOTAL } else { 0 };
        assert_eq!(
            balance + paid,
            START + shares.get(&account.id).unwrap_or(&0)
        );
        all += balance;
    }
    assert_eq!(all, PEOPLE as u64 * START);
    let path = format!("/api/v1/packets/{seq}");
    let shown = nodes[2].get(&path, &giver.token).await.expect(200);
    assert_eq!(shown["state"], "empty");
    assert_eq!(shown["claims"].as_array().unwrap().len() as u64, SHARES);

    // Every other device on every node sees each claim live, as a notice.
    for chatter in &chatters {
        until("all claims are seen", SEEN_WITHIN, || async {
            let ledger = chatter.ledger();
            let notices = ledger.received.iter().filter(|r| r.kind == "notice");
            notices.count() as u64 == SHARES
        })
        .await;
    }
}
