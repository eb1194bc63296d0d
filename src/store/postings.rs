//! What the index of words keeps for a token in a block: which of the block's entries have it, and which
//! conversations those are in.
//!
//! A block is a stretch of the log of fixed length, indexed as a whole. Its rows are made once and lie together, so
//! that filling the index writes in one place, pruning it deletes from the front, and a search for a rare word in a
//! million messages looks into a few hundred places. Pure: no SQL.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::conversation::Conv;
use crate::model::entry::{Entry, EntryKind};
use crate::model::ids::Seq;
use crate::model::search::{Token, tokens};

/// Entries of a block. Searches look through the log's end that fills none yet.
pub const BLOCK_ENTRIES: u64 = 2_048;
/// An entry's place in its block, and 32 bits of a hash of its conversation.
const POSTING_BYTES: usize = 6;

/// A stretch of the log: the first one begins with the first entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block(pub u64);

impl Block {
    /// The one that an entry is in; what is before the first entry counts as the first block's.
    #[must_use]
    pub fn of(seq: Seq) -> Block {
        Block(seq.prev().0 / BLOCK_ENTRIES)
    }

    #[must_use]
    pub fn first(self) -> Seq {
        Seq(self.0.saturating_mul(BLOCK_ENTRIES)).next()
    }

    #[must_use]
    pub fn last(self) -> Seq {
        Seq(self.0.saturating_add(1).saturating_mul(BLOCK_ENTRIES))
    }

    fn offset(self, seq: Seq) -> u16 {
        let offset = seq.0.saturating_sub(self.first().0).min(BLOCK_ENTRIES - 1);
        u16::try_from(offset).unwrap_or(u16::MAX)
    }
}

/// Entries of one block, ascending, packed: two bytes of the place in the block, four of [`conversation_hash`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Postings(pub Vec<u8>);

impl Postings {
    fn push(&mut self, offset: u16, conv: u32) {
        self.0.extend_from_slice(&offset.to_be_bytes());
        self.0.extend_from_slice(&conv.to_be_bytes());
    }

    /// The entries and their conversations' hashes. What does not look like any is left out.
    pub fn places(&self, block: Block) -> impl DoubleEndedIterator<Item = (Seq, u32)> {
        let first = block.first();
        let packed = self.0.chunks_exact(POSTING_BYTES);
        packed.filter_map(move |posting| match *posting {
            [a, b, c, d, e, f] => {
                let offset = u64::from(u16::from_be_bytes([a, b]));
                let conv = u32::from_be_bytes([c, d, e, f]);
                (offset < BLOCK_ENTRIES).then_some((Seq(first.0 + offset), conv))
            }
            _ => None,
        })
    }
}

/// What a conversation is called in postings. Two may share a hash: what is found is looked at before it is shown.
#[must_use]
pub fn conversation_hash(conv: Conv) -> u32 {
    let mixed = match conv {
        Conv::Notices => 1,
        Conv::Private(low, high) => mix(mix(2 ^ low.0) ^ high.0),
        Conv::Group(group) => mix(3 ^ (group.0 << 2)),
        Conv::Account(user) => mix(1 ^ (user.0 << 2)),
    };
    u32::try_from(mixed >> 32).unwrap_or_default()
}

/// The finisher of `SplitMix64` (Steele, Lea, Flood 2014).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Whether what an entry says can be searched for.
#[must_use]
pub fn is_searched(kind: EntryKind) -> bool {
    match kind {
        EntryKind::Message | EntryKind::Notice => true,
        EntryKind::Recall
        | EntryKind::Edit
        | EntryKind::Reaction
        | EntryKind::Joined
        | EntryKind::Left
        | EntryKind::Group
        | EntryKind::Friend
        | EntryKind::Revoked
        | EntryKind::Asked
        | EntryKind::Unknown(_) => false,
    }
}

/// The message that an entry took back or gave other words.
#[must_use]
pub fn altered(entry: &Entry) -> Option<Seq> {
    #[derive(serde::Deserialize)]
    struct Alteration {
        target: Seq,
    }
    match entry.kind {
        EntryKind::Recall | EntryKind::Edit => {}
        EntryKind::Message
        | EntryKind::Reaction
        | EntryKind::Joined
        | EntryKind::Left
        | EntryKind::Group
        | EntryKind::Friend
        | EntryKind::Notice
        | EntryKind::Revoked
        | EntryKind::Asked
        | EntryKind::Unknown(_) => return None,
    }
    let body: Alteration = serde_json::from_slice(&entry.body).ok()?;
    (body.target < entry.seq).then_some(body.target)
}

