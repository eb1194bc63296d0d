//! Friendships from request to end, remarks and blocks.

use super::stage::{Make, Stage, empty};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Refusal};
use crate::model::entry::EntryKind;
use crate::model::ids::{Seq, UserId};

const FRIEND: EntryKind = EntryKind::Friend;

fn asking(other: UserId, message: &str) -> Change {
    Change::Befriend {
        other,
        message: message.to_owned(),
        auto: false,
    }
}

async fn ask(stage: &Stage, author: UserId, other: UserId, message: &str) -> Seq {
    let conv = Conv::private(author, other);
    stage
        .done(author, conv, FRIEND, asking(other, message))
        .await
}

async fn are_friends(stage: &Stage, one: UserId, other: UserId) -> bool {
    let friends = &stage.stores.friends;
    let there = friends.are_friends(one, other).await.unwrap();
    assert_eq!(friends.are_friends(other, one).await.unwrap(), there);
    for (user, peer) in [(one, other), (other, one)] {
        let all = friends.friendships(user).await.unwrap();
        assert_eq!(all.friends.iter().any(|friend| friend.user == peer), there);
    }
    there
}

pub async fn a_request_is_answered_once(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let friends = &stage.stores.friends;
    for accept in [false, true] {
        ask(&stage, anna, bert, "hi, it is anna").await;
        let request = friends.friendships(bert).await.unwrap().incoming[0].clone();
        assert_eq!((request.from, request.to), (anna, bert));
        assert_eq!(request.message, "hi, it is anna");
        assert!(request.at > 0);
        assert_eq!(
            friends.friendships(anna).await.unwrap().outgoing,
            vec![request.clone()]
        );
        assert!(!are_friends(&stage, anna, bert).await);
        let answer = |other| Change::AnswerFriend {
            request: request.id,
            other,
            accept,
        };
        // Neither the one who asked nor a third may answer, nor is it an answer to somebody else.
        for (author, other) in [(anna, bert), (carl, anna), (bert, carl)] {
            let conv = Conv::private(author, other);
            stage
                .refused(author, conv, FRIEND, answer(other), Refusal::NotFound)
                .await;
        }
        let conv = Conv::private(anna, bert);
        stage.done(bert, conv, FRIEND, answer(anna)).await;
        assert_eq!(are_friends(&stage, anna, bert).await, accept);
        stage
            .refused(bert, conv, FRIEND, answer(anna), Refusal::NotFound)
            .await;
        assert!(friends.friendships(bert).await.unwrap().incoming.is_empty());
        assert!(friends.friendships(anna).await.unwrap().outgoing.is_empty());
    }
}

pub async fn whoever_is_blocked_accepts_nothing(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let friends = &stage.stores.friends;
    let conv = Conv::private(anna, bert);
    ask(&stage, anna, bert, "").await;
    friends.set_blocked(anna, bert, true).await.unwrap();
    let request = friends.friendships(bert).await.unwrap().incoming[0].id;
    let answer = |accept| Change::AnswerFriend {
        request,
        other: anna,
        accept,
    };
    stage
        .refused(bert, conv, FRIEND, answer(true), Refusal::Blocked)
        .await;
    assert!(!are_friends(&stage, anna, bert).await);
    stage.done(bert, conv, FRIEND, answer(false)).await;
    // Whoever blocked may befriend: he knows whom he asks.
    ask(&stage, anna, bert, "").await;
    friends.set_blocked(anna, bert, false).await.unwrap();
    ask(&stage, bert, anna, "").await;
    assert!(are_friends(&stage, anna, bert).await);
}

pub async fn asking_again_keeps_one_request(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    ask(&stage, anna, bert, "first").await;
    let before = stage.stores.friends.friendships(bert).await.unwrap();
    ask(&stage, anna, bert, "second").await;
    let after = stage.stores.friends.friendships(bert).await.unwrap();
    assert_eq!(after.incoming.len(), 1);
    assert_eq!(after.incoming[0].id, before.incoming[0].id);
    assert_eq!(after.incoming[0].message, "second");
    assert_eq!(stage.head().await, Seq(2));
}

