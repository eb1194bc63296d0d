//! What is found by words, and what never is. Everything is asked twice where it matters: of the end of the log that is
//! in no index yet, and of the index.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::stage::{END, Make, Stage, empty, seqs};
use crate::model::conversation::Conv;
use crate::model::entry::{Entry, EntryKind};
use crate::model::ids::{Seq, UserId};
use crate::model::policy::{History, StoreRules};
use crate::model::search::{Has, Query};
use crate::store::indexing::{Indexed, Indexing};
use crate::store::postings::BLOCK_ENTRIES;
use crate::store::tables::{Cell, TABLES};
use crate::store::{Search, SearchPage, Stores};

/// More than any test finds.
const ALL: usize = 10_000;

fn wanted(query: &str, conv: Option<Conv>) -> Search {
    Search {
        query: Query::parse(query),
        conv,
        before: END,
        upto: END,
        limit: ALL,
    }
}

async fn search(stores: &Stores, user: UserId, search: Search) -> SearchPage {
    stores.search.search(user, search).await.unwrap()
}

/// Everything the user finds, over all pages.
async fn found(stage: &Stage, user: UserId, query: &str, conv: Option<Conv>) -> Vec<Seq> {
    in_pages(stage, user, &Query::parse(query), conv, ALL).await
}

fn indexing(stores: &Stores) -> Indexing {
    Indexing::new(Arc::clone(&stores.log), Arc::clone(&stores.search))
}

/// Indexes all full blocks.
async fn index(stage: &Stage) {
    let mut indexing = indexing(&stage.stores);
    while indexing.step().await.unwrap() == Indexed::Some {}
    let state = stage.stores.search.index_state().await.unwrap();
    assert!(state.behind() < BLOCK_ENTRIES, "{state:?}");
    assert!(state.is_current());
}

/// Fills the block that is begun, so that all before is in an index, and indexes it.
async fn bury(stage: &Stage, user: UserId) {
    let begun = stage.head().await.0 % BLOCK_ENTRIES;
    let notes = Conv::private(user, user);
    let drafts = (begun..BLOCK_ENTRIES).map(|_| stage.message(user, notes, "filler"));
    stage.append(drafts.collect()).await;
    index(stage).await;
}

/// Gives a stored entry another kind and body, as the appends of recalls and edits do.
async fn rewrite(stage: &Stage, seq: Seq, kind: EntryKind, body: &str) {
    let table = TABLES.iter().find(|table| table.name == "entries").unwrap();
    let after = vec![Cell::Number(i64::try_from(seq.0 - 1).unwrap())];
    let rows = stage.stores.tables.rows(table, Some(after), 1).await;
    let mut row = rows.unwrap().remove(0);
    row[4] = Cell::Number(kind.code().into());
    row[7] = Cell::Bytes(body.as_bytes().to_vec());
    stage.stores.tables.put(table, vec![row]).await.unwrap();
}

async fn edit(stage: &Stage, user: UserId, conv: Conv, target: Seq, text: &str) {
    let seq = stage.say(user, conv, "to become an edit").await;
    let edit = serde_json::json!({"target": target, "content": text}).to_string();
    rewrite(stage, seq, EntryKind::Edit, &edit).await;
    let body = serde_json::json!({"media": 1, "content": text}).to_string();
    rewrite(stage, target, EntryKind::Message, &body).await;
}

async fn recall(stage: &Stage, user: UserId, conv: Conv, target: Seq) {
    let seq = stage.say(user, conv, "to become a recall").await;
    let recall = serde_json::json!({"target": target}).to_string();
    rewrite(stage, seq, EntryKind::Recall, &recall).await;
    let body = r#"{"media":1,"recalled":true}"#;
    rewrite(stage, target, EntryKind::Message, body).await;
}

pub async fn words_and_parts_of_runs_are_found_and_wildcards_are_none(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let mut said = Vec::new();
    for text in [
        "Meet me at the café, 9:30",
        "我们明天去北京大学吧",
        "iPhone手机壳 100% off_sale",
        "ありがとう 감사합니다 👍🏽",
        "a\0b 'quoted' \"twice\" \\ ; DROP TABLE entries; --",
    ] {
        said.push(stage.say(anna, conv, text).await);
    }
    for buried in [false, true] {
        for (query, place) in [
            ("MEET", Some(0)),
            ("cafe me", Some(0)),
            ("mee", None),
            ("北京", Some(1)),
            ("京", Some(1)),
            ("去北京大学", Some(1)),
            ("北大", None),
            ("明天 大学", Some(1)),
            ("手机", Some(2)),
            ("IPHONE 壳", Some(2)),
            ("100%", Some(2)),
            ("off_sale", Some(2)),
            ("off sal_", None),
            ("がと", Some(3)),
            ("사합", Some(3)),
            ("👍", Some(3)),
            ("drop", Some(4)),
            ("b\0", Some(4)),
            ("%", None),
            ("_", None),
            ("*", None),
            ("", None),
            ("\0", None),
        ] {
            let expected: Vec<Seq> = place.map(|place: usize| said[place]).into_iter().collect();
            let found = found(&stage, bert, query, None).await;
            assert_eq!(found, expected, "{query:?}, buried: {buried}");
        }
        bury(&stage, anna).await;
    }
}

