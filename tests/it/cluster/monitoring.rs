//! What a node tells those who watch it: metrics by Prometheus' rules, the dashboard made for them, and a request's id.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::client::{Http, Socket};
use super::crowd::{Crowd, settle};
use super::harness::{Cluster, Plan, until};

const DASHBOARD: &str = include_str!("../../../docs/grafana.json");
const SOON: Duration = Duration::from_secs(10);

/// Two nodes that have heard of each other and done a bit of everything.
async fn busy() -> (Cluster, Crowd) {
    let cluster = Plan::nodes(2).start().await;
    let crowd = Crowd::register(&cluster, 2).await;
    let chatters = crowd.connect(&cluster).await;
    for text in ["one", "two", "three"] {
        chatters[0].send(crowd.pair(0, 1), text);
    }
    settle(&chatters, SOON).await;
    let http = Http::new(cluster.nodes[0].http);
    http.post(
        "/api/v1/friends",
        &crowd.accounts[0].token,
        json!({"id": 0}),
    )
    .await;
    let (mut socket, _) = Socket::login(cluster.nodes[0].http, &crowd.accounts[0]).await;
    socket.say(&json!({"type": "nonsense"})).await;
    socket.expect_error("bad_request").await;
    (cluster, crowd)
}

async fn scrape(cluster: &Cluster, node: usize) -> String {
    let http = Http::new(cluster.nodes[node].http);
    let reply = http.call(Method::GET, "/metrics", None, None).await;
    assert_eq!(reply.status, 200);
    reply.text
}

/// A family of metrics as it is described.
#[derive(Debug, Default)]
struct Family {
    help: String,
    kind: String,
    samples: Vec<(String, String)>,
}

/// Reads the text format strictly: descriptions come once and first, samples of a family stand together, no series
/// comes twice.
fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    let mut series = BTreeSet::new();
    for line in text.lines() {
        if let Some(described) = line.strip_prefix("# HELP ") {
            let (name, help) = described.split_once(' ').expect(line);
            let family = Family {
                help: help.to_owned(),
                ..Family::default()
            };
            assert!(
                families.insert(name.to_owned(), family).is_none(),
                "twice: {line}"
            );
            name.clone_into(&mut current);
        } else if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, kind) = typed.split_once(' ').expect(line);
            assert_eq!(name, current, "TYPE follows HELP: {line}");
            let family = families.get_mut(name).unwrap();
            assert_eq!(family.kind, "", "twice: {line}");
            kind.clone_into(&mut family.kind);
        } else {
            let (name, value) = line.rsplit_once(' ').expect(line);
            value.parse::<f64>().expect(line);
            assert!(series.insert(name.to_owned()), "twice: {line}");
            let bare = name.split('{').next().unwrap().to_owned();
            let family = families.get_mut(&current).expect(line);
            let suffixes: &[&str] = match &*family.kind {
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => &[""],
            };
            let mine = suffixes
                .iter()
                .any(|suffix| bare == format!("{current}{suffix}"));
            assert!(mine, "a sample among those of {current}: {line}");
            family.samples.push((bare, name.to_owned()));
        }
    }
    families
}

