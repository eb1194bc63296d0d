//! Messages: of the one system that keeps them in a table, and what all messages have in common.
//!
//! That system wrote a row per recipient. Rows that say the same are told by their content: sender, receiver, time and
//! text make the client id, and the store finds the repetition.

use std::collections::{BTreeMap, BTreeSet};

use ring::digest::{Context, SHA256};

use super::layout::{CONTENT, FORM, ID, RECEIVER, RECIPIENT, SENDER, SENT, SESSION};
use super::report::Kind;
use super::{Fate, ImportError, Pending, ROWS_PER_PAGE, Run, plausible};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft};
use crate::model::entry::{EntryKind, UnixMillis};
use crate::model::ids::{GroupId, Seq, UserId};
use crate::model::message::{MessageBody, TEXT_BYTES_MAX};
use crate::store::foreign::ForeignRow;

/// Messages of one second share an append, and the second's first time.
pub(super) const MESSAGES_STEP_MS: UnixMillis = 1_000;
/// Conversations whose read positions wait to be written.
const TOUCHED_MAX: usize = 10_000;
/// The numbers of the table for a private conversation and a group.
const SINGLE: u64 = 1;
const GROUP: u64 = 2;

/// Whom a message is for, by the other system's ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum To {
    User(u64),
    Group(u64),
}

/// A message as it was there.
pub(super) struct Said {
    /// How the report calls it.
    pub(super) old_id: String,
    pub(super) at: UnixMillis,
    pub(super) from: u64,
    pub(super) to: To,
    pub(super) body: MessageBody,
    /// Tells it from all others: hex.
    pub(super) key: String,
}

/// Hex of a digest over parts that cannot be taken for one another.
pub(super) fn key_of(parts: &[&[u8]]) -> String {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let bytes = &hash.finish();
    bytes.as_ref()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Conversations that got messages, up to where everybody counts as having read.
#[derive(Default)]
pub(super) struct Touched(BTreeMap<Conv, Seq>);

/// Tells equal messages to one recipient in one second apart, where the table keeps no milliseconds.
#[derive(Default)]
struct Ordinals {
    at: UnixMillis,
    seen: BTreeMap<(String, u64), u32>,
}

impl Ordinals {
    fn next(&mut self, at: UnixMillis, key: &str, recipient: u64) -> u32 {
        if at != self.at {
            self.at = at;
            self.seen.clear();
        }
        if at % 1_000 != 0 {
            // With milliseconds, the same again is one message that was sent twice.
            return 0;
        }
        let seen = self.seen.entry((key.to_owned(), recipient)).or_default();
        *seen += 1;
        *seen - 1
    }
}

impl Run<'_> {
    /// When the first message of the table was sent.
    pub(super) async fn first_message(&self) -> Result<Option<UnixMillis>, ImportError> {
        let Some(table) = self.layout.table(&self.there, self.layout.messages) else {
            return Ok(None);
        };
        let mut rows = self.tables.rows(&table, &[SENT, ID]).await?;
        loop {
            let page = rows.next(ROWS_PER_PAGE).await?;
            let first = page.iter().find_map(|row| plausible(row.at(SENT)));
            if first.is_some() || page.is_empty() {
                return Ok(first);
            }
        }
    }

    pub(super) async fn messages(&mut self) -> Result<(), ImportError> {
        let Some(table) = self.layout.table(&self.there, self.layout.messages) else {
            return Ok(());
        };
        let mut rows = self.tables.rows(&table, &[SENT, ID]).await?;
        let (mut touched, mut ordinals) = (Touched::default(), Ordinals::default());
        loop {
            let page = rows.next(ROWS_PER_PAGE).await?;
            if page.is_empty() {
                break;
            }
            let mut said = Vec::new();
            for row in &page {
                let old_id = row.number(ID).map_or("?".to_owned(), |id| id.to_string());
                match message(row, old_id.clone(), self, &mut ordinals) {
                    Ok(message) => said.push(message),
                    Err(reason) => self.report.skipped(Kind::Messages, &old_id, &reason)?,
                }
            }
            self.say(said, &mut touched).await?;
        }
        self.mark_read(touched).await
    }

    /// Puts messages into the log in their order.
    pub(super) async fn say(
        &mut self,
        said: Vec<Said>,
        touched: &mut Touched,
    ) -> Result<(), ImportError> {
        let (mut users, mut groups) = (BTreeSet::new(), BTreeSet::new());
        for message in &said {
            users.insert(message.from);
            match message.to {
                To::User(user) => users.insert(user),
                To::Group(group) => groups.insert(group),
            };
        }
        let users: Vec<u64> = users.into_iter().collect();
        let groups: Vec<u64> = groups.into_iter().collect();
        let users = self.known(Kind::Users, &users).await?;
        let groups = self.known(Kind::Groups, &groups).await?;
        let (mut pending, mut convs) = (Vec::new(), Vec::new());
        for message in said {
            let old_id = message.old_id.clone();
            match self.draft(message, &users, &groups) {
                Ok(draft) => {
                    convs.push(draft.draft.conv);
                    pending.push(draft);
                }
                Err(reason) => self.report.skipped(Kind::Messages, &old_id, &reason)?,
            }
        }
        let fates = self
            .append(Kind::Messages, pending, MESSAGES_STEP_MS)
            .await?;
        for (fate, conv) in fates.into_iter().zip(convs) {
            if let Fate::New(seq) = fate {
                touched.0.insert(conv, seq);
            }
        }
        if touched.0.len() > TOUCHED_MAX {
            self.mark_read(std::mem::take(touched)).await?;
        }
        Ok(())
    }

    fn draft(
        &self,
        said: Said,
        users: &BTreeMap<u64, u64>,
        groups: &BTreeMap<u64, u64>,
    ) -> Result<Pending, String> {
        let user = |old: u64| match users.get(&old) {
            Some(new) => Ok(UserId(*new)),
            None => Err(format!("user {old} was not brought")),
        };
        let from = user(said.from)?;
        let conv = match said.to {
            To::User(other) => Conv::private(from, user(other)?),
            To::Group(group) => match groups.get(&group) {
                Some(new) => Conv::Group(GroupId(*new)),
                None => return Err(format!("group {group} was not brought")),
            },
        };
        let body = said.body.encode(TEXT_BYTES_MAX);
        let draft = Draft {
            conv,
            from,
            kind: EntryKind::Message,
            cid: self.cid(&["m", &said.key]),
            body: body.map_err(|error| error.to_string())?,
            change: Change::Message,
        };
        Ok(Pending {
            old_id: said.old_id,
            at: said.at,
            draft,
        })
    }

    /// What was said elsewhere is not news here.
    pub(super) async fn mark_read(&mut self, touched: Touched) -> Result<(), ImportError> {
        for (conv, seq) in touched.0 {
            self.target.read(conv, seq).await?;
        }
        Ok(())
    }

    /// The fields of a message of this media; the number is what all systems use.
    pub(super) fn body(&self, media: u16, text: String) -> MessageBody {
        let mut body = MessageBody {
            media,
            ..MessageBody::default()
        };
        match media {
            1 => body.content = text,
            _ => body.url = self.url(&text),
        }
        body
    }
}

