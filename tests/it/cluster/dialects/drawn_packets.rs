//! Red packets as old pages send them: pictures, and nobody is richer or poorer.

use serde_json::{Value, json};

use super::super::client::{Http, Socket};
use super::super::harness::Plan;
use super::page::Page;

const START: u64 = 100_000;

#[tokio::test]
async fn a_red_packet_that_a_page_draws_is_shown_moves_no_money_and_cannot_be_claimed() {
    let cluster = Plan::nodes(3).start().await;
    let nodes = cluster.addresses();
    let http = Http::new(nodes[0]);
    let vera = http.register("vera").await;
    let gina = Page::ginchat(nodes[1], "gina").await;
    let ivan = Page::imooc(nodes[2], "13800000005", "Ivan").await;
    let group = http.group(&vera, "all of us", &[gina.id, ivan.id]).await;
    let (mut veras, _) = Socket::login(nodes[0], &vera).await;
    let (mut ginas, mut ivans) = (gina.ginchat_socket().await, ivan.imooc_socket("").await);

    let drawn = json!({
        "userid": ivan.id, "cmd": 11, "dstid": group, "media": 5, "url": "https://a.example/p.png", "amount": 1_205,
        "memo": "luck", "meta": {"packet": "packet", "count": 1, "split": "equal"},
    });
    ivans.say(&drawn).await;
    let own = ivans.hear().await;
    assert_eq!(
        (&own["media"], &own["amount"], &own["memo"]),
        (&json!(5), &json!(1_205), &json!("luck"))
    );
    let told = ginas.hear().await;
    assert_eq!(told["Media"], 1, "in words: {told}");
    assert!(told["Content"].as_str().unwrap().contains("12.05"));
    let of_imooc = packet(&mut veras).await;
    assert_eq!(
        (&of_imooc["amount"], &of_imooc["memo"], &of_imooc["meta"]),
        (&json!(1_205), &json!("luck"), &json!({"packet": "display"}))
    );

    let drawn = json!({"userId": gina.id, "TargetId": group, "Type": 2, "Media": 5, "amount": 300});
    ginas.say(&drawn).await;
    let of_ginchat = packet(&mut veras).await;
    assert_eq!(of_ginchat["meta"], json!({"packet": "display"}));
    let drawn = json!({"userId": gina.id, "TargetId": group, "Type": 2, "Media": 5, "amount": -1});
    ginas.say(&drawn).await;
    assert!(ginas.hear_aside().await.starts_with("bad_request"));

    for shown in [&of_imooc, &of_ginchat] {
        let path = format!("/api/v1/packets/{}", shown["seq"]);
        assert_eq!(http.get(&path, &vera.token).await.status, 404);
        for token in [&vera.token, &gina.token, &ivan.token] {
            let claim = http.post(&format!("{path}/claim"), token, json!({})).await;
            assert_eq!(claim.expect(404)["error"]["code"], "not_found");
        }
    }
    for token in [&vera.token, &gina.token, &ivan.token] {
        let found = http.get("/api/v1/me/balance", token).await.expect(200);
        assert_eq!(found["balance"], START);
    }

    // The public protocol makes packets by its own route alone, whatever a frame says.
    let frame = json!({
        "type": "send", "cid": "p", "to": format!("g:{group}"), "media": 5, "amount": 1,
        "meta": {"packet": "display"}, "is_drawn_packet": true,
    });
    veras.say(&frame).await;
    assert_eq!(veras.expect_error("bad_request").await["field"], "media");
}

async fn packet(socket: &mut Socket) -> Value {
    let is_packet = |frame: &Value| frame["type"] == "entry" && frame["media"] == 5;
    socket.expect_where("a packet", is_packet).await
}
