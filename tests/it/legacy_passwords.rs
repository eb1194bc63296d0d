//! Logging in with a password that came from another system, and what becomes of its hash.

use starling::model::ids::UserId;
use starling::model::user::{LoginName, NewUser, Sex};
use starling::service::legacy;
use starling::service::throttle::ThrottleSettings;

use crate::lab::{Choices, Lab};

/// As `hashlib` and `bcrypt` of Python made them of `correct horse`, some with the salt `0012345678`.
const STORED: [(&str, &str, &str); 4] = [
    ("md5", "77ae527f9e32b2d373514c60dc01021a", "0012345678"),
    (
        "sha",
        "604ec9220211daa1191167fec6e214ef06431ea9f1d590cd067d835f8b5e8058",
        "0012345678",
    ),
    (
        "bcrypt",
        "$2b$04$6E1CRio5wyinMpPb1hkWIeDP4aC/mUcag6PM0Mddx2mYqtUgsWMXa",
        "",
    ),
    (
        "scrypt",
        "000102030405060708090a0b0c0d0e0f$25b376840366f4d3b0e21e414476676e3cd0e89af4430356a234ce0b65a021b5",
        "",
    ),
];

async fn bring(lab: &Lab, name: &str, password_hash: String) -> UserId {
    let user = NewUser {
        name: Some(name.to_owned()),
        nickname: name.to_owned(),
        avatar: String::new(),
        sex: Sex::U,
        memo: String::new(),
        phone: None,
        email: None,
        password_hash,
    };
    lab.stores.users.create(user).await.unwrap().id
}

async fn hash_of(lab: &Lab, name: &str) -> String {
    let name = LoginName::Name(name.to_owned());
    let found = lab.stores.users.credentials(&name).await.unwrap();
    found.unwrap().1
}

#[tokio::test]
async fn the_first_login_takes_the_foreign_hash_and_leaves_one_of_ours() {
    let lab = Lab::new().await;
    for (name, stored, salt) in STORED {
        let hash = legacy::recognise(stored, salt, name).unwrap();
        bring(&lab, name, hash.clone()).await;
        lab.login(name, "correct horsf")
            .await
            .refused(401, "wrong_credentials");
        assert_eq!(
            hash_of(&lab, name).await,
            hash,
            "a wrong guess changes nothing"
        );
        lab.login(name, "correct horse").await.is(200);
        let renewed = hash_of(&lab, name).await;
        assert!(renewed.starts_with("$scrypt$"), "{name}: {renewed}");
        lab.login(name, "correct horsf")
            .await
            .refused(401, "wrong_credentials");
        lab.login(name, "correct horse").await.is(200);
        assert_eq!(hash_of(&lab, name).await, renewed, "renewed once");
    }
}

#[tokio::test]
async fn guesses_at_a_foreign_hash_are_throttled_like_any() {
    let lab = Lab::with(Choices {
        throttle: ThrottleSettings {
            auth_per_minute: 1_000,
            auth_failures: 2,
        },
        ..Choices::default()
    })
    .await;
    let (name, stored, salt) = STORED[0];
    bring(&lab, name, legacy::recognise(stored, salt, name).unwrap()).await;
    for _ in 0..2 {
        lab.login(name, "guess")
            .await
            .refused(401, "wrong_credentials");
    }
    lab.login(name, "correct horse")
        .await
        .refused(429, "throttled");
}

#[tokio::test]
async fn an_account_without_a_password_admits_nobody_until_one_is_set() {
    let lab = Lab::new().await;
    let user = bring(&lab, "anna", legacy::nothing("ginchat:1")).await;
    for guess in ["", "correct horse", "$legacy-nothing$ginchat:1"] {
        let reply = lab.login("anna", guess).await;
        assert!(reply.status >= 400, "{guess}: {}", reply.text);
    }
    let hash = legacy::recognise(STORED[0].1, STORED[0].2, "x").unwrap();
    lab.stores.users.set_password(user, &hash).await.unwrap();
    lab.login("anna", "correct horse").await.is(200);
}
