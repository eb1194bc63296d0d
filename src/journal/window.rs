//! The recent entries in memory: what a reader close behind is served from, without the store.
//!
//! Pure data; owned by the replica.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::model::alteration::{altered_body, forgotten_body, rewritten_by};
use crate::model::entry::{Entry, EntryKind};
use crate::model::ids::Seq;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct WindowBounds {
    /// Most entries.
    pub entries: usize,
    /// Most bytes of bodies, each entry counted with what it costs besides.
    pub bytes: usize,
}

impl Default for WindowBounds {
    fn default() -> Self {
        WindowBounds {
            entries: 65_536,
            bytes: 64 << 20,
        }
    }
}

/// What an entry costs besides its body.
const ENTRY_OVERHEAD_BYTES: usize = 200;

/// Consecutive entries up to the last applied one.
#[derive(Debug)]
pub struct Window {
    bounds: WindowBounds,
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// The position just before the oldest kept entry.
    start: Seq,
    /// Edits that are kept, by the message they are of.
    edits: BTreeMap<Seq, Vec<Seq>>,
}

impl Window {
    /// An empty window at a position.
    #[must_use]
    pub fn new(start: Seq, bounds: WindowBounds) -> Window {
        Window {
            bounds,
            entries: VecDeque::new(),
            bytes: 0,
            start,
            edits: BTreeMap::new(),
        }
    }

    /// A reader at this position or later finds all that follows here.
    #[must_use]
    pub fn start(&self) -> Seq {
        self.start
    }

    /// Adds the next entry; the oldest leave when a bound is reached.
    pub fn push(&mut self, entry: Arc<Entry>) {
        debug_assert_eq!(
            entry.seq.0,
            self.start.0 + self.entries.len() as u64 + 1,
            "I: the window is dense"
        );
        self.bytes += entry.body.len() + ENTRY_OVERHEAD_BYTES;
        self.entries.push_back(entry);
        while self.entries.len() > self.bounds.entries || self.bytes > self.bounds.bytes {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= oldest.body.len() + ENTRY_OVERHEAD_BYTES;
            self.start = oldest.seq;
            if oldest.kind == EntryKind::Edit {
                self.forget_edit(&oldest);
            }
        }
    }

    /// Gives what is kept the form it has once `entry` happened: whoever reads at or above it finds nothing of a
    /// message that it takes back, and the text that it gives one it edits. The places whose bodies are others now.
    pub fn rewrite(&mut self, entry: &Entry) -> Vec<Seq> {
        let Some(target) = rewritten_by(entry) else {
            return Vec::new();
        };
        let mut rewritten = Vec::new();
        let body = self
            .get(target)
            .and_then(|message| altered_body(message, entry));
        if let Some(body) = body {
            self.replace(target, body);
            rewritten.push(target);
        }
        if entry.kind == EntryKind::Edit {
            self.edits.entry(target).or_default().push(entry.seq);
        } else {
            let is_ours = |edit: &Entry| edit.conv == entry.conv;
            for edit in self.edits.remove(&target).unwrap_or_default() {
                if self.get(edit).is_some_and(is_ours) {
                    self.replace(edit, forgotten_body(target));
                    rewritten.push(edit);
                }
            }
        }
        rewritten
    }

    fn forget_edit(&mut self, edit: &Entry) {
        let Some(target) = rewritten_by(edit) else {
            return;
        };
        if let Some(edits) = self.edits.get_mut(&target) {
            edits.retain(|seq| *seq != edit.seq);
            if edits.is_empty() {
                self.edits.remove(&target);
            }
        }
    }

    fn index(&self, seq: Seq) -> Option<usize> {
        let above = seq.0.checked_sub(self.start.next().0)?;
        usize::try_from(above).ok()
    }

    fn get(&self, seq: Seq) -> Option<&Entry> {
        let entry = self.entries.get(self.index(seq)?)?;
        Some(entry)
    }

    fn replace(&mut self, seq: Seq, body: Bytes) {
        let Some(entry) = self.index(seq).and_then(|at| self.entries.get_mut(at)) else {
            return;
        };
        self.bytes = (self.bytes + body.len()).saturating_sub(entry.body.len());
        // Whoever holds the old one was given it before; the window lets go of it.
        *entry = Arc::new(Entry {
            body,
            ..Entry::clone(entry)
        });
    }

    /// The entries above a position, which must not lie before [`Window::start`].
    pub fn after(&self, position: Seq) -> impl Iterator<Item = &Arc<Entry>> {
        let skip = position.0.saturating_sub(self.start.0);
        self.entries
            .iter()
            .skip(usize::try_from(skip).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::conversation::Conv;
    use crate::model::ids::UserId;

    fn entry(seq: u64, kind: EntryKind, body: &str) -> Arc<Entry> {
        Arc::new(Entry {
            seq: Seq(seq),
            conv: Conv::private(UserId(1), UserId(2)),
            from: UserId(1),
            at: 50,
            kind,
            cid: "c".parse().unwrap(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        })
    }

    /// A window in which message 11 says "secret", and 13 edits it.
    fn window(entries: usize) -> Window {
        let bounds = WindowBounds {
            entries,
            ..WindowBounds::default()
        };
        let mut window = Window::new(Seq(10), bounds);
        for entry in [
            entry(11, EntryKind::Message, r#"{"media":1,"content":"secret"}"#),
            entry(12, EntryKind::Message, r#"{"media":1,"content":"other"}"#),
            entry(13, EntryKind::Edit, r#"{"target":11,"content":"hidden"}"#),
        ] {
            window.rewrite(&entry);
            window.push(entry);
        }
        window
    }

    fn texts(window: &Window) -> Vec<String> {
        let body = |entry: &Arc<Entry>| String::from_utf8(entry.body.to_vec()).unwrap();
        window.after(window.start()).map(body).collect()
    }

    #[test]
    fn an_edit_is_what_a_later_reader_finds_in_the_message() {
        assert_eq!(
            texts(&window(100))[0],
            r#"{"media":1,"content":"hidden","edited_at":50}"#
        );
    }

    #[test]
    fn a_recall_leaves_nothing_of_the_message_nor_of_its_edits() {
        let mut window = window(100);
        let recall = entry(14, EntryKind::Recall, r#"{"target":11}"#);
        assert_eq!(window.rewrite(&recall), [Seq(11), Seq(13)]);
        window.push(recall);
        let expected = [
            r#"{"media":1,"recalled":true}"#,
            r#"{"media":1,"content":"other"}"#,
            r#"{"target":11,"recalled":true}"#,
            r#"{"target":11}"#,
        ];
        assert_eq!(texts(&window), expected);
        let bytes: usize = expected.iter().map(|text| text.len()).sum();
        assert_eq!(window.bytes, bytes + 4 * ENTRY_OVERHEAD_BYTES);
        assert!(window.edits.is_empty());
    }

    #[test]
    fn what_has_left_the_window_is_forgotten_with_its_edits() {
        let mut window = window(2);
        let recall = entry(14, EntryKind::Recall, r#"{"target":11}"#);
        assert_eq!(window.rewrite(&recall), [Seq(13)]);
        window.push(recall);
        window.push(entry(15, EntryKind::Edit, r#"{"target":1,"content":"x"}"#));
        window.push(entry(16, EntryKind::Edit, r#"{"target":1,"content":"y"}"#));
        assert!(!window.edits.contains_key(&Seq(11)));
    }
}
