//! Digests made with Python's hashlib and bcrypt, and texts nobody made.

use super::*;

const PASSWORD: &[u8] = b"correct horse";
const SALT: &str = "0012345678";

fn checked(stored: &str, salt: &str, password: &[u8]) -> bool {
    let text = recognise(stored, salt, "ginchat:7").unwrap();
    verify(password, &text).unwrap()
}

#[test]
fn every_form_is_told_apart_and_takes_its_own_password_only() {
    for (stored, salt) in [
        ("77ae527f9e32b2d373514c60dc01021a", SALT),
        ("77AE527F9E32B2D373514C60DC01021A", SALT),
        (
            "604ec9220211daa1191167fec6e214ef06431ea9f1d590cd067d835f8b5e8058",
            SALT,
        ),
        (
            "4104d36f8da2c254349f85836793ebe029e0c957063a34c91c2e9203187b5631",
            "",
        ),
        (
            "3fdaa66d89dfcca3767fae6cbce9f9baec54d3922b2d313812afa6063beaf770\
             d3313e2604c979f5a28c99d8c9090fbce725c7f9d0849ac85f20d68123b66f9b",
            SALT,
        ),
        (
            "000102030405060708090a0b0c0d0e0f$\
             25b376840366f4d3b0e21e414476676e3cd0e89af4430356a234ce0b65a021b5",
            "ignored",
        ),
        (
            "$2a$04$P8ZMtmUiIvOp4f3s3uWz9Oj.eBv0ZcqxmIzkCjEGyEzH6ZpHOJwBu",
            SALT,
        ),
        (
            "$2b$04$6E1CRio5wyinMpPb1hkWIeDP4aC/mUcag6PM0Mddx2mYqtUgsWMXa",
            "",
        ),
        (
            "$2y$05$5xI1ppQNKrzsCYO8nOKMNe7Jb3ecn0u0SpcPqzMAe3rjWK6KjHlXW",
            "",
        ),
    ] {
        assert!(checked(stored, salt, PASSWORD), "{stored}");
        assert!(!checked(stored, salt, b"correct horse "), "{stored}");
        assert!(!checked(stored, salt, b""), "{stored}");
    }
    let chinese = "6a7e7a188736c3826e9cc043a3b52a1f";
    assert!(checked(chinese, "007", "口令".as_bytes()));
    // The salt counts, and stands behind the password.
    assert!(!checked(chinese, "07", "口令".as_bytes()));
}

#[test]
fn what_has_no_form_is_not_taken() {
    let dear = "$2b$15$6E1CRio5wyinMpPb1hkWIeDP4aC/mUcag6PM0Mddx2mYqtUgsWMXa";
    let long = "x".repeat(SALT_BYTES_MAX + 1);
    let md5 = "77ae527f9e32b2d373514c60dc01021a";
    for (stored, salt, reason) in [
        ("", "", Unrecognised::Empty),
        ("  ", "", Unrecognised::Empty),
        ("secret", "", Unrecognised::Form),
        ("abc", "", Unrecognised::Form),
        (&md5[1..], "", Unrecognised::Form),
        ("00$", "", Unrecognised::Form),
        ("00$77ae", "", Unrecognised::Form),
        ("$", "", Unrecognised::Form),
        ("é$é", "", Unrecognised::Form),
        ("$2b$", "", Unrecognised::Form),
        ("$2x$04$", "", Unrecognised::Form),
        (&dear.replace("$15$", "$03$"), "", Unrecognised::Form),
        (&dear.replace("$15$", "$é$"), "", Unrecognised::Form),
        (dear, "", Unrecognised::TooDear),
        (&dear.replace("$15$", "$31$"), "", Unrecognised::TooDear),
        (md5, &long, Unrecognised::Salt),
    ] {
        assert_eq!(recognise(stored, salt, "a"), Err(reason), "{stored:?}");
    }
}

#[test]
fn a_text_of_ours_that_was_damaged_matches_nothing_and_a_text_of_others_is_left_alone() {
    let whole = [
        recognise("77ae527f9e32b2d373514c60dc01021a", SALT, "ginchat:7").unwrap(),
        recognise(
            "$2b$04$6E1CRio5wyinMpPb1hkWIeDP4aC/mUcag6PM0Mddx2mYqtUgsWMXa",
            "",
            "ginchat:7",
        )
        .unwrap(),
    ];
    for text in whole {
        assert!(verify(PASSWORD, &text).unwrap());
        let form = text[1..].find('$').unwrap() + 2;
        for end in form..text.len() {
            let cut = verify(PASSWORD, &text[..end]).unwrap();
            assert!(!cut, "{}", &text[..end]);
        }
    }
    let dear = "$legacy-bcrypt$a$2b$31$6E1CRio5wyinMpPb1hkWIeDP4aC/mUcag6PM0Mddx2mYqtUgsWMXa";
    assert!(!verify(PASSWORD, dear).unwrap());
    assert!(!verify(PASSWORD, &nothing("a")).unwrap());
    assert!(!verify(b"", &nothing("a")).unwrap());
    for other in ["", "$scrypt$ln=2,r=8,p=1$a$b", "$legacy-md4$a$b$c", "plain"] {
        assert_eq!(verify(PASSWORD, other), None, "{other}");
    }
}

#[test]
fn one_password_of_two_accounts_is_two_texts_that_fit_their_column() {
    let sha512 = "ab".repeat(64);
    let salt = "x".repeat(SALT_BYTES_MAX);
    let of = |account: &str| recognise(&sha512, &salt, account).unwrap();
    assert_ne!(of("ginchat:1"), of("ginchat:2"));
    assert_ne!(nothing("ginchat:1"), nothing("ginchat:2"));
    assert!(of(&"$y".repeat(200)).len() <= 512);
}
