//! Files: uploading, who may have them, how they are served, and what becomes of hostile ones.

use std::io::Cursor;
use std::time::Duration;

use serde_json::{Value, json};
use starling::model::file::FileId;
use starling::service::files::sweep::Ages;

use crate::lab::{Choices, Lab, Reply, User};
use crate::lab_files::FileChoices;

/// A form with one file in it.
pub fn form(name: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: text/html\r\n\r\n"
    );
    [head.as_bytes(), bytes, b"\r\n--XX--\r\n"].concat()
}

pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let drawn = image::RgbaImage::from_fn(width, height, |x, y| {
        image::Rgba([x, y, x ^ y, 255].map(|part| u8::try_from(part % 256).unwrap()))
    });
    drawn.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

impl Lab {
    pub async fn send_form(&self, user: &User, body: impl AsRef<[u8]>) -> Reply {
        let token = format!("Bearer {}", user.token);
        let headers = [
            ("authorization", token.as_str()),
            ("content-type", "multipart/form-data; boundary=XX"),
        ];
        self.ask("POST", "/api/v1/files", &headers, body).await
    }

    pub async fn upload(&self, user: &User, name: &str, bytes: &[u8]) -> Value {
        self.send_form(user, form(name, bytes)).await.is(201)
    }

    async fn fetch(&self, user: &User, url: &str, headers: &[(&str, &str)]) -> Reply {
        let token = format!("Bearer {}", user.token);
        let mut all = vec![("authorization", token.as_str())];
        all.extend(headers);
        self.ask("GET", url, &all, "").await
    }

    async fn share(&self, user: &User, conv: &str, cid: &str, url: &Value) -> Reply {
        let body = json!({"cid": cid, "media": 10, "url": url});
        let path = format!("/api/v1/conversations/{conv}/messages");
        self.call(user, "POST", &path, &body).await
    }
}

fn url(file: &Value) -> &str {
    file["url"].as_str().unwrap()
}

#[tokio::test]
async fn a_picture_comes_back_with_its_size_and_a_small_one_of_it() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    let bytes = png(640, 200);
    let file = lab.upload(&anna, "a b.png", &bytes).await;
    let id = file["id"].as_str().unwrap();
    assert_eq!(id.len(), 22);
    assert_eq!(url(&file), format!("/files/{id}/a%20b.png"));
    assert_eq!(file["mime"], "image/png");
    assert_eq!(file["size"], bytes.len());
    assert_eq!(
        (&file["width"], &file["height"]),
        (&json!(640), &json!(200))
    );
    assert_eq!(file["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(file.get("seconds"), None);
    let served = lab.fetch(&anna, url(&file), &[]).await;
    assert_eq!(served.status, 200);
    assert_eq!(served.header("content-type"), "image/png");
    assert_eq!(served.header("content-length"), bytes.len().to_string());
    assert_eq!(served.header("x-content-type-options"), "nosniff");
    assert!(served.header("content-security-policy").contains("sandbox"));
    assert!(served.header("content-disposition").starts_with("inline;"));
    assert_eq!(served.header("cross-origin-resource-policy"), "same-origin");
    assert_eq!(served.bytes, bytes);
    let thumb = lab.fetch(&anna, file["thumb"].as_str().unwrap(), &[]).await;
    let small = image::load_from_memory(&thumb.bytes).unwrap();
    assert_eq!((small.width(), small.height()), (320, 100));
}

#[tokio::test]
async fn parts_heads_and_what_is_known_already_are_answered_as_asked() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    let file = lab.upload(&anna, "n.txt", b"0123456789").await;
    let etag = format!("\"{}\"", file["sha256"].as_str().unwrap());
    let part = lab
        .fetch(&anna, url(&file), &[("range", "bytes=2-4")])
        .await;
    assert_eq!((part.status, part.text.as_str()), (206, "234"));
    assert_eq!(part.header("content-range"), "bytes 2-4/10");
    assert_eq!(part.header("etag"), etag);
    let none = lab
        .fetch(&anna, url(&file), &[("range", "bytes=10-")])
        .await;
    assert_eq!(
        (none.status, none.header("content-range")),
        (416, "bytes */10")
    );
    let other = [("range", "bytes=2-4"), ("if-range", "\"other\"")];
    assert_eq!(lab.fetch(&anna, url(&file), &other).await.status, 200);
    let same = [("range", "bytes=2-4"), ("if-range", etag.as_str())];
    assert_eq!(lab.fetch(&anna, url(&file), &same).await.status, 206);
    let known = lab
        .fetch(&anna, url(&file), &[("if-none-match", &etag)])
        .await;
    assert_eq!((known.status, known.text.as_str()), (304, ""));
    let token = format!("Bearer {}", anna.token);
    let head = [("authorization", token.as_str())];
    let head = lab.ask("HEAD", url(&file), &head, "").await;
    assert_eq!((head.status, head.header("content-length")), (200, "10"));
    let cookie = format!("starling={}", anna.token);
    let by_cookie = lab.ask("GET", url(&file), &[("cookie", &cookie)], "").await;
    assert_eq!(by_cookie.text, "0123456789");
    let wrong = format!("{}?thumb=2", url(&file));
    lab.fetch(&anna, &wrong, &[])
        .await
        .refused(400, "bad_request");
    let none = format!("{}?thumb=1", url(&file));
    lab.fetch(&anna, &none, &[]).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_file_is_for_its_uploader_until_a_message_shows_it_to_others() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    let (bert, carl) = (lab.register("bert").await, lab.register("carl").await);
    let file = lab.upload(&anna, "a.txt", b"hello").await;
    lab.ask("GET", url(&file), &[], "")
        .await
        .refused(401, "unauthorized");
    lab.fetch(&bert, url(&file), &[])
        .await
        .refused(404, "not_found");
    let unknown = format!("/files/{}/a.txt", FileId([0; 16]));
    lab.fetch(&anna, &unknown, &[])
        .await
        .refused(404, "not_found");
    // Nobody shares what he cannot have.
    let to_carl = format!("u:{}", carl.id);
    lab.share(&bert, &to_carl, "c-0", &file["url"])
        .await
        .refused(404, "not_found")
        .about("url");
    let to_bert = format!("u:{}", bert.id);
    lab.share(&anna, &to_bert, "c-1", &file["url"])
        .await
        .is(201);
    assert_eq!(lab.fetch(&bert, url(&file), &[]).await.text, "hello");
    lab.fetch(&carl, url(&file), &[])
        .await
        .refused(404, "not_found");
    lab.share(&bert, &to_carl, "c-2", &file["url"])
        .await
        .is(201);
    assert_eq!(lab.fetch(&carl, url(&file), &[]).await.text, "hello");
}

