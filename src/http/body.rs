//! Reading JSON bodies: bounded, typed, and with the name of the field that is wrong.
//!
//! Input types have a default for each field, so that a missing one is the handler's to judge and each field can
//! be tried alone when one of them does not fit.

use bytes::{Buf, BytesMut};
use futures_util::{Stream, StreamExt};
use serde::de::value::Error as ProbeError;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Map, Value};
use tracing::debug;
use warp::http::HeaderMap;
use warp::http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use crate::model::error::{Code, Failure};

/// Reads and understands a body. `too_large`, `unsupported_media`, `invalid_json`, or `bad_request` with the field.
pub(super) async fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    stream: impl Stream<Item = Result<impl Buf, warp::Error>>,
    bytes_max: usize,
) -> Result<T, Failure> {
    let body = read(headers, stream, bytes_max).await?;
    must_be_json(headers)?;
    parse(&body)
}

/// The same where a body may be left out.
pub(super) async fn optional_json<T: DeserializeOwned + Default>(
    headers: &HeaderMap,
    stream: impl Stream<Item = Result<impl Buf, warp::Error>>,
    bytes_max: usize,
) -> Result<T, Failure> {
    let body = read(headers, stream, bytes_max).await?;
    if body.is_empty() {
        return Ok(T::default());
    }
    must_be_json(headers)?;
    parse(&body)
}

/// A body that is JSON or plain text.
pub(super) enum Given<T> {
    Json(T),
    Text(String),
}

/// A JSON body, or a text where its type says so.
pub(super) async fn json_or_text<T: DeserializeOwned>(
    headers: &HeaderMap,
    stream: impl Stream<Item = Result<impl Buf, warp::Error>>,
    bytes_max: usize,
) -> Result<Given<T>, Failure> {
    let body = read(headers, stream, bytes_max).await?;
    if essence(headers).eq_ignore_ascii_case("text/plain") {
        let text = String::from_utf8(body.to_vec());
        return text
            .map(Given::Text)
            .map_err(|_| Failure::new(Code::BadRequest));
    }
    must_be_json(headers)?;
    parse(&body).map(Given::Json)
}

/// For fields where null differs from nothing: `Some(None)` is null.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Reads a body to its end, or refuses it by its size.
pub(crate) async fn read(
    headers: &HeaderMap,
    stream: impl Stream<Item = Result<impl Buf, warp::Error>>,
    bytes_max: usize,
) -> Result<BytesMut, Failure> {
    let announced = headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > bytes_max) {
        return Err(Failure::new(Code::TooLarge));
    }
    let mut body = BytesMut::new();
    let mut stream = std::pin::pin!(stream);
    while let Some(chunk) = stream.next().await {
        let mut chunk = chunk.map_err(|error| {
            debug!(%error, "a body broke off");
            Failure::new(Code::BadRequest)
        })?;
        while chunk.has_remaining() {
            let part = chunk.chunk();
            if body.len() + part.len() > bytes_max {
                return Err(Failure::new(Code::TooLarge));
            }
            body.extend_from_slice(part);
            let taken = part.len();
            chunk.advance(taken);
        }
    }
    Ok(body)
}

fn must_be_json(headers: &HeaderMap) -> Result<(), Failure> {
    if essence(headers).eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Failure::new(Code::UnsupportedMedia))
    }
}

/// The content type without its parameters.
fn essence(headers: &HeaderMap) -> &str {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = given.and_then(|value| value.split(';').next());
    essence.unwrap_or_default().trim()
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    // Serde would also take a list for a struct.
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    match serde_json::from_slice(body) {
        Ok(input) if first == Some(&b'{') => Ok(input),
        Ok(_) => Err(Failure::new(Code::BadRequest)),
        Err(_) => Err(why_refused::<T>(body)),
    }
}

/// Tells broken JSON from a field that does not fit, which it finds by trying each alone: the parser itself calls
/// a number in place of a name broken. Only ever done for a request that is refused.
fn why_refused<T: DeserializeOwned>(body: &[u8]) -> Failure {
    let mut given = match serde_json::from_slice(body) {
        Ok(Value::Object(given)) => given,
        Ok(_) => return Failure::new(Code::BadRequest),
        Err(_) => return Failure::new(Code::InvalidJson),
    };
    for field in fields_of::<T>() {
        let Some((name, value)) = given.remove_entry(*field) else {
            continue;
        };
        let alone = Value::Object(Map::from_iter([(name, value)]));
        if serde_json::from_value::<T>(alone).is_err() {
            return Failure::field(Code::BadRequest, field);
        }
    }
    Failure::new(Code::BadRequest)
}

/// The names serde knows a struct's fields by.
fn fields_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // The probe never gives a value, so this always fails; what it was asked for is what counts.
    let _ = T::deserialize(FieldProbe(&mut fields));
    fields
}

struct FieldProbe<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for FieldProbe<'_> {
    type Error = ProbeError;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, ProbeError> {
        *self.0 = fields;
        Err(ProbeError::custom("no value"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, ProbeError> {
        Err(ProbeError::custom("no value"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Input {
        name: Option<String>,
        age: Option<u8>,
        join: Option<crate::model::group::JoinMode>,
        #[serde(deserialize_with = "given")]
        phone: Option<Option<String>>,
    }

    fn refused(body: &str) -> Failure {
        parse::<Input>(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_wrong_type_is_told_by_its_field_and_broken_json_as_such() {
        let wrong = |field| Failure::field(Code::BadRequest, field);
        assert_eq!(refused(r#"{"name": 5}"#), wrong("name"));
        assert_eq!(refused(r#"{"name": "x", "age": 256}"#), wrong("age"));
        assert_eq!(refused(r#"{"phone": [], "name": "x"}"#), wrong("phone"));
        assert_eq!(refused(r#"{"join": 1}"#), wrong("join"));
        assert_eq!(refused(r#"{"join": "x"}"#), wrong("join"));
        for body in ["[]", "5", "null", r#"["x"]"#] {
            assert_eq!(refused(body), Failure::new(Code::BadRequest), "{body}");
        }
        for body in ["", "{", "nul", r#"{"name": 5"#, "{} x", "\u{feff}{}"] {
            assert_eq!(refused(body), Failure::new(Code::InvalidJson), "{body}");
        }
    }

    #[test]
    fn null_is_nothing_except_where_it_removes() {
        let input: Input = parse(br#" {"name": null, "other": 1}"#).unwrap();
        assert_eq!(input, Input::default());
        let input: Input = parse(br#"{"phone": null}"#).unwrap();
        assert_eq!(input.phone, Some(None));
    }
}
