//! Loom's side of `src/registry/sync.rs`.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::PoisonError;

pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
pub(crate) use loom::sync::{Mutex, MutexGuard};

/// Loom's takes no `const` block.
macro_rules! per_thread {
    ($($(#[$attribute:meta])* static $name:ident: $type:ty = const { $value:expr };)*) => {
        $(loom::thread_local! { $(#[$attribute])* static $name: $type = $value; })*
    };
}
pub(crate) use per_thread as thread_local;

macro_rules! process_wide {
    (static $name:ident: $type:ty = $value:expr;) => {
        loom::lazy_static! { static ref $name: $type = $value; }
    };
}
pub(crate) use process_wide;

/// What the registry uses of a concurrent map, with one lock: loom cannot look into the real one.
#[derive(Debug)]
pub(crate) struct DashMap<K, V>(Mutex<HashMap<K, V>>);

/// A place in it, and the lock.
pub(crate) enum Place<'a, K, V> {
    Occupied(Taken<K>),
    Vacant(Free<'a, K, V>),
}

pub(crate) struct Taken<K>(K);

pub(crate) struct Free<'a, K, V>(MutexGuard<'a, HashMap<K, V>>, K);

/// A copy of what stood there.
pub(crate) struct One<K, V>(K, V);

impl<K: Clone + Eq + Hash, V: Clone> DashMap<K, V> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(crate) fn entry(&self, key: K) -> Place<'_, K, V> {
        let map = self.lock();
        if map.contains_key(&key) { Place::Occupied(Taken(key)) } else { Place::Vacant(Free(map, key)) }
    }

    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<One<K, V>>
    where
        K: std::borrow::Borrow<Q>,
    {
        let map = self.lock();
        map.get_key_value(key).map(|(key, value)| One(key.clone(), value.clone()))
    }

    pub(crate) fn remove_if<Q: Hash + Eq + ?Sized>(
        &self,
        key: &Q,
        when: impl FnOnce(&K, &V) -> bool,
    ) -> Option<(K, V)>
    where
        K: std::borrow::Borrow<Q>,
    {
        let mut map = self.lock();
        let (known, value) = map.get_key_value(key)?;
        when(known, value).then(|| map.remove_entry(key))?
    }

    pub(crate) fn iter(&self) -> std::vec::IntoIter<One<K, V>> {
        let all: Vec<_> = self.lock().iter().map(|(key, value)| One(key.clone(), value.clone())).collect();
        all.into_iter()
    }
}

impl<K: Clone + Eq + Hash, V: Clone> IntoIterator for &DashMap<K, V> {
    type Item = One<K, V>;
    type IntoIter = std::vec::IntoIter<One<K, V>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K> Taken<K> {
    pub(crate) fn key(&self) -> &K {
        &self.0
    }
}

impl<K: Eq + Hash, V> Free<'_, K, V> {
    pub(crate) fn insert(self, value: V) {
        let Self(mut map, key) = self;
        map.insert(key, value);
    }
}

impl<K, V> One<K, V> {
    pub(crate) fn key(&self) -> &K {
        &self.0
    }

    pub(crate) fn value(&self) -> &V {
        &self.1
    }
}
