//! The ways in of old clients: addresses of pages, the socket that only listens, switches, and what is counted of them.

use hyper::Method;
use serde_json::json;

use super::super::client::{Http, Reply, Socket};
use super::super::harness::Plan;
use super::page::{Page, PageSocket};
use super::program::wire::LoginMsg;
use super::program::{Program, ProgramSocket, text};

#[tokio::test]
async fn the_addresses_of_old_pages_lead_to_the_web_client_without_their_query() {
    let cluster = Plan::nodes(1).start().await;
    let page = Page::open(cluster.nodes[0].http);
    for (path, target) in [
        ("/index", "/"),
        ("/toRegister", "/register"),
        ("/toChat?userId=1&token=secret", "/"),
        ("//toChat?userId=1&token=secret", "/"),
        ("/user/login.shtml", "/login?media=basic"),
        ("/user/register.shtml", "/register?media=basic"),
        ("/chat/index.shtml?id=1&token=secret", "/?media=basic"),
        ("/chat/createcom.shtml", "/?media=basic"),
        ("/chat/update.shtml", "/?media=basic"),
    ] {
        let led = page.get(path).await;
        assert_eq!((led.status, led.location.as_str()), (302, target), "{path}");
    }
    for path in ["/", "/favicon.ico", "/swagger/index.html"] {
        assert_eq!(page.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_socket_for_receiving_comes_by_cookie_and_takes_nothing() {
    let cluster = Plan::nodes(2).set("chat.friend_mode", "auto").start().await;
    let anna = Page::ginchat(cluster.nodes[0].http, "anna").await;
    let bert = Page::ginchat(cluster.nodes[1].http, "bert").await;
    let cookie = bert.cookie.as_deref();
    let mut ear = PageSocket::open_at(bert.node, "/user/sendMsg", cookie)
        .await
        .unwrap();
    let mut mouth = PageSocket::open_at(bert.node, "/user/sendUserMsg", cookie)
        .await
        .unwrap();
    let mut annas = anna.ginchat_socket().await;
    annas.ginchat_text(anna.id, 1, bert.id, "hello").await;
    assert_eq!(ear.hear().await["Content"], "hello");
    assert_eq!(mouth.hear().await["Content"], "hello");
    ear.ginchat_text(bert.id, 1, anna.id, "not taken").await;
    // The user's other socket hears what is sent on this one: after it, the first has been dealt with long ago.
    annas.ginchat_text(anna.id, 1, bert.id, "once more").await;
    assert_eq!(ear.hear().await["Content"], "once more");
    mouth.ginchat_text(bert.id, 1, anna.id, "taken").await;
    assert_eq!(annas.hear().await["Content"], "taken");
    assert_eq!(
        ear.hear().await["Content"],
        "taken",
        "the user's other socket"
    );

    for (path, cookie) in [
        ("/user/sendMsg", None),
        ("/user/sendMsg", Some("starling=nonsense")),
        ("/user/sendUserMsg", None),
    ] {
        assert!(PageSocket::open_at(bert.node, path, cookie).await.is_err());
    }
    let elsewhere = format!("/user/sendMsg?userId={}", anna.id);
    assert!(
        PageSocket::open_at(bert.node, &elsewhere, cookie)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_dialect_that_is_switched_off_is_not_there_and_the_others_are() {
    for (key, gone, there) in [
        (
            "dialects.ginchat",
            &["/searchFriends", "/user/redisMsg", "/user/createUser"][..],
            &[
                "/contact/loadfriend?userid=1",
                "/friend/add",
                "/attach/upload",
            ][..],
        ),
        (
            "dialects.imooc",
            &["/contact/loadfriend", "/modification", "/user/register"],
            &["/searchFriends", "/login?phone_number=1", "/attach/upload"],
        ),
        (
            "dialects.shyim",
            &["/friend/add", "/group/create", "/group_user/list"],
            &["/searchFriends", "/login?mobile=1"],
        ),
    ] {
        let cluster = Plan::nodes(1).set(key, false).start().await;
        let node = cluster.nodes[0].http;
        let http = Http::new(node);
        for path in gone {
            let reply = http.call(Method::POST, path, None, None).await;
            assert!(is_unknown(&reply), "{key}: {path}: {reply:?}");
        }
        for path in there {
            let reply = http.call(Method::POST, path, None, None).await;
            assert_eq!(
                (reply.status, &reply.body["code"]),
                (200, &json!(-1)),
                "{key}: {path}"
            );
        }
        if key == "dialects.shyim" {
            let anna = http.register("anna").await;
            let mut socket = ProgramSocket::open(node).await;
            let token = anna.token.clone().into_bytes();
            socket.send(1, &LoginMsg { token }).await;
            assert_eq!(socket.closed().await, 4003);
            Socket::login(node, &anna).await;
        }
    }
}

#[tokio::test]
async fn with_all_dialects_off_there_is_no_socket_and_no_page_of_theirs() {
    let cluster = Plan::nodes(1)
        .set("dialects.ginchat", false)
        .set("dialects.imooc", false)
        .set("dialects.shyim", false)
        .start()
        .await;
    let node = cluster.nodes[0].http;
    let http = Http::new(node);
    let anna = http.register("anna").await;
    for path in [
        "/attach/upload",
        "/login",
        "/user/find",
        "/contact/addfriend",
    ] {
        let reply = http.call(Method::POST, path, None, None).await;
        assert!(is_unknown(&reply), "{path}: {reply:?}");
    }
    for path in ["/chat", "/user/sendMsg", "/user/sendUserMsg"] {
        let whole = format!("{path}?userId={}&token={}", anna.id, anna.token);
        assert!(
            PageSocket::open_at(node, &whole, None).await.is_err(),
            "{path}"
        );
    }
    Socket::login(node, &anna).await;
}

#[tokio::test]
async fn what_old_clients_do_is_counted_by_dialect() {
    let cluster = Plan::nodes(1).set("chat.friend_mode", "auto").start().await;
    let node = cluster.nodes[0].http;
    let http = Http::new(node);
    let count = async |dialect: &str, kind: &str| -> u64 {
        let metrics = http.call(Method::GET, "/metrics", None, None).await.text;
        let series =
            format!(r#"starling_dialect_uses_total{{dialect="{dialect}",kind="{kind}"}} "#);
        let line = metrics.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("{series}\n{metrics}"))
            .parse()
            .unwrap()
    };
    for dialect in ["ginchat", "imooc", "shyim"] {
        for kind in ["request", "connection", "message"] {
            assert_eq!(count(dialect, kind).await, 0, "{dialect} {kind}");
        }
    }
    // Registering and logging in are two requests each, with the program only the one.
    let gina = Page::ginchat(node, "gina").await;
    let ivan = Page::imooc(node, "13800000006", "Ivan").await;
    let paul = Program::register(node, "13900000006", "Paul").await;
    let (mut ginas, mut ivans) = (gina.ginchat_socket().await, ivan.imooc_socket("").await);
    let mut pauls = paul.connect(node).await;
    ginas
        .ginchat_text(gina.id, 1, ivan.id, "from ginchat")
        .await;
    assert_eq!(ivans.hear().await["content"], "from ginchat");
    for number in 0..2 {
        let said = format!("from imooc {number}");
        ivans.imooc_text(ivan.id, 10, gina.id, &said).await;
        assert_eq!(ginas.hear().await["Content"], said);
    }
    pauls.up(1, text(1, gina.id, "from shyim", 1)).await;
    assert_eq!(pauls.ack().await.0, 200);
    for (dialect, counts) in [
        ("ginchat", [2, 1, 1]),
        ("imooc", [2, 1, 2]),
        ("shyim", [1, 1, 1]),
    ] {
        for (kind, expected) in ["request", "connection", "message"].iter().zip(counts) {
            assert_eq!(count(dialect, kind).await, expected, "{dialect} {kind}");
        }
    }
}

/// Nothing answers there but perhaps the web client, which is only to be fetched.
fn is_unknown(reply: &Reply) -> bool {
    matches!(reply.status, 404 | 405)
}
