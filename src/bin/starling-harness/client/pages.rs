//! The pages of ginchat and imooc: forms, a cookie, and JSON frames without acks.

use std::net::SocketAddr;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::api::{self, Account};
use super::dialect::Dialect;
use super::ledger::{Room, Told};
use super::tongue::{Tongue, Understood};

/// Most messages that one answer of the history has.
const HISTORY_PAGE: usize = 200;
const FORM: &str = "application/x-www-form-urlencoded";

/// What a page's browser sends along: the cookie, and where the page is from.
pub(super) fn credentials(node: SocketAddr, token: &str) -> String {
    format!("Cookie: starling={token}\r\nOrigin: http://{node}\r\n")
}

/// Posts a form; what is not answered with success is an error.
pub(super) async fn form(
    node: SocketAddr,
    path: &str,
    token: &str,
    fields: &[(&str, &str)],
) -> anyhow::Result<Value> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let headers = format!(
        "{}Content-Type: {FORM}\r\n",
        match token {
            "" => String::new(),
            token => credentials(node, token),
        }
    );
    let (status, answer) = api::exchange(node, "POST", path, &headers, body.as_bytes()).await?;
    let answer: Value =
        serde_json::from_slice(&answer).with_context(|| format!("{path}: {status}"))?;
    let code = ["code", "Code"].iter().find_map(|key| answer[key].as_i64());
    anyhow::ensure!(matches!(code, Some(0 | 200)), "{path}: {answer}");
    Ok(answer)
}

/// All that ginchat's page shows of a private conversation, the oldest first.
pub(super) async fn history(
    node: SocketAddr,
    account: &Account,
    room: Room,
) -> anyhow::Result<Vec<Told>> {
    let Room::Pair(one, other) = room else {
        anyhow::bail!("only private conversations have a history there");
    };
    let (one, other) = (one.to_string(), other.to_string());
    let mut all = Vec::new();
    loop {
        let (start, end) = (
            all.len().to_string(),
            (all.len() + HISTORY_PAGE - 1).to_string(),
        );
        let fields = [
            ("userIdA", one.as_str()),
            ("userIdB", &other),
            ("start", &start),
            ("end", &end),
            ("isRev", "true"),
        ];
        let answer = form(node, "/user/redisMsg", &account.token, &fields).await?;
        let texts = answer["Total"].as_array().context("no history")?;
        for text in texts {
            let frame = serde_json::from_str(text.as_str().context("no text")?)?;
            let entry = entry_of(Dialect::Ginchat, account.id, &frame);
            all.push(Told::of(&entry.context("no message")?));
        }
        if texts.len() < HISTORY_PAGE {
            return Ok(all);
        }
    }
}

/// See the module.
pub(super) struct PageTongue {
    dialect: Dialect,
    me: u64,
    token: String,
}

impl PageTongue {
    pub(super) fn new(account: &Account) -> PageTongue {
        PageTongue {
            dialect: account.dialect,
            me: account.id,
            token: account.token.clone(),
        }
    }

    fn send(&self, frame: &Value) -> Option<Value> {
        let (kind, target) = frame["to"].as_str()?.split_once(':')?;
        let target: u64 = target.parse().ok()?;
        let is_group = kind == "g";
        Some(match self.dialect {
            Dialect::Imooc => json!({
                "userid": self.me, "cmd": if is_group { 11 } else { 10 }, "dstid": target, "media": frame["media"],
                "content": frame["content"], "url": frame["url"],
            }),
            Dialect::V1 | Dialect::Ginchat | Dialect::Shyim => json!({
                "userId": self.me, "TargetId": target, "Type": if is_group { 2 } else { 1 }, "Media": frame["media"],
                "Content": frame["content"], "url": frame["url"], "CreateTime": frame["send_time"],
            }),
        })
    }
}

impl Tongue for PageTongue {
    fn path(&self) -> String {
        let name = match self.dialect {
            Dialect::Imooc => "id",
            Dialect::V1 | Dialect::Ginchat | Dialect::Shyim => "userId",
        };
        format!("/chat?{name}={}&token={}", self.me, self.token)
    }

    fn say(&mut self, frame: &Value) -> (Option<Message>, Option<Value>) {
        match frame["type"].as_str().unwrap_or_default() {
            // Who it is stands in the address; a page that is let in is there.
            "auth" => (None, Some(json!({"type": "hello", "user": self.me}))),
            "ping" => (Some(Message::Ping(Vec::new().into())), None),
            _ => {
                let said = self.send(frame);
                (said.map(|said| Message::text(said.to_string())), None)
            }
        }
    }

    fn understand(&mut self, message: &Message) -> Understood {
        let Ok(text) = message.to_text() else {
            return Understood::garbled(format!("{message:?}"));
        };
        // A page draws nothing that has no brace: so it is told of refusals.
        if !text.contains('}') {
            let code = text.split(':').next().unwrap_or_default();
            return Understood::frame(json!({"type": "error", "code": code}));
        }
        let frame = serde_json::from_str(text).ok();
        match frame.and_then(|frame| entry_of(self.dialect, self.me, &frame)) {
            Some(entry) => Understood::frame(entry),
            None => Understood::garbled(text),
        }
    }
}

/// A page's frame as v1 has it.
fn entry_of(dialect: Dialect, me: u64, frame: &Value) -> Option<Value> {
    let [seq, from, target, media, content] = match dialect {
        Dialect::Imooc => ["id", "userid", "dstid", "media", "content"],
        Dialect::V1 | Dialect::Ginchat | Dialect::Shyim => {
            ["Id", "userId", "TargetId", "Media", "Content"]
        }
    };
    let (from, target) = (frame[from].as_u64()?, frame[target].as_u64()?);
    let is_group = match dialect {
        Dialect::Imooc => frame["cmd"] == 11,
        Dialect::V1 | Dialect::Ginchat | Dialect::Shyim => frame["Type"] == 2,
    };
    let room = if is_group {
        Room::Group(target)
    } else {
        Room::pair(from, target)
    };
    let content = frame[content].as_str().unwrap_or_default();
    Some(json!({
        "type": "entry", "kind": "message", "seq": frame[seq].as_u64()?, "from": from, "conv": room.conv_for(me),
        "media": frame[media], "content": content, "url": address(frame["url"].as_str(), content),
    }))
}

/// Where the file of a message is: at its own place, or in the words that stand for it.
pub(super) fn address<'a>(url: Option<&'a str>, content: &'a str) -> Option<&'a str> {
    let within = |text: &'a str| {
        let (_, rest) = text.split_at(text.find("/files/")?);
        rest.split_whitespace().next()
    };
    url.and_then(within).or_else(|| within(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_frames_become_v1s() {
        let ginchat = json!({
            "userId": 7, "TargetId": 3, "Type": 1, "Media": 1, "Content": "[File] http://a.example/files/1/n.bin", "Id": 41,
        });
        let entry = entry_of(Dialect::Ginchat, 3, &ginchat).unwrap();
        assert_eq!(
            (&entry["conv"], &entry["seq"], &entry["url"]),
            (&json!("u:7"), &json!(41), &json!("/files/1/n.bin"))
        );
        let imooc = json!({"userid": 7, "dstid": 9, "cmd": 11, "media": 4, "url": "/files/1/a.bmp", "id": 42});
        let entry = entry_of(Dialect::Imooc, 3, &imooc).unwrap();
        assert_eq!(
            (&entry["conv"], &entry["content"], &entry["url"]),
            (&json!("g:9"), &json!(""), &json!("/files/1/a.bmp"))
        );
        assert!(entry_of(Dialect::Imooc, 3, &ginchat).is_none());
    }
}
