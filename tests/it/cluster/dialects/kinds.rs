//! Pictures, voice and stickers of each protocol as the other three show them, in private; and who is idle for long.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::client::{Account, Http, Socket};
use super::super::harness::{Cluster, Plan};
use super::page::{Page, PageSocket};
use super::program::wire::Message;
use super::program::{Program, ProgramSocket, text};

const PICTURE: &str = "https://a.example/cat.png";
const VOICE: &str = "https://a.example/hello.webm";
const STICKER: &str = "/asset/packs/faces/smile.svg";

/// One person of each protocol; each is alone on a node or shares it with one.
struct Four {
    _cluster: Cluster,
    vera: Account,
    gina: Page,
    ivan: Page,
    paul: Program,
    veras: Socket,
    ginas: PageSocket,
    ivans: PageSocket,
    pauls: ProgramSocket,
}

async fn four(plan: Plan) -> Four {
    let cluster = plan.start().await;
    let nodes = cluster.addresses();
    let vera = Http::new(nodes[0]).register("vera").await;
    let gina = Page::ginchat(nodes[1], "gina").await;
    let ivan = Page::imooc(nodes[2], "13800000007", "Ivan").await;
    let paul = Program::register(nodes[0], "13900000007", "Paul").await;
    let (veras, _) = Socket::login(nodes[0], &vera).await;
    let (ginas, ivans) = (gina.ginchat_socket().await, ivan.imooc_socket("").await);
    let mut pauls = paul.connect(nodes[1]).await;
    pauls.sync(0).await;
    Four {
        _cluster: cluster,
        vera,
        gina,
        ivan,
        paul,
        veras,
        ginas,
        ivans,
        pauls,
    }
}

impl Four {
    async fn vera_is_told(&mut self, media: u16, url: &str, amount: i64) {
        let is_message = |frame: &Value| frame["type"] == "entry" && frame["kind"] == "message";
        let told = self.veras.expect_where("a message", is_message).await;
        assert_eq!(
            (&told["media"], &told["url"]),
            (&json!(media), &json!(url)),
            "{told}"
        );
        assert_eq!(told["amount"].as_i64().unwrap_or(0), amount, "{told}");
    }

    async fn gina_is_told(&mut self, media: u16, url: &str, amount: i64) {
        let told = self.ginas.hear().await;
        assert_eq!(
            (&told["Media"], &told["url"]),
            (&json!(media), &json!(url)),
            "{told}"
        );
        assert_eq!(told["amount"], amount, "{told}");
    }

    async fn ivan_is_told(&mut self, media: u16, url: &str, amount: i64) {
        let told = self.ivans.hear().await;
        assert_eq!(
            (&told["media"], &told["url"]),
            (&json!(media), &json!(url)),
            "{told}"
        );
        assert_eq!(told["amount"].as_i64().unwrap_or(0), amount, "{told}");
    }

    async fn paul_is_told(&mut self, message_type: i32, url: &str) {
        let told = self.pauls.push().await;
        let content = String::from_utf8(told.content).unwrap();
        assert_eq!(told.message_type, message_type, "{content}");
        assert!(content.ends_with(url), "{content} is not {url}");
    }

    async fn vera_sends(&mut self, to: u64, fields: Value) {
        let mut frame =
            json!({"type": "send", "to": format!("u:{to}"), "cid": fastrand::u64(..).to_string()});
        let fields = fields.as_object().unwrap().clone();
        frame.as_object_mut().unwrap().extend(fields);
        self.veras.say(&frame).await;
        self.veras.expect("ack").await;
    }

    async fn gina_sends(&mut self, to: u64, media: u16, url: &str, amount: i64) {
        let frame = json!({
            "userId": self.gina.id, "TargetId": to, "Type": 1, "Media": media, "Content": "", "CreateTime": 1, "url": url,
            "amount": amount,
        });
        self.ginas.say(&frame).await;
    }

    async fn ivan_sends(&mut self, to: u64, media: u16, url: &str, amount: i64) {
        let frame = json!({
            "userid": self.ivan.id, "cmd": 10, "dstid": to, "media": media, "url": url, "amount": amount,
        });
        self.ivans.say(&frame).await;
    }

    async fn paul_sends(&mut self, to: u64, message_type: i32, url: &str) {
        let said = Message {
            message_type,
            ..text(1, to, url, fastrand::i64(1..i64::MAX))
        };
        self.pauls.up(fastrand::u64(1..), said).await;
        assert_eq!(self.pauls.ack().await.0, 200);
    }
}

