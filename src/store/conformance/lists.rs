//! Conversation lists, unread counts, read positions, settings.

use super::stage::{END, Make, Stage, empty, seqs};
use crate::model::conversation::Conv;
use crate::model::ids::{GroupId, Seq, UserId};
use crate::store::{ConversationSettings, ConversationState, SettingsPatch};

async fn list(stage: &Stage, user: UserId) -> Vec<ConversationState> {
    let conversations = &stage.stores.conversations;
    let (log, states) = conversations.conversations(user, END).await.unwrap();
    assert_eq!(log.head, stage.head().await);
    for state in &states {
        let counted = conversations
            .unread(user, state.conv, state.read_seq, END)
            .await;
        assert_eq!(counted.unwrap(), state.unread);
    }
    states
}

/// Conversation and place of the last entry of each line.
fn lines(states: &[ConversationState]) -> Vec<(Conv, Option<Seq>)> {
    let line = |state: &ConversationState| {
        let last = state.last.as_ref();
        (state.conv, last.map(|entry| entry.seq))
    };
    states.iter().map(line).collect()
}

pub async fn a_list_has_each_conversation_once_the_most_recent_first(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    assert!(list(&stage, anna).await.is_empty());
    let (with_bert, notes) = (Conv::private(anna, bert), Conv::private(anna, anna));
    stage.say(anna, with_bert, "one").await;
    let (group, begin) = stage.group(bert, &[anna]).await;
    stage
        .say(bert, Conv::private(bert, carl), "not anna's")
        .await;
    let notice = stage.notice("hear").await;
    let last = stage.say(bert, with_bert, "two").await;
    let states = list(&stage, anna).await;
    assert_eq!(
        lines(&states),
        vec![
            (with_bert, Some(last)),
            (notes, Some(notice)),
            (Conv::Group(group), Some(begin)),
        ]
    );
    let (_, early) = stage
        .stores
        .conversations
        .conversations(anna, begin)
        .await
        .unwrap();
    assert_eq!(
        lines(&early),
        vec![(Conv::Group(group), Some(begin)), (with_bert, Some(Seq(1)))]
    );
}

pub async fn a_list_leaves_out_what_the_reader_may_not_see(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, _) = stage.group(anna, &[]).await;
    let conv = Conv::Group(group);
    stage.say(anna, conv, "before").await;
    stage.join(bert, group).await;
    stage.leave(bert, group).await;
    stage.say(anna, conv, "between").await;
    assert!(list(&stage, bert).await.is_empty(), "he is not in now");
    let join = stage.join(bert, group).await;
    let states = list(&stage, bert).await;
    assert_eq!(lines(&states), vec![(conv, Some(join))]);
    assert_eq!(states[0].unread, 0);
    stage.say(anna, conv, "after").await;
    assert_eq!(list(&stage, bert).await[0].unread, 1);
}

pub async fn unread_counts_messages_of_others_above_the_read_position(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conversations = &stage.stores.conversations;
    let conv = Conv::private(anna, bert);
    for _ in 0..3 {
        stage.say(bert, conv, "to anna").await;
        stage.say(anna, conv, "to bert").await;
    }
    let state = &list(&stage, anna).await[0];
    assert_eq!((state.unread, state.read_seq), (3, Seq::ZERO));
    conversations
        .set_read(&[(anna, conv, Seq(3))])
        .await
        .unwrap();
    let state = &list(&stage, anna).await[0];
    assert_eq!((state.unread, state.read_seq), (1, Seq(3)));
    assert_eq!(
        conversations.unread(anna, conv, Seq(5), END).await.unwrap(),
        0
    );
    assert_eq!(conversations.unread(anna, conv, END, END).await.unwrap(), 0);
    let earlier = conversations.unread(anna, conv, Seq::ZERO, Seq(3));
    assert_eq!(earlier.await.unwrap(), 2, "nothing above the place");
    // Notices count among the notes to self; entries that are not messages nowhere.
    stage.notice("hear").await;
    let notes = Conv::private(anna, anna);
    let count = conversations
        .unread(anna, notes, Seq::ZERO, END)
        .await
        .unwrap();
    assert_eq!(count, 1);
    let (group, _) = stage.group(bert, &[anna]).await;
    let conv = Conv::Group(group);
    let count = conversations
        .unread(anna, conv, Seq::ZERO, END)
        .await
        .unwrap();
    assert_eq!(count, 0);
    let carl = stage.user("carl").await;
    let count = conversations
        .unread(carl, conv, Seq::ZERO, END)
        .await
        .unwrap();
    assert_eq!(count, 0, "what he may not see does not count");
}