pub async fn only_what_the_reader_may_see_is_found(make: &impl Make) {
    for history in [History::Joined, History::All] {
        let rules = StoreRules {
            history,
            ..StoreRules::default()
        };
        let stage = make.make(rules).await;
        let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
        let (group, _) = stage.group(anna, &[]).await;
        let conv = Conv::Group(group);
        let before = stage.say(anna, conv, "heron one").await;
        stage.join(bert, group).await;
        let first = stage.say(anna, conv, "heron two").await;
        stage.leave(bert, group).await;
        let between = stage.say(anna, conv, "heron three").await;
        stage.join(bert, group).await;
        let second = stage.say(anna, conv, "heron four").await;
        let private = stage
            .say(anna, Conv::private(anna, bert), "heron five")
            .await;
        let notes = Conv::private(bert, bert);
        let noted = stage.say(bert, notes, "heron six").await;
        let foreign = stage
            .say(anna, Conv::private(anna, carl), "heron seven")
            .await;
        let notice = stage.notice("heron eight").await;
        let dora = stage.user("dora").await;
        for _ in 0..2 {
            let group_part = match history {
                History::Joined => vec![second, first],
                History::All => vec![second, between, first, before],
            };
            let mut all = vec![notice, noted, private];
            all.extend(&group_part);
            assert_eq!(found(&stage, bert, "heron", None).await, all);
            assert_eq!(found(&stage, bert, "heron", Some(conv)).await, group_part);
            let own = found(&stage, bert, "heron", Some(notes)).await;
            assert_eq!(own, [notice, noted]);
            let one = Some(Conv::private(anna, bert));
            assert_eq!(found(&stage, bert, "heron", one).await, [private]);
            let theirs = Some(Conv::private(anna, carl));
            assert_eq!(found(&stage, bert, "heron", theirs).await, []);
            assert_eq!(found(&stage, carl, "heron", None).await, [notice, foreign]);
            assert_eq!(found(&stage, carl, "heron", Some(conv)).await, []);
            assert_eq!(found(&stage, dora, "heron", None).await, []);
            assert_eq!(found(&stage, UserId(99), "heron", None).await, []);
            bury(&stage, anna).await;
        }
        stage.leave(bert, group).await;
        assert_eq!(
            found(&stage, bert, "heron", Some(conv)).await,
            [second, first]
        );
        let late = stage.say(anna, Conv::private(anna, bert), "owl").await;
        stage.stores.messages.hide(bert, late).await.unwrap();
        for _ in 0..2 {
            assert_eq!(found(&stage, bert, "owl", None).await, []);
            assert_eq!(found(&stage, anna, "owl", None).await, [late]);
            bury(&stage, anna).await;
        }
    }
}

pub async fn an_edited_message_is_found_by_its_new_words_and_a_recalled_one_by_none(
    make: &impl Make,
) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let fresh = stage.say(anna, conv, "red heron").await;
    let gone = stage.say(anna, conv, "red hawk").await;
    edit(&stage, anna, conv, fresh, "blue heron").await;
    recall(&stage, anna, conv, gone).await;
    // In the end of the log; in a block with what altered them; altered again from the end of the log; and from a block.
    let mut colours = vec!["red", "blue"];
    for round in 0..4 {
        let colour = *colours.last().unwrap();
        for old in &colours {
            let expected = if *old == colour { vec![fresh] } else { vec![] };
            assert_eq!(
                found(&stage, bert, old, None).await,
                expected,
                "{old}, {round}"
            );
        }
        assert_eq!(found(&stage, bert, "heron", None).await, [fresh], "{round}");
        assert_eq!(found(&stage, bert, "hawk", Some(conv)).await, [], "{round}");
        match round {
            0 | 2 => bury(&stage, anna).await,
            _ => {
                edit(&stage, anna, conv, fresh, "绿色 heron").await;
                colours.push("绿");
            }
        }
    }
    let late = stage.say(anna, conv, "late owl").await;
    bury(&stage, anna).await;
    recall(&stage, anna, conv, late).await;
    for _ in 0..2 {
        assert_eq!(found(&stage, bert, "owl", None).await, []);
        bury(&stage, anna).await;
    }
    // Not a word of what is gone is left in the index.
    let owl = Query::parse("owl").tokens()[0];
    let state = stage.stores.search.index_state().await.unwrap();
    let block = crate::store::postings::Block::of(late);
    let rows = stage.stores.search.block(state.place.generation, block);
    let rows = rows.await.unwrap();
    let left = rows.iter().find(|(token, _)| *token == owl);
    assert!(left.is_none_or(|(_, postings)| postings.0.is_empty()));
}

