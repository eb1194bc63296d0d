//! What surrounds messages: reactions, what a user hid, who has read what.

use super::alterations::{alter, altered, edit, on, react, recall, refused};
use super::stage::{END, Make, empty, seqs};
use crate::model::alteration::EMOJIS_MAX;
use crate::model::conversation::Conv;
use crate::model::draft::{Outcome, Refusal};
use crate::model::ids::{Seq, UserId};
use crate::store::Window;

pub async fn a_reaction_is_there_once_or_not_at_all(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, _) = stage.group(anna, &[bert, carl]).await;
    let conv = Conv::Group(group);
    let Outcome::Appended { seq, at } = stage.one(stage.message(anna, conv, "x")).await else {
        panic!("a message is stored");
    };
    let never = alter(&stage, bert, conv, react(seq, "👍", false)).await;
    assert_eq!(never, Outcome::Duplicate { seq, at });
    let first = altered(&stage, bert, conv, react(seq, "👍", true)).await;
    let again = alter(&stage, bert, conv, react(seq, "👍", true)).await;
    assert!(matches!(again, Outcome::Duplicate { seq, .. } if seq == first));
    altered(&stage, carl, conv, react(seq, "❤️", true)).await;
    altered(&stage, anna, conv, react(seq, "👍", true)).await;
    let thumb = |users: &[UserId]| ("👍".to_owned(), users.len() as u64, users.to_vec());
    let heart = ("❤️".to_owned(), 1, vec![carl]);
    let both = vec![thumb(&[anna, bert]), heart.clone()];
    assert_eq!(on(&stage, seq).await, both);
    altered(&stage, bert, conv, react(seq, "👍", false)).await;
    assert_eq!(on(&stage, seq).await, [thumb(&[anna]), heart.clone()]);
    altered(&stage, anna, conv, react(seq, "👍", false)).await;
    assert_eq!(on(&stage, seq).await, [heart]);
    stage.leave(carl, group).await;
    let denied = Refusal::NotAllowed;
    refused(&stage, carl, conv, react(seq, "👍", true), denied).await;
}

pub async fn a_message_has_so_many_emojis_and_no_more(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let seq = stage.say(anna, conv, "x").await;
    let sign = |at: u32| char::from_u32(0x1f600 + at).unwrap().to_string();
    for at in 0..EMOJIS_MAX {
        altered(&stage, bert, conv, react(seq, &sign(at), true)).await;
    }
    let one_more = react(seq, &sign(EMOJIS_MAX), true);
    refused(&stage, bert, conv, one_more.clone(), Refusal::NotAllowed).await;
    altered(&stage, anna, conv, react(seq, &sign(3), true)).await;
    altered(&stage, bert, conv, react(seq, &sign(7), false)).await;
    altered(&stage, bert, conv, one_more).await;
    let found = on(&stage, seq).await;
    let emojis: Vec<String> = found.iter().map(|(emoji, ..)| emoji.clone()).collect();
    let expected: Vec<String> = (0..=EMOJIS_MAX).filter(|at| *at != 7).map(sign).collect();
    assert_eq!(emojis, expected);
    let named = stage.stores.messages.reactions(&[seq], 1).await.unwrap();
    assert_eq!((named[3].count, &named[3].users), (2, &vec![anna]));
    let of_nothing = stage.stores.messages.reactions(&[], 1).await.unwrap();
    assert_eq!(of_nothing, []);
}