pub async fn unread_stops_counting_at_a_thousand(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let drafts = |count: usize| (0..count).map(|n| stage.message(bert, conv, &n.to_string()));
    stage.append(drafts(999).collect()).await;
    assert_eq!(list(&stage, anna).await[0].unread, 999);
    stage.append(drafts(2).collect()).await;
    assert_eq!(list(&stage, anna).await[0].unread, 1_000);
}

pub async fn read_positions_only_move_forward(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conversations = &stage.stores.conversations;
    let conv = Conv::private(anna, bert);
    let at = async |user| conversations.read_position(user, conv).await.unwrap();
    assert_eq!(at(anna).await, Seq::ZERO);
    for (seq, expected) in [(5, 5), (3, 5), (5, 5), (9, 9)] {
        conversations
            .set_read(&[(anna, conv, Seq(seq)), (bert, conv, Seq(1))])
            .await
            .unwrap();
        assert_eq!(at(anna).await, Seq(expected));
        assert_eq!(at(bert).await, Seq(1));
    }
    conversations
        .set_read(&[(anna, conv, Seq(12)), (anna, conv, Seq(11))])
        .await
        .unwrap();
    assert_eq!(at(anna).await, Seq(12));
    conversations.set_read(&[]).await.unwrap();
}

pub async fn the_peers_read_position_is_shown(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let seq = stage.say(anna, conv, "read this").await;
    stage.say(anna, Conv::private(anna, anna), "note").await;
    stage.group(anna, &[bert]).await;
    let conversations = &stage.stores.conversations;
    conversations.set_read(&[(bert, conv, seq)]).await.unwrap();
    let states = list(&stage, anna).await;
    let peers: Vec<Option<Seq>> = states.iter().map(|state| state.peer_read_seq).collect();
    assert_eq!(peers, vec![None, None, Some(seq)]);
}

pub async fn what_is_above_several_positions_is_read_at_once(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (first, _) = stage.group(anna, &[bert]).await;
    let (second, _) = stage.group(anna, &[bert]).await;
    let (foreign, _) = stage.group(anna, &[carl]).await;
    let [first, second, foreign] = [first, second, foreign].map(Conv::Group);
    let private = Conv::private(anna, bert);
    let mut said = Vec::new();
    for text in ["one", "two", "three"] {
        for conv in [first, second, foreign, private] {
            said.push(stage.say(anna, conv, text).await);
        }
    }
    let conversations = &stage.stores.conversations;
    let above = async |positions: Vec<(Conv, Seq)>, upto: Seq, limit: usize| {
        let entries = conversations.above(bert, &positions, upto, limit).await;
        let mut found = seqs(&entries.unwrap());
        found.sort_unstable();
        found
    };
    let all = vec![
        (first, said[0]),
        (second, said[1]),
        (foreign, Seq::ZERO),
        (private, said[11]),
    ];
    assert_eq!(
        above(all.clone(), END, 10).await,
        [said[4], said[5], said[8], said[9]]
    );
    assert_eq!(above(all.clone(), END, 1).await, [said[4], said[5]]);
    assert_eq!(above(all, said[4], 10).await, [said[4]]);
    assert_eq!(
        above(vec![(private, said[3])], END, 10).await,
        [said[7], said[11]]
    );
    assert_eq!(above(Vec::new(), END, 10).await, []);
}

