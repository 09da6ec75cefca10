//! Objects by key, and keys by index. Holds the shared bytes, never a decoded object.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use apimachinery::Encoded;

use crate::index::IndexFn;
use crate::key::Key;

#[derive(Default)]
pub struct Cache {
    objects: BTreeMap<Key, Encoded>,
    indexes: HashMap<&'static str, Index>,
}

struct Index {
    values: IndexFn,
    keys: HashMap<String, BTreeSet<Key>>,
}

impl Index {
    fn add(&mut self, key: &Key, object: &Encoded) {
        for value in (self.values)(object) {
            self.keys.entry(value).or_default().insert(key.clone());
        }
    }

    fn remove(&mut self, key: &Key, object: &Encoded) {
        for value in (self.values)(object) {
            if let Some(keys) = self.keys.get_mut(&value) {
                keys.remove(key);
                if keys.is_empty() {
                    self.keys.remove(&value);
                }
            }
        }
    }
}

impl Cache {
    /// Adds an index, filled from what is there; one of that name stays as it is.
    pub fn add_index(&mut self, name: &'static str, values: IndexFn) {
        if self.indexes.contains_key(name) {
            return;
        }
        let mut index = Index {
            values,
            keys: HashMap::new(),
        };
        for (key, object) in &self.objects {
            index.add(key, object);
        }
        self.indexes.insert(name, index);
    }

    /// Puts an object; gives the one before.
    pub fn put(&mut self, key: Key, object: Encoded) -> Option<Encoded> {
        let old = self.objects.insert(key.clone(), object.clone());
        for index in self.indexes.values_mut() {
            if let Some(old) = &old {
                index.remove(&key, old);
            }
            index.add(&key, &object);
        }
        old
    }

    /// Takes an object away.
    pub fn remove(&mut self, key: &Key) -> Option<Encoded> {
        let old = self.objects.remove(key)?;
        for index in self.indexes.values_mut() {
            index.remove(key, &old);
        }
        Some(old)
    }

    pub fn get(&self, key: &Key) -> Option<Encoded> {
        self.objects.get(key).cloned()
    }

    pub fn keys(&self) -> Vec<Key> {
        self.objects.keys().cloned().collect()
    }

    pub fn all(&self) -> Vec<Encoded> {
        self.objects.values().cloned().collect()
    }

    /// The objects of a namespace, in the order of their names.
    pub fn in_namespace(&self, namespace: &str) -> Vec<Encoded> {
        let from = Key::new(namespace, "");
        let own = self.objects.range(from..);
        own.take_while(|(key, _)| &*key.namespace == namespace)
            .map(|(_, o)| o.clone())
            .collect()
    }

    /// The objects with this value in an index; none when there is no such index.
    pub fn by_index(&self, index: &str, value: &str) -> Vec<Encoded> {
        let keys = self
            .indexes
            .get(index)
            .and_then(|index| index.keys.get(value));
        keys.into_iter()
            .flatten()
            .filter_map(|key| self.get(key))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::by_owner_uid;
    use apimachinery::Object;
    use base::TraceId;
    use serde_json::json;

    fn owned(name: &str, owner: &str) -> (Key, Encoded) {
        let object = Object::from_value(json!({"metadata": {
            "name": name, "namespace": "n", "ownerReferences": [{"uid": owner}]}}));
        let encoded = Encoded::from_object(&object.expect("an object"), 1, TraceId::NONE);
        (Key::of(&encoded).expect("a key"), encoded)
    }

    fn names(found: Vec<Encoded>) -> Vec<String> {
        found
            .iter()
            .filter_map(Key::of)
            .map(|key| key.to_string())
            .collect()
    }

    #[test]
    fn indexes_follow_their_objects() {
        let mut cache = Cache::default();
        let (key, object) = owned("a", "u1");
        cache.put(key.clone(), object);
        cache.add_index("owner-uid", by_owner_uid);
        let (other, object) = owned("b", "u1");
        cache.put(other, object);
        assert_eq!(names(cache.by_index("owner-uid", "u1")), ["n/a", "n/b"]);
        let (_, moved) = owned("a", "u2");
        cache.put(key.clone(), moved);
        assert_eq!(names(cache.by_index("owner-uid", "u1")), ["n/b"]);
        assert_eq!(names(cache.by_index("owner-uid", "u2")), ["n/a"]);
        cache.remove(&key);
        assert!(cache.by_index("owner-uid", "u2").is_empty());
        assert_eq!(names(cache.in_namespace("n")), ["n/b"]);
        assert!(cache.in_namespace("m").is_empty());
    }
}
