//! Order, repair and a log that went back: scenarios at the core's boundary, named as the sentence they prove.
//!
//! Responsible for what must be exact: who asks whom for what, and when. Chance belongs to `seeds`.

use std::time::Duration;

use bytes::Bytes;

use starling::cluster::core::fuzz::FuzzKeys;
use starling::cluster::core::{
    Fetched, Item, KeyRing, Output, StorePosition, Target, Unavailable, WentBack,
};
use starling::model::ids::{Epoch, Incarnation, Seq};

use crate::lab::{EPOCH, Lab, item, registration, start};
use crate::node::{address, key_ring};

const MS: Duration = Duration::from_millis(1);

fn fetched(after: u64, head: u64) -> Fetched {
    let items = (after + 1..=head).map(item).collect();
    Fetched {
        after: Seq(after),
        floor: Seq::ZERO,
        head: Seq(head),
        epoch: EPOCH,
        items,
    }
}

fn fetch(after: u64, limit: usize) -> Output {
    Output::Fetch {
        after: Seq(after),
        limit,
    }
}

// -- order ----------------------------------------------------------------------------------------------------------

#[test]
fn own_entries_above_a_hole_wait_for_it() {
    let mut lab = Lab::new(2);
    lab.commit(0, [2, 3], true);
    assert!(lab.delivered(0).is_empty() && lab.delivered(1).is_empty());
    lab.commit(1, [1], true);
    assert_eq!(
        (lab.delivered(0), lab.delivered(1)),
        (vec![1, 2, 3], vec![1, 2, 3])
    );
}

#[test]
fn a_node_alone_without_a_key_is_silent_well_and_follows_the_store() {
    let mut lab = Lab::with(1, |config| config.keys = KeyRing::default());
    lab.commit(0, [1], true);
    lab.cores[0].handle_signal(lab.now, Bytes::from_static(b"typing"));
    lab.advance(240 * MS);
    lab.cores[0].handle_store_head(lab.now, Ok(start(1)));
    lab.clear();
    lab.advance(250 * MS);
    assert_eq!(lab.asked[0], vec![Output::PollHead]);
    // Another process wrote into the same store: nobody to ask but the store, and not a moment to wait.
    lab.cores[0].handle_store_head(lab.now, Ok(start(3)));
    lab.settle();
    assert!(lab.was_asked(0, &fetch(1, 2)));
    lab.cores[0].handle_fetched(lab.now, Ok(fetched(1, 3)));
    lab.settle();
    assert!(
        lab.was_asked(0, &Output::Confirm(Seq(3))) && lab.delivered(0).is_empty(),
        "visible is not durable"
    );
    lab.cores[0].handle_confirmed(lab.now, Ok(Seq(3)));
    lab.settle();
    assert_eq!(lab.delivered(0), vec![2, 3]);
    assert!(lab.wire.is_empty());
    assert_eq!(lab.degraded(0), Vec::<String>::new());
}

#[test]
fn what_a_peer_vouches_for_needs_no_confirmation() {
    let mut lab = Lab::new(2);
    lab.commit(0, [1, 2], false);
    lab.broadcast = |from, _| from == 0;
    lab.advance(12 * MS);
    lab.advance(40 * MS);
    assert!(
        lab.was_asked(1, &fetch(0, 2)),
        "the tail beat told the head, the NACK was lost, the store is asked"
    );
    lab.cores[1].handle_fetched(lab.now, Ok(fetched(0, 2)));
    lab.settle();
    assert_eq!(lab.delivered(1), vec![1, 2]);
}

#[test]
fn a_failed_confirmation_throws_the_rows_away() {
    let mut lab = Lab::with(1, |config| config.keys = KeyRing::default());
    lab.advance(250 * MS);
    lab.cores[0].handle_store_head(lab.now, Ok(start(1)));
    lab.cores[0].handle_fetched(lab.now, Ok(fetched(0, 1)));
    lab.cores[0].handle_confirmed(lab.now, Err(Unavailable));
    lab.advance(200 * MS);
    assert!(lab.delivered(0).is_empty());
    assert_eq!(lab.degraded(0), vec!["the store does not answer"]);
    lab.clear();
    lab.advance(60 * MS);
    assert!(lab.was_asked(0, &fetch(0, 1)), "read again after a while");
}