/// What Prometheus' naming rules ask of a family.
fn complaint(name: &str, family: &Family) -> Option<&'static str> {
    let units_elsewhere = ["_ms", "_millis", "_micros", "_kb", "_minutes"];
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.starts_with("starling_") || !name.chars().all(is_word) {
        return Some("the name is not in lower case behind the program's");
    }
    if family.help.len() < 10 || family.help == "See /api/v1/cluster." {
        return Some("no help");
    }
    if units_elsewhere.iter().any(|unit| name.contains(unit)) {
        return Some("not in a base unit");
    }
    match &*family.kind {
        "counter" if !name.ends_with("_total") => Some("a counter without _total"),
        "counter" => None,
        _ if name.ends_with("_total") => Some("_total without being a counter"),
        "gauge" => None,
        "histogram" => {
            let has_unit = ["_seconds", "_bytes", "_entries"]
                .iter()
                .any(|unit| name.ends_with(unit));
            let ends = family
                .samples
                .iter()
                .any(|(_, series)| series.contains(r#"le="+Inf""#));
            match (has_unit, ends || family.samples.is_empty()) {
                (true, true) => None,
                (false, _) => Some("a histogram without a unit"),
                (_, false) => Some("a histogram without an end"),
            }
        }
        _ => Some("no type"),
    }
}

#[tokio::test]
async fn metrics_keep_the_rules_of_prometheus_and_the_dashboard_asks_for_none_that_is_not_there() {
    let (cluster, _crowd) = busy().await;
    until("the nodes hear each other", SOON, || async {
        scrape(&cluster, 0)
            .await
            .contains("starling_cluster_nodes 2")
    })
    .await;
    let text = scrape(&cluster, 0).await;
    let families = families(&text);
    let complaints: Vec<_> = families
        .iter()
        .filter_map(|(name, family)| Some((name, complaint(name, family)?)))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    for line in [
        r#"starling_ws_frames_total{kind="send"} 3"#,
        r#"starling_errors_total{over="ws",code="bad_request"} 1"#,
        "starling_degraded 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let counted = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        value.unwrap_or_else(|| panic!("{name} is not there"))
    };
    for name in [
        "starling_ack_seconds_count",
        "starling_append_seconds_count",
        "starling_append_entries_count",
        "starling_dispatch_seconds_count",
        r#"starling_store_call_seconds_count{purpose="read"}"#,
        r#"starling_store_call_seconds_count{purpose="write"}"#,
    ] {
        assert!(counted(name) >= 1.0, "{name}");
    }

    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut asked = BTreeSet::new();
    expressions(&dashboard, &mut asked);
    assert!(asked.len() > 20, "{asked:?}");
    let there: BTreeSet<String> = families
        .iter()
        .flat_map(|(name, family)| match &*family.kind {
            "histogram" => vec![
                format!("{name}_bucket"),
                format!("{name}_sum"),
                format!("{name}_count"),
            ],
            _ => vec![name.clone()],
        })
        .collect();
    let missing: Vec<_> = asked.difference(&there).collect();
    assert!(missing.is_empty(), "the dashboard asks for {missing:?}");
}

/// The names of metrics in all expressions of a dashboard.
fn expressions(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(expression) = fields.get("expr").and_then(Value::as_str) {
                let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                let ours = words.filter(|word| word.starts_with("starling_"));
                names.extend(ours.map(str::to_owned));
            }
            fields.values().for_each(|field| expressions(field, names));
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The head of the answer to a plain request.
async fn head(cluster: &Cluster, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(cluster.nodes[0].http).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split("\r\n\r\n").next().unwrap().to_lowercase()
}

fn request_id(head: &str) -> &str {
    let line = head
        .lines()
        .find_map(|line| line.strip_prefix("x-request-id: "));
    line.unwrap_or_else(|| panic!("no id: {head}"))
}

#[tokio::test]
async fn every_answer_has_an_id_that_the_log_has_too_and_a_trusted_proxy_may_choose_it() {
    let mut plan = Plan::nodes(1).set("log.format", "json");
    let cluster = plan.start().await;
    let crowd = Crowd::register(&cluster, 1).await;
    let account = &crowd.accounts[0];
    let bearer = format!("authorization: bearer {}\r\n", account.token);
    for path in [
        "/api/v1/me",
        "/",
        "/healthz",
        "/none",
        "/api/v1/none",
        "/ws",
    ] {
        let own = head(&cluster, path, "x-request-id: mine-1\r\n").await;
        assert_ne!(request_id(&own), "mine-1", "{path}");
        assert_eq!(request_id(&own).len(), 32, "{path}");
    }
    let answer = head(&cluster, "/api/v1/users?q=hidden-word", &bearer).await;
    let id = request_id(&answer).to_owned();
    let log = cluster.nodes[0].log();
    let line = log.lines().find(|line| line.contains(&id));
    let line: Value = serde_json::from_str(line.unwrap_or_else(|| panic!("{log}"))).unwrap();
    assert_eq!(
        (&line["method"], &line["route"], &line["status"]),
        (&json!("GET"), &json!("/api/v1/users"), &json!(200))
    );
    assert_eq!(
        (&line["user"], &line["span"]["request"]),
        (&json!(account.id), &json!(id))
    );
    assert!(line["took_ms"].is_u64());
    for secret in ["hidden-word", &account.token] {
        assert!(!log.contains(secret), "the log tells {secret}");
    }
    drop(cluster);

    plan = Plan::nodes(1).set("http.proxies", "127.0.0.1");
    let cluster = plan.start().await;
    let answer = head(&cluster, "/healthz", "x-request-id: From-Nginx.7\r\n").await;
    assert_eq!(request_id(&answer), "from-nginx.7");
    let answer = head(&cluster, "/healthz", "x-request-id: not one\r\n").await;
    assert_eq!(request_id(&answer).len(), 32);
}
