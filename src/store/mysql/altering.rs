//! How a draft that alters a message is handed to its procedure.
//!
//! The parameters are described at the head of `routines/alter.sql`.

use mysql_async::{Params, Value};

use super::packed::{Way, friends_only};
use crate::model::alteration::{EMOJIS_MAX, forgotten_body, recalled_body};
use crate::model::draft::{Change, Draft};
use crate::model::entry::UnixMillis;
use crate::model::ids::{ID_MAX, Seq};
use crate::model::policy::StoreRules;

pub(super) const ALTER: &str =
    "CALL starling_alter_1(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// What is done to which message.
struct Alteration<'d> {
    operation: u8,
    target: Seq,
    media: u16,
    edited: &'d [u8],
    emoji: &'d str,
}

/// The parameters of [`ALTER`]; `None`: the draft alters no message.
pub(super) fn parameters(
    draft: &Draft,
    fingerprint: i64,
    past: Option<UnixMillis>,
    rules: &StoreRules,
) -> Option<Params> {
    let alteration = alteration(&draft.change)?;
    let way = Way::of(draft);
    // An entry in a conversation that is not the author's to write in: operation 0 refuses it.
    let operation = match way {
        Way::Forbidden => 0,
        Way::ToGroup(_) | Way::ToUser(_) | Way::ToOneself => alteration.operation,
    };
    let (way, counterpart) = way.code();
    Some(Params::Positional(vec![
        operation.into(),
        draft.from.0.into(),
        fingerprint.into(),
        draft.kind.code().into(),
        draft.cid.as_str().into(),
        draft.conv.to_string().into(),
        Value::from(&draft.body[..]),
        past.into(),
        alteration.target.0.min(ID_MAX).into(),
        way.into(),
        counterpart.min(ID_MAX).into(),
        Value::from(&recalled_body(alteration.media)[..]),
        Value::from(&forgotten_body(alteration.target)[..]),
        Value::from(alteration.edited),
        alteration.emoji.into(),
        rules.recall_ms.into(),
        friends_only(rules).into(),
        EMOJIS_MAX.into(),
    ]))
}

fn alteration(change: &Change) -> Option<Alteration<'_>> {
    if let Change::Recall { target, media } = change {
        return Some(Alteration {
            operation: 1,
            target: *target,
            media: *media,
            edited: &[],
            emoji: "",
        });
    }
    if let Change::Edit {
        target,
        media,
        body,
    } = change
    {
        return Some(Alteration {
            operation: 2,
            target: *target,
            media: *media,
            edited: body.beginning(),
            emoji: "",
        });
    }
    if let Change::React {
        target,
        media,
        emoji,
        on,
    } = change
    {
        return Some(Alteration {
            operation: if *on { 3 } else { 4 },
            target: *target,
            media: *media,
            edited: &[],
            emoji: emoji.as_str(),
        });
    }
    None
}
