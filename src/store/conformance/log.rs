//! The log itself: order, density, repetition, ranges.

use std::sync::Arc;

use bytes::Bytes;

use super::stage::{Make, body, empty, seqs};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome, Refusal};
use crate::model::entry::{EntryKind, UnixMillis};
use crate::model::ids::{Cid, GroupId, Seq, UserId};

pub async fn seqs_are_dense_and_times_never_fall(make: &impl Make) {
    let stage = empty(make).await;
    let log = stage.stores.log.head().await.unwrap();
    assert_eq!((log.head, log.floor), (Seq::ZERO, Seq::ZERO));
    assert_ne!(log.epoch.0, 0);
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let mut last: (Seq, UnixMillis) = (Seq::ZERO, 0);
    for count in [1usize, 3, 0, 10] {
        let drafts = (0..count).map(|n| stage.message(anna, conv, &n.to_string()));
        for outcome in stage.append(drafts.collect()).await {
            let Outcome::Appended { seq, at } = outcome else {
                panic!("{outcome:?}");
            };
            assert_eq!(seq, last.0.next());
            assert!(at >= last.1);
            last = (seq, at);
        }
    }
    let after = stage.stores.log.head().await.unwrap();
    assert_eq!((after.head, after.epoch), (Seq(14), log.epoch));
    let range = stage.stores.log.range(Seq::ZERO, 100).await.unwrap();
    assert_eq!(range.entries.last().unwrap().at, last.1);
}

pub async fn a_log_takes_another_epoch_for_the_one_it_has_and_for_no_other(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let log = &stage.stores.log;
    let first = log.head().await.unwrap();
    log.renew_epoch(first.epoch).await.unwrap();
    let second = log.head().await.unwrap();
    assert!(second.epoch != first.epoch && second.epoch.0 != 0);
    assert_eq!((second.head, second.floor), (first.head, first.floor));
    // Several nodes notice the same thing.
    log.renew_epoch(first.epoch).await.unwrap();
    assert_eq!(log.head().await.unwrap().epoch, second.epoch);
    let draft = stage.message(anna, Conv::private(anna, bert), "in the new one");
    assert_eq!(log.append(vec![draft]).await.unwrap().epoch, second.epoch);
}

pub async fn a_repeated_draft_keeps_its_place(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let draft = stage.message(anna, Conv::private(anna, bert), "once");
    let Outcome::Appended { seq, at } = stage.one(draft.clone()).await else {
        panic!("not appended");
    };
    stage.say(bert, Conv::private(anna, bert), "between").await;
    let again = Outcome::Duplicate { seq, at };
    assert_eq!(stage.one(draft.clone()).await, again);
    let twin = stage.message(bert, Conv::private(anna, bert), "twin");
    let outcomes = stage.append(vec![twin.clone(), draft, twin]).await;
    let Outcome::Appended { seq, at } = outcomes[0] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(outcomes[1], again);
    assert_eq!(outcomes[2], Outcome::Duplicate { seq, at });
    assert_eq!(stage.head().await, Seq(3));
    // Another sender's client id is another one.
    let [first, second] = [anna, bert].map(|from| Draft {
        cid: "shared".parse().unwrap(),
        ..stage.message(from, Conv::private(anna, bert), "mine")
    });
    let outcomes = stage.append(vec![first, second]).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Appended { .. }))
    );
}

pub async fn client_ids_are_compared_byte_for_byte(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let longest = "z".repeat(Cid::BYTES_MAX);
    let drafts: Vec<Draft> = [
        "a",
        "A",
        "x",
        "x ",
        " x",
        "1",
        "01",
        "a'\"%_\\;--",
        &longest,
    ]
    .map(|cid| Draft {
        cid: cid.parse().unwrap(),
        ..stage.message(anna, Conv::private(anna, anna), "the same")
    })
    .to_vec();
    let first = stage.append(drafts.clone()).await;
    for (index, outcome) in first.iter().enumerate() {
        let seq = Seq(index as u64 + 1);
        assert!(matches!(outcome, Outcome::Appended { seq: got, .. } if *got == seq));
        let cid = &drafts[index].cid;
        let found = stage.stores.log.find(anna, cid).await.unwrap().unwrap();
        assert_eq!(found.0, seq, "{cid:?}");
    }
    for (before, again) in first.iter().zip(stage.append(drafts).await) {
        let Outcome::Appended { seq, at } = *before else {
            panic!("{before:?}");
        };
        assert_eq!(again, Outcome::Duplicate { seq, at });
    }
}