/// The rows of a block with these entries, ascending.
#[must_use]
pub fn rows_of(block: Block, entries: &[Entry]) -> Vec<(Token, Postings)> {
    let mut rows: BTreeMap<Token, Postings> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| is_searched(entry.kind)) {
        let (offset, conv) = (block.offset(entry.seq), conversation_hash(entry.conv));
        for token in tokens(&entry.body) {
            rows.entry(token).or_default().push(offset, conv);
        }
    }
    rows.into_iter().collect()
}

/// The rows of a block that change when entries of it hold what they hold now. An entry that is `None` is gone.
#[must_use]
pub fn changed_rows(
    block: Block,
    rows: Vec<(Token, Postings)>,
    entries: &BTreeMap<Seq, Option<Entry>>,
) -> Vec<(Token, Postings)> {
    let present = entries.values().flatten();
    let present: Vec<(Seq, u32, BTreeSet<Token>)> = present
        .filter(|entry| is_searched(entry.kind))
        .map(|entry| {
            (
                entry.seq,
                conversation_hash(entry.conv),
                tokens(&entry.body),
            )
        })
        .collect();
    let mut rows: BTreeMap<Token, Postings> = rows.into_iter().collect();
    for (_, _, tokens) in &present {
        for token in tokens {
            rows.entry(*token).or_default();
        }
    }
    let changed = rows.into_iter().filter_map(|(token, before)| {
        let others = before
            .places(block)
            .filter(|(seq, _)| !entries.contains_key(seq));
        let mut places: BTreeMap<Seq, u32> = others.collect();
        let having = present
            .iter()
            .filter(|(_, _, tokens)| tokens.contains(&token));
        places.extend(having.map(|(seq, conv, _)| (*seq, *conv)));
        let mut after = Postings::default();
        for (seq, conv) in places {
            after.push(block.offset(seq), conv);
        }
        (after != before).then_some((token, after))
    });
    changed.collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::ids::{GroupId, UserId};
    use crate::model::search::Query;

    fn entry(seq: u64, conv: Conv, text: &str) -> Entry {
        let body = serde_json::json!({"media": 1, "content": text});
        Entry {
            seq: Seq(seq),
            conv,
            from: UserId(1),
            at: 0,
            kind: EntryKind::Message,
            cid: "c".parse().unwrap(),
            body: Bytes::from(body.to_string()),
        }
    }

    fn having(rows: &[(Token, Postings)], block: Block, word: &str) -> Vec<u64> {
        let token = Query::parse(word).tokens()[0];
        let rows = rows.iter().filter(|(other, _)| *other == token);
        rows.flat_map(|(_, postings)| postings.places(block))
            .map(|(seq, _)| seq.0)
            .collect()
    }

    #[test]
    fn blocks_are_consecutive_and_cover_every_entry() {
        assert_eq!((Block(0).first(), Block(0).last()), (Seq(1), Seq(2_048)));
        assert_eq!(Block(1).first(), Seq(2_049));
        for seq in [1, 2_048, 2_049, 4_096, 4_097, 9_007_199_254_740_991] {
            let block = Block::of(Seq(seq));
            assert!((block.first()..=block.last()).contains(&Seq(seq)), "{seq}");
        }
    }

    #[test]
    fn an_entry_that_changed_is_moved_to_the_rows_of_its_new_words_and_no_other_is_touched() {
        let block = Block(3);
        let conv = Conv::Group(GroupId(9));
        let first = block.first().0;
        let entries = [
            entry(first, conv, "red fox"),
            entry(first + 2_047, conv, "red hen"),
        ];
        let rows = rows_of(block, &entries);
        assert_eq!(having(&rows, block, "red"), [first, first + 2_047]);
        let edited = entry(first, conv, "blue fox");
        let now = BTreeMap::from([(Seq(first), Some(edited))]);
        let changed = changed_rows(block, rows.clone(), &now);
        assert_eq!(changed.len(), 2, "{changed:?}");
        assert_eq!(having(&changed, block, "red"), [first + 2_047]);
        assert_eq!(having(&changed, block, "blue"), [first]);
        let gone = BTreeMap::from([(Seq(first), None)]);
        let changed = changed_rows(block, rows, &gone);
        assert_eq!(having(&changed, block, "red"), [first + 2_047]);
        assert_eq!(having(&changed, block, "fox"), [0_u64; 0]);
    }

    #[test]
    fn conversations_are_told_apart_and_their_hashes_never_change() {
        let (anna, bert) = (UserId(1), UserId(2));
        let convs = [
            Conv::Notices,
            Conv::private(anna, bert),
            Conv::private(anna, anna),
            Conv::Group(GroupId(1)),
            Conv::Group(GroupId(2)),
        ];
        let hashes: BTreeSet<u32> = convs.into_iter().map(conversation_hash).collect();
        assert_eq!(hashes.len(), convs.len());
    }
}
