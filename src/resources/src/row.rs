//! The row's type.

use apimachinery::{GroupResource, GroupVersionKind, GroupVersionResource, Object};

use crate::cells;
use crate::column::Column;
use crate::strategy::{Plain, Strategy};
use crate::table;

/// One kind, in all its versions.
pub struct Resource {
    /// Empty for the core group.
    pub group: &'static str,
    /// In discovery order, the preferred one first.
    pub versions: &'static [Version],
    /// The version that is stored; one of `versions`.
    pub storage: &'static str,
    /// The kind that is stored where that is another group's (`events.k8s.io` shows the core
    /// group's Events); every version converts then.
    pub stored_as: Option<&'static GroupVersionKind>,
    /// The warning that goes with every answer about the kind.
    pub deprecated: Option<&'static str>,
    /// What is missing before the kind can be served; until then its paths answer 404.
    pub not_yet: Option<&'static str>,
    /// For kinds that are answered and never stored.
    pub answer: Option<Answer>,
    pub kind: &'static str,
    /// The resource's name in paths: `deployments`.
    pub plural: &'static str,
    pub singular: &'static str,
    pub short_names: &'static [&'static str],
    /// `all` makes it part of `kubectl get all`.
    pub categories: &'static [&'static str],
    pub scope: Scope,
    pub verbs: &'static [Verb],
    /// Between `/registry/` and the namespace in storage keys.
    pub prefix: &'static str,
    pub subresources: &'static [Subresource],
    /// What else happens in the write's transaction, in order.
    pub hooks: &'static [Hook],
    /// Whether `metadata.generation` counts changes of the spec.
    pub generation: bool,
    /// What deletion does to dependents when the client does not say.
    pub gc: GcPolicy,
    /// PUT of an absent object creates it.
    pub create_on_update: bool,
    /// PUT without resourceVersion overwrites.
    pub unconditional_update: bool,
    /// DELETE of what goes at once answers the object, else a Status (upstream's
    /// `ReturnDeletedObject`).
    pub returns_deleted: bool,
    pub columns: &'static [Column],
    /// Fields that selectors may name, beside metadata.name and metadata.namespace.
    pub field_selectors: &'static [FieldSelectable],
    pub strategy: &'static dyn Strategy,
}

/// A served version.
pub struct Version {
    pub name: &'static str,
    /// How it differs from the stored form; `None` when it does not.
    pub convert: Option<&'static dyn Convert>,
}

impl Version {
    /// A version in the form that is stored.
    #[must_use]
    pub const fn plain(name: &'static str) -> Self {
        Self {
            name,
            convert: None,
        }
    }
}

/// Turns one version of a kind into the stored one and back, apiVersion and kind excepted: the
/// registry sets those. Both ways together lose nothing. Strategies, hooks, columns and field
/// selectors see the stored form only.
pub trait Convert: Sync {
    #[expect(
        clippy::wrong_self_convention,
        reason = "the object comes from the stored form"
    )]
    fn from_stored(&self, object: &mut Object);
    fn to_stored(&self, object: &mut Object);
}

/// A kind as one of its versions: what a request is about.
#[derive(Clone, Copy)]
pub struct Served {
    pub row: &'static Resource,
    pub version: &'static Version,
}

impl Served {
    #[must_use]
    pub fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind::new(self.row.group, self.version.name, self.row.kind)
    }

    #[must_use]
    pub fn gvr(&self) -> GroupVersionResource {
        GroupVersionResource::new(self.row.group, self.version.name, self.row.plural)
    }

    /// Whether objects of this version are stored as they are shown, apiVersion included.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.row.stored_as.is_none() && self.version.name == self.row.storage
    }
}

impl From<&'static Resource> for Served {
    /// In the version that is stored.
    fn from(row: &'static Resource) -> Self {
        let version = row.version(row.storage);
        Self {
            row,
            version: version.expect("a row serves the version it stores"),
        }
    }
}

/// Who answers for a kind that is not stored: a handler of `apiserver` or a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A POST like that to `pods/binding`.
    Binding,
    /// The health of the parts, as objects.
    ComponentStatus,
    LocalSubjectAccessReview,
    SelfSubjectAccessReview,
    SelfSubjectReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
    TokenReview,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Namespaced,
    Cluster,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

/// What nearly every kind has.
pub const READ_WRITE: &[Verb] = &[
    Verb::Create,
    Verb::Delete,
    Verb::DeleteCollection,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Update,
    Verb::Watch,
];