pub async fn a_client_id_with_other_content_is_refused(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let draft = stage.message(anna, Conv::private(anna, bert), "this");
    stage.one(draft.clone()).await;
    let other_text = Draft {
        body: body("that"),
        ..draft.clone()
    };
    let other_place = Draft {
        conv: Conv::private(anna, anna),
        ..draft.clone()
    };
    let reused = Outcome::Refused(Refusal::CidReused);
    assert_eq!(
        stage.append(vec![other_text, other_place]).await,
        vec![reused, reused]
    );
    assert_eq!(stage.head().await, Seq(1));
}

pub async fn a_retry_is_a_duplicate_after_its_sender_was_removed_or_disabled(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, _) = stage.group(anna, &[bert]).await;
    let conv = Conv::Group(group);
    let draft = stage.message(bert, conv, "my last word");
    let Outcome::Appended { seq, at } = stage.one(draft.clone()).await else {
        panic!("not appended");
    };
    stage
        .done(anna, conv, EntryKind::Left, Change::Kick { user: bert })
        .await;
    let again = Outcome::Duplicate { seq, at };
    assert_eq!(stage.one(draft.clone()).await, again);
    let next = stage.message(bert, conv, "one more");
    assert_eq!(
        stage.one(next.clone()).await,
        Outcome::Refused(Refusal::NotMember)
    );
    stage.stores.users.set_disabled(bert, true).await.unwrap();
    assert_eq!(
        stage.append(vec![draft, next]).await,
        vec![again, Outcome::Refused(Refusal::Disabled)]
    );
}

pub async fn a_batch_judges_each_draft_after_the_ones_before_it(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, _) = stage.group(anna, &[]).await;
    let conv = Conv::Group(group);
    let join = |user| stage.draft(user, conv, EntryKind::Joined, Change::Join);
    let kick = stage.draft(anna, conv, EntryKind::Left, Change::Kick { user: bert });
    let outcomes = stage
        .append(vec![
            stage.message(bert, conv, "too early"),
            join(bert),
            stage.message(bert, conv, "inside"),
            join(bert),
            kick,
            stage.message(bert, conv, "too late"),
            stage.message(anna, conv, "still here"),
        ])
        .await;
    let kinds: Vec<Result<Seq, Refusal>> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Outcome::Appended { seq, .. } | Outcome::Duplicate { seq, .. } => Ok(seq),
            Outcome::Refused(refusal) => Err(refusal),
        })
        .collect();
    assert_eq!(
        kinds,
        vec![
            Err(Refusal::NotMember),
            Ok(Seq(2)),
            Ok(Seq(3)),
            Err(Refusal::AlreadyMember),
            Ok(Seq(4)),
            Err(Refusal::NotMember),
            Ok(Seq(5)),
        ]
    );
    assert_eq!(stage.visible(bert).await, vec![Seq(2), Seq(3), Seq(4)]);
}

pub async fn bodies_come_back_byte_for_byte(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let conv = Conv::private(anna, anna);
    let texts = [
        "NUL \u{0} as an escape".to_owned(),
        "emoji 🐦‍⬛ and 𝔘𝔫𝔦𝔠𝔬𝔡𝔢".to_owned(),
        "line \u{2028} and paragraph \u{2029}".to_owned(),
        "'; DROP TABLE entries; -- \\ \" % _".to_owned(),
        "椋鸟".repeat(9_000),
        String::new(),
        "\u{7f} \u{80} \u{ffff} \u{10ffff} e\u{301} é".to_owned(),
    ];
    let mut bodies: Vec<Bytes> = texts.iter().map(|text| body(text)).collect();
    bodies.push(Bytes::from_static(b"{ }"));
    bodies.push(Bytes::from_static(
        b"{\"content\":\"NUL \0 itself, \x1a, \r\n, \\\", '\"}",
    ));
    for filling in ["x", "\0", "'", "\\", "\u{1f426}"] {
        let length = 64 * 1024 / filling.len();
        bodies.push(format!("{{\"content\":\"{}\"}}", filling.repeat(length)).into());
    }
    bodies.push(format!("{{\"content\":\"{}\"}}", "x".repeat(300_000)).into());
    let drafts = bodies.iter().map(|body| Draft {
        body: body.clone(),
        ..stage.message(anna, conv, "")
    });
    stage.append(drafts.collect()).await;
    let range = stage.stores.log.range(Seq::ZERO, 100).await.unwrap();
    let stored: Vec<Bytes> = range.entries.into_iter().map(|entry| entry.body).collect();
    assert_eq!(stored, bodies);
}

