//! One conversation, four protocols: what is said in one shows right in the others.

use serde_json::{Value, json};

use super::super::client::{Http, Socket};
use super::super::harness::Plan;
use super::page::Page;
use super::program::{Program, text};

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "what one does with it in an afternoon, told in its order"
)]
async fn a_message_of_any_dialect_shows_right_in_the_other_three_and_its_own_exactly_once() {
    let cluster = Plan::nodes(3).start().await;
    let nodes = cluster.addresses();
    let http = Http::new(nodes[0]);
    let vera = http.register("vera").await;
    let gina = Page::ginchat(nodes[1], "gina").await;
    let ivan = Page::imooc(nodes[2], "13800000009", "Ivan").await;
    let paul = Program::register(nodes[0], "13900000009", "Paul").await;
    let group = http
        .group(&vera, "all of us", &[gina.id, ivan.id, paul.id])
        .await;

    let (mut veras, _) = Socket::login(nodes[0], &vera).await;
    let mut ginas = gina.ginchat_socket().await;
    let mut ivans = ivan.imooc_socket("").await;
    let mut pauls = paul.connect(nodes[2]).await;
    pauls.sync(0).await;

    let conv = format!("g:{group}");
    let mut say_v1 = async |frame: Value| {
        let mut whole =
            json!({"type": "send", "to": conv, "cid": format!("c{}", fastrand::u64(..))});
        whole
            .as_object_mut()
            .unwrap()
            .extend(frame.as_object().unwrap().clone());
        veras.say(&whole).await;
        veras.expect("ack").await;
    };
    say_v1(json!({"media": 1, "content": "from v1"})).await;
    assert_eq!(ginas.hear().await["Content"], "from v1");
    assert_eq!(ivans.hear().await["content"], "from v1");
    assert_eq!(pauls.push().await.content, b"from v1");

    ginas.ginchat_text(gina.id, 2, group, "from ginchat").await;
    assert_eq!(
        ginas.hear().await["Content"],
        "from ginchat",
        "its own comes back"
    );
    assert_eq!(ivans.hear().await["content"], "from ginchat");
    assert_eq!(pauls.push().await.content, b"from ginchat");

    ivans.imooc_text(ivan.id, 11, group, "from imooc").await;
    assert_eq!(
        ivans.hear().await["content"],
        "from imooc",
        "its own comes back"
    );
    assert_eq!(ginas.hear().await["Content"], "from imooc");
    assert_eq!(pauls.push().await.content, b"from imooc");

    pauls.up(1, text(2, group, "from shyim", 1)).await;
    assert_eq!(pauls.ack().await.0, 200);
    assert_eq!(ginas.hear().await["Content"], "from shyim");
    assert_eq!(ivans.hear().await["content"], "from shyim");

    // What old clients cannot show is said in words, with a full address.
    let mut say_v1 = async |frame: Value| {
        let mut whole =
            json!({"type": "send", "to": conv, "cid": format!("c{}", fastrand::u64(..))});
        whole
            .as_object_mut()
            .unwrap()
            .extend(frame.as_object().unwrap().clone());
        veras.say(&whole).await;
        veras.expect("ack").await;
    };
    say_v1(json!({"media": 11, "content": "Harbour", "meta": {"lat": 1.5, "lon": 2.5}})).await;
    let told = ginas.hear().await;
    assert_eq!(told["Media"], 1, "{told}");
    assert!(told["Content"].as_str().unwrap().contains("Harbour"));
    let told = ivans.hear().await;
    assert_eq!(told["media"], 1, "{told}");
    assert!(
        String::from_utf8(pauls.push().await.content)
            .unwrap()
            .contains("Harbour")
    );
    say_v1(json!({"media": 6, "content": "smile", "url": "/asset/packs/faces/smile.svg"})).await;
    let told = ginas.hear().await;
    assert_eq!(
        (&told["Media"], &told["url"]),
        (&json!(4), &json!("/asset/packs/faces/smile.svg"))
    );
    assert_eq!(ivans.hear().await["media"], 6);
    pauls.push().await;

    // And all of it is one history.
    let history = http.history(&vera, &conv).await;
    let texts: Vec<&str> = history
        .iter()
        .filter_map(|entry| entry["content"].as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "from v1",
            "from ginchat",
            "from imooc",
            "from shyim",
            "Harbour",
            "smile"
        ]
    );
}

#[tokio::test]
async fn people_of_different_dialects_become_friends_by_adding_each_other() {
    let cluster = Plan::nodes(3).start().await;
    let nodes = cluster.addresses();
    let mut gina = Page::ginchat(nodes[0], "gina").await;
    let mut ivan = Page::imooc(nodes[1], "13800000009", "Ivan").await;
    let paul = Program::register(nodes[2], "13900000009", "Paul").await;
    let (ginas, ivans) = (gina.id.to_string(), ivan.id.to_string());
    let name = |id: u64| format!("u{id}");
    for target in [name(ivan.id), name(paul.id)] {
        let form = [("userId", ginas.as_str()), ("targetName", &target)];
        let asked = gina.post("/contact/addfriend", &form).await;
        assert_eq!(asked["Code"], 0, "{asked}");
    }
    let form = [("userid", ivans.as_str()), ("dstid", &ginas)];
    let accepted = ivan.post("/contact/addfriend", &form).await;
    assert_eq!(accepted["code"], 0, "{accepted}");
    let accepted = paul
        .post(nodes[2], "/friend/add", &format!("friend_id={ginas}"))
        .await;
    assert_eq!(accepted["code"], 200, "{accepted}");

    let friends = gina.post("/searchFriends", &[("userId", &ginas)]).await;
    assert_eq!(friends["Total"], 2, "{friends}");
    let friends = ivan
        .post("/contact/loadfriend", &[("userid", &ivans)])
        .await;
    assert_eq!(friends["rows"][0]["id"], gina.id, "{friends}");
    let friends = Http::new(nodes[0])
        .get("/api/v1/friends", &paul.token)
        .await;
    let friends = friends.expect(200);
    assert_eq!(friends["friends"][0]["user"]["id"], gina.id, "{friends}");
}
