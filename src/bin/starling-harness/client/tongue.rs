//! How a client speaks on its socket: what it says and hears is in v1's frames, and here becomes what goes over the wire.

use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use super::api::Account;
use super::dialect::Dialect;
use super::pages::PageTongue;
use super::program::ProgramTongue;

/// What a message of the node comes to.
#[derive(Debug, Default)]
pub(super) struct Understood {
    pub(super) frames: Vec<Value>,
    /// What the client says to it at once.
    pub(super) replies: Vec<Message>,
    /// What is not in the protocol.
    pub(super) garbled: Option<String>,
}

impl Understood {
    pub(super) fn garbled(what: impl Into<String>) -> Understood {
        Understood {
            garbled: Some(what.into()),
            ..Understood::default()
        }
    }

    pub(super) fn frame(frame: Value) -> Understood {
        Understood {
            frames: vec![frame],
            ..Understood::default()
        }
    }
}

pub(super) trait Tongue: Send {
    /// Where the socket is, with its query.
    fn path(&self) -> String;

    /// The message that says this, if there is one; and what is heard without the node's saying anything.
    fn say(&mut self, frame: &Value) -> (Option<Message>, Option<Value>);

    fn understand(&mut self, message: &Message) -> Understood;
}

/// The tongue of this user's dialect, for one connection.
pub(super) fn of(account: &Account) -> Box<dyn Tongue> {
    match account.dialect {
        Dialect::V1 => Box::new(Plain),
        Dialect::Ginchat | Dialect::Imooc => Box::new(PageTongue::new(account)),
        Dialect::Shyim => Box::new(ProgramTongue::new(account)),
    }
}

/// v1 itself.
struct Plain;

impl Tongue for Plain {
    fn path(&self) -> String {
        "/ws".to_owned()
    }

    fn say(&mut self, frame: &Value) -> (Option<Message>, Option<Value>) {
        (Some(Message::text(frame.to_string())), None)
    }

    fn understand(&mut self, message: &Message) -> Understood {
        match message.to_text().map(serde_json::from_str) {
            Ok(Ok(frame)) => Understood::frame(frame),
            _ => Understood::garbled(format!("{message:?}")),
        }
    }
}