#[test]
fn rows_that_were_seen_and_are_gone_again_are_not_missed() {
    let mut lab = Lab::with(1, |config| config.keys = KeyRing::default());
    lab.advance(250 * MS);
    lab.cores[0].handle_store_head(lab.now, Ok(start(3)));
    lab.cores[0].handle_fetched(lab.now, Err(Unavailable));
    lab.advance(250 * MS);
    // The store crashed before they were on its disk; nothing durable was lost, so nobody is alarmed.
    lab.cores[0].handle_store_head(lab.now, Ok(start(1)));
    lab.settle();
    let status = lab.cores[0].status(lab.now);
    assert_eq!(status.counters.store_rows_vanished, 2);
    assert_eq!(
        status
            .holes
            .iter()
            .map(|hole| (hole.from, hole.to))
            .collect::<Vec<_>>(),
        vec![(Seq(1), Seq(1))]
    );
}

#[test]
fn an_append_without_news_does_not_postpone_the_poll() {
    let mut lab = Lab::new(1);
    for _ in 0..10 {
        lab.advance(50 * MS);
        lab.commit(0, [], true);
    }
    assert!(lab.was_asked(0, &Output::PollHead));
}

#[test]
fn a_range_with_a_gap_is_an_error_of_the_store() {
    let mut lab = Lab::new(1);
    lab.advance(250 * MS);
    lab.cores[0].handle_store_head(lab.now, Ok(start(3)));
    lab.settle();
    let mut range = fetched(0, 3);
    range.items.remove(1);
    lab.cores[0].handle_fetched(lab.now, Ok(range));
    lab.settle();
    assert!(lab.delivered(0).is_empty() && !lab.was_asked(0, &Output::Confirm(Seq(3))));
    assert_eq!(
        lab.degraded(0),
        vec!["the store returned a range with a gap"]
    );
}

// -- repair ---------------------------------------------------------------------------------------------------------

#[test]
fn a_lost_datagram_is_repaired_by_the_node_that_committed_it() {
    let mut lab = Lab::new(3);
    lab.commit(0, [1], false);
    lab.commit(1, [2], true);
    assert!(lab.delivered(2).is_empty());
    lab.clear();
    lab.advance(8 * MS);
    assert_eq!(
        (lab.delivered(1), lab.delivered(2)),
        (vec![1, 2], vec![1, 2])
    );
    let repairs: Vec<_> = lab
        .wire
        .iter()
        .filter(|(_, to, _)| *to != Target::Broadcast)
        .map(|(from, to, _)| (*from, *to))
        .collect();
    assert_eq!(repairs.len(), 2);
    assert!(
        repairs.iter().all(|(from, _)| *from == 0),
        "only the committer answers, to the asker's own socket"
    );
}

#[test]
fn a_hole_too_large_for_the_bus_is_read_at_once() {
    let mut lab = Lab::new(2);
    lab.commit(0, [5_000], true);
    assert!(lab.was_asked(1, &fetch(0, 1_000)));
    assert_eq!(lab.cores[1].counters().nacks_out, 0);
}

#[test]
fn a_recalled_entry_is_only_announced() {
    let mut lab = Lab::new(2);
    lab.commit(0, [1], false);
    lab.cores[0].withdraw(Seq(1));
    lab.clear();
    lab.commit(0, [2], true);
    lab.advance(8 * MS);
    assert!(lab.delivered(1).is_empty() && lab.cores[0].counters().repairs_out == 1);
    assert!(lab.was_asked(1, &fetch(0, 1)), "the store has its new form");
}

