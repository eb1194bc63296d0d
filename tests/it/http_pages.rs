//! The web client, static files, the API's page, and the headers that protect them.

use std::fs;
use std::path::Path;

use crate::lab::{Choices, Lab};

const HTML: (&str, &str) = ("accept", "text/html,*/*;q=0.8");
const GZIP: (&str, &str) = ("accept-encoding", "br, gzip;q=1.0");

async fn with_files(files: &[(&str, &str)]) -> (Lab, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
        fs::write(path, content).unwrap();
    }
    let lab = Lab::with(Choices {
        assets: Some(folder.path().to_owned()),
        ..Choices::default()
    })
    .await;
    (lab, folder)
}

#[tokio::test]
async fn the_clients_page_answers_to_each_of_its_paths_and_files_to_their_own() {
    let (lab, _folder) = with_files(&[
        ("app/index.html", "<p>client"),
        ("app/first.js", "first"),
        ("app/assets/index-abc.js", "code"),
        ("app/assets/index-abc.js.gz", "packed"),
        ("app/.vite/manifest.json", "{}"),
        ("packs/a.json", "{}"),
        ("secret.txt", "below the folder"),
    ])
    .await;
    for path in ["/", "/chat/u:5", "/login?next=%2F"] {
        let page = lab.ask("GET", path, &[HTML], "").await;
        assert_eq!(
            (page.status, page.text.as_str()),
            (200, "<p>client"),
            "{path}"
        );
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("cache-control"), "no-cache");
    }
    lab.ask("GET", "/", &[], "").await.is(200);
    let code = lab.ask("GET", "/assets/index-abc.js", &[], "").await;
    assert_eq!(code.text, "code");
    assert_eq!(
        code.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(code.header("vary"), "accept-encoding");
    let packed = lab.ask("GET", "/assets/index-abc.js", &[GZIP], "").await;
    assert_eq!(
        (packed.text.as_str(), packed.header("content-encoding")),
        ("packed", "gzip")
    );
    assert_eq!(
        packed.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    assert_eq!(lab.ask("GET", "/first.js", &[GZIP], "").await.text, "first");
    assert_eq!(
        lab.ask("GET", "/asset/packs/a.json", &[], "").await.text,
        "{}"
    );
    for path in [
        "/assets/missing.js",
        "/asset/missing",
        "/asset/app/index.html",
        "/.vite/manifest.json",
        "/%2e%2e/secret.txt",
        "/../secret.txt",
        "/asset/..%2fsecret.txt",
        "/files/1/x.png",
    ] {
        lab.ask("GET", path, &[HTML], "")
            .await
            .refused(404, "not_found");
    }
    lab.ask("GET", "/chat/u:5", &[("accept", "application/json")], "")
        .await
        .refused(404, "not_found");
    for accept in [&[][..], &[("accept", "*/*")]] {
        assert_eq!(lab.ask("GET", "/chat/u:5", accept, "").await.status, 200);
    }
    lab.ask("POST", "/chat/u:5", &[HTML], "")
        .await
        .refused(405, "bad_request");
}

#[tokio::test]
async fn a_page_that_is_known_is_not_sent_again() {
    let (lab, folder) = with_files(&[("app/index.html", "<p>one")]).await;
    let etag = lab.ask("GET", "/", &[], "").await.header("etag").to_owned();
    let weak = format!("\"other\", W/{etag}");
    for known in [etag.as_str(), &weak] {
        let reply = lab.ask("GET", "/", &[("if-none-match", known)], "").await;
        assert_eq!((reply.status, reply.text.as_str()), (304, ""));
        assert_eq!(reply.header("etag"), etag);
    }
    fs::write(folder.path().join("app/index.html"), "<p>two").unwrap();
    let reply = lab.ask("GET", "/", &[("if-none-match", &etag)], "").await;
    assert_eq!((reply.status, reply.text.as_str()), (200, "<p>two"));
}

#[tokio::test]
async fn without_a_built_client_the_page_says_how_to_build_it() {
    let (lab, _folder) = with_files(&[]).await;
    let page = lab.ask("GET", "/", &[HTML], "").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("npm run build"));
}

#[tokio::test]
async fn the_icon_is_there_without_a_built_client() {
    let lab = Lab::new().await;
    let icon = lab.ask("GET", "/favicon.ico", &[], "").await;
    assert_eq!(
        (icon.status, icon.header("content-type")),
        (200, "image/x-icon")
    );
    assert!(!icon.text.is_empty());
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_it() {
    let lab = Lab::new().await;
    for path in [
        "/",
        "/api/v1/me",
        "/api/v1/none",
        "/healthz",
        "/swagger/",
        "/openapi.json",
    ] {
        let reply = lab.ask("GET", path, &[HTML], "").await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "same-origin", "{path}");
        let policy = reply.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'self'; script-src 'self';"),
            "{path}"
        );
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
    }
}

#[tokio::test]
async fn the_apis_page_asks_nobody_but_this_server() {
    let lab = Lab::new().await;
    let there = lab.ask("GET", "/swagger", &[], "").await;
    assert_eq!((there.status, there.header("location")), (308, "/swagger/"));
    for path in ["/swagger/", "/swagger/index.html"] {
        let page = lab.ask("GET", path, &[], "").await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(
            !page.text.contains("http://") && !page.text.contains("https://"),
            "{}",
            page.text
        );
        // The policy lets no inline script run.
        assert!(!page.text.contains("<script>"), "{}", page.text);
    }
    let start = lab
        .ask("GET", "/swagger/swagger-initializer.js", &[], "")
        .await;
    assert!(start.text.contains("/openapi.json"));
    assert!(
        start.text.contains(r#""validatorUrl": "none""#),
        "{}",
        start.text
    );
    lab.ask("GET", "/swagger/swagger-ui.css", &[], "").await;
    lab.ask("GET", "/swagger/missing", &[HTML], "")
        .await
        .refused(404, "not_found");
}
