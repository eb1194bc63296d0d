//! Files that are not in this node's folder: in a bucket of a real S3-compatible server, or with another node.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use starling::config::S3;
use starling::files::peers::PeerKeys;
use starling::files::{Backend, Bucket};
use starling::service::files::sweep::Ages;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::lab::{Choices, Lab, Reply, User};
use crate::lab_files::FileChoices;

static BUCKETS: AtomicU64 = AtomicU64::new(0);

/// One request over the wire, as a browser would follow a redirect: status, head and body.
async fn plainly(method: &str, url: &str) -> (u16, String, String) {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), body.to_owned())
}

/// A new bucket on the server that `scripts/test` starts.
async fn bucket(redirect: bool) -> S3 {
    let endpoint = std::env::var("STARLING_TEST_S3")
        .expect("STARLING_TEST_S3 names an S3-compatible server: scripts/test starts one");
    let number = BUCKETS.fetch_add(1, Ordering::Relaxed);
    let bucket = format!("starling-{}-{number}", std::process::id());
    let (status, ..) = plainly("PUT", &format!("{endpoint}/{bucket}")).await;
    assert_eq!(status, 200);
    S3 {
        endpoint,
        region: String::new(),
        bucket,
        access_key: "anybody".to_owned(),
        secret_key: "anything".into(),
        path_style: true,
        redirect,
    }
}

async fn over_a_bucket(s3: &S3) -> Lab {
    let bucket: Arc<dyn Backend> = Arc::new(Bucket::open(s3).unwrap());
    let files = FileChoices {
        bucket: Some(bucket),
        ..FileChoices::default()
    };
    Lab::with(Choices {
        files,
        ..Choices::default()
    })
    .await
}

async fn fetch(lab: &Lab, user: &User, file: &Value, headers: &[(&str, &str)]) -> Reply {
    let token = format!("Bearer {}", user.token);
    let mut all = vec![("authorization", token.as_str())];
    all.extend(headers);
    lab.ask("GET", file["url"].as_str().unwrap(), &all, "")
        .await
}

#[tokio::test]
async fn a_bucket_keeps_files_and_lets_them_go() {
    let lab = over_a_bucket(&bucket(false).await).await;
    let anna = lab.register("anna").await;
    let file = lab.upload(&anna, "a.txt", b"0123456789").await;
    assert_eq!(lab.kept_files().len(), 0);
    assert_eq!(fetch(&lab, &anna, &file, &[]).await.text, "0123456789");
    let part = fetch(&lab, &anna, &file, &[("range", "bytes=3-5")]).await;
    assert_eq!((part.status, part.text.as_str()), (206, "345"));
    // Put once, found again.
    lab.upload(&anna, "b.txt", b"0123456789").await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let at_once = Ages {
        unused: std::time::Duration::ZERO,
        bytes: std::time::Duration::ZERO,
    };
    assert_eq!(lab.files.round(at_once).await.unwrap(), 3);
    fetch(&lab, &anna, &file, &[])
        .await
        .refused(404, "not_found");
    let again = lab.upload(&anna, "a.txt", b"0123456789").await;
    assert_eq!(fetch(&lab, &anna, &again, &[]).await.text, "0123456789");
}