#[test]
fn an_entry_too_large_for_a_datagram_is_announced_and_read() {
    let mut lab = Lab::new(2);
    let large = Item {
        seq: Seq(1),
        payload: Bytes::from(vec![7; 4_000]),
    };
    lab.cores[0].handle_committed(lab.now, vec![large]);
    lab.settle();
    assert!(lab.was_asked(1, &fetch(0, 1)));
    assert!(
        lab.wire
            .iter()
            .all(|(_, _, datagram)| datagram.len() <= 1_400)
    );
}

#[test]
fn beyond_the_sending_budget_entries_become_one_announcement() {
    let mut lab = Lab::with(2, |config| {
        config.limits.send_rate = 100;
        config.limits.send_burst = 2;
        config.limits.send_queue_max = 10;
    });
    lab.advance(100 * MS);
    lab.clear();
    for seq in 1..=200_u64 {
        let payload = Bytes::from(vec![7; 900]);
        lab.cores[0].handle_committed(
            lab.now,
            vec![Item {
                seq: Seq(seq),
                payload,
            }],
        );
    }
    lab.settle();
    assert_eq!(lab.delivered(0).len(), 200, "nothing waits for the bus");
    lab.advance(300 * MS);
    assert!(lab.wire.len() < 60);
    assert!(
        lab.degraded(0)
            .iter()
            .any(|reason| reason.contains("budget"))
    );
    assert!(
        lab.asked[1]
            .iter()
            .any(|output| matches!(output, Output::Fetch { .. }))
    );
}

#[test]
fn the_same_repair_is_not_repeated_while_it_is_on_its_way() {
    let repairs = |guard, pause| {
        let mut lab = Lab::with(1, |config| config.safeguards.repair_guard = guard);
        lab.cores[0].handle_registry(lab.now, Ok(vec![registration(Incarnation([7; 16]), 7, 1)]));
        lab.commit(0, [1], true);
        let mut asker = FuzzKeys::new("flock", &key_ring(1)).unwrap();
        let range = [1_u64.to_be_bytes(), 1_u64.to_be_bytes()].concat();
        let nack = [
            &EPOCH.0.to_be_bytes()[..],
            &0_u64.to_be_bytes(),
            &[0, 4, 0, 16],
            &range,
        ]
        .concat();
        for _ in 0..2 {
            let datagram = asker.seal(&nack).unwrap();
            lab.inject(0, address(7), &datagram);
            lab.now += pause;
        }
        lab.cores[0].counters().repairs_out
    };
    assert_eq!(repairs(true, 9 * MS), 1);
    assert_eq!(repairs(true, 11 * MS), 2);
    assert_eq!(
        repairs(false, 9 * MS),
        2,
        "without the guard it would have been"
    );
}

// -- the log went back ----------------------------------------------------------------------------------------------

/// Node 0 has applied 1..=3 and polls; the store answers with this position.
fn polled(position: StorePosition) -> (Lab, Option<WentBack>) {
    let mut lab = Lab::new(1);
    lab.commit(0, [1, 2, 3], true);
    lab.advance(250 * MS);
    lab.cores[0].handle_store_head(lab.now, Ok(position));
    lab.settle();
    let reason = lab.asked[0].iter().find_map(|output| match output {
        Output::WentBack(reason) => Some(*reason),
        Output::Send { .. }
        | Output::Deliver(_)
        | Output::Fetch { .. }
        | Output::PollHead
        | Output::Confirm(_)
        | Output::ReadRegistry
        | Output::Signal { .. }
        | Output::Beat { .. }
        | Output::PeerUp(_)
        | Output::PeerDown(_)
        | Output::ProbeHeard { .. }
        | Output::NewIncarnationNeeded => None,
    });
    (lab, reason)
}

