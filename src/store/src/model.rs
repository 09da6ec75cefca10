//! The store's vocabulary: revisions, keys, operations, events.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base::TraceId;
use bytes::Bytes;

/// A key: text such as `/registry/pods/default/web`, shared between index, rings and readers.
pub type Key = Arc<str>;

/// A point in the store's history. Every put and every delete that took effect has its own,
/// counted without holes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// Before everything: watching after it yields the whole history.
    pub const ZERO: Self = Self(0);
    /// The revision of a store nobody has written to; as in etcd the first write takes 2, so
    /// that no answer ever carries `0`, which means "any" to Kubernetes' clients.
    pub const INITIAL: Self = Self(1);

    /// The revision after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A live key with its value, as of some revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    /// The key.
    pub key: Key,
    /// The value as it was put.
    pub value: Bytes,
    /// The revision that created the key (after its last deletion, if any).
    pub created: Revision,
    /// The revision that wrote this value.
    pub modified: Revision,
}

/// What must hold of a key for an operation, and with it the whole transaction, to go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The key does not exist.
    Absent,
    /// The key exists and was last modified at exactly this revision.
    At(Revision),
    /// Anything goes.
    Any,
}

impl Expect {
    /// Whether a key last modified at `current` (`None`: absent) satisfies this.
    #[must_use]
    pub fn holds(self, current: Option<Revision>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => current.is_none(),
            Self::At(revision) => current == Some(revision),
        }
    }
}

/// One step of a transaction. Steps run in order and see the effects of those before them; a
/// key may appear more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Writes a value. With a `ttl` the key is deleted that long after the write, unless a later
    /// put (which sets its own ttl or none) came first.
    Put {
        /// The key, not empty.
        key: Key,
        /// Opaque bytes, at most 256 MiB.
        value: Bytes,
        /// What must hold before.
        expect: Expect,
        /// Time to live; kept to the millisecond, a zero ttl expires at once.
        ttl: Option<Duration>,
    },
    /// Removes a key. On an absent key (which only [`Expect::Any`] and [`Expect::Absent`] let
    /// through) it does nothing: no revision, no event.
    Delete {
        /// The key.
        key: Key,
        /// What must hold before.
        expect: Expect,
    },
    /// Changes nothing and takes no revision: asserts what must hold at commit.
    Check {
        /// The key.
        key: Key,
        /// What must hold.
        expect: Expect,
    },
}

impl Op {
    /// The key this operation is about.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } | Self::Check { key, .. } => key,
        }
    }

    /// What this operation expects of its key.
    #[must_use]
    pub fn expect(&self) -> Expect {
        match self {
            Self::Put { expect, .. } | Self::Delete { expect, .. } | Self::Check { expect, .. } => {
                *expect
            }
        }
    }
}

/// How much of a list a page may hold. It holds one key at least, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The most keys.
    pub keys: usize,
    /// Once its keys and values have so many bytes a page is full: it is larger by less than its
    /// last item.
    pub bytes: usize,
}

impl Limit {
    /// All there is, in one piece.
    pub const NONE: Self = Self {
        keys: usize::MAX,
        bytes: usize::MAX,
    };

    /// At most so many keys, whatever they weigh.
    #[must_use]
    pub const fn keys(keys: usize) -> Self {
        Self { keys, ..Self::NONE }
    }

    /// Full at so many bytes.
    #[must_use]
    pub const fn bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }
}

/// Part of a list, in the order of keys, all as of one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The keys and values.
    pub items: Vec<KeyValue>,
    /// Whether keys follow; ask again with `from` = the last key here and `at` = `revision`.
    pub more: bool,
    /// The revision this is the state of: the one asked for, or the store's when asked.
    pub revision: Revision,
    /// How many keys follow; `None` when there are too many to count in passing.
    pub remaining: Option<u64>,
}

/// One change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The key that changed.
    pub key: Key,
    /// The new value; `None` for a deletion.
    pub value: Option<Bytes>,
    /// The key before the change; `None` for a creation.
    pub prev: Option<KeyValue>,
    /// When the key was created; for a deletion, the creation of what was deleted.
    pub created: Revision,
    /// This change's own revision.
    pub modified: Revision,
    /// The trace given to the transaction.
    pub trace: TraceId,
}

/// What a watch yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchItem {
    /// A change, each exactly once, in the order of revisions.
    Event(Arc<Event>),
    /// Every matching change up to and including this revision has been yielded. Never names the
    /// middle of a transaction, so a later watch may start after it.
    Progress(Revision),
}
