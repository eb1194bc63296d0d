//! Bots and hooks: who owns them, who holds them, and what they are told.

use super::stage::{Make, Stage, empty, seqs};
use crate::model::conversation::Conv;
use crate::model::hook::{Hook, NewHook, Way};
use crate::model::ids::{GroupId, Incarnation, Seq, UserId};
use crate::model::user::TokenHash;
use crate::store::AfterFailure;

const ONE: Incarnation = Incarnation([1; 16]);
const OTHER: Incarnation = Incarnation([2; 16]);
/// Longer than any test takes.
const LONG: u64 = 3_600_000;
/// Over at once.
const OVER: u64 = 0;

async fn outgoing(stage: &Stage, group: GroupId, creator: UserId) -> Hook {
    let new = NewHook {
        group,
        name: "记录".to_owned(),
        creator,
        way: Way::Out {
            url: "https://hooks.example/x?y=z".to_owned(),
            secret: "s".to_owned(),
        },
    };
    stage.stores.hooks.create(new).await.unwrap()
}

pub async fn bots_are_known_with_their_owners_until_they_are_gone(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, bot, other] = stage.users(["anna", "bert", "bot", "other"]).await;
    let hooks = &stage.stores.hooks;
    for (made, owner) in [(other, anna), (bot, anna), (bot, bert)] {
        hooks.mark_bot(made, owner).await.unwrap();
    }
    assert_eq!(
        hooks.owner_of(bot).await.unwrap(),
        Some(anna),
        "the first stays"
    );
    assert_eq!(hooks.owner_of(anna).await.unwrap(), None);
    assert_eq!(hooks.bots_of(anna).await.unwrap(), vec![bot, other]);
    assert!(hooks.bots_of(bert).await.unwrap().is_empty());
    stage.stores.users.set_disabled(bot, true).await.unwrap();
    assert_eq!(hooks.bots_of(anna).await.unwrap(), vec![other]);
}

pub async fn hooks_are_made_found_and_taken_away(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bot] = stage.users(["anna", "bot"]).await;
    let (group, head) = stage.group(anna, &[bot]).await;
    let (another, _) = stage.group(anna, &[]).await;
    let hooks = &stage.stores.hooks;
    let token = TokenHash([7; 32]);
    let new = NewHook {
        group,
        name: "builds".to_owned(),
        creator: anna,
        way: Way::In { bot, token },
    };
    let incoming = hooks.create(new).await.unwrap();
    let out = outgoing(&stage, group, anna).await;
    assert_eq!(incoming.way, Way::In { bot, token });
    assert_eq!((incoming.group, incoming.creator), (group, anna));
    assert_eq!((out.name.as_str(), out.disabled.as_str()), ("记录", ""));
    assert!(out.cursor > head && out.cursor == stage.head().await);
    assert!(out.created_at > 0);
    let all = vec![incoming.clone(), out.clone()];
    assert_eq!(hooks.of_group(group).await.unwrap(), all);
    let of_the_wrong_way = hooks.enable(group, incoming.id).await.unwrap();
    assert_eq!(of_the_wrong_way, None);
    assert_eq!(
        hooks.by_token(&token).await.unwrap(),
        Some(incoming.clone())
    );
    let unknown = TokenHash([8; 32]);
    assert_eq!(hooks.by_token(&unknown).await.unwrap(), None);
    assert_eq!(hooks.remove(another, out.id).await.unwrap(), None);
    assert_eq!(
        hooks.remove(group, out.id).await.unwrap(),
        Some(out.clone())
    );
    assert_eq!(hooks.remove(group, out.id).await.unwrap(), None);
    assert_eq!(hooks.of_group(group).await.unwrap(), vec![incoming]);
}

pub async fn a_hook_is_held_by_one_at_a_time(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let (group, _) = stage.group(anna, &[]).await;
    let hooks = &stage.stores.hooks;
    let hook = outgoing(&stage, group, anna).await;
    let nothing_new = hooks.hold(ONE, LONG, 10).await.unwrap();
    assert!(nothing_new.is_empty());
    stage.say(anna, Conv::Group(group), "hello").await;
    let held = hooks.hold(ONE, LONG, 10).await.unwrap();
    assert_eq!(held, vec![hook.clone()]);
    for node in [ONE, OTHER] {
        assert!(hooks.hold(node, LONG, 10).await.unwrap().is_empty());
    }
    assert!(hooks.keep(hook.id, ONE, LONG).await.unwrap());
    assert!(!hooks.keep(hook.id, OTHER, LONG).await.unwrap());
    assert!(!hooks.advance(hook.id, OTHER, Seq(99)).await.unwrap());
    // Another's word does not let it go, one's own does.
    hooks.release(hook.id, OTHER).await.unwrap();
    assert!(hooks.hold(OTHER, LONG, 10).await.unwrap().is_empty());
    hooks.release(hook.id, ONE).await.unwrap();
    assert_eq!(hooks.hold(OTHER, OVER, 10).await.unwrap().len(), 1);
    // That hold is over: the next may, and the one before may nothing more.
    assert!(!hooks.keep(hook.id, OTHER, LONG).await.unwrap());
    let retry = AfterFailure::RetryIn(0);
    assert!(!hooks.fail(hook.id, OTHER, retry).await.unwrap());
    assert_eq!(hooks.hold(ONE, LONG, 10).await.unwrap().len(), 1);
    assert!(!hooks.advance(hook.id, OTHER, Seq(99)).await.unwrap());
}

