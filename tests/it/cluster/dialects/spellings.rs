//! Every spelling of a parameter that one of the old clients uses, by form, query and JSON.

use serde_json::{Value, json};

use super::super::client::PASSWORD;
use super::super::harness::Plan;
use super::page::Page;
use super::program::Program;

#[tokio::test]
async fn ginchat_is_understood_in_every_spelling_of_its_pages() {
    let cluster = Plan::nodes(1).start().await;
    let node = cluster.nodes[0].http;
    // The password again, under both names, and only where both agree.
    let mut gina = Page::open(node);
    let form = [
        ("name", "gina"),
        ("password", PASSWORD),
        ("repassword", PASSWORD),
    ];
    assert_eq!(gina.post("/user/createUser", &form).await["code"], 0);
    for again in ["Identity", "repassword"] {
        let form = [
            ("name", "gino"),
            ("password", PASSWORD),
            (again, "something else"),
        ];
        assert_eq!(
            gina.post("/user/createUser", &form).await["error"],
            "bad_request"
        );
    }
    let form = [("name", "gina"), ("passwd", PASSWORD)];
    let login = gina.post("/user/findUserByNameAndPwd", &form).await;
    let me = login["data"]["ID"].as_u64().unwrap().to_string();
    for (icon, memo) in [("icon", "memo"), ("img", "desc"), ("pic", "memo")] {
        let form = [
            ("ownerId", me.as_str()),
            ("name", icon),
            (icon, "/asset/packs/birds/fly.svg"),
            (memo, "hi"),
        ];
        let made = gina.post("/contact/createCommunity", &form).await;
        assert_eq!(
            (&made["Data"]["Img"], &made["Data"]["Desc"]),
            (&json!("/asset/packs/birds/fly.svg"), &json!("hi")),
            "{made}"
        );
    }
    let named = gina.post("/user/find", &[("userId", &me)]).await;
    assert_eq!(named["Data"]["Name"], "gina");
}

#[tokio::test]
async fn imooc_is_understood_in_every_spelling_of_its_pages() {
    let cluster = Plan::nodes(1).start().await;
    let node = cluster.nodes[0].http;
    for (number, (path, password)) in [("/user/register", "passwd"), ("/register", "password")]
        .into_iter()
        .enumerate()
    {
        let mobile = format!("1370000000{number}");
        let mut ivan = Page::open(node);
        let form = [
            ("mobile", mobile.as_str()),
            (password, PASSWORD),
            ("nickname", "Ivan"),
            ("sex", "M"),
            ("memo", "hello"),
            ("avatar", "/asset/packs/birds/fly.svg"),
        ];
        let made = ivan.post(path, &form).await;
        let made = &made["data"];
        assert_eq!(
            (&made["sex"], &made["memo"], &made["avatar"]),
            (
                &json!("M"),
                &json!("hello"),
                &json!("/asset/packs/birds/fly.svg")
            )
        );
        let me = made["id"].as_u64().unwrap().to_string();
        for (path, password) in [
            ("/user/login", "passwd"),
            ("/login", "password"),
            ("/login", "passwd"),
        ] {
            let login = ivan
                .post(path, &[("mobile", &mobile), (password, PASSWORD)])
                .await;
            assert_eq!(login["data"]["id"].to_string(), me, "{login}");
            // By any method, with what is asked in the query.
            let by_link = ivan
                .get_json(&format!(
                    "{path}?mobile={mobile}&{password}={}",
                    PASSWORD.replace(' ', "+")
                ))
                .await;
            assert_eq!(by_link["data"]["id"].to_string(), me, "{by_link}");
        }
        for (owner, icon) in [("ownerid", "icon"), ("userid", "pic"), ("ownerid", "img")] {
            let form = [
                (owner, me.as_str()),
                ("name", icon),
                (icon, "/asset/packs/birds/fly.svg"),
                ("cate", "3"),
            ];
            let made = ivan.post("//contact//createcommunity", &form).await;
            assert_eq!(
                (&made["data"]["icon"], &made["data"]["cate"]),
                (&json!("/asset/packs/birds/fly.svg"), &json!(3)),
                "{made}"
            );
        }
    }
}

#[tokio::test]
async fn shyim_logs_in_by_phone_and_by_name() {
    let cluster = Plan::nodes(1).start().await;
    let node = cluster.nodes[0].http;
    let paul = Program::register(node, "13900000003", "Paul").await;
    let name = format!("u{}", paul.id);
    for known in ["13900000003", name.as_str()] {
        let body = format!(
            "phone_number={known}&password={}",
            PASSWORD.replace(' ', "+")
        );
        let login = paul.post(node, "/login", &body).await;
        assert_eq!(login["data"]["user_id"], paul.id.to_string(), "{login}");
    }
}

#[tokio::test]
async fn a_parameter_in_another_case_is_another_parameter_and_nonsense_is_refused() {
    let cluster = Plan::nodes(1).start().await;
    let mut gina = Page::ginchat(cluster.nodes[0].http, "gina").await;
    let me = gina.id.to_string();
    let code = |answer: Value| answer["error"].as_str().unwrap_or_default().to_owned();
    for (path, form, expected) in [
        ("/user/find", vec![("userId", "1abc")], "bad_request"),
        ("/user/find", vec![("userId", "-1")], "bad_request"),
        ("/user/find", vec![("userId", "999999")], "not_found"),
        (
            "/contact/joinGroup",
            vec![("userId", me.as_str()), ("comId", "nobody's")],
            "not_found",
        ),
        (
            "/contact/joinGroup",
            vec![("userId", me.as_str())],
            "bad_request",
        ),
        (
            "/contact/joinGroup",
            vec![("userId", me.as_str()), ("comId", "999999")],
            "not_found",
        ),
        (
            "/contact/addfriend",
            vec![("userId", me.as_str()), ("targetName", "gina")],
            "self",
        ),
        (
            "/contact/addfriend",
            vec![("userId", me.as_str()), ("targetName", "nobody")],
            "not_found",
        ),
        (
            "/user/redisMsg",
            vec![("userIdA", me.as_str()), ("userIdB", "x")],
            "bad_request",
        ),
        (
            "/user/redisMsg",
            vec![("userIdA", "998"), ("userIdB", "999")],
            "forbidden",
        ),
        (
            "/user/redisMsg",
            vec![("useridA", me.as_str()), ("userIdB", "999")],
            "bad_request",
        ),
        (
            "/modification",
            vec![("id", "999999"), ("nickname", "x")],
            "forbidden",
        ),
    ] {
        assert_eq!(
            code(gina.post(path, &form).await),
            expected,
            "{path} {form:?}"
        );
    }
    let answer = gina.post_json("/modification", &json!(["no object"])).await;
    assert_eq!(code(answer), "invalid_json");
}