pub async fn settings_are_patched_field_by_field(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    stage.say(anna, conv, "hello").await;
    let conversations = &stage.stores.conversations;
    let patches = [
        SettingsPatch {
            pinned: Some(true),
            draft: Some("unsent 🐦".to_owned()),
            ..SettingsPatch::default()
        },
        SettingsPatch {
            muted: Some(true),
            hidden_at: Some(Seq(1 << 40)),
            ..SettingsPatch::default()
        },
        SettingsPatch {
            pinned: Some(false),
            marked_unread: Some(true),
            ..SettingsPatch::default()
        },
        SettingsPatch::default(),
    ];
    let mut last = ConversationSettings::default();
    for patch in patches {
        last = conversations
            .patch_settings(anna, conv, patch)
            .await
            .unwrap();
    }
    let expected = ConversationSettings {
        muted: true,
        pinned: false,
        hidden_at: Seq(1 << 40),
        draft: "unsent 🐦".to_owned(),
        marked_unread: true,
    };
    assert_eq!(last, expected);
    assert_eq!(list(&stage, anna).await[0].settings, expected);
    assert_eq!(
        list(&stage, bert).await[0].settings,
        ConversationSettings::default()
    );
}

pub async fn a_list_of_five_hundred_conversations_is_whole(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let mut others = Vec::new();
    let mut drafts = Vec::new();
    for number in 0..350 {
        let other = stage.user(&format!("other{number}")).await;
        let conv = Conv::private(anna, other);
        // One to three from the other, and one from Anna.
        drafts.extend((0..=number % 3).map(|n| stage.message(other, conv, &n.to_string())));
        drafts.push(stage.message(anna, conv, "mine"));
        others.push((other, conv));
    }
    stage.append(drafts).await;
    let owner = others[0].0;
    let mut groups = Vec::new();
    for _ in 0..150 {
        groups.push(stage.group(owner, &[anna]).await.0);
    }
    let hello = |group: &GroupId| stage.message(owner, Conv::Group(*group), "hello");
    stage.append(groups.iter().map(hello).collect()).await;
    // She has read every fifth one, and so has its other.
    let positions: Vec<(UserId, Conv, Seq)> = others
        .iter()
        .step_by(5)
        .flat_map(|(other, conv)| [(anna, *conv, Seq(1_000_000)), (*other, *conv, Seq(7))])
        .collect();
    let conversations = &stage.stores.conversations;
    conversations.set_read(&positions).await.unwrap();

    let (log, states) = conversations.conversations(anna, END).await.unwrap();
    assert_eq!(log.head, stage.head().await);
    let lines = lines(&states);
    assert!(lines.is_sorted_by_key(|(_, last)| std::cmp::Reverse(*last)));
    let expected: Vec<Conv> = groups
        .iter()
        .rev()
        .map(|group| Conv::Group(*group))
        .collect();
    let expected = expected
        .into_iter()
        .chain(others.iter().rev().map(|(_, conv)| *conv));
    let listed: Vec<Conv> = lines.iter().map(|(conv, _)| *conv).collect();
    assert_eq!(listed, expected.collect::<Vec<_>>());
    for state in &states {
        let number = others.iter().position(|(_, conv)| *conv == state.conv);
        let (unread, peer) = match number {
            Some(number) if number % 5 == 0 => (0, Some(Seq(7))),
            Some(number) => (u32::try_from(number % 3).unwrap() + 1, Some(Seq::ZERO)),
            None => (1, None),
        };
        assert_eq!(
            (state.unread, state.peer_read_seq),
            (unread, peer),
            "{:?}",
            state.conv
        );
    }
    // Catching up over all of them gives the same entries.
    let seen = stage.visible(anna).await;
    assert!(seen.is_sorted() && seen.len() == usize::try_from(log.head.0).unwrap());
}

pub async fn a_stranger_reads_and_counts_nothing(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    stage.say(anna, Conv::private(anna, bert), "hello").await;
    let (group, _) = stage.group(anna, &[bert]).await;
    let conversations = &stage.stores.conversations;
    let nobody = UserId(999);
    assert!(list(&stage, nobody).await.is_empty());
    for conv in [Conv::private(anna, bert), Conv::Group(group), Conv::Notices] {
        let unread = conversations.unread(nobody, conv, Seq::ZERO, END).await;
        assert_eq!(unread.unwrap(), 0);
        let read = conversations.read_position(nobody, conv).await;
        assert_eq!(read.unwrap(), Seq::ZERO);
    }
}