pub async fn asking_the_one_who_asked_makes_friends(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    ask(&stage, anna, bert, "").await;
    ask(&stage, bert, anna, "").await;
    assert!(are_friends(&stage, anna, bert).await);
    for user in [anna, bert] {
        let all = stage.stores.friends.friendships(user).await.unwrap();
        assert!(all.incoming.is_empty() && all.outgoing.is_empty());
        assert!(all.friends[0].since > 0);
    }
}

pub async fn automatic_friendship_needs_no_answer(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    ask(&stage, anna, bert, "").await;
    let auto = Change::Befriend {
        other: bert,
        message: String::new(),
        auto: true,
    };
    stage
        .done(anna, Conv::private(anna, bert), FRIEND, auto)
        .await;
    assert!(are_friends(&stage, anna, bert).await);
    let all = stage.stores.friends.friendships(bert).await.unwrap();
    assert!(all.incoming.is_empty(), "the open request is settled too");
}

pub async fn befriending_has_conditions(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let friends = &stage.stores.friends;
    let nobody = UserId(999);
    let refused = async |other: UserId, refusal| {
        stage
            .refused(
                anna,
                Conv::private(anna, other),
                FRIEND,
                asking(other, ""),
                refusal,
            )
            .await;
    };
    refused(nobody, Refusal::NotFound).await;
    refused(anna, Refusal::NotAllowed).await;
    friends.set_blocked(bert, anna, true).await.unwrap();
    refused(bert, Refusal::Blocked).await;
    friends.set_blocked(bert, anna, false).await.unwrap();
    ask(&stage, anna, bert, "").await;
    ask(&stage, bert, anna, "").await;
    refused(bert, Refusal::AlreadyFriends).await;
}

pub async fn ending_a_friendship_ends_it_for_both(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    ask(&stage, anna, bert, "").await;
    let unfriend = |other| Change::Unfriend { other };
    stage
        .refused(bert, conv, FRIEND, unfriend(anna), Refusal::NotFound)
        .await;
    ask(&stage, bert, anna, "").await;
    stage.done(bert, conv, FRIEND, unfriend(anna)).await;
    assert!(!are_friends(&stage, anna, bert).await);
    stage
        .refused(anna, conv, FRIEND, unfriend(bert), Refusal::NotFound)
        .await;
    ask(&stage, anna, bert, "once more").await;
    assert!(!are_friends(&stage, anna, bert).await);
}

pub async fn remarks_and_blocks_are_ones_own(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let friends = &stage.stores.friends;
    assert!(!friends.set_remark(anna, bert, "no").await.unwrap());
    ask(&stage, anna, bert, "").await;
    ask(&stage, bert, anna, "").await;
    assert!(friends.set_remark(anna, bert, "老王").await.unwrap());
    let [of_anna, of_bert] = [anna, bert].map(|user| friends.friendships(user));
    assert_eq!(of_anna.await.unwrap().friends[0].remark, "老王");
    assert_eq!(of_bert.await.unwrap().friends[0].remark, "");
    for blocked in [true, true, false, false, true] {
        friends.set_blocked(anna, bert, blocked).await.unwrap();
        let expected = if blocked { vec![bert] } else { vec![] };
        assert_eq!(friends.blocks(anna).await.unwrap(), expected);
        assert_eq!(friends.blocks(bert).await.unwrap(), vec![]);
        let of_bert = friends.blockers(bert, &[bert, anna]).await.unwrap();
        assert_eq!(of_bert, if blocked { vec![anna] } else { vec![] });
        assert_eq!(friends.blockers(anna, &[bert]).await.unwrap(), vec![]);
        assert_eq!(friends.blockers(bert, &[]).await.unwrap(), vec![]);
    }
}
