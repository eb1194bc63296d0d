//! Bringing in what other chat systems hold: their real schemas on a real server, with rows as people and accidents
//! leave them, into a store of each kind; then the people log in and find their friends, groups and messages.

use serde_json::{Value, json};
use starling::model::policy::StoreRules;
use starling::service::import::{self, Plan, Report, System};
use starling::store::Stores;
use starling::store::foreign::redis::MessageLists;
use starling::store::mysql::{self, foreign};
use starling::store::sqlite::{self, OpenOptions};

use crate::lab::{Choices, Lab, User};
use crate::mariadb::Database;
use crate::redis_server::RedisServer;

const GINCHAT: &str = r"
CREATE TABLE user_basic (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, created_at DATETIME(3), updated_at DATETIME(3),
    deleted_at DATETIME(3), name LONGTEXT, pass_word LONGTEXT, phone LONGTEXT, email LONGTEXT, identity LONGTEXT,
    salt LONGTEXT, is_logout TINYINT(1), avatar VARCHAR(255)) DEFAULT CHARSET=utf8;
CREATE TABLE contact (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, created_at DATETIME(3), deleted_at DATETIME(3),
    owner_id BIGINT UNSIGNED, target_id BIGINT UNSIGNED, type BIGINT, `desc` LONGTEXT) DEFAULT CHARSET=utf8;
CREATE TABLE communities (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, created_at DATETIME(3), deleted_at DATETIME(3),
    name LONGTEXT, owner_id BIGINT UNSIGNED, img LONGTEXT, `desc` LONGTEXT) DEFAULT CHARSET=utf8;
