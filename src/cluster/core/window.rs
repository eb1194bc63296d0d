//! The entries delivered last, kept to repair peers and to recognise an own append that the store told before.
//!
//! Responsible for a dense, bounded suffix of what was delivered. Deliberately without serving clients: the journal has
//! its own window. Driven by `order`.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::model::ids::Seq;

/// What may be told about an own entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// Its bytes.
    Payload(Bytes),
    /// Recalled: only that it exists.
    Withdrawn,
}

/// The last delivered entries.
#[derive(Debug)]
pub(super) struct Window {
    /// Seq of the youngest; the others precede it without gap.
    last: Seq,
    entries: VecDeque<(Kept, bool)>,
    bytes: usize,
}

impl Window {
    pub(super) fn starting_at(last: Seq) -> Self {
        Self {
            last,
            entries: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Appends the next entry and drops the oldest beyond the bounds.
    pub(super) fn push(&mut self, payload: Bytes, own: bool, entries_max: usize, bytes_max: usize) {
        self.last = self.last.next();
        self.bytes += payload.len();
        self.entries.push_back((Kept::Payload(payload), own));
        while self.entries.len() > entries_max || self.bytes > bytes_max {
            let Some((oldest, _)) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= size(&oldest);
        }
    }

    /// The entry and whether it is an own one, if it is still kept.
    pub(super) fn get(&self, seq: Seq) -> Option<(&Kept, bool)> {
        self.index(seq)
            .and_then(|index| self.entries.get(index))
            .map(|(kept, own)| (kept, *own))
    }

    /// An entry of ours that became known by another way first.
    pub(super) fn mark_own(&mut self, seq: Seq) {
        if let Some((_, own)) = self
            .index(seq)
            .and_then(|index| self.entries.get_mut(index))
        {
            *own = true;
        }
    }

    /// Forgets the payload of a recalled entry.
    pub(super) fn withdraw(&mut self, seq: Seq) {
        if let Some((kept, _)) = self
            .index(seq)
            .and_then(|index| self.entries.get_mut(index))
        {
            self.bytes -= size(kept);
            *kept = Kept::Withdrawn;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Seq of the oldest kept entry.
    pub(super) fn first(&self) -> Seq {
        Seq(self.last.0 + 1 - self.entries.len() as u64)
    }

    fn index(&self, seq: Seq) -> Option<usize> {
        if seq > self.last {
            return None;
        }
        usize::try_from(seq.0.checked_sub(self.first().0)?).ok()
    }
}

fn size(kept: &Kept) -> usize {
    match kept {
        Kept::Payload(payload) => payload.len(),
        Kept::Withdrawn => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_leave_and_a_withdrawn_entry_has_no_text() {
        let mut window = Window::starting_at(Seq(10));
        for (n, text) in ["a", "bb", "ccc"].into_iter().enumerate() {
            window.push(Bytes::from(text), n == 1, 100, 5);
        }
        assert_eq!(
            (window.first(), window.len(), window.bytes()),
            (Seq(12), 2, 5)
        );
        assert_eq!(window.get(Seq(11)), None);
        assert_eq!(
            window.get(Seq(12)),
            Some((&Kept::Payload(Bytes::from("bb")), true))
        );
        window.withdraw(Seq(12));
        window.withdraw(Seq(99));
        assert_eq!(window.get(Seq(12)), Some((&Kept::Withdrawn, true)));
        assert_eq!(window.bytes(), 3);
    }
}
