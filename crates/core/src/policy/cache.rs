//! A bounded cache that never grows past its limit and never panics.

use std::{
    collections::HashMap,
    hash::Hash,
    mem,
    sync::{PoisonError, RwLock},
};

/// A bounded map of values that can be made again. It keeps two generations: when the young one
/// is full it becomes the old one, and what was old is forgotten.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    generations: RwLock<Generations<K, V>>,
    half: usize,
}

#[derive(Debug)]
struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    /// A cache of at most `limit` values.
    pub(super) fn new(limit: usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new() };
        Self { generations: RwLock::new(generations), half: (limit / 2).max(1) }
    }

    /// The value of `key`, made by `make` where it is not known.
    pub(super) fn get_or_make(&self, key: &K, make: impl FnOnce() -> V) -> V {
        self.get(key).unwrap_or_else(|| {
            let value = make();
            self.insert(key.clone(), value.clone());
            value
        })
    }

    fn get(&self, key: &K) -> Option<V> {
        // A panic elsewhere leaves at worst a missing entry: every value is whole or not there.
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        generations.young.get(key).or_else(|| generations.old.get(key)).cloned()
    }

    fn insert(&self, key: K, value: V) {
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= self.half {
            generations.old = mem::take(&mut generations.young);
        }
        generations.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn len<K, V>(cache: &Cache<K, V>) -> usize {
        let generations = cache.generations.read().unwrap();
        generations.young.len() + generations.old.len()
    }

    #[test]
    fn makes_a_value_once_while_it_is_young() {
        let cache = Cache::new(8);
        assert_eq!(cache.get_or_make(&1, || "first"), "first");
        assert_eq!(cache.get_or_make(&1, || "second"), "first");
        assert_eq!(cache.get_or_make(&2, || "second"), "second");
    }

    #[test]
    fn never_holds_more_than_its_limit() {
        let cache = Cache::new(8);
        for key in 0..1000 {
            assert_eq!(cache.get_or_make(&key, || key), key);
            assert!(len(&cache) <= 8);
        }
        assert_eq!(cache.get_or_make(&999, || 0), 999);
    }

    #[test]
    fn works_after_a_panic_elsewhere() {
        let cache = Cache::new(8);
        let poisoned = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    let _guard = cache.generations.write();
                    panic!("on purpose");
                })
                .join()
        });
        assert!(poisoned.is_err());
        assert_eq!(cache.get_or_make(&1, || 1), 1);
    }
}
