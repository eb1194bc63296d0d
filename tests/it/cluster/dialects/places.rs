//! Old pages have no position of their own: the nodes remember how far each user's were told.

use std::time::Duration;

use serde_json::Value;

use super::super::harness::{Cluster, Plan};
use super::page::{Page, PageSocket};

/// How often somebody goes and comes back.
const RETURNS: usize = 12;
/// Texts while a node leaves.
const TEXTS: usize = 60;
const BETWEEN_TEXTS: Duration = Duration::from_millis(3);

/// Anna with a group, and two who come and go: one with each kind of page.
async fn three() -> (Cluster, Page, u64, Page, Page) {
    let cluster = Plan::nodes(3).set("chat.friend_mode", "auto").start().await;
    let nodes = cluster.addresses();
    let mut anna = Page::ginchat(nodes[0], "anna").await;
    let mut bert = Page::ginchat(nodes[1], "bert").await;
    let mut carl = Page::imooc(nodes[2], "13800000004", "Carl").await;
    let me = anna.id.to_string();
    let form = [("ownerId", me.as_str()), ("name", "crew")];
    let made = anna.post("/contact/createCommunity", &form).await;
    let group = made["Data"]["ID"].as_u64().unwrap();
    let number = group.to_string();
    let him = bert.id.to_string();
    let form = [("userId", him.as_str()), ("comId", &number)];
    assert_eq!(bert.post("/contact/joinGroup", &form).await["Code"], 0);
    let him = carl.id.to_string();
    let form = [("userid", him.as_str()), ("dstid", &number)];
    assert_eq!(carl.post("/contact/joincommunity", &form).await["code"], 0);
    (cluster, anna, group, bert, carl)
}

async fn say(annas: &mut PageSocket, anna: &Page, group: u64, text: &str) {
    annas.ginchat_text(anna.id, 2, group, text).await;
    assert_eq!(annas.hear().await["Content"], text);
}

#[tokio::test]
async fn a_page_that_goes_and_comes_back_on_another_node_is_told_nothing_twice() {
    let (cluster, anna, group, bert, carl) = three().await;
    let nodes = cluster.addresses();
    let mut annas = anna.ginchat_socket().await;
    let (mut berts, mut carls) = (bert.ginchat_socket().await, carl.imooc_socket("").await);
    for round in 0..RETURNS {
        let live = format!("live {round}");
        say(&mut annas, &anna, group, &live).await;
        assert_eq!(berts.hear().await["Content"], live);
        assert_eq!(carls.hear().await["content"], live);
        berts.leave().await;
        carls.leave().await;
        // A text that nobody waits for; half of the times nothing is missed at all.
        let missed = format!("missed {round}");
        if round % 2 == 0 {
            say(&mut annas, &anna, group, &missed).await;
        }
        berts = bert.at(nodes[round % 3]).ginchat_socket().await;
        carls = carl.at(nodes[(round + 1) % 3]).imooc_socket("").await;
        if round % 2 == 0 {
            assert_eq!(berts.hear().await["Content"], missed);
            assert_eq!(carls.hear().await["content"], missed);
        }
    }
}

/// A node that hears nothing on the bus follows the store, a moment behind.
#[tokio::test]
async fn a_page_that_comes_back_on_a_node_that_lags_is_told_nothing_twice() {
    let (cluster, anna, group, bert, carl) = three().await;
    let nodes = cluster.addresses();
    cluster.nodes[1].bus_faults("block = true\n");
    let mut annas = anna.ginchat_socket().await;
    for round in 0..RETURNS {
        let mut berts = bert.at(nodes[2]).ginchat_socket().await;
        let mut carls = carl.at(nodes[2]).imooc_socket("").await;
        let text = format!("text {round}");
        say(&mut annas, &anna, group, &text).await;
        assert_eq!(berts.hear().await["Content"], text);
        assert_eq!(carls.hear().await["content"], text);
        berts.leave().await;
        carls.leave().await;
        let mut berts = bert.at(nodes[1]).ginchat_socket().await;
        let mut carls = carl.at(nodes[1]).imooc_socket("").await;
        let next = format!("next {round}");
        say(&mut annas, &anna, group, &next).await;
        assert_eq!(berts.hear().await["Content"], next);
        assert_eq!(carls.hear().await["content"], next);
        berts.leave().await;
        carls.leave().await;
    }
}

/// Back at once, and somebody talks on all the while.
#[tokio::test]
async fn a_page_whose_node_leaves_is_told_each_text_once_there_or_elsewhere() {
    let (cluster, anna, group, bert, carl) = three().await;
    let nodes = cluster.addresses();
    let mut annas = anna.ginchat_socket().await;
    let mut berts = bert.at(nodes[2]).ginchat_socket().await;
    let mut carls = carl.at(nodes[2]).imooc_socket("").await;
    let texts: Vec<String> = (0..TEXTS).map(|number| format!("text {number}")).collect();
    let talking = async {
        for (number, text) in texts.iter().enumerate() {
            say(&mut annas, &anna, group, text).await;
            if number == TEXTS / 3 {
                cluster.nodes[2].terminate();
            }
            tokio::time::sleep(BETWEEN_TEXTS).await;
        }
    };
    let berts_own = async {
        let (mut heard, code) = berts.rest().await;
        assert_eq!(code, 1012);
        let mut berts = bert.at(nodes[1]).ginchat_socket().await;
        while heard
            .last()
            .is_none_or(|last| last["Content"] != texts[TEXTS - 1])
        {
            heard.push(berts.hear().await);
        }
        contents(&heard, "Content")
    };
    let carls_own = async {
        let (mut heard, code) = carls.rest().await;
        assert_eq!(code, 1012);
        let mut carls = carl.at(nodes[0]).imooc_socket("").await;
        while heard
            .last()
            .is_none_or(|last| last["content"] != texts[TEXTS - 1])
        {
            heard.push(carls.hear().await);
        }
        contents(&heard, "content")
    };
    let ((), berts, carls) = tokio::join!(talking, berts_own, carls_own);
    assert_eq!(berts, texts);
    assert_eq!(carls, texts);
}

fn contents(heard: &[Value], name: &str) -> Vec<String> {
    let texts = heard
        .iter()
        .map(|frame| frame[name].as_str().unwrap().to_owned());
    texts.collect()
}