#[tokio::test]
async fn an_avatar_and_an_icon_are_for_everybody() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let file = lab.upload(&anna, "me.png", &png(20, 20)).await;
    let avatar = json!({"avatar": file["url"]});
    lab.call(&bert, "PATCH", "/api/v1/me", &avatar)
        .await
        .refused(404, "not_found")
        .about("avatar");
    lab.fetch(&bert, url(&file), &[])
        .await
        .refused(404, "not_found");
    lab.call(&anna, "PATCH", "/api/v1/me", &avatar)
        .await
        .is(200);
    assert_eq!(lab.fetch(&bert, url(&file), &[]).await.status, 200);
    let icon = lab.upload(&anna, "icon.png", &png(30, 30)).await;
    let group = json!({"name": "flock", "icon": icon["url"]});
    lab.call(&anna, "POST", "/api/v1/groups", &group)
        .await
        .is(201);
    assert_eq!(lab.fetch(&bert, url(&icon), &[]).await.status, 200);
    let other = lab.upload(&bert, "other.png", &png(31, 30)).await;
    let foreign = json!({"name": "flock", "icon": other["url"]});
    lab.call(&anna, "POST", "/api/v1/groups", &foreign)
        .await
        .refused(404, "not_found")
        .about("icon");
}

#[tokio::test]
async fn forms_that_are_none_and_files_that_are_too_much_are_refused() {
    let choices = Choices {
        files: FileChoices {
            bytes_max: 5_000,
            quota_bytes: 8_000,
            ..FileChoices::default()
        },
        ..Choices::default()
    };
    let lab = Lab::with(choices).await;
    let anna = lab.register("anna").await;
    let empty = lab.send_form(&anna, form("a", b"")).await;
    empty.refused(400, "bad_request").about("file");
    lab.send_form(&anna, b"--XX--\r\n")
        .await
        .refused(400, "bad_request");
    lab.send_form(&anna, &form("a", b"hello")[..60])
        .await
        .refused(400, "bad_request");
    let json = lab.call(&anna, "POST", "/api/v1/files", &json!({})).await;
    json.refused(415, "unsupported_media");
    let plain = [("content-type", "multipart/form-data; boundary=XX")];
    lab.ask("POST", "/api/v1/files", &plain, form("a", b"x"))
        .await
        .refused(401, "unauthorized");
    let large = lab.send_form(&anna, form("a", &[b'x'; 5_001])).await;
    large.refused(413, "too_large").about("file");
    lab.upload(&anna, "a", &[b'x'; 5_000]).await;
    let beyond = lab.send_form(&anna, form("b", &[b'y'; 3_001])).await;
    beyond.refused(413, "too_large").about("file");
    lab.upload(&anna, "b", &[b'y'; 3_000]).await;
}

