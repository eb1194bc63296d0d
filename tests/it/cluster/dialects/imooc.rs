//! What imooc's pages do, each person on another node.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::super::harness::Plan;
use super::page::Page;

/// How soon another node knows of a change of a profile, on a busy machine.
const KNOWN_ELSEWHERE: Duration = Duration::from_secs(8);

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "what one does with it in an afternoon, told in its order"
)]
async fn the_pages_of_imooc_work_from_registering_to_groups() {
    let cluster = Plan::nodes(3).start().await;
    let nodes = cluster.addresses();
    let mut anna = Page::imooc(nodes[0], "13800000001", "Anna").await;
    let mut bert = Page::imooc(nodes[1], "13800000002", "Bert").await;
    let (me, him) = (anna.id.to_string(), bert.id.to_string());

    // Both forms of a body, and both pages' paths.
    let by_json = bert
        .post_json(
            "/login",
            &json!({"mobile": "13800000002", "password": "correct horse battery"}),
        )
        .await;
    assert_eq!(
        (&by_json["code"], &by_json["data"]["id"]),
        (&json!(0), &json!(bert.id)),
        "{by_json}"
    );

    // Two people who add each other are friends, without a page that shows requests.
    let none = anna.post("/contact/loadfriend", &[("userid", &me)]).await;
    assert_eq!((&none["code"], &none["rows"]), (&json!(0), &json!([])));
    let none = anna
        .post("/contact/loadcommunity", &[("userid", &me)])
        .await;
    assert_eq!(
        (&none["code"], &none["data"]),
        (&json!(0), &json!({"communities": [], "group_map": {}}))
    );
    let asked = anna
        .post("/contact/addfriend", &[("userid", &me), ("dstid", &him)])
        .await;
    assert_eq!(asked["code"], 0, "{asked}");
    let accepted = bert
        .post("/contact/addfriend", &[("userid", &him), ("dstid", &me)])
        .await;
    assert_eq!(accepted["code"], 0, "{accepted}");
    let friends = anna.post("/contact/loadfriend", &[("userid", &me)]).await;
    assert_eq!(
        (&friends["rows"][0]["nickname"], &friends["total"]),
        (&json!("Bert"), &json!(1))
    );
    assert!(friends["rows"][0].get("token").is_none());
    assert_eq!(
        anna.post("/contact/addfriend", &[("userid", &me), ("dstid", &me)])
            .await["code"],
        -1,
        "oneself"
    );

    // Groups in the one answer that suits both of its pages.
    let form = [
        ("ownerid", me.as_str()),
        ("name", "crew"),
        ("icon", ""),
        ("cate", "2"),
        ("memo", "hi"),
    ];
    let made = anna.post("/contact/createcommunity", &form).await;
    let group = made["data"]["id"].as_u64().unwrap();
    let joined = bert
        .post(
            "/contact/joincommunity",
            &[("userid", &him), ("dstid", &group.to_string())],
        )
        .await;
    assert_eq!(joined["code"], 0, "{joined}");
    let groups = bert
        .post("/contact/loadcommunity", &[("userid", &him)])
        .await;
    assert_eq!(groups["rows"][0]["name"], "crew", "{groups}");
    assert_eq!(groups["data"]["communities"][0]["id"], group);
    assert_eq!(groups["data"]["group_map"][group.to_string()], 2);

    // Talk, with and without the echo that one of its pages wants.
    let (mut annas, mut berts) = (
        anna.imooc_socket("").await,
        bert.imooc_socket("&echo=0").await,
    );
    // A sign of life says nothing to anybody.
    annas.say(&json!({"userid": anna.id, "cmd": 0})).await;
    annas.imooc_text(anna.id, 11, group, "to all").await;
    for socket in [&mut annas, &mut berts] {
        let told = socket.hear().await;
        assert_eq!(
            (&told["cmd"], &told["content"], &told["userid"]),
            (&json!(11), &json!("to all"), &json!(anna.id))
        );
    }
    berts.imooc_text(bert.id, 11, group, "no echo").await;
    berts.imooc_text(bert.id, 10, anna.id, "private").await;
    assert_eq!(annas.hear().await["content"], "no echo");
    let told = annas.hear().await;
    assert_eq!(
        (&told["cmd"], &told["dstid"], &told["content"]),
        (&json!(10), &json!(anna.id), &json!("private"))
    );
    assert!(
        told.get("amount").is_none(),
        "zero values are left out: {told}"
    );
    // Every medium keeps its number.
    for (media, more) in [
        (2, json!({"content": "title", "url": "https://a.example/x"})),
        (3, json!({"url": "/files/a/b.webm", "amount": 4})),
        (4, json!({"url": "/files/a/b.png"})),
        (6, json!({"content": "smile"})),
        (7, json!({"url": "https://a.example"})),
        (8, json!({"url": "/files/a/b.mp4"})),
        (9, json!({"content": "Carl"})),
        (100, json!({"content": "own"})),
    ] {
        let mut frame = json!({"userid": anna.id, "cmd": 10, "dstid": bert.id, "media": media});
        frame
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        annas.say(&frame).await;
        assert_eq!(berts.hear().await["media"], media);
    }
    // The profile: these fields and no others.
    let change = json!({"id": anna.id, "nickname": "Änne", "sex": "M", "token": "x", "salt": "y", "admin": true, "password": ""});
    let changed = anna.post_json("/modification", &change).await;
    assert_eq!(
        (
            &changed["code"],
            &changed["data"]["nickname"],
            &changed["data"]["sex"]
        ),
        (&json!(0), &json!("Änne"), &json!("M"))
    );
    // Nodes tell each other of a change, and one that hears of none would show the old name for a minute.
    let deadline = Instant::now() + KNOWN_ELSEWHERE;
    let found = loop {
        let found = bert.post("/user/find", &[("id", &me)]).await;
        if found["data"]["nickname"] == "Änne" {
            break found;
        }
        assert!(Instant::now() < deadline, "{found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(
        (found["data"].get("token"), found["data"].get("mobile")),
        (None, None)
    );
    assert_eq!(
        bert.post("/modification", &[("id", &me), ("nickname", "x")])
            .await["error"],
        "forbidden"
    );

    // What was missed, private too, since these pages have no history.
    drop(berts);
    annas.imooc_text(anna.id, 10, bert.id, "while away").await;
    annas
        .imooc_text(anna.id, 11, group, "while away, all")
        .await;
    annas.hear().await;
    let mut berts = bert.at(nodes[2]).imooc_socket("").await;
    // His place is written a moment after he went: what he saw last may come again, and nothing is left out.
    while berts.hear().await["content"] != "while away" {}
    assert_eq!(berts.hear().await["content"], "while away, all");
}

#[tokio::test]
async fn stickers_are_found_with_doubled_slashes_by_post_and_behind_the_folder_that_pages_put_in_front()
 {
    let cluster = Plan::nodes(1).start().await;
    let node = cluster.nodes[0].http;
    let mut page = Page::open(node);
    for (path, name, size) in [
        ("//asset/plugins/doutu//emoj/info.json", "emoj", "small"),
        ("/asset/plugins/doutu/mkgif/info.json", "mkgif", "big"),
    ] {
        let pack = page.post(path, &[]).await;
        assert_eq!((&pack["id"], &pack["size"]), (&json!(name), &json!(size)));
        let assets = pack["assets"].as_array().unwrap();
        assert!(assets.len() > 9, "{pack}");
        for asset in assets.iter().chain([&pack["icon"]]) {
            let asset = asset.as_str().unwrap();
            let there = page.get(asset).await;
            assert_eq!(
                (there.status, there.kind.as_str()),
                (200, "image/svg+xml"),
                "{asset}"
            );
            let behind = page
                .get(&format!("/asset/plugins/doutu/{name}/{asset}"))
                .await;
            assert_eq!((behind.status, behind.location.as_str()), (302, asset));
        }
    }
}
