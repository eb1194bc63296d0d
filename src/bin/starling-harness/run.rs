//! One run from beginning to end: start, load, break, heal, settle, check.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use starling::config::Config;
use starling::node::storage;
use starling::store::Stores;
use tokio::time::Instant;

use crate::check::{Defect, Finding, Truth, Verdict, has_everything, judge};
use crate::client::{Chatter, Dialect, Ledger, RunClock};
use crate::cluster::Cluster;
use crate::hostile::Hostile;
use crate::inject::Injector;
use crate::load::{self, Crowd};
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::recording::Recording;
use crate::scenario::{Form, Scenario};
use crate::tally::Tally;
use crate::timeline::Timeline;
use crate::watch;

/// A connection that is not there by then says that something is wrong before anything was broken.
const CONNECT_WITHIN: Duration = Duration::from_secs(60);
/// Nodes that just started do not know each other yet; nothing is measured meanwhile.
const ACQUAINTED_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What to run.
pub(crate) struct Order<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) form: Form,
    pub(crate) seed: u64,
    pub(crate) server: &'a Path,
    /// What the nodes begin with, if that is another.
    pub(crate) older: Option<&'a Path>,
    pub(crate) keep: bool,
    /// Where to write what was heard on the bus.
    pub(crate) record: Option<&'a Path>,
    /// What an earlier run heard.
    pub(crate) recorded: Option<&'a Recording>,
    pub(crate) judge_figures: bool,
}

pub(crate) async fn run(order: &Order<'_>) -> anyhow::Result<Outcome> {
    let Order { scenario, seed, .. } = *order;
    let timeline = Timeline::of(scenario, seed);
    let progress = Progress::new(scenario.seconds);
    progress.say(0.0, &format!("{}: starting", scenario.name));
    let cluster = Cluster::start(order).await?;
    let crowd = Crowd::register(&scenario.load, cluster.nodes[0].http, seed).await?;
    let clock = RunClock(Instant::now());
    let tally = Arc::new(Tally::default());
    let doors = cluster.doors();
    let chatters = crowd.connect(&scenario.load, &doors, clock, &tally);
    all_connected(&chatters).await?;
    let token = &crowd.accounts[0].token;
    acquainted(&cluster, token).await?;

    // The run's own time begins now; what the ledgers hold so far are hellos.
    let origin = clock.now();
    let clock = RunClock(clock.0 + Duration::from_secs_f64(origin));
    let time = Duration::from_secs_f64(scenario.seconds);
    let hostile = Hostile::new(&cluster, order, &timeline)?;
    let mut injector = Injector::new(&cluster, &chatters, clock, &progress, hostile, seed);
    let mut samples = Vec::new();
    let nodes = cluster.addresses();
    let going = async {
        tokio::join!(
            injector.run(&timeline),
            load::talk(&crowd, &chatters, &scenario.load, seed, time)
        )
        .0
    };
    tokio::select! {
        done = going => done?,
        () = load::churn(&chatters, scenario.load.churn, seed) => {}
        () = load::comings(&crowd, &nodes, scenario.load.comings, seed) => {}
        () = watch::watch(&cluster, token, clock, &tally, &progress, chatters.len(), &mut samples) => {}
    }
    progress.say(clock.now(), "the load is over, everything heals");
    tokio::select! {
        healed = injector.heal() => healed?,
        () = watch::watch(&cluster, token, clock, &tally, &progress, chatters.len(), &mut samples) => {}
    }
    injector.write_down(order.record)?;
    let settle = Duration::from_secs_f64(scenario.settle_seconds);
    let settled = tokio::select! {
        settled = settle_down(&cluster, &chatters, settle) => settled?,
        () = watch::watch(&cluster, token, clock, &tally, &progress, chatters.len(), &mut samples) => None,
    };
    samples.push(watch::look(&cluster, token, clock, &tally).await);
    let state = settled.map_or("not settled in time", |()| "settled");
    progress.say(clock.now(), &format!("{state}, checking"));
    progress.done();
    let Injector {
        marks, troubles, ..
    } = injector;
    crowd.look_back(&chatters, &scenario.load, &nodes).await?;
    let truth = read_log(&cluster).await?;
    let ledgers: Vec<Ledger> = chatters
        .into_iter()
        .map(|chatter| named(shifted(chatter.end(), origin), &cluster))
        .collect();
    let verdict = verdict_of(&ledgers, &truth, scenario, troubles);
    Ok(Outcome::gather(
        order,
        &timeline,
        marks,
        &samples,
        &ledgers,
        &truth,
        verdict,
        cluster.switched(),
    ))
}

