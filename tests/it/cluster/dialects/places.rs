//! Old pages have no position of their own: the nodes remember how far each user's were told.

use std::time::Duration;

use super::super::harness::{Cluster, Plan};
use super::page::{Page, PageSocket};

/// How often somebody goes and comes back.
const RETURNS: usize = 12;
/// How long a node may take to leave, on a busy machine.
const GONE_WITHIN: Duration = Duration::from_secs(15);

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

#[tokio::test]
async fn a_page_of_a_node_that_has_stopped_is_told_elsewhere_what_came_after_and_nothing_twice() {
    let (mut cluster, anna, group, bert, carl) = three().await;
    let nodes = cluster.addresses();
    let mut annas = anna.ginchat_socket().await;
    let mut berts = bert.at(nodes[2]).ginchat_socket().await;
    let mut carls = carl.at(nodes[2]).imooc_socket("").await;
    for number in 0..5 {
        let text = format!("before {number}");
        say(&mut annas, &anna, group, &text).await;
        assert_eq!(berts.hear().await["Content"], text);
        assert_eq!(carls.hear().await["content"], text);
    }
    cluster.nodes[2].terminate();
    assert_eq!(berts.closed().await, 1012);
    assert_eq!(carls.closed().await, 1012);
    say(&mut annas, &anna, group, "meanwhile").await;
    // Whose node sends him away may be back before his place is written; it is when the node is gone.
    assert!(cluster.nodes[2].wait_exit(GONE_WITHIN).await.success());
    let mut berts = bert.at(nodes[1]).ginchat_socket().await;
    let mut carls = carl.at(nodes[0]).imooc_socket("").await;
    assert_eq!(berts.hear().await["Content"], "meanwhile");
    assert_eq!(carls.hear().await["content"], "meanwhile");
}