impl Verb {
    /// As RBAC and discovery write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

/// A path below an object.
pub enum Subresource {
    /// `/status`: a main update keeps the old status, this keeps the old rest.
    Status,
    /// `/scale`, served as autoscaling/v1 Scale; JSON pointers into the object. `selector` points
    /// at a `metav1.LabelSelector`.
    Scale {
        spec_replicas: &'static str,
        status_replicas: &'static str,
        selector: &'static str,
    },
    /// Another view of the same object, with GET, PUT and PATCH of the kind itself
    /// (`/ephemeralcontainers`, `/resize`, namespaces' `/finalize`).
    View {
        name: &'static str,
        verbs: &'static [Verb],
    },
    /// A POST whose body is another kind, carried out by a write hook of this name.
    Create {
        name: &'static str,
        kind: GroupVersionKind,
        hook: Hook,
    },
    /// A stream or a proxy, carried out by `apiserver`'s connector of this name.
    Connect {
        name: &'static str,
        kind: GroupVersionKind,
        verbs: &'static [Verb],
    },
}

impl Subresource {
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Scale { .. } => "scale",
            Self::View { name, .. } | Self::Create { name, .. } | Self::Connect { name, .. } => {
                name
            }
        }
    }

    /// Whether paths go on after its name: what is behind a proxy has paths of its own.
    #[must_use]
    pub fn has_paths(&self) -> bool {
        matches!(self, Self::Connect { name: "proxy", .. })
    }
}

/// Side effects at write time, owned by `registry`, in the object's own transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Allocates and frees a Service's cluster IP.
    ClusterIp,
    /// Allocates and frees a Service's node ports.
    NodePort,
    /// Sets a Pod's node from a Binding.
    Binding,
    /// Deletes a Pod on behalf of an Eviction.
    Eviction,
    /// Signs a token for a ServiceAccount.
    Token,
    /// A namespace goes away only when its spec.finalizers are gone.
    NamespaceFinalize,
    /// The object goes by itself some time after its last write.
    Expires { after_seconds: u64 },
}

/// The default of `propagationPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GcPolicy {
    Background,
    Orphan,
}

/// A field that a selector may name.
pub struct FieldSelectable {
    /// As clients write it: `status.phase`.
    pub name: &'static str,
    /// JSON pointer to it in the stored form.
    pub pointer: &'static str,
    /// JSON pointer to what is read when that is absent or empty; empty for none.
    pub or: &'static str,
    /// What an absent field reads as: `false` for flags, else empty.
    pub absent: &'static str,
}

impl FieldSelectable {
    /// A text field.
    #[must_use]
    pub const fn text(name: &'static str, pointer: &'static str) -> Self {
        Self {
            name,
            pointer,
            or: "",
            absent: "",
        }
    }

    /// A flag, false when absent.
    #[must_use]
    pub const fn flag(name: &'static str, pointer: &'static str) -> Self {
        Self {
            name,
            pointer,
            or: "",
            absent: "false",
        }
    }
}

/// What most rows have in common: namespaced, core group, v1 only. Rows name what differs.
pub(crate) const COMMON: Resource = Resource {
    group: "",
    versions: &[Version::plain("v1")],
    storage: "v1",
    stored_as: None,
    deprecated: None,
    not_yet: None,
    answer: None,
    kind: "",
    plural: "",
    singular: "",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: READ_WRITE,
    prefix: "",
    subresources: &[],
    hooks: &[],
    generation: false,
    gc: GcPolicy::Background,
    create_on_update: false,
    unconditional_update: true,
    returns_deleted: false,
    columns: &[cells::NAME, cells::AGE],
    field_selectors: &[],
    strategy: &Plain,
};

impl Resource {
    #[must_use]
    pub fn namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }

    #[must_use]
    pub fn group_resource(&self) -> GroupResource {
        GroupResource::new(self.group, self.plural)
    }

    /// In the version that is stored.
    #[must_use]
    pub fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind::new(self.group, self.storage, self.kind)
    }

    /// In the version that is stored.
    #[must_use]
    pub fn gvr(&self) -> GroupVersionResource {
        GroupVersionResource::new(self.group, self.storage, self.plural)
    }

    /// The row under which this kind's objects are stored: its own, but where `stored_as` says
    /// another. It has the last word on keys, hooks, deletion and names in errors.
    ///
    /// # Panics
    /// When `stored_as` names no row; a test walks the table.
    #[must_use]
    pub fn stored_row(&'static self) -> &'static Resource {
        match self.stored_as {
            None => self,
            Some(kind) => table::by_kind(&kind.group, &kind.kind).expect("a row of the table"),
        }
    }

    /// A served version by its name.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<&'static Version> {
        self.versions.iter().find(|version| version.name == name)
    }

    #[must_use]
    pub fn subresource(&self, name: &str) -> Option<&'static Subresource> {
        self.subresources.iter().find(|s| s.name() == name)
    }

    #[must_use]
    pub fn has_status(&self) -> bool {
        self.subresources
            .iter()
            .any(|s| matches!(s, Subresource::Status))
    }
}
