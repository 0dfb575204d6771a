//! A cache beside the database whose loaders never keep what a commit has made stale, and turns at loading.

use std::{
    borrow::Borrow,
    collections::HashMap,
    future::Future,
    hash::{BuildHasher, Hash, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::RwLock;
use tokio::sync::{Mutex, MutexGuard};

/// Values by key, shared. Holds a bounded number: past it, all are forgotten and read again as they are asked for.
#[derive(Debug)]
pub struct Cache<K, V> {
    values: RwLock<HashMap<K, Arc<V>>>,
    /// Counts evictions, so that a loader sees whether one came between its reading and its keeping.
    generation: AtomicU64,
    limit: usize,
}

/// The moment at which a loader began to read.
#[derive(Clone, Copy, Debug)]
pub struct Loading(u64);

impl<K: Eq + Hash, V> Cache<K, V> {
    /// Empty, for at most `limit` values.
    pub fn new(limit: usize) -> Self {
        Self { values: RwLock::default(), generation: AtomicU64::new(0), limit }
    }

    /// The value of a key: from memory, else loaded. What is not there is not remembered.
    pub async fn get<Q, E>(
        &self,
        key: &Q,
        load: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<Option<Arc<V>>, E>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(value) = self.peek(key) {
            return Ok(Some(value));
        }
        let begun = self.begin();
        let Some(value) = load.await? else { return Ok(None) };
        let value = Arc::new(value);
        self.keep(begun, [(key.to_owned(), value.clone())]);
        Ok(Some(value))
    }

    /// The value of a key that is in memory.
    pub fn peek<Q>(&self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.values.read().get(key).cloned()
    }

    /// Before values are read that [`Cache::keep`] is to be given.
    pub fn begin(&self) -> Loading {
        Loading(self.generation.load(Ordering::Acquire))
    }

    /// Keeps values that were read since `begun`, unless a commit between the reading and the keeping may have changed
    /// them.
    pub fn keep(&self, begun: Loading, loaded: impl IntoIterator<Item = (K, Arc<V>)>) {
        let mut values = self.values.write();
        if self.generation.load(Ordering::Acquire) == begun.0 {
            for (key, value) in loaded {
                if values.len() >= self.limit {
                    values.clear();
                }
                values.insert(key, value);
            }
        }
    }

    /// Forgets a key.
    pub fn evict<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let mut values = self.values.write();
        self.generation.fetch_add(1, Ordering::AcqRel);
        values.remove(key);
    }

    /// Forgets every value for which `stale` holds.
    pub fn evict_where(&self, stale: impl Fn(&K, &V) -> bool) {
        let mut values = self.values.write();
        self.generation.fetch_add(1, Ordering::AcqRel);
        values.retain(|key, value| !stale(key, value));
    }
}

/// How long one waits for a turn.
const LONGEST_TURN: Duration = Duration::from_secs(10);

/// Turns at loading something large that many ask for at once, as all do of a room when the server has restarted: one
/// loads, the others wait and then find it loaded.
#[derive(Debug)]
pub struct Turns {
    hasher: RandomState,
    places: [Mutex<()>; 64],
}

impl Default for Turns {
    fn default() -> Self {
        Self { hasher: RandomState::new(), places: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Turns {
    /// Waits until nobody else has the turn at a key. Who then finds nothing loaded is the one to load it; who has waited
    /// too long loads without a turn, so that failures do not add up.
    pub async fn take(&self, key: &(impl Hash + ?Sized)) -> Option<MutexGuard<'_, ()>> {
        let place = self.hasher.hash_one(key) as usize % self.places.len();
        tokio::time::timeout(LONGEST_TURN, self.places[place].lock()).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test]
    async fn a_value_read_before_an_eviction_is_not_kept() {
        let cache = Cache::<String, i32>::new(10);
        let slow = async {
            cache.evict("a");
            Ok::<_, Infallible>(Some(1))
        };
        assert_eq!(*cache.get("a", slow).await.unwrap().unwrap(), 1);
        let again = async { Ok::<_, Infallible>(Some(2)) };
        assert_eq!(*cache.get("a", again).await.unwrap().unwrap(), 2, "the first was stale and not kept");
        let unused = async { Ok::<_, Infallible>(Some(3)) };
        assert_eq!(*cache.get("a", unused).await.unwrap().unwrap(), 2, "the second was kept");
    }

    #[tokio::test]
    async fn it_stays_within_its_limit() {
        let cache = Cache::<i32, i32>::new(3);
        for key in 0..10 {
            cache.get(&key, async { Ok::<_, Infallible>(Some(key)) }).await.unwrap();
            assert!(cache.values.read().len() <= 3);
        }
    }
    #[tokio::test]
    async fn one_loads_and_the_others_find_it() {
        let (turns, cache, loads) = (Turns::default(), Cache::<String, u64>::new(10), AtomicU64::new(0));
        let get = async || {
            let _turn = turns.take("a").await;
            let load = async {
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(Some(loads.fetch_add(1, Ordering::Relaxed)))
            };
            *cache.get("a", load).await.unwrap().unwrap()
        };
        assert_eq!(futures_util::future::join_all((0..50).map(|_| get())).await, [0; 50]);
        assert_eq!(loads.load(Ordering::Relaxed), 1);
    }
}
