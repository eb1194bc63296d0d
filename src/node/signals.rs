//! Tells clients what passes without a place in the log: who types, who has read, what changed elsewhere.
//!
//! Best effort: whom a signal concerns is read off the signal itself; what needs a look into the store
//! (who are the friends of somebody who came online) is left to the service that may look.

use bytes::Bytes;
use serde_json::{Value, json};

use super::services::Services;
use crate::hub::{Hub, frame};
use crate::model::conversation::Conv;
use crate::model::ids::UserId;
use crate::model::signal::Signal;
use crate::service::profiles::Profiles;
use crate::service::reads::Reads;
use crate::service::sessions::Sessions;
use crate::service::typing::Typing;

/// The way of signals to local clients.
#[derive(Clone)]
pub struct SignalDesk {
    hub: Hub,
    profiles: Profiles,
    sessions: Sessions,
    reads: Reads,
    typing: Typing,
}

impl SignalDesk {
    #[must_use]
    pub(super) fn new(hub: Hub, services: &Services) -> SignalDesk {
        SignalDesk {
            hub,
            profiles: services.profiles.clone(),
            sessions: services.sessions.clone(),
            reads: services.reads.clone(),
            typing: services.typing.clone(),
        }
    }

    /// Takes in what another node says, and tells the local clients it concerns if it is news to them.
    pub fn hear(&self, signal: &Signal) {
        let news = match signal {
            Signal::Read { conv, user, seq } => {
                let conv = conv.parse::<Conv>();
                conv.is_ok_and(|conv| self.reads.hear(*user, conv, *seq))
            }
            Signal::Typing { conv, user } => {
                let conv = conv.parse::<Conv>();
                conv.is_ok_and(|conv| self.typing.is_due(*user, conv))
            }
            Signal::Presence { .. } | Signal::Profile { .. } | Signal::Settings { .. } => true,
        };
        if news {
            self.tell(signal);
        }
    }

    /// Tells the local clients a signal concerns.
    pub fn tell(&self, signal: &Signal) {
        match signal {
            Signal::Typing { conv, user } => self.tell_typing(conv, *user),
            Signal::Read { conv, user, seq } => {
                let fields = json!({"type": "read", "user": user, "seq": seq});
                self.tell_read(conv, *user, &fields);
            }
            // Presence keeps its own count and tells who is concerned when it changes.
            Signal::Presence { .. } => {}
            Signal::Profile { user } => {
                self.profiles.forget(*user);
                self.sessions.forget_user(*user);
                self.hub
                    .signal_all(&frame::json(&json!({"type": "profile", "user": user})));
            }
            Signal::Settings {
                conv,
                user,
                changed,
            } => self.tell_settings(conv, *user, changed),
        }
    }

    fn tell_typing(&self, conv: &str, user: UserId) {
        let fields = json!({"type": "typing", "user": user});
        match conv.parse() {
            Ok(conv @ Conv::Private(..)) => {
                if let Some(peer) = conv.peer_of(user).filter(|peer| *peer != user) {
                    self.signal(peer, conv, &fields);
                }
            }
            Ok(conv @ Conv::Group(group)) => {
                if let Some(frame) = addressed(&fields, conv, user) {
                    self.hub.signal_group(group, &frame, user);
                }
            }
            Ok(Conv::Notices | Conv::Account(_)) | Err(_) => {}
        }
    }

    /// The reader's other devices, and in private the peer, for his ticks.
    fn tell_read(&self, conv: &str, user: UserId, fields: &Value) {
        let Ok(conv) = conv.parse::<Conv>() else {
            return;
        };
        self.signal(user, conv, fields);
        if let Some(peer) = conv.peer_of(user).filter(|peer| *peer != user) {
            self.signal(peer, conv, fields);
        }
    }

    fn tell_settings(&self, conv: &str, user: UserId, changed: &str) {
        let Ok(conv) = conv.parse::<Conv>() else {
            return;
        };
        let Ok(Value::Object(mut fields)) = serde_json::from_str(changed) else {
            return;
        };
        fields.insert("type".to_owned(), json!("conversation"));
        self.signal(user, conv, &Value::Object(fields));
    }

    fn signal(&self, to: UserId, conv: Conv, fields: &Value) {
        if let Some(frame) = addressed(fields, conv, to) {
            self.hub.signal_user(to, &frame, None);
        }
    }
}

fn addressed(fields: &Value, conv: Conv, reader: UserId) -> Option<Bytes> {
    let mut fields = fields.clone();
    fields["conv"] = json!(conv.as_seen_by(reader)?);
    Some(frame::json(&fields))
}