fn message(
    row: &ForeignRow,
    old_id: String,
    run: &Run<'_>,
    ordinals: &mut Ordinals,
) -> Result<Said, String> {
    let from = row.number(SENDER).ok_or("it names no sender")?;
    let receiver = row.number(RECEIVER).ok_or("it names no receiver")?;
    let to = match row.number(SESSION) {
        Some(SINGLE) => To::User(receiver),
        Some(GROUP) => To::Group(receiver),
        Some(other) => return Err(format!("its session type {other} is not known")),
        None => return Err("it has no session type".to_owned()),
    };
    let text = row
        .text(CONTENT)
        .map_err(|error| format!("its text is {error}"))?;
    let form = row.number(FORM);
    let media = match form {
        Some(1) => 1,
        Some(2) => 4,
        Some(3) => 3,
        Some(other) => return Err(format!("its message type {other} is not known")),
        None => return Err("it has no message type".to_owned()),
    };
    // A row without a time is as old as what comes before it.
    let at = plausible(row.at(SENT)).unwrap_or(0);
    let session = row.number(SESSION).unwrap_or_default();
    let numbers = [session, receiver, from, form.unwrap_or_default()].map(u64::to_be_bytes);
    let [session, receiver, sender, form] = &numbers;
    let parts: [&[u8]; 6] = [
        session,
        receiver,
        sender,
        form,
        &at.to_be_bytes(),
        text.as_bytes(),
    ];
    let mut key = key_of(&parts);
    let ordinal = ordinals.next(at, &key, row.number(RECIPIENT).unwrap_or_default());
    if ordinal > 0 {
        key = format!("{key}-{ordinal}");
    }
    Ok(Said {
        old_id,
        at,
        from,
        to,
        body: run.body(media, text),
        key,
    })
}