pub async fn a_verdict_names_the_log_it_was_judged_by(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let log = &stage.stores.log;
    let epoch = log.head().await.unwrap().epoch;
    let good = stage.message(anna, Conv::private(anna, bert), "good");
    let refused = stage.message(anna, Conv::Notices, "refused");
    let join = stage.draft(
        anna,
        Conv::Group(GroupId(9)),
        EntryKind::Joined,
        Change::Join,
    );
    for drafts in [
        vec![],
        vec![refused.clone()],
        vec![good.clone()],
        vec![good.clone()],
        vec![join.clone()],
        vec![join, good, refused],
    ] {
        let count = drafts.len();
        let verdicts = log.append(drafts.clone()).await.unwrap();
        assert_eq!((verdicts.epoch, verdicts.outcomes.len()), (epoch, count));
        let verdicts = log.append_at(1, drafts).await.unwrap();
        assert_eq!((verdicts.epoch, verdicts.outcomes.len()), (epoch, count));
    }
    assert_eq!(log.head().await.unwrap().epoch, epoch);
}

/// What happened in the past keeps its time, as long as the log's times do not fall; what is said to happen in the
/// future happens now.
pub async fn a_past_time_is_kept_and_times_never_fall(make: &impl Make) {
    const HOUR: UnixMillis = 3_600_000;
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let conv = Conv::private(anna, anna);
    let at = async |past: Option<UnixMillis>| {
        let drafts = vec![
            stage.message(anna, conv, "one"),
            stage.message(anna, conv, "other"),
        ];
        let log = &stage.stores.log;
        let verdicts = match past {
            Some(past) => log.append_at(past, drafts.clone()).await.unwrap(),
            None => log.append(drafts.clone()).await.unwrap(),
        };
        let [
            Outcome::Appended { at, .. },
            Outcome::Appended { at: second, seq },
        ] = verdicts.outcomes[..]
        else {
            panic!("{verdicts:?}");
        };
        assert_eq!(at, second, "a batch has one time");
        assert_eq!(log.entry(seq).await.unwrap().unwrap().at, at);
        // Neither an import's nor a client's repetition moves it.
        let again = vec![Outcome::Duplicate { seq, at }];
        let last = vec![drafts[1].clone()];
        let repeated = log.append_at(at + 5, last.clone()).await.unwrap();
        assert_eq!(repeated.outcomes, again);
        assert_eq!(log.append(last).await.unwrap().outcomes, again);
        at
    };
    assert_eq!(at(Some(1_000)).await, 1_000);
    assert_eq!(at(Some(900)).await, 1_000);
    assert_eq!(at(Some(-5)).await, 1_000);
    assert_eq!(at(Some(1_500_000_000_123)).await, 1_500_000_000_123);
    let now = at(None).await;
    assert!(now > 1_700_000_000_000);
    assert_eq!(at(Some(now - HOUR)).await, now);
    let clamped = at(Some(now + 24 * HOUR)).await;
    assert!(
        (now..now + HOUR).contains(&clamped),
        "{clamped} after {now}"
    );
    let after = at(None).await;
    assert!((clamped..now + HOUR).contains(&after));
}

