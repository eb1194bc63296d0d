//! Who comes and goes while a group talks hears exactly what was said during his stays, on whatever node.

use std::collections::BTreeSet;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::client::{Account, Chatter, Http, Room};
use super::crowd::{Crowd, Talk, settle};
use super::harness::Plan;

const MESSAGES: usize = 600;
const PER_SECOND: usize = 200;
const STAYS: usize = 8;
const SETTLED_WITHIN: Duration = Duration::from_secs(20);
/// The member who comes and goes; the others talk.
const GUEST: usize = 4;

/// The seqs of messages during the guest's stays, as somebody tells it who was there all the time.
fn during_stays(history: &[Value], guest: u64) -> BTreeSet<u64> {
    let mut inside = false;
    let mut heard = BTreeSet::new();
    for entry in history {
        let about_guest = entry["users"]
            .as_array()
            .is_some_and(|users| users.contains(&json!(guest)));
        match entry["kind"].as_str().unwrap() {
            "joined" if about_guest => inside = true,
            "left" if about_guest => inside = false,
            "message" if inside => {
                heard.insert(entry["seq"].as_u64().unwrap());
            }
            _ => {}
        }
    }
    heard
}

/// Lets the guest in and out, asking another node each time.
async fn come_and_go(nodes: &[Http], owner: &Account, guest: &Account, group: u64) {
    let members = format!("/api/v1/groups/{group}/members");
    for stay in 0..STAYS {
        let here = &nodes[stay % nodes.len()];
        let users = json!({"users": [guest.id]});
        here.post(&members, &owner.token, users).await.expect(201);
        tokio::time::sleep(Duration::from_millis(150)).await;
        let there = &nodes[(stay + 1) % nodes.len()];
        let path = format!("{members}/{}", guest.id);
        there
            .call(Method::DELETE, &path, Some(&owner.token), None)
            .await
            .expect(204);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn heard_exactly(what: &str, chatter: &Chatter, expected: &BTreeSet<u64>) {
    let ledger = chatter.ledger();
    assert!(ledger.breaches.is_empty(), "{what}: {:?}", ledger.breaches);
    let messages = ledger.received.iter().filter(|r| r.kind == "message");
    let heard: Vec<u64> = messages.map(|r| r.seq).collect();
    assert!(
        heard.is_sorted_by(|a, b| a < b),
        "{what}: twice or out of order"
    );
    let heard: BTreeSet<u64> = heard.into_iter().collect();
    let missing: Vec<_> = expected.difference(&heard).collect();
    let foreign: Vec<_> = heard.difference(expected).collect();
    assert!(
        missing.is_empty() && foreign.is_empty(),
        "{what}: missing {missing:?}, not for him {foreign:?}"
    );
}

#[tokio::test]
async fn who_comes_and_goes_while_a_group_talks_hears_what_was_said_during_his_stays_and_nothing_else()
 {
    let cluster = Plan::nodes(3).start().await;
    let mut crowd = Crowd::register(&cluster, GUEST + 1).await;
    let room = crowd.group(&cluster, &[0, 1, 2, 3]).await;
    let Room::Group(group) = room else {
        unreachable!("a group was made")
    };
    let (owner, guest) = (crowd.accounts[0].clone(), crowd.accounts[GUEST].clone());
    let nodes = cluster.addresses();
    let https: Vec<Http> = nodes.iter().map(|node| Http::new(*node)).collect();
    let chatters = crowd.connect(&cluster).await;
    // A second device of the guest on another node, which loses its connection all the time.
    let device = Chatter::connect(&guest, &nodes, 0).await;
    let cuts = async {
        loop {
            tokio::time::sleep(Duration::from_millis(70)).await;
            device.cut();
        }
    };
    let mut talk = Talk::new(14, vec![room]);
    let going_on = async {
        tokio::join!(
            talk.go_on(&crowd, &chatters[..GUEST], MESSAGES, PER_SECOND),
            come_and_go(&https, &owner, &guest, group),
        )
    };
    tokio::select! {
        _ = going_on => {}
        () = cuts => {}
    }
    settle(&chatters, SETTLED_WITHIN).await;
    let last = chatters[0].ledger().position;
    device
        .until("the device is up to date", SETTLED_WITHIN, |l| {
            l.position >= last
        })
        .await;

    let expected = during_stays(
        &https[1].history(&owner, &room.conv_for(owner.id)).await,
        guest.id,
    );
    assert!(
        expected.len() > 50 && expected.len() < MESSAGES - 50,
        "{} of {MESSAGES}",
        expected.len()
    );
    heard_exactly("the steady device", &chatters[GUEST], &expected);
    heard_exactly("the device that is cut off", &device, &expected);
    let own_view: BTreeSet<u64> = https[2]
        .history(&guest, &room.conv_for(guest.id))
        .await
        .iter()
        .filter(|entry| entry["kind"] == "message")
        .map(|entry| entry["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(
        own_view, expected,
        "the guest's history is what was said during his stays"
    );
}