#[tokio::test]
async fn pictures_voice_and_stickers_of_each_dialect_show_in_the_other_three() {
    let mut all = four(Plan::nodes(3)).await;
    let (vera, gina, ivan, paul) = (all.vera.id, all.gina.id, all.ivan.id, all.paul.id);

    for to in [gina, ivan, paul] {
        all.vera_sends(to, json!({"media": 4, "url": PICTURE}))
            .await;
        all.vera_sends(to, json!({"media": 3, "url": VOICE, "amount": 7}))
            .await;
        all.vera_sends(to, json!({"media": 6, "content": "smile", "url": STICKER}))
            .await;
    }
    all.gina_is_told(4, PICTURE, 0).await;
    all.gina_is_told(3, VOICE, 7).await;
    all.gina_is_told(4, STICKER, 0).await;
    all.ivan_is_told(4, PICTURE, 0).await;
    all.ivan_is_told(3, VOICE, 7).await;
    all.ivan_is_told(6, STICKER, 0).await;
    all.paul_is_told(2, PICTURE).await;
    all.paul_is_told(3, VOICE).await;
    all.paul_is_told(1, STICKER).await;

    // ginchat's page makes the address of a sticker from the folder it looked in.
    let behind = format!("asset/plugins/doutu/emoj/{STICKER}");
    for to in [vera, ivan, paul] {
        all.gina_sends(to, 4, PICTURE, 0).await;
        all.gina_sends(to, 3, VOICE, 7).await;
        all.gina_sends(to, 4, &behind, 0).await;
    }
    all.vera_is_told(4, PICTURE, 0).await;
    all.vera_is_told(3, VOICE, 7).await;
    all.vera_is_told(4, STICKER, 0).await;
    all.ivan_is_told(4, PICTURE, 0).await;
    all.ivan_is_told(3, VOICE, 7).await;
    all.ivan_is_told(4, STICKER, 0).await;
    all.paul_is_told(2, PICTURE).await;
    all.paul_is_told(3, VOICE).await;
    all.paul_is_told(2, STICKER).await;

    for to in [vera, gina, paul] {
        all.ivan_sends(to, 4, PICTURE, 0).await;
        all.ivan_sends(to, 3, VOICE, 7).await;
        all.ivan_sends(to, 6, STICKER, 0).await;
    }
    all.vera_is_told(4, PICTURE, 0).await;
    all.vera_is_told(3, VOICE, 7).await;
    all.vera_is_told(6, STICKER, 0).await;
    all.gina_is_told(4, PICTURE, 0).await;
    all.gina_is_told(3, VOICE, 7).await;
    all.gina_is_told(4, STICKER, 0).await;
    all.paul_is_told(2, PICTURE).await;
    all.paul_is_told(3, VOICE).await;
    all.paul_is_told(1, STICKER).await;

    for to in [vera, gina, ivan] {
        all.paul_sends(to, 2, PICTURE).await;
        all.paul_sends(to, 3, VOICE).await;
    }
    all.vera_is_told(4, PICTURE, 0).await;
    all.vera_is_told(3, VOICE, 0).await;
    all.gina_is_told(4, PICTURE, 0).await;
    all.gina_is_told(3, VOICE, 0).await;
    all.ivan_is_told(4, PICTURE, 0).await;
    all.ivan_is_told(3, VOICE, 0).await;
}

#[tokio::test]
async fn whoever_is_idle_longer_than_every_timeout_still_hears_in_every_dialect() {
    let plan = Plan::nodes(3)
        .set("limits.ping_ms", 300)
        .set("limits.dead_ms", 900);
    let mut all = four(plan).await;
    let (gina, ivan, paul) = (all.gina.id, all.ivan.id, all.paul.id);
    // A client that reads answers pings by itself.
    let idle = async {
        let vera = all.veras.expect_where("nothing", |_| false);
        tokio::join!(vera, all.ginas.hear(), all.ivans.hear(), all.pauls.hear());
    };
    let idle = tokio::time::timeout(Duration::from_secs(3), idle).await;
    assert!(idle.is_err(), "nothing is said to who is idle");
    for to in [gina, ivan, paul] {
        all.vera_sends(to, json!({"media": 4, "url": PICTURE}))
            .await;
    }
    all.gina_is_told(4, PICTURE, 0).await;
    all.ivan_is_told(4, PICTURE, 0).await;
    all.paul_is_told(2, PICTURE).await;
}