#[tokio::test]
async fn hostile_files_are_refused_or_served_harmless() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    for (name, bytes) in [
        ("a.png", &b"<html><script>alert(1)</script>"[..]),
        (
            "a.svg",
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        ),
        ("a.gif", b"GIF89a/*\0\0*/=1;alert(1)//"),
        ("a.pdf", b"%PDF-1.4\nPK\x03\x04"),
        ("a.xml", b"<?xml version='1.0'?><a/>"),
        ("a.exe", b"MZ\x90\0\x03"),
    ] {
        let file = lab.upload(&anna, name, bytes).await;
        let served = lab.fetch(&anna, url(&file), &[]).await;
        let disposition = served.header("content-disposition");
        assert!(
            disposition.starts_with("attachment;"),
            "{name}: {disposition}"
        );
        let kind = served.header("content-type");
        assert!(
            !kind.contains("html") && !kind.contains("svg"),
            "{name}: {kind}"
        );
        assert_eq!(served.header("x-content-type-options"), "nosniff");
        assert_eq!(served.bytes, bytes, "{name}");
    }
    let mut bomb = png(1, 1);
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let crc = [0_u8; 4];
    bomb[29..33].copy_from_slice(&crc);
    let broken = lab.upload(&anna, "bomb.png", &bomb).await;
    assert_eq!(
        broken["mime"], "application/octet-stream",
        "its checksum is wrong"
    );
    for (given, name) in [
        ("../../etc/passwd", "passwd"),
        ("a/b", "b"),
        ("", "file"),
        ("a\u{202e}gnp.exe", "agnp.exe"),
        ("🐦鸟.txt", "🐦鸟.txt"),
    ] {
        let file = lab.upload(&anna, given, b"x").await;
        assert_eq!(file["name"], name);
        assert_eq!(lab.fetch(&anna, url(&file), &[]).await.text, "x");
        // And it can be sent.
        assert!(starling::model::message::is_allowed_url(url(&file)));
    }
    let long = lab.upload(&anna, &"x".repeat(3_000), b"x").await;
    assert_eq!(long["name"].as_str().unwrap().len(), 128);
}

#[tokio::test]
async fn equal_bytes_are_kept_once_and_what_nobody_uses_is_let_go() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let one = lab.upload(&anna, "a.txt", b"the same").await;
    let other = lab.upload(&bert, "b.txt", b"the same").await;
    assert_eq!(one["sha256"], other["sha256"]);
    assert_ne!(one["id"], other["id"]);
    assert_eq!(lab.kept_files().len(), 1);
    let to_bert = format!("u:{}", bert.id);
    lab.share(&anna, &to_bert, "c-1", &one["url"]).await.is(201);
    lab.upload(&anna, "c.txt", b"never sent").await;
    assert_eq!(lab.files.round(Ages::default()).await.unwrap(), 0);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let at_once = Ages {
        unused: Duration::ZERO,
        bytes: Duration::ZERO,
    };
    lab.files.round(at_once).await.unwrap();
    assert_eq!(lab.kept_files().len(), 1);
    lab.fetch(&bert, url(&other), &[])
        .await
        .refused(404, "not_found");
    assert_eq!(lab.fetch(&bert, url(&one), &[]).await.text, "the same");
}

#[tokio::test]
async fn without_the_store_or_the_folder_files_are_unavailable() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    let file = lab.upload(&anna, "a.txt", b"hello").await;
    let kept = lab.kept_files();
    std::fs::remove_file(&kept[0]).unwrap();
    lab.fetch(&anna, url(&file), &[])
        .await
        .refused(503, "unavailable");
    // Uploading them again mends it.
    lab.upload(&anna, "a.txt", b"hello").await;
    assert_eq!(lab.fetch(&anna, url(&file), &[]).await.text, "hello");
    lab.break_store();
    lab.fetch(&anna, url(&file), &[])
        .await
        .refused(503, "unavailable");
    lab.send_form(&anna, form("a", b"x"))
        .await
        .refused(503, "unavailable");
}
