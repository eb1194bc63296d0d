//! A seeded loop over what old pages may send: frames and forms, true ones with random changes. Nothing panics, and a
//! frame means the same however its fields' names are written.
//!
//! `STARLING_FUZZ_ITERATIONS` makes it longer. A failure names its seed and input.

use super::{ginchat_send, imooc_send, read};
use crate::dialect::params::Params;

/// A few seconds of a debug build.
const ITERATIONS_DEFAULT: u64 = 30_000;

const TRUE_ONES: [&str; 6] = [
    r#"{"userId":1,"TargetId":5,"Type":1,"Media":1,"Content":"hello","CreateTime":1}"#,
    r#"{"userId":1,"TargetId":"5","Type":2,"Media":4,"Content":"","url":"./asset/a.png","amount":0}"#,
    r#"{"userId":1,"TargetId":0,"Type":3,"Media":-1,"Content":"beat"}"#,
    r#"{"userid":1,"cmd":10,"dstid":5,"media":1,"content":"hello"}"#,
    r#"{"userid":1,"cmd":11,"dstid":5,"media":3,"url":"/files/1/a.webm","amount":7,"memo":"m"}"#,
    "userId=1&targetName=%E9%B8%9F&start=0&end=-1&isRev=true&comId=7",
];

fn iterations() -> u64 {
    let long = std::env::var_os("STARLING_LONG").map_or(1, |_| 10);
    let text = std::env::var("STARLING_FUZZ_ITERATIONS").ok();
    text.map_or(ITERATIONS_DEFAULT * long, |text| {
        text.parse().expect("a number")
    })
}

fn mutated(rng: &mut fastrand::Rng) -> String {
    let mut bytes = TRUE_ONES[rng.usize(..TRUE_ONES.len())].as_bytes().to_vec();
    for _ in 0..rng.usize(..4) {
        let at = rng.usize(..bytes.len());
        match rng.u8(..5) {
            0 => bytes[at] = rng.u8(..),
            1 => bytes.insert(at, b"0123456789-e.\"{}[]\\,:"[rng.usize(..20)]),
            2 => bytes.truncate(at.max(1)),
            3 => bytes.extend_from_within(at..),
            _ => {
                bytes.remove(at);
                bytes.push(b'}');
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a page would send by this text, in either dialect.
fn meaning(text: &str) -> Vec<String> {
    let Ok(frame) = read(text) else {
        return Vec::new();
    };
    [ginchat_send(&frame), imooc_send(&frame)]
        .into_iter()
        .map(|heard| match heard {
            Ok(Some(request)) => {
                let to = request.to.expect("an address");
                assert!(to.starts_with("u:") || to.starts_with("g:"), "{to}");
                format!(
                    "{to} {:?} {:?} {:?}",
                    request.media, request.content, request.url
                )
            }
            Ok(None) => "nothing".to_owned(),
            Err(invalid) => invalid.failure.code.name().to_owned(),
        })
        .collect()
}

#[test]
fn whatever_a_page_sends_is_understood_or_refused_and_never_panics() {
    let mut understood = 0;
    for seed in 0..iterations() {
        let mut rng = fastrand::Rng::with_seed(seed);
        let text = mutated(&mut rng);
        let said = meaning(&text);
        understood += u64::from(said.iter().any(|one| one.contains(':')));
        // Names of fields are not read by their case.
        let shouted = text
            .replace("\"content\"", "\"CONTENT\"")
            .replace("\"TargetId\"", "\"tARGETiD\"");
        assert_eq!(said, meaning(&shouted), "seed {seed}: {text}");
        let mut params = Params::from_query(&text);
        for kind in [
            "application/json",
            "application/x-www-form-urlencoded",
            "text/plain",
        ] {
            let _ = params.add_body(kind, text.as_bytes());
        }
        let _ = params.number::<u64>(&["userId", "comId"], "userId");
    }
    assert!(
        understood > iterations() / 20,
        "{understood} were understood"
    );
}