#[tokio::test]
async fn a_client_is_sent_to_the_bucket_where_the_deployment_says_so() {
    let lab = over_a_bucket(&bucket(true).await).await;
    let anna = lab.register("anna").await;
    let file = lab.upload(&anna, "鸟.html", b"<p>hello").await;
    let sent = fetch(&lab, &anna, &file, &[]).await;
    assert_eq!(sent.status, 302);
    assert_eq!(sent.header("cache-control"), "private, no-store");
    let (status, head, body) = plainly("GET", sent.header("location")).await;
    assert_eq!((status, body.as_str()), (200, "<p>hello"), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(head.contains("content-disposition: attachment;"), "{head}");
    assert!(
        head.contains("content-type: application/octet-stream"),
        "{head}"
    );
    let (bert, location) = (lab.register("bert").await, sent.header("location"));
    assert!(location.contains("X-Amz-Expires=60"), "{location}");
    fetch(&lab, &bert, &file, &[])
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn a_bucket_that_is_away_makes_files_unavailable_and_says_so() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let s3 = S3 {
        endpoint,
        bucket: "b".to_owned(),
        access_key: "a".to_owned(),
        secret_key: "s".into(),
        path_style: true,
        ..S3::default()
    };
    let lab = over_a_bucket(&s3).await;
    let anna = lab.register("anna").await;
    assert_eq!(lab.files.trouble(), None);
    let refused = lab
        .send_form(&anna, crate::http_files::form("a", b"x"))
        .await;
    refused.refused(503, "unavailable");
    assert!(lab.files.trouble().is_some());
}

/// A node that serves over the wire, and where.
async fn listening(keys: &PeerKeys) -> (Lab, String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node_url = format!("http://{}", listener.local_addr().unwrap());
    let files = FileChoices {
        peer_keys: keys.clone(),
        node_url: node_url.clone(),
        ..FileChoices::default()
    };
    let lab = Lab::with(Choices {
        files,
        ..Choices::default()
    })
    .await;
    lab.files.announce().await.unwrap();
    let serving = lab.serve(listener);
    (lab, node_url, serving)
}

/// A node on the same store with a folder of its own.
async fn another(one: &Lab, keys: &PeerKeys, folder_name: &'static str) -> Lab {
    let files = FileChoices {
        peer_keys: keys.clone(),
        folder_name,
        ..FileChoices::default()
    };
    let choices = Choices {
        files,
        ..Choices::default()
    };
    Lab::over(one.stores.clone(), tempfile::tempdir().unwrap(), choices).await
}

#[tokio::test]
async fn a_node_fetches_what_it_lacks_from_the_node_that_has_it_and_keeps_it() {
    let keys = PeerKeys::default();
    keys.set(&[[7; 32]]);
    let (one, node_url, serving) = listening(&keys).await;
    let anna = one.register("anna").await;
    let file = one.upload(&anna, "a.txt", b"only here").await;
    let other = another(&one, &keys, "other").await;
    assert_eq!(fetch(&other, &anna, &file, &[]).await.text, "only here");
    // From now on it has a copy.
    serving.abort();
    assert!(serving.await.unwrap_err().is_cancelled());
    let part = fetch(&other, &anna, &file, &[("range", "bytes=5-")]).await;
    assert_eq!(part.text, "here");
    let second = one.upload(&anna, "b.txt", b"also here").await;
    let third = another(&one, &keys, "third").await;
    fetch(&third, &anna, &second, &[])
        .await
        .refused(503, "unavailable");
    // Who cannot prove to be a node finds nothing.
    let (lab, url, _serving) = listening(&keys).await;
    let user = lab.register("anna").await;
    let file = lab.upload(&user, "a.txt", b"secret").await;
    let digest = file["sha256"].as_str().unwrap();
    let kept = lab.kept_files();
    let name = kept[0].file_name().unwrap().to_str().unwrap();
    let place = name.split_once('.').unwrap().1;
    let (status, ..) = plainly("GET", &format!("{url}/internal/files/{digest}/{place}")).await;
    assert_eq!(status, 404);
    assert_ne!(url, node_url);
}

#[tokio::test]
async fn a_node_of_another_cluster_is_given_nothing() {
    let (ours, theirs) = (PeerKeys::default(), PeerKeys::default());
    ours.set(&[[7; 32]]);
    theirs.set(&[[8; 32]]);
    let (one, _, _serving) = listening(&ours).await;
    let anna = one.register("anna").await;
    let file = one.upload(&anna, "a.txt", b"only here").await;
    let other = another(&one, &theirs, "other").await;
    let refused = fetch(&other, &anna, &file, &[]).await;
    refused.refused(503, "unavailable");
    assert_eq!(json!(refused.header("retry-after")), "2");
}
