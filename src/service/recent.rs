//! A bounded map that keeps what was touched lately.
//!
//! Two generations: what is touched is in the young one; when that is full it becomes the old one, and the
//! former old one is dropped. So nothing is scanned to make room, and the last half of the capacity that was
//! touched is always there. Owned and locked by whoever uses it.

use std::collections::BTreeMap;

/// See the module. Holds at most the capacity it was made with.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    generation_max: usize,
    young: BTreeMap<K, V>,
    old: BTreeMap<K, V>,
}

impl<K: Ord, V> Recent<K, V> {
    pub(super) fn new(capacity: usize) -> Recent<K, V> {
        Recent {
            generation_max: (capacity / 2).max(1),
            young: BTreeMap::new(),
            old: BTreeMap::new(),
        }
    }

    /// The value, which counts as touched.
    pub(super) fn get(&mut self, key: &K) -> Option<&mut V> {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// The value, made when there is none.
    pub(super) fn get_or(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let carried = self.old.remove(&key);
        self.make_room(&key);
        self.young
            .entry(key)
            .or_insert_with(|| carried.unwrap_or_else(make))
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        self.make_room(&key);
        self.young.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.young.retain(|_, value| keep(value));
        self.old.retain(|_, value| keep(value));
    }

    fn make_room(&mut self, newcomer: &K) {
        if self.young.len() >= self.generation_max && !self.young.contains_key(newcomer) {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_touched_stays_and_the_rest_leaves_at_the_capacity() {
        let mut recent = Recent::new(8);
        for key in 0..1_000 {
            recent.insert(key, key);
            assert_eq!(recent.get(&0).copied(), Some(0), "touched each time");
            assert!(recent.young.len() + recent.old.len() <= 8);
        }
        assert_eq!(recent.get(&1), None);
        assert_eq!(recent.get(&999).copied(), Some(999));
    }

    #[test]
    fn a_value_from_the_old_generation_is_carried_over_and_never_made_anew() {
        let mut recent = Recent::new(4);
        *recent.get_or(1, || 0) += 7;
        recent.insert(2, 0);
        recent.insert(3, 0);
        assert_eq!(*recent.get_or(1, || 0), 7);
        assert_eq!(recent.remove(&1), Some(7));
        assert_eq!(recent.get(&1), None);
    }
}