#[test]
fn a_store_that_went_back_stops_the_core_until_the_shell_has_looked() {
    assert_eq!(polled(start(3)).1, None);
    let (mut lab, reason) = polled(start(2));
    assert_eq!(
        reason,
        Some(WentBack::HeadBelowDurable {
            head: Seq(2),
            durable: Seq(3)
        })
    );
    assert!(lab.degraded(0)[0].starts_with("stopped"));
    lab.clear();
    lab.advance(Duration::from_secs(1));
    assert!(
        !lab.was_asked(0, &Output::PollHead),
        "a stopped core asks nothing"
    );
    lab.cores[0].restart_at(lab.now, start(2));
    lab.clear();
    lab.commit(0, [3], true);
    assert_eq!(lab.delivered(0), vec![3], "the new third entry");
}

#[test]
fn another_epoch_and_a_pruned_log_stop_the_core_too() {
    let other = StorePosition {
        epoch: Epoch(8),
        ..start(9)
    };
    assert_eq!(
        polled(other).1,
        Some(WentBack::EpochChanged {
            ours: EPOCH,
            store: Epoch(8)
        })
    );
    let pruned = StorePosition {
        floor: Seq(5),
        ..start(9)
    };
    assert_eq!(
        polled(pruned).1,
        Some(WentBack::BelowFloor {
            floor: Seq(5),
            applied: Seq(3)
        })
    );
}

#[test]
fn an_append_that_returns_a_delivered_seq_with_other_content_stops_the_core() {
    let mut lab = Lab::new(1);
    lab.commit(0, [1, 2, 3], true);
    lab.commit(0, [3], true);
    assert_eq!(
        lab.cores[0].counters().committed_known,
        1,
        "the store told it first: the same bytes are no news"
    );
    let other = Item {
        seq: Seq(2),
        payload: Bytes::from_static(b"another second entry"),
    };
    lab.cores[0].handle_committed(lab.now, vec![other]);
    lab.settle();
    let reason = WentBack::AppendBelowApplied {
        seq: Seq(2),
        applied: Seq(3),
    };
    assert!(lab.was_asked(0, &Output::WentBack(reason)));
    // The shell found nothing wrong: delivery goes on.
    lab.cores[0].resume(lab.now);
    lab.clear();
    lab.commit(0, [4], true);
    assert_eq!(lab.delivered(0), vec![4]);
}

#[test]
fn without_the_check_a_log_that_went_back_would_go_unnoticed() {
    let mut lab = Lab::with(1, |config| config.safeguards.went_back_check = false);
    lab.commit(0, [1, 2, 3], true);
    lab.advance(250 * MS);
    lab.cores[0].handle_store_head(lab.now, Ok(start(2)));
    let other = Item {
        seq: Seq(3),
        payload: Bytes::from_static(b"another third entry"),
    };
    lab.cores[0].handle_committed(lab.now, vec![other]);
    lab.settle();
    assert!(lab.delivered(0) == vec![1, 2, 3] && lab.degraded(0).is_empty());
}

#[test]
fn an_answer_from_before_the_own_append_is_no_alarm() {
    let mut lab = Lab::new(1);
    lab.advance(250 * MS);
    assert!(lab.was_asked(0, &Output::PollHead));
    lab.commit(0, [1], true);
    lab.cores[0].handle_store_head(lab.now, Ok(start(0)));
    lab.settle();
    assert_eq!((lab.delivered(0), lab.degraded(0)), (vec![1], Vec::new()));
}

#[test]
fn entries_of_another_log_are_not_ours() {
    let entries = |check| {
        let mut lab = Lab::with(2, |config| config.safeguards.epoch_check = check);
        lab.cores[0].restart_at(
            lab.now,
            StorePosition {
                epoch: Epoch(8),
                ..start(0)
            },
        );
        lab.clear();
        lab.commit(0, [1], true);
        (
            lab.delivered(1),
            lab.cores[1].counters().ignored_other_epoch > 0,
            lab.was_asked(1, &Output::PollHead),
        )
    };
    assert_eq!(
        entries(true),
        (vec![], true, true),
        "ignored, and the store is asked who is right"
    );
    assert_eq!(
        entries(false).0,
        vec![1],
        "without the check they would have been taken"
    );
}