INSERT INTO user_basic (id, name, pass_word, salt, phone, email, avatar, deleted_at) VALUES
    (1, 'anna', '77ae527f9e32b2d373514c60dc01021a', '0012345678', '13800000001', 'anna@mail.example',
     './asset/upload/1.png', NULL),
    (2, 'bert', '$2b$04$6E1CRio5wyinMpPb1hkWIeDP4aC/mUcag6PM0Mddx2mYqtUgsWMXa', '', '', '', '', NULL),
    (3, 'gone', '', '', '', '', '', '2024-01-01 00:00:00'),
    (4, 'Anna', '77ae527f9e32b2d373514c60dc01021a', '0012345678', '13800000001', '', '', NULL),
    (5, REPEAT('长', 50), 'in clear', 'x', 'no phone', 'nobody', 'javascript:alert(1)', NULL),
    (6, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO contact (id, owner_id, target_id, type, `desc`, created_at, deleted_at) VALUES
    (1, 1, 2, 1, 'Bertie', '2023-05-01 10:00:00', NULL), (2, 2, 1, 1, '', '2023-05-01 10:00:00', NULL),
    (3, 1, 1, 1, '', NULL, NULL), (4, 1, 99, 1, '', NULL, NULL), (5, 3, 1, 1, '', NULL, NULL),
    (6, 1, 5, 7, '', NULL, NULL), (7, 1, 5, 1, '', NULL, '2024-01-01 00:00:00'), (8, NULL, 1, 1, '', NULL, NULL),
    (20, 1, 10, 2, '', NULL, NULL), (21, 2, 10, 2, '', NULL, NULL), (22, 2, 10, 2, '', NULL, NULL),
    (23, 99, 10, 2, '', NULL, NULL), (24, 1, 77, 2, '', NULL, NULL), (25, 2, 11, 2, '', NULL, NULL);
INSERT INTO communities (id, name, owner_id, img, `desc`, created_at, deleted_at) VALUES
    (10, 'flock', 1, '', 'birds', '2023-05-02 10:00:00', NULL), (11, '', 3, 'x:y', '', NULL, NULL),
    (12, 'over', 1, '', '', NULL, '2024-01-01 00:00:00'), (13, 'empty', 99, '', '', NULL, NULL);
";

const SHYIM: &str = r"
CREATE TABLE user (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, phone_number VARCHAR(191) NOT NULL UNIQUE,
    nickname LONGTEXT NOT NULL, password LONGTEXT NOT NULL);
CREATE TABLE friend (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, user_id BIGINT UNSIGNED, friend_id BIGINT UNSIGNED);
CREATE TABLE `group` (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name LONGTEXT, owner_id BIGINT UNSIGNED);
CREATE TABLE group_user (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, group_id BIGINT UNSIGNED, user_id BIGINT UNSIGNED);
CREATE TABLE message (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, user_id BIGINT UNSIGNED, sender_id BIGINT UNSIGNED,
    session_type TINYINT, receiver_id BIGINT UNSIGNED, message_type TINYINT, content LONGBLOB, seq BIGINT UNSIGNED,
    send_time DATETIME(3));
INSERT INTO user VALUES (1, '13800000001', 'Anna', MD5('correct horseshyim')),
    (2, '13800000002', 'Bert', MD5('correct horseshyim')), (3, 'x', '', 'x');
INSERT INTO friend VALUES (1, 1, 2);
INSERT INTO `group` VALUES (1, 'flock', 1);
INSERT INTO group_user VALUES (1, 1, 1), (2, 1, 2);
INSERT INTO message (user_id, sender_id, session_type, receiver_id, message_type, content, seq, send_time) VALUES
    (2, 1, 1, 2, 1, 'second', 2, '2023-06-01 12:00:01.500'), (1, 1, 1, 2, 1, 'second', 2, '2023-06-01 12:00:01.500'),
    (2, 1, 1, 2, 1, 'first', 1, '2023-06-01 12:00:00.250'), (1, 1, 1, 2, 1, 'first', 1, '2023-06-01 12:00:00.250'),
    (1, 2, 2, 1, 1, 'to all', 3, '2023-06-01 12:00:02'), (2, 2, 2, 1, 1, 'to all', 3, '2023-06-01 12:00:02'),
    (1, 2, 2, 1, 1, 'to all', 4, '2023-06-01 12:00:02'), (2, 2, 2, 1, 1, 'to all', 4, '2023-06-01 12:00:02'),
    (2, 1, 1, 2, 2, 'https://a.example/b.png', 5, '2023-06-01 12:00:03'),
    (2, 1, 1, 2, 2, 'javascript:x', 6, '2023-06-01 12:00:04'), (2, 3, 2, 1, 1, 'stranger', 7, '2023-06-01 12:00:05'),
    (2, 99, 1, 2, 1, 'orphan', 8, '2023-06-01 12:00:06'), (2, 1, 1, 2, 1, UNHEX('FF'), 9, '2023-06-01 12:00:07'),
    (2, 1, 1, 2, 1, REPEAT('x', 20000), 10, '2023-06-01 12:00:08'), (2, 1, 9, 2, 9, '', NULL, NULL);
";

/// What a run counts: imported, already there, repeated, changed, skipped.
type Counts = [u64; 5];

fn counts(report: &str, kind: &str) -> Counts {
    let line = report.lines().find(|line| line.starts_with(kind)).unwrap();
    let numbers = line.split_whitespace().skip(1);
    let numbers: Vec<u64> = numbers.map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

struct Source {
    system: System,
    database: Database,
    redis: Option<RedisServer>,
}

impl Source {
    async fn bring(&self, stores: &Stores, dry_run: bool) -> String {
        let mut lists = Vec::new();
        if let Some(redis) = &self.redis {
            lists.push(MessageLists::connect(&redis.url()).await.unwrap());
        }
        let plan = Plan {
            system: self.system,
            label: String::new(),
            tables: foreign::open(&self.database.url(), 480).await.unwrap(),
            lists,
            salt: "shyim".to_owned(),
            files_url: String::new(),
            rules: StoreRules::default(),
            dry_run,
        };
        let mut report = Report::new(None);
        import::run(stores, plan, &mut report).await.unwrap();
        let mut text = Vec::new();
        report.finish(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }
}

fn ginchat() -> Source {
    let database = Database::fresh();
    database.sql(GINCHAT);
    let redis = RedisServer::start();
    let frame = |from: u64, to: u64, form: u64, at: u64, text: &str| {
        json!({"userId": from, "TargetId": to, "Type": form, "Media": 1, "Content": text, "CreateTime": at})
            .to_string()
    };
    let (early, late) = (1_690_000_000_000, 1_690_000_100_000);
    let group = frame(2, 10, 2, late + 1, "to the flock");
    for (key, score, body) in [
        ("msg_1_2", "9", frame(1, 2, 1, early, "hello")),
        ("msg_1_2", "1", frame(2, 1, 1, late, "hello back")),
        ("msg_1_2", "3", group.clone()),
        ("msg_2_2", "1", group),
        ("msg_1_2", "4", frame(1, 2, 3, late, "heartbeat")),
        ("msg_1_2", "5", frame(1, 9, 1, late, "of others")),
        ("msg_1_99", "5", frame(99, 1, 1, late, "orphan")),
        ("msg_1_2", "6", frame(1, 2, 1, late, &"x".repeat(20_000))),
        ("msg_1_2", "7", "no frame".to_owned()),
    ] {
        redis.cli(&["ZADD", key, score, &body]);
    }
    redis.cli(&["SET", "msg_odd", "x"]);
    Source {
        system: System::Ginchat,
        database,
        redis: Some(redis),
    }
}

fn shyim() -> Source {
    let database = Database::fresh();
    database.sql(SHYIM);
    Source {
        system: System::Shyim,
        database,
        redis: None,
    }
}

fn sqlite() -> (Stores, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("starling.db");
    let stores = sqlite::open(file.to_str().unwrap(), OpenOptions::default()).unwrap();
    (stores, folder)
}

/// Rehearses, brings and brings again, and checks the counts.
async fn twice(source: &Source, stores: &Stores, expected: &[(&str, Counts)]) {
    let rehearsed = source.bring(stores, true).await;
    assert_eq!(stores.log.head().await.unwrap().head.0, 0, "{rehearsed}");
    let brought = source.bring(stores, false).await;
    let head = stores.log.head().await.unwrap();
    let again = source.bring(stores, false).await;
    let rehearsed_again = source.bring(stores, true).await;
    assert_eq!(stores.log.head().await.unwrap(), head, "{again}");
    assert_eq!(rehearsed, brought, "a dry run tells what a run does");
    assert_eq!(rehearsed_again, again);
    for (kind, expected) in expected {
        assert_eq!(counts(&brought, kind), *expected, "{kind}\n{brought}");
        let [imported, already, repeated, _, skipped] = counts(&again, kind);
        let [was_imported, _, was_repeated, _, was_skipped] = *expected;
        assert_eq!(imported, 0, "{kind}\n{again}");
        let all = was_imported + was_repeated;
        assert_eq!(
            (already + repeated, skipped),
            (all, was_skipped),
            "{kind}\n{again}"
        );
    }
}

async fn log_in(lab: &Lab, login: &Value) -> User {
    let body = lab
        .anonymously("POST", "/api/v1/login", login)
        .await
        .is(200);
    User {
        id: body["user"]["id"].as_u64().unwrap(),
        name: body["user"]["name"].as_str().unwrap().to_owned(),
        token: body["token"].as_str().unwrap().to_owned(),
    }
}

/// Times and texts of the messages of a conversation.
async fn said(lab: &Lab, user: &User, conv: &str) -> Vec<(i64, String)> {
    let path = format!("/api/v1/conversations/{conv}/entries");
    let page = lab.get(user, &path).await;
    let entries = page["entries"].as_array().unwrap();
    let messages = entries.iter().filter(|entry| entry["kind"] == "message");
    let text = |entry: &Value| {
        entry["content"]
            .as_str()
            .or(entry["url"].as_str())
            .unwrap()
            .to_owned()
    };
    messages
        .map(|entry| (entry["at"].as_i64().unwrap(), text(entry)))
        .collect()
}

async fn ginchat_into(stores: Stores, folder: tempfile::TempDir) {
    let expected = [
        ("users", [5, 0, 0, 9, 1]),
        ("friends", [1, 0, 1, 0, 6]),
        ("groups", [2, 0, 0, 3, 2]),
        ("members", [3, 0, 1, 0, 2]),
        ("messages", [3, 0, 1, 0, 6]),
    ];
    twice(&ginchat(), &stores, &expected).await;
    let lab = Lab::over(stores, folder, Choices::default()).await;
    let anna = log_in(&lab, &json!({"name": "anna", "password": "correct horse"})).await;
    let bert = log_in(&lab, &json!({"name": "bert", "password": "correct horse"})).await;
    log_in(
        &lab,
        &json!({"name": "Anna-4", "password": "correct horse"}),
    )
    .await;
    let me = lab.get(&anna, "/api/v1/me").await;
    assert_eq!(
        (&me["admin"], &me["avatar"]),
        (&json!(false), &json!("/asset/upload/1.png"))
    );
    let friends = lab.get(&anna, "/api/v1/friends").await.to_string();
    assert!(
        friends.contains("Bertie") && friends.contains("bert"),
        "{friends}"
    );
    let private = said(&lab, &anna, &format!("u:{}", bert.id)).await;
    let texts = [
        (1_690_000_000_000, "hello"),
        (1_690_000_100_000, "hello back"),
    ];
    assert_eq!(private, texts.map(|(at, text)| (at, text.to_owned())));
    let list = lab.get(&anna, "/api/v1/conversations").await;
    let list = list["conversations"].as_array().unwrap().clone();
    let flock = list.iter().find(|line| line["title"] == "flock").unwrap();
    assert_eq!(flock["unread"], 0, "what was said elsewhere is not news");
    let flock = flock["conv"].as_str().unwrap();
    for user in [&anna, &bert] {
        let said = said(&lab, user, flock).await;
        assert_eq!(said, [(1_690_000_100_000, "to the flock".to_owned())]);
    }
}

async fn shyim_into(stores: Stores, folder: tempfile::TempDir) {
    let expected = [
        ("users", [3, 0, 0, 2, 0]),
        ("friends", [1, 0, 0, 0, 0]),
        ("groups", [1, 0, 0, 0, 0]),
        ("members", [2, 0, 0, 0, 0]),
        ("messages", [5, 0, 4, 0, 6]),
    ];
    twice(&shyim(), &stores, &expected).await;
    let lab = Lab::over(stores, folder, Choices::default()).await;
    let login = |phone: &str| json!({"phone": phone, "password": "correct horse"});
    let anna = log_in(&lab, &login("13800000001")).await;
    let bert = log_in(&lab, &login("13800000002")).await;
    // 12:00 at eight hours ahead of UTC is 4:00.
    let noon = 1_685_592_000_000;
    let private = said(&lab, &bert, &format!("u:{}", anna.id)).await;
    let texts = [
        (noon + 250, "first"),
        (noon + 1_500, "second"),
        (noon + 3_000, "https://a.example/b.png"),
    ];
    assert_eq!(private, texts.map(|(at, text)| (at, text.to_owned())));
    let groups = lab.get(&bert, "/api/v1/conversations").await;
    let groups = groups["conversations"].as_array().unwrap().clone();
    let flock = groups.iter().find(|line| line["title"] == "flock").unwrap();
    let flock = said(&lab, &anna, flock["conv"].as_str().unwrap()).await;
    let twice = (noon + 2_000, "to all".to_owned());
    assert_eq!(
        flock,
        [twice.clone(), twice],
        "said twice there is said twice here"
    );
}

#[tokio::test]
async fn what_ginchat_holds_is_brought_into_a_file_once() {
    let (stores, folder) = sqlite();
    ginchat_into(stores, folder).await;
}

#[tokio::test]
async fn what_ginchat_holds_is_brought_onto_a_server_once() {
    let target = Database::fresh();
    let stores = mysql::open(&target.url(), mysql::OpenOptions::default()).await;
    ginchat_into(stores.unwrap(), tempfile::tempdir().unwrap()).await;
}

#[tokio::test]
async fn what_shyim_holds_is_brought_into_a_file_once() {
    let (stores, folder) = sqlite();
    shyim_into(stores, folder).await;
}

#[tokio::test]
async fn what_shyim_holds_is_brought_onto_a_server_once() {
    let target = Database::fresh();
    let stores = mysql::open(&target.url(), mysql::OpenOptions::default()).await;
    shyim_into(stores.unwrap(), tempfile::tempdir().unwrap()).await;
}

#[tokio::test]
async fn a_run_that_was_cut_short_is_continued_and_what_came_since_is_brought() {
    let target = Database::fresh();
    let stores = mysql::open(&target.url(), mysql::OpenOptions::default()).await;
    let (stores, source) = (stores.unwrap(), shyim());
    source.bring(&stores, false).await;
    let head = stores.log.head().await.unwrap().head.0;
    // As if it had ended after making these and before remembering that.
    target.sql("DELETE FROM imports WHERE kind IN ('users', 'members')");
    source.database.sql(
        "INSERT INTO user VALUES (4, '13800000004', 'Dora', MD5('correct horseshyim'));
         INSERT INTO friend VALUES (2, 4, 1);
         INSERT INTO group_user VALUES (3, 1, 4);
         INSERT INTO message (user_id, sender_id, session_type, receiver_id, message_type, content, seq, send_time)
             VALUES (1, 4, 2, 1, 1, 'late', 11, '2023-06-02 12:00:00');",
    );
    let report = source.bring(&stores, false).await;
    assert_eq!(
        target.sql("SELECT COUNT(*) FROM users").trim(),
        "4",
        "{report}"
    );
    assert_eq!(counts(&report, "friends")[..2], [1, 1], "{report}");
    assert_eq!(counts(&report, "members")[..2], [1, 2], "{report}");
    assert_eq!(counts(&report, "messages")[..2], [1, 9], "{report}");
    // Somebody's friendship, his entering the group, and what he said there.
    assert_eq!(
        stores.log.head().await.unwrap().head.0,
        head + 3,
        "{report}"
    );
}

#[tokio::test]
async fn both_versions_of_imoocs_columns_are_understood() {
    for (password, other) in [("passwd", "dstobj"), ("password", "dstid")] {
        let database = Database::fresh();
        database.sql(&format!(
            "CREATE TABLE user (id BIGINT AUTO_INCREMENT PRIMARY KEY, mobile VARCHAR(20), {password} VARCHAR(40),
                 avatar VARCHAR(150), sex VARCHAR(2), nickname VARCHAR(20), salt VARCHAR(10), memo VARCHAR(140));
             CREATE TABLE contact (id BIGINT AUTO_INCREMENT PRIMARY KEY, ownerid BIGINT, {other} BIGINT, cate INT,
                 memo VARCHAR(120), createat DATETIME);
             CREATE TABLE community (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(30), ownerid BIGINT,
                 icon VARCHAR(250), cate INT, memo VARCHAR(120), createat DATETIME);
             INSERT INTO user VALUES (1, '13800000001', MD5('correct horse7'), '', 'W', 'Anna', '7', ''),
                 (2, '13800000002', MD5('correct horse8'), '/mnt/x.png', 'M', 'Bert', '8', '');
             INSERT INTO contact VALUES (1, 1, 2, 1, '', '2020-05-01 10:00:00'), (2, 2, 1, 1, '', NULL),
                 (3, 1, 5, 2, '', NULL), (4, 2, 5, 2, '', '0000-00-00');
             INSERT INTO community VALUES (5, 'flock', 1, '', 4, 'birds', '2020-05-01 10:00:00');"
        ));
        let source = Source {
            system: System::Imooc,
            database,
            redis: None,
        };
        let (stores, folder) = sqlite();
        let expected = [
            ("users", [2, 0, 0, 1, 0]),
            ("friends", [1, 0, 1, 0, 0]),
            ("groups", [1, 0, 0, 0, 0]),
            ("members", [2, 0, 0, 0, 0]),
        ];
        twice(&source, &stores, &expected).await;
        let lab = Lab::over(stores, folder, Choices::default()).await;
        let login = json!({"phone": "13800000002", "password": "correct horse"});
        let bert = log_in(&lab, &login).await;
        let friends = lab.get(&bert, "/api/v1/friends").await.to_string();
        assert!(friends.contains("Anna"), "{friends}");
    }
}

#[tokio::test]
async fn a_database_of_something_else_is_refused_in_words() {
    let database = Database::fresh();
    let (stores, _folder) = sqlite();
    let plan = Plan {
        system: System::Ginchat,
        label: String::new(),
        tables: foreign::open(&database.url(), 0).await.unwrap(),
        lists: Vec::new(),
        salt: String::new(),
        files_url: String::new(),
        rules: StoreRules::default(),
        dry_run: false,
    };
    let refused = import::run(&stores, plan, &mut Report::new(None)).await;
    let said = refused.unwrap_err().to_string();
    assert_eq!(
        said,
        "this is no database of ginchat: it has no table user_basic"
    );
    let nowhere = foreign::open("mysql://root:secret@127.0.0.1:1/x", 0).await;
    let said = nowhere.err().unwrap().to_string();
    assert!(
        said.starts_with("cannot connect to 127.0.0.1:1/x: "),
        "{said}"
    );
    assert!(!said.contains("secret"), "{said}");
}