pub async fn a_hook_goes_on_where_it_was_and_waits_after_failures(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let (group, _) = stage.group(anna, &[]).await;
    let conv = Conv::Group(group);
    let hooks = &stage.stores.hooks;
    let id = outgoing(&stage, group, anna).await.id;
    let now = async || hooks.of_group(group).await.unwrap().remove(0);
    let first = stage.say(anna, conv, "first").await;
    let second = stage.say(anna, conv, "second").await;
    assert_eq!(hooks.hold(ONE, LONG, 10).await.unwrap().len(), 1);
    for upto in [first, first, Seq(1)] {
        assert!(hooks.advance(id, ONE, upto).await.unwrap());
        assert_eq!(now().await.cursor, first, "it never goes back");
    }
    let soon = AfterFailure::RetryIn(0);
    assert!(hooks.fail(id, ONE, soon.clone()).await.unwrap());
    let since = now().await.failing_since.unwrap();
    let held = hooks.hold(ONE, LONG, 10).await.unwrap();
    assert_eq!((held[0].failures, held[0].cursor), (1, first));
    assert!(hooks.fail(id, ONE, soon).await.unwrap());
    let failing = now().await;
    assert_eq!((failing.failures, failing.failing_since), (2, Some(since)));
    assert_eq!(hooks.hold(ONE, LONG, 10).await.unwrap().len(), 1);
    assert!(hooks.advance(id, ONE, second).await.unwrap());
    let well = now().await;
    assert_eq!((well.failures, well.failing_since), (0, None));
    let later = AfterFailure::RetryIn(LONG);
    assert!(hooks.fail(id, ONE, later).await.unwrap());
    stage.say(anna, conv, "third").await;
    assert!(hooks.hold(ONE, LONG, 10).await.unwrap().is_empty());
    let another = outgoing(&stage, group, anna).await.id;
    stage.say(anna, conv, "fourth").await;
    assert_eq!(hooks.hold(OTHER, LONG, 10).await.unwrap().len(), 1);
    let never = AfterFailure::Disable("无人应答".to_owned());
    assert!(hooks.fail(another, OTHER, never).await.unwrap());
    assert!(hooks.hold(OTHER, LONG, 10).await.unwrap().is_empty());
    assert_eq!(hooks.of_group(group).await.unwrap()[1].disabled, "无人应答");
    // Until somebody says that it is worth it again: then at once, from where it was.
    let stopped = hooks.of_group(group).await.unwrap().remove(1);
    for _ in 0..2 {
        let enabled = hooks.enable(group, another).await.unwrap().unwrap();
        assert_eq!((enabled.failures, enabled.failing_since), (0, None));
        assert_eq!(
            (enabled.disabled.as_str(), enabled.cursor),
            ("", stopped.cursor)
        );
    }
    assert_eq!(hooks.hold(OTHER, LONG, 10).await.unwrap()[0].id, another);
    assert_eq!(hooks.enable(GroupId(999), another).await.unwrap(), None);
    assert_eq!(hooks.enable(group, 999).await.unwrap(), None);
    assert!(hooks.now().await.unwrap() >= since);
}

pub async fn of_many_who_reach_for_a_hook_one_holds_it(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let (group, _) = stage.group(anna, &[]).await;
    for _ in 0..5 {
        outgoing(&stage, group, anna).await;
    }
    stage.say(anna, Conv::Group(group), "hello").await;
    let mut reaching = Vec::new();
    for node in 1..=4 {
        let stores = stage.another().await;
        reaching.push(tokio::spawn(async move {
            let holder = Incarnation([node; 16]);
            stores.hooks.hold(holder, LONG, 10).await.unwrap()
        }));
    }
    let mut held = Vec::new();
    for node in reaching {
        held.extend(node.await.unwrap().into_iter().map(|hook| hook.id));
    }
    held.sort_unstable();
    let all: Vec<u64> = {
        let hooks = stage.stores.hooks.of_group(group).await.unwrap();
        hooks.iter().map(|hook| hook.id).collect()
    };
    assert_eq!(held, all, "each once");
}

pub async fn what_people_say_is_told_and_what_bots_say_is_not(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bot] = stage.users(["anna", "bot"]).await;
    let (group, _) = stage.group(anna, &[bot]).await;
    let conv = Conv::Group(group);
    let hooks = &stage.stores.hooks;
    hooks.mark_bot(bot, anna).await.unwrap();
    let begin = stage.head().await;
    let first = stage.say(anna, conv, "first").await;
    stage.say(bot, conv, "an echo").await;
    stage.say(anna, Conv::private(anna, bot), "elsewhere").await;
    let second = stage.say(anna, conv, "second").await;
    let third = stage.say(anna, conv, "third").await;
    let told =
        async |after, upto, limit| seqs(&hooks.said_in(group, after, upto, limit).await.unwrap());
    assert_eq!(told(begin, third, 10).await, vec![first, second, third]);
    assert_eq!(told(first, third, 1).await, vec![second]);
    assert_eq!(told(first, second, 10).await, vec![second]);
    assert!(told(third, Seq(999), 10).await.is_empty());
}