pub async fn what_is_found_over_many_pages_is_what_looking_at_everything_finds(make: &impl Make) {
    let words = [
        "heron",
        "owl",
        "hawk",
        "北京",
        "东京",
        "京都",
        "Émile",
        "42",
        "👍",
        "the",
        "https://x",
    ];
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, _) = stage.group(anna, &[bert, carl]).await;
    let (other, _) = stage.group(carl, &[anna]).await;
    let convs = [
        (anna, Conv::private(anna, bert)),
        (bert, Conv::private(bert, bert)),
        (carl, Conv::private(anna, carl)),
        (carl, Conv::Group(group)),
        (carl, Conv::Group(other)),
    ];
    let mut random = fastrand::Rng::with_seed(20);
    let mut targets = Vec::new();
    for round in 0..5 {
        let drafts = (0..1_100).map(|_| {
            let count = random.usize(1..4);
            let text: Vec<&str> = (0..count)
                .map(|_| words[random.usize(..words.len())])
                .collect();
            let (from, conv) = convs[random.usize(..convs.len())];
            stage.message(from, conv, &text.join([" ", ""][random.usize(..2)]))
        });
        let head = stage.head().await.0;
        stage.append(drafts.collect()).await;
        targets.extend((head + 1..head + 1_101).map(Seq));
        for _ in 0..3 {
            let target = targets.swap_remove(random.usize(..targets.len()));
            let entry = stage.stores.log.entry(target).await.unwrap().unwrap();
            if random.bool() {
                recall(&stage, entry.from, entry.conv, target).await;
            } else {
                edit(&stage, entry.from, entry.conv, target, "heron 北京").await;
            }
        }
        match round {
            0 => stage.leave(bert, group).await,
            1 => stage.join(bert, group).await,
            _ => stage.notice("the heron of 北京").await,
        };
        if round % 2 == 1 {
            index(&stage).await;
        }
    }
    for query in queries() {
        for (user, conv) in [(bert, None), (bert, Some(convs[3].1)), (anna, None)] {
            let all = everything(&stage, user, conv).await;
            let having = all
                .into_iter()
                .filter(|entry| query.find(&entry.body).is_some());
            let expected: Vec<Seq> = having.map(|entry| entry.seq).collect();
            let pages = in_pages(&stage, user, &query, conv, random.usize(1..400)).await;
            assert_eq!(pages, expected, "{query:?} of {user} in {conv:?}");
        }
    }
}

/// What is asked of words that messages have, and of one that none has.
fn queries() -> Vec<Query> {
    let typed = "heron|京|北京|北京东京|the owl|emile 42|hawk 都|👍👍|zebra";
    let mut queries: Vec<Query> = typed.split('|').map(Query::parse).collect();
    queries.extend(["", "owl", "京"].map(|text| Query::parse(text).having(Has::Link)));
    queries.push(Query::parse("").having(Has::Media));
    queries
}

/// All messages and notices that the user may see, newest first.
async fn everything(stage: &Stage, user: UserId, conv: Option<Conv>) -> Vec<Entry> {
    let visible = stage.stores.log.visible(user, Seq::ZERO, END, ALL).await;
    let mut entries = visible.unwrap().entries;
    entries.retain(|entry| {
        let is_said = matches!(entry.kind, EntryKind::Message | EntryKind::Notice);
        is_said && conv.is_none_or(|conv| entry.conv == conv)
    });
    entries.reverse();
    entries
}

async fn in_pages(
    stage: &Stage,
    user: UserId,
    query: &Query,
    conv: Option<Conv>,
    limit: usize,
) -> Vec<Seq> {
    let mut found = Vec::new();
    let mut next = Some(END);
    while let Some(before) = next {
        let wanted = Search {
            before,
            limit,
            query: query.clone(),
            ..wanted("", conv)
        };
        let page = search(&stage.stores, user, wanted).await;
        assert!(page.entries.len() <= limit);
        assert!(page.next.is_none_or(|next| next < before), "no progress");
        found.extend(seqs(&page.entries));
        next = page.next;
    }
    let different: BTreeSet<Seq> = found.iter().copied().collect();
    assert_eq!(different.len(), found.len(), "something was found twice");
    found
}

