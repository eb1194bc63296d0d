//! What ginchat's pages do, each person on another node.

use serde_json::{Value, json};

use super::super::client::{Http, Socket};
use super::super::harness::{Cluster, Plan};
use super::page::{Page, PageSocket};

async fn three() -> (Cluster, [Page; 3]) {
    let cluster = Plan::nodes(3).set("chat.friend_mode", "auto").start().await;
    let nodes = cluster.addresses();
    let anna = Page::ginchat(nodes[0], "anna").await;
    let bert = Page::ginchat(nodes[1], "bert").await;
    let carl = Page::ginchat(nodes[2], "carl").await;
    (cluster, [anna, bert, carl])
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "what one does with it in an afternoon, told in its order"
)]
async fn the_pages_of_ginchat_work_from_registering_to_history() {
    let (_cluster, [mut anna, mut bert, mut carl]) = three().await;
    let (me, him) = (anna.id.to_string(), bert.id.to_string());

    // Friends by name, and empty lists are success.
    let none = anna.post("/searchFriends", &[("userId", &me)]).await;
    assert_eq!(
        (&none["Code"], &none["Rows"], &none["Total"]),
        (&json!(0), &json!([]), &json!(0))
    );
    let none = anna
        .post("/contact/loadcommunity", &[("ownerId", &me)])
        .await;
    assert_eq!((&none["Code"], &none["Rows"]), (&json!(0), &json!([])));
    let added = anna
        .post(
            "/contact/addfriend",
            &[("userId", &me), ("targetName", "bert")],
        )
        .await;
    assert_eq!(
        (&added["Code"], &added["Data"]),
        (&json!(0), &json!(0)),
        "{added}"
    );
    let friends = bert.post("/searchFriends", &[("userId", &him)]).await;
    assert_eq!(friends["Rows"][0]["Name"], "anna", "{friends}");
    assert_eq!(friends["Total"], 1);

    // A group: made on one node, joined by name and by number from the others.
    let form = [
        ("ownerId", me.as_str()),
        ("name", "crew"),
        ("icon", ""),
        ("cate", "1"),
        ("memo", "hi"),
        ("desc", ""),
    ];
    let made = anna.post("/contact/createCommunity", &form).await;
    let group = made["Data"]["ID"].as_u64().unwrap();
    let joined = bert
        .post("/contact/joinGroup", &[("userId", &him), ("comId", "crew")])
        .await;
    assert_eq!(joined["Code"], 0, "{joined}");
    let carls = carl.id.to_string();
    let by_number = [("userId", carls.as_str()), ("comId", &group.to_string())];
    assert_eq!(carl.post("/contact/joinGroup", &by_number).await["Code"], 0);
    assert_eq!(
        carl.post("/contact/joinGroup", &by_number).await["Code"],
        -1,
        "twice"
    );
    let groups = carl
        .post("/contact/loadcommunity", &[("ownerId", &carls)])
        .await;
    assert_eq!(groups["Rows"][0]["Desc"], "hi", "{groups}");

    // Talk: private is not echoed, a group message is, exactly once.
    let (mut annas, mut berts, mut carls_socket) = (
        anna.ginchat_socket().await,
        bert.ginchat_socket().await,
        carl.ginchat_socket().await,
    );
    annas.ginchat_text(anna.id, 1, bert.id, "to bert").await;
    let told = berts.hear().await;
    assert_eq!(
        (
            &told["userId"],
            &told["TargetId"],
            &told["Type"],
            &told["Media"],
            &told["Content"]
        ),
        (
            &json!(anna.id),
            &json!(bert.id),
            &json!(1),
            &json!(1),
            &json!("to bert")
        )
    );
    assert!(
        told["CreateTime"].as_u64().unwrap() > 1_000_000_000_000,
        "the server's time: {told}"
    );
    annas.ginchat_text(anna.id, 2, group, "to all").await;
    for socket in [&mut annas, &mut berts, &mut carls_socket] {
        let told = socket.hear().await;
        assert_eq!(
            (&told["Type"], &told["Content"]),
            (&json!(2), &json!("to all"))
        );
    }
    // Sticker, picture and voice, as the page sends them; heartbeats in between.
    for (media, url, amount) in [
        (4, "/asset/packs/faces/smile.svg", 0),
        (4, "./asset/x.png", 0),
        (3, "/files/a/b.webm", 7),
    ] {
        annas.say(&json!({"userId": anna.id, "TargetId": 0, "Type": 3, "Media": -1, "Content": "beat"})).await;
        annas
            .say(&json!({
                "userId": anna.id, "TargetId": group, "Type": 2, "Media": media, "Content": "", "url": url, "amount": amount,
            }))
            .await;
        let (own, other) = (annas.hear().await, berts.hear().await);
        assert_eq!(own, other);
        assert_eq!(
            (&own["Media"], &own["amount"]),
            (&json!(media), &json!(amount))
        );
        assert_eq!(own["url"], url.trim_start_matches('.'));
    }

    // Private history by indexes: newest first, messages as texts, and only one's own.
    for number in 0..5 {
        berts
            .ginchat_text(bert.id, 1, anna.id, &format!("answer {number}"))
            .await;
        annas.hear().await;
    }
    let history = |start: &'static str, end: &'static str, reverse: &'static str| {
        [
            ("userIdA", me.clone()),
            ("userIdB", him.clone()),
            ("start", start.into()),
            ("end", end.into()),
            ("isRev", reverse.into()),
        ]
    };
    let ask = async |page: &mut Page, form: [(&'static str, String); 5]| {
        let form: Vec<(&str, &str)> = form
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        page.post("/user/redisMsg", &form).await
    };
    let newest = ask(&mut anna, history("0", "1", "false")).await;
    assert_eq!(
        (&newest["Code"], &newest["Rows"]),
        (&json!(0), &json!("ok")),
        "{newest}"
    );
    let texts: Vec<Value> = contents(&newest);
    assert_eq!(texts, [json!("answer 4"), json!("answer 3")]);
    let oldest = ask(&mut anna, history("0", "1", "true")).await;
    assert_eq!(contents(&oldest), [json!("to bert"), json!("answer 0")]);
    let foreign = ask(&mut carl, history("0", "9", "false")).await;
    assert_eq!(
        foreign["Code"], -1,
        "nobody reads another pair's history: {foreign}"
    );
}