/// What ledgers and log show, and what processes did wrong.
fn verdict_of(
    ledgers: &[Ledger],
    truth: &Truth,
    scenario: &Scenario,
    troubles: Vec<(f64, String)>,
) -> Verdict {
    let mut verdict = judge(ledgers, truth, scenario.restores());
    for (at, what) in troubles {
        verdict.add(Finding {
            defect: Defect::Process,
            at,
            client: "a node".to_owned(),
            what,
            history: Vec::new(),
        });
    }
    verdict
}

/// Old clients are not told which node they are at: it is the one at their door, or nobody knows.
fn named(mut ledger: Ledger, cluster: &Cluster) -> Ledger {
    if ledger.dialect != Dialect::V1 {
        for session in &mut ledger.sessions {
            let mut nodes = cluster.nodes.iter();
            let node = nodes.find(|node| node.http.to_string() == session.node);
            session.node = node.map(|node| node.name.clone()).unwrap_or_default();
        }
    }
    ledger
}

/// Times of the ledger counted from where the run began.
fn shifted(mut ledger: Ledger, origin: f64) -> Ledger {
    for session in &mut ledger.sessions {
        session.hello_at -= origin;
        session.caught_up_at = session.caught_up_at.map(|at| at - origin);
        session.ended = session.ended.take().map(|(at, why)| (at - origin, why));
    }
    for sent in ledger.sent.values_mut() {
        sent.at -= origin;
        sent.last_at -= origin;
    }
    ledger.acks.values_mut().for_each(|ack| ack.at -= origin);
    ledger
        .refused
        .values_mut()
        .for_each(|(_, at)| *at -= origin);
    ledger
        .receipts
        .iter_mut()
        .for_each(|receipt| receipt.at -= origin);
    ledger
        .fetches
        .values_mut()
        .for_each(|fetch| fetch.at -= origin);
    ledger
        .resets
        .iter_mut()
        .for_each(|reset| reset.at -= origin);
    ledger
        .turned_away
        .iter_mut()
        .for_each(|(at, _)| *at -= origin);
    ledger.breaches.iter_mut().for_each(|(at, _)| *at -= origin);
    ledger
}

async fn all_connected(chatters: &[Chatter]) -> anyhow::Result<()> {
    let end = Instant::now() + CONNECT_WITHIN;
    for chatter in chatters {
        while chatter.ledger().began.is_none() {
            anyhow::ensure!(
                Instant::now() < end,
                "{} has no connection within {CONNECT_WITHIN:?}",
                chatter.account.name
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(())
}

/// Waits until every node knows all others.
async fn acquainted(cluster: &Cluster, token: &str) -> anyhow::Result<()> {
    let end = Instant::now() + ACQUAINTED_WITHIN;
    for node in &cluster.nodes {
        loop {
            let page = crate::client::api::cluster(node.http, token).await?;
            let up = page["nodes"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|n| n["state"] == "up" || n["state"] == "self");
            if up.count() == cluster.nodes.len() {
                break;
            }
            anyhow::ensure!(
                Instant::now() < end,
                "{} does not hear all others within {ACQUAINTED_WITHIN:?}: {}",
                node.name,
                page["nodes"]
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    Ok(())
}

/// Waits until every send is answered and every client has everything; `None` when it takes too long.
async fn settle_down(
    cluster: &Cluster,
    chatters: &[Chatter],
    patience: Duration,
) -> anyhow::Result<Option<()>> {
    let end = Instant::now() + patience;
    let unsettled = |chatter: &&Chatter| !chatter.ledger().is_settled();
    while chatters.iter().find(unsettled).is_some() {
        if Instant::now() > end {
            return Ok(None);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let truth = read_log(cluster).await?;
    while !chatters
        .iter()
        .all(|chatter| has_everything(&chatter.ledger(), &truth))
    {
        if Instant::now() > end {
            return Ok(None);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(Some(()))
}

async fn read_log(cluster: &Cluster) -> anyhow::Result<Truth> {
    Truth::read(open_store(cluster).await?.log.as_ref()).await
}

async fn open_store(cluster: &Cluster) -> anyhow::Result<Stores> {
    let mut config = Config::default();
    config.store.url = cluster.store.url().as_str().into();
    storage::open(&config, false, 1)
        .await
        .context("the store cannot be opened")
}