pub async fn nothing_is_found_above_what_is_durable_nor_at_or_above_where_a_page_begins(
    make: &impl Make,
) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let notes = Conv::private(anna, anna);
    let mut said = Vec::new();
    for _ in 0..5 {
        said.push(stage.say(anna, notes, "heron").await);
    }
    for _ in 0..2 {
        let bounded = Search {
            before: said[3],
            ..wanted("heron", None)
        };
        let page = search(&stage.stores, anna, bounded).await;
        assert_eq!(seqs(&page.entries), [said[2], said[1], said[0]]);
        let bounded = Search {
            upto: said[1],
            ..wanted("heron", None)
        };
        let page = search(&stage.stores, anna, bounded).await;
        assert_eq!(seqs(&page.entries), [said[1], said[0]]);
        assert_eq!(page.next, None);
        bury(&stage, anna).await;
    }
}

pub async fn what_was_pruned_is_not_found_and_leaves_the_index(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let notes = Conv::private(anna, anna);
    let old = stage.say(anna, notes, "old heron").await;
    bury(&stage, anna).await;
    let kept = stage.say(anna, notes, "kept heron").await;
    let last = stage.say(anna, notes, "last heron").await;
    assert_eq!(found(&stage, anna, "heron", None).await, [last, kept, old]);
    stage.stores.retention.prune(old, 10_000).await.unwrap();
    assert_eq!(found(&stage, anna, "heron", None).await, [last, kept]);
    stage.stores.retention.prune(kept, 10_000).await.unwrap();
    assert_eq!(found(&stage, anna, "heron", None).await, [last]);
    bury(&stage, anna).await;
    assert_eq!(found(&stage, anna, "heron", None).await, [last]);
    let state = stage.stores.search.index_state().await.unwrap();
    let oldest = state.oldest.map(|(_, block)| block.0);
    assert_eq!(oldest, Some(1), "{state:?}");
    // All of what was indexed, and more, is pruned before the index comes to it.
    let drafts = (0..2 * BLOCK_ENTRIES).map(|_| stage.message(anna, notes, "more"));
    stage.append(drafts.collect()).await;
    stage.stores.retention.prune(END, 10_000).await.unwrap();
    assert_eq!(found(&stage, anna, "heron", None).await, []);
    bury(&stage, anna).await;
    let more = found(&stage, anna, "more", None).await;
    assert_eq!(more.len(), 1);
}

pub async fn another_log_gets_another_index(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let heron = stage.say(anna, Conv::private(anna, anna), "heron").await;
    bury(&stage, anna).await;
    let before = stage.stores.search.index_state().await.unwrap();
    stage
        .stores
        .log
        .renew_epoch(before.log.epoch)
        .await
        .unwrap();
    let stale = stage.stores.search.index_state().await.unwrap();
    assert!(!stale.is_current());
    assert_eq!(stale.behind(), BLOCK_ENTRIES);
    // Little enough to be looked through without an index.
    assert_eq!(found(&stage, anna, "heron", None).await, [heron]);
    index(&stage).await;
    let after = stage.stores.search.index_state().await.unwrap();
    assert!(after.place.generation > before.place.generation);
    assert_eq!(after.behind(), 0);
    index(&stage).await;
    let oldest = stage.stores.search.index_state().await.unwrap().oldest;
    assert_eq!(
        oldest.map(|(generation, _)| generation),
        Some(after.place.generation)
    );
    assert_eq!(found(&stage, anna, "heron", None).await, [heron]);
}

pub async fn several_may_fill_the_index_at_once_and_none_undoes_what_another_did(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let notes = Conv::private(anna, anna);
    let mut said = Vec::new();
    for round in 0..2 * BLOCK_ENTRIES / 64 {
        let drafts = (0..63).map(|n| stage.message(anna, notes, &format!("w{} w{round}", n % 7)));
        stage.append(drafts.collect()).await;
        said.push(stage.say(anna, notes, "heron").await);
    }
    let late = {
        let other = stage.another().await;
        let mut late = indexing(&other);
        // The first one begins the index for this log, the second one reads a block.
        while late.step().await.unwrap() != Indexed::Some {}
        late.step().await.unwrap();
        late
    };
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let stores = stage.another().await;
        tasks.push(tokio::spawn(async move {
            let mut indexing = indexing(&stores);
            while !matches!(indexing.step().await.unwrap(), Indexed::Nothing { .. }) {}
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    said.reverse();
    assert_eq!(found(&stage, anna, "heron", None).await, said);
    edit(&stage, anna, notes, said[0], "hawk").await;
    bury(&stage, anna).await;
    let before = stage.stores.search.index_state().await.unwrap();
    let mut late = late;
    assert_eq!(late.step().await.unwrap(), Indexed::Overtaken);
    let after = stage.stores.search.index_state().await.unwrap();
    assert_eq!(before.place, after.place);
    assert_eq!(found(&stage, anna, "hawk", None).await, [said[0]]);
    assert_eq!(found(&stage, anna, "heron", None).await, said[1..]);
}