pub async fn ranges_are_consecutive_and_end_at_the_head(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let log = &stage.stores.log;
    assert!(log.range(Seq::ZERO, 10).await.unwrap().entries.is_empty());
    for n in 0..5 {
        stage
            .say(anna, Conv::private(anna, anna), &n.to_string())
            .await;
    }
    for (after, limit, expected) in [
        (0, 10, vec![1, 2, 3, 4, 5]),
        (0, 2, vec![1, 2]),
        (3, 2, vec![4, 5]),
        (4, 9, vec![5]),
        (5, 9, vec![]),
        (99, 9, vec![]),
        (0, 0, vec![]),
    ] {
        let range = log.range(Seq(after), limit).await.unwrap();
        let expected: Vec<Seq> = expected.into_iter().map(Seq).collect();
        assert_eq!(seqs(&range.entries), expected, "after {after}");
        assert_eq!(range.log.head, Seq(5));
    }
}

pub async fn entries_are_found_by_place_and_by_client_id(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let draft = stage.message(anna, Conv::private(anna, bert), "here");
    let Outcome::Appended { seq, at } = stage.one(draft.clone()).await else {
        panic!("not appended");
    };
    let log = &stage.stores.log;
    let entry = log.entry(seq).await.unwrap().unwrap();
    assert_eq!((entry.seq, entry.at, entry.from), (seq, at, anna));
    assert_eq!((entry.conv, entry.kind), (draft.conv, EntryKind::Message));
    assert_eq!((&entry.cid, &entry.body), (&draft.cid, &draft.body));
    assert_eq!(log.entry(seq.next()).await.unwrap(), None);
    assert_eq!(log.entry(Seq::ZERO).await.unwrap(), None);
    assert_eq!(log.find(anna, &draft.cid).await.unwrap(), Some((seq, at)));
    assert_eq!(log.find(bert, &draft.cid).await.unwrap(), None);
    assert_eq!(
        log.find(anna, &"other".parse().unwrap()).await.unwrap(),
        None
    );
}

pub async fn concurrent_appends_are_dense_and_keep_each_callers_order(make: &impl Make) {
    const CALLERS: u64 = 4;
    const BATCHES: u64 = 25;
    const BATCH: u64 = 4;
    let stage = empty(make).await;
    let mut users = Vec::new();
    for n in 0..CALLERS {
        users.push(stage.user(&format!("user{n}")).await);
    }
    let callers = users.iter().map(|user| {
        let (log, user) = (Arc::clone(&stage.stores.log), *user);
        tokio::spawn(async move {
            for batch in 0..BATCHES {
                let drafts = (0..BATCH)
                    .map(|n| numbered(user, batch * BATCH + n))
                    .collect();
                log.append(drafts).await.unwrap();
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let total = CALLERS * BATCHES * BATCH;
    let range = stage.stores.log.range(Seq::ZERO, 10_000).await.unwrap();
    assert_eq!(
        seqs(&range.entries),
        (1..=total).map(Seq).collect::<Vec<_>>()
    );
    for user in users {
        let own = range.entries.iter().filter(|entry| entry.from == user);
        let cids: Vec<&str> = own.map(|entry| entry.cid.as_str()).collect();
        let expected: Vec<String> = (0..BATCHES * BATCH).map(|n| format!("n-{n}")).collect();
        assert_eq!(cids, expected);
    }
    assert!(range.entries.is_sorted_by_key(|entry| entry.at));
}

pub async fn nobody_sees_an_entry_before_the_one_below_it(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let writers = [anna, bert].map(|user| {
        let log = Arc::clone(&stage.stores.log);
        tokio::spawn(async move {
            for n in 0..150 {
                log.append(vec![numbered(user, n)]).await.unwrap();
            }
        })
    });
    let mut seen = Seq::ZERO;
    while seen < Seq(300) {
        // A hole would be an error of the range itself.
        let range = stage.stores.log.range(seen, 1_000).await.unwrap();
        assert!(range.log.head >= seen);
        let page = stage.stores.log.visible(anna, seen, range.log.head, 1_000);
        let own = range.entries.iter().filter(|entry| entry.from == anna);
        let own: Vec<Seq> = own.map(|entry| entry.seq).collect();
        assert_eq!(seqs(&page.await.unwrap().entries), own);
        seen = range.log.head;
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

fn numbered(user: UserId, n: u64) -> Draft {
    Draft {
        conv: Conv::private(user, user),
        from: user,
        kind: EntryKind::Message,
        cid: format!("n-{n}").parse().unwrap(),
        body: body(&n.to_string()),
        change: Change::Message,
    }
}