fn contents(answer: &Value) -> Vec<Value> {
    let texts = answer["Total"].as_array().unwrap().iter();
    texts
        .map(|text| {
            let frame: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
            frame["Content"].clone()
        })
        .collect()
}

#[tokio::test]
async fn what_one_page_uploads_on_one_node_the_other_opens_on_another() {
    let (cluster, [mut anna, bert, carl]) = three().await;
    let none = anna.without_cookie().upload("a.png", b"x").await;
    assert_eq!(none["error"], "unauthorized", "{none}");
    let answer = anna.upload("../../a song.txt", b"la la la").await;
    assert_eq!(answer["Code"], 0, "{answer}");
    let url = answer["Data"].as_str().unwrap().to_owned();
    assert!(url.starts_with("/files/"), "root-absolute: {url}");
    let (mut annas, mut berts) = (anna.ginchat_socket().await, bert.ginchat_socket().await);
    annas
        .say(&json!({
            "userId": anna.id, "TargetId": bert.id, "Type": 1, "Media": 4, "Content": "", "url": url,
        }))
        .await;
    let told = berts.hear().await;
    assert_eq!(told["url"], url, "{told}");
    let there = Http::new(cluster.nodes[1].http);
    assert_eq!(there.get(&url, &bert.token).await.text, "la la la");
    assert_eq!(
        there.get(&url, &carl.token).await.status,
        404,
        "not for others"
    );
}