pub async fn what_a_user_hid_is_gone_for_him_alone(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let mut said = Vec::new();
    for text in ["a", "b", "c"] {
        said.push(stage.say(anna, conv, text).await);
    }
    let messages = &stage.stores.messages;
    for seq in [said[2], said[0], said[2]] {
        messages.hide(bert, seq).await.unwrap();
    }
    assert_eq!(stage.visible(bert).await, [said[1]]);
    assert_eq!(stage.visible(anna).await, said);
    let page = async |user, window| {
        let page = stage.stores.log.page(user, conv, window, END, 10).await;
        seqs(&page.unwrap().entries)
    };
    assert_eq!(page(bert, Window::Latest).await, [said[1]]);
    assert_eq!(page(bert, Window::Around(said[2])).await, [said[1]]);
    assert_eq!(page(bert, Window::After(said[0])).await, [said[1]]);
    assert_eq!(page(anna, Window::Latest).await, said);
    let lists = &stage.stores.conversations;
    assert_eq!(lists.unread(bert, conv, Seq::ZERO, END).await.unwrap(), 1);
    let (_, list) = lists.conversations(bert, END).await.unwrap();
    assert_eq!(
        (list[0].unread, list[0].last.as_ref().unwrap().seq),
        (1, said[1])
    );
    let above = messages.hidden_above(bert, said[0]).await.unwrap();
    assert_eq!(above, [said[2]]);
    assert_eq!(messages.hidden_above(anna, Seq::ZERO).await.unwrap(), []);
}

pub async fn what_became_of_messages_is_neither_last_nor_unread(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let seq = stage.say(anna, conv, "a").await;
    altered(&stage, anna, conv, edit(seq, "b")).await;
    for _ in 0..6 {
        altered(&stage, anna, conv, react(seq, "👍", true)).await;
        altered(&stage, anna, conv, react(seq, "👍", false)).await;
    }
    let lists = &stage.stores.conversations;
    let (_, list) = lists.conversations(bert, END).await.unwrap();
    assert_eq!(
        (list[0].unread, list[0].last.as_ref().unwrap().seq),
        (1, seq)
    );
    altered(&stage, anna, conv, recall(seq)).await;
    let (_, list) = lists.conversations(bert, END).await.unwrap();
    let last = list[0].last.as_ref().unwrap();
    assert_eq!(last.seq, seq);
    assert_eq!(&last.body[..], br#"{"media":1,"recalled":true}"#);
    // But they are part of what happened, for whoever catches up.
    assert_eq!(stage.visible(bert).await.len(), 15);
}

pub async fn readers_were_members_then_and_have_positions(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl, dora] = stage.users(["anna", "bert", "carl", "dora"]).await;
    let (group, _) = stage.group(anna, &[bert, carl]).await;
    let conv = Conv::Group(group);
    let seq = stage.say(anna, conv, "x").await;
    stage.leave(carl, group).await;
    let later = stage.join(dora, group).await;
    let lists = &stage.stores.conversations;
    let read = [(bert, conv, later), (carl, conv, seq), (dora, conv, later)];
    lists.set_read(&read).await.unwrap();
    let messages = &stage.stores.messages;
    let readings = messages.readings(group, seq).await.unwrap();
    assert_eq!(readings, [(anna, Seq::ZERO), (bert, later), (carl, seq)]);
    let mut present = messages
        .present(group, &[anna, carl, dora, UserId(99)])
        .await;
    present.as_mut().unwrap().sort_unstable();
    assert_eq!(present.unwrap(), [anna, dora]);
    assert_eq!(messages.present(group, &[]).await.unwrap(), []);
}

pub async fn what_surrounds_pruned_messages_is_pruned(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let old = stage.say(anna, conv, "old").await;
    altered(&stage, anna, conv, edit(old, "older")).await;
    altered(&stage, bert, conv, react(old, "👍", true)).await;
    stage.stores.messages.hide(bert, old).await.unwrap();
    let kept = stage.say(anna, conv, "kept").await;
    altered(&stage, bert, conv, react(kept, "👍", true)).await;
    stage.stores.messages.hide(bert, kept).await.unwrap();
    stage
        .stores
        .retention
        .prune(kept.prev(), 100)
        .await
        .unwrap();
    assert_eq!(on(&stage, old).await, []);
    assert_eq!(on(&stage, kept).await.len(), 1);
    let hidden = stage.stores.messages.hidden_above(bert, Seq::ZERO).await;
    assert_eq!(hidden.unwrap(), [kept]);
    refused(&stage, anna, conv, recall(old), Refusal::NotFound).await;
}