#[tokio::test]
async fn group_messages_that_were_missed_come_at_connect_and_private_ones_by_history() {
    let (cluster, [mut anna, mut bert, _]) = three().await;
    let (me, him) = (anna.id.to_string(), bert.id.to_string());
    let made = anna
        .post(
            "/contact/createCommunity",
            &[("ownerId", &me), ("name", "crew")],
        )
        .await;
    let group = made["Data"]["ID"].as_u64().unwrap();
    bert.post(
        "/contact/joinGroup",
        &[("userId", &him), ("comId", &group.to_string())],
    )
    .await;
    let mut annas = anna.ginchat_socket().await;

    // First time: from now. What comes while he is here is remembered, also when he goes.
    let mut witness = Socket::open(bert.node, &[], None).await.unwrap();
    let auth = json!({"type": "auth", "token": anna.token});
    witness.say(&auth).await;
    witness.expect("hello").await;
    annas.ginchat_text(anna.id, 2, group, "before").await;
    annas.hear().await;
    // Now is where his node is, which may not have heard of the other yet.
    witness
        .expect_where("the first text on his node", |frame| {
            frame["content"] == "before"
        })
        .await;
    let mut berts = bert.ginchat_socket().await;
    annas.ginchat_text(anna.id, 2, group, "seen").await;
    assert_eq!(berts.hear().await["Content"], "seen");
    drop(berts);
    annas.hear().await;
    annas.ginchat_text(anna.id, 1, bert.id, "private").await;
    for text in ["one", "two"] {
        annas.ginchat_text(anna.id, 2, group, text).await;
        annas.hear().await;
    }
    let elsewhere = bert.at(cluster.nodes[2].http);
    let mut berts = elsewhere.ginchat_socket().await;
    // His place is written a moment after he went: what he saw last may come again, and nothing is left out.
    let mut heard = berts.hear().await["Content"].clone();
    if heard == "seen" {
        heard = berts.hear().await["Content"].clone();
    }
    assert_eq!(heard, "one");
    assert_eq!(berts.hear().await["Content"], "two");
    annas.ginchat_text(anna.id, 2, group, "three").await;
    assert_eq!(berts.hear().await["Content"], "three");
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "what one does with it in an afternoon, told in its order"
)]
async fn nobody_acts_for_another_and_no_answer_holds_a_secret() {
    let (_cluster, [mut anna, mut bert, _]) = three().await;
    let (me, him) = (anna.id.to_string(), bert.id.to_string());
    for (path, form) in [
        ("/searchFriends", vec![("userId", him.as_str())]),
        (
            "/contact/addfriend",
            vec![("userId", him.as_str()), ("targetName", "carl")],
        ),
        (
            "/contact/createCommunity",
            vec![("ownerId", him.as_str()), ("name", "x")],
        ),
        ("/contact/loadcommunity", vec![("ownerId", him.as_str())]),
        (
            "/user/updateUser",
            vec![("id", him.as_str()), ("name", "x")],
        ),
        ("/user/deleteUser", vec![("id", him.as_str())]),
    ] {
        let refused = anna.post(path, &form).await;
        assert_eq!(
            (&refused["code"], &refused["error"]),
            (&json!(-1), &json!("forbidden")),
            "{path}"
        );
        let stranger = anna.without_cookie().post(path, &form).await;
        assert_eq!(stranger["error"], "unauthorized", "{path}");
    }
    // What pages may read of others.
    for answer in [
        anna.post("/user/find", &[("userId", &him)]).await,
        anna.post("/user/getUserList", &[]).await,
    ] {
        assert_eq!(answer["code"], 0, "{answer}");
        let text = answer.to_string().to_lowercase();
        for secret in [
            "password",
            "salt",
            "identity",
            "token",
            &bert.token.to_lowercase(),
        ] {
            assert!(!text.contains(secret), "{secret} in {answer}");
        }
    }
    // A page that posts an empty password with its other fields changes none; a rename moves the nickname along.
    let form = [
        ("id", me.as_str()),
        ("name", "anne"),
        ("password", ""),
        ("icon", "/asset/packs/faces/cool.svg"),
        ("admin", "true"),
    ];
    let renamed = anna.post("/user/updateUser", &form).await;
    assert_eq!(
        (
            &renamed["code"],
            &renamed["data"]["Name"],
            &renamed["data"]["Nickname"]
        ),
        (&json!(0), &json!("anne"), &json!("anne"))
    );
    assert_eq!(
        anna.post(
            "/user/updateUser",
            &[("id", &me), ("password", "something new")]
        )
        .await["code"],
        -1
    );
    assert_eq!(
        anna.post("/user/updateUser", &[("id", &me), ("name", "bert")])
            .await["error"],
        "name_taken"
    );
    let again = anna
        .post(
            "/user/findUserByNameAndPwd",
            &[("name", "anne"), ("password", "correct horse battery")],
        )
        .await;
    assert_eq!(again["code"], 0, "the old password still holds: {again}");
    // A wrong token, somebody else's id, and another site's page get no socket.
    let node = anna.node;
    for query in [
        format!("userId={me}&token=x"),
        format!("userId={me}"),
        format!("userId={him}&token={}", anna.token),
    ] {
        assert!(PageSocket::open(node, &query).await.is_err(), "{query}");
    }
    let gone = bert.post("/user/deleteUser", &[("id", &him)]).await;
    assert_eq!(gone["code"], 0);
    assert_eq!(
        bert.post("/searchFriends", &[("userId", &him)]).await["error"],
        "unauthorized"
    );
}

#[tokio::test]
async fn a_page_that_is_idle_longer_than_every_timeout_still_hears_and_refusals_are_no_messages() {
    let cluster = Plan::nodes(2)
        .set("limits.ping_ms", 300)
        .set("limits.dead_ms", 900)
        .set("chat.friend_mode", "auto")
        .start()
        .await;
    let anna = Page::ginchat(cluster.nodes[0].http, "anna").await;
    let bert = Page::ginchat(cluster.nodes[1].http, "bert").await;
    let (mut annas, mut berts) = (anna.ginchat_socket().await, bert.ginchat_socket().await);
    // A browser answers pings by itself; so does this client, as long as it reads.
    let idle = async { tokio::join!(annas.hear_aside(), berts.hear_aside()) };
    let idle = tokio::time::timeout(std::time::Duration::from_secs(3), idle).await;
    assert!(idle.is_err(), "nothing is said to an idle page");
    annas
        .ginchat_text(anna.id, 1, bert.id, "still there?")
        .await;
    assert_eq!(berts.hear().await["Content"], "still there?");
    annas.ginchat_text(anna.id, 1, 999_999, "nobody").await;
    assert!(annas.hear_aside().await.starts_with("not_found"));
    annas.ginchat_text(anna.id, 2, 999_999, "no group").await;
    assert!(annas.hear_aside().await.starts_with("not_found"));
}
