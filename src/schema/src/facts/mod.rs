//! What is known about types: the one table that decoding, patching and OpenAPI read.

mod builtin;
mod messages;
mod zeros;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use apimachinery::GroupVersionKind;
use serde_json::Value;

pub(crate) use builtin::unpack;
pub use messages::{Message, MessageField, Messages};

/// A set of types that refer to one another by [`TypeId`]. The built-in kinds share one; a
/// custom resource definition has its own.
#[derive(Debug, Default)]
pub struct Facts {
    types: Vec<Type>,
    /// By definition name: `io.k8s.api.core.v1.PodSpec`. Lists, maps and plain values have none.
    names: HashMap<Arc<str>, TypeId>,
    /// By `apps/v1/Deployment`.
    kinds: HashMap<Box<str>, TypeId>,
}

/// A type's place in its [`Facts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TypeId(u32);

#[derive(Debug)]
pub(crate) struct Type {
    /// The definition's name; empty for lists, maps and plain values.
    pub name: Arc<str>,
    pub shape: Shape,
    /// `apps/v1/Deployment`: the kinds this definition is published as. Options have many.
    pub kinds: Box<[Box<str>]>,
}

/// How a type looks in JSON, and how it merges.
#[derive(Debug)]
pub enum Shape {
    String,
    /// Base64 text.
    Bytes,
    Bool,
    Int32,
    Int64,
    Double,
    Quantity,
    /// RFC 3339, whole seconds.
    Time,
    /// RFC 3339, six digits.
    MicroTime,
    IntOrString,
    /// Any JSON, kept as it is: `RawExtension`, `FieldsV1`, `apiextensions.v1.JSON`.
    Any,
    List {
        item: TypeId,
        list: ListType,
    },
    Map {
        value: TypeId,
        atomic: bool,
    },
    Struct {
        /// Sorted by name.
        fields: Box<[Field]>,
        atomic: bool,
        unions: Box<[Value]>,
    },
}

/// `x-kubernetes-list-type`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListType {
    /// Said or not: a list without a type is replaced whole by server-side apply.
    Atomic {
        declared: bool,
    },
    Set,
    /// Items are told apart by these fields.
    Map(Box<[Arc<str>]>),
}

/// One field of a struct.
#[derive(Debug)]
pub struct Field {
    pub name: Arc<str>,
    pub ty: TypeId,
    /// Printed even when empty, in Go's terms: no `omitempty`.
    pub required: bool,
    /// The zero of this scalar is not printed when the field is optional: no pointer in Go.
    pub omit_zero: bool,
    /// The field-level `x-kubernetes-map-type`, where it differs from its type's.
    pub map_type: Option<MapType>,
    pub default: Option<Box<Value>>,
    pub patch: PatchFacts,
}

/// `x-kubernetes-map-type` said on a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapType {
    Atomic,
    Granular,
}

/// `x-kubernetes-patch-merge-key` and `x-kubernetes-patch-strategy`, for strategic merge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchFacts {
    pub merge_key: Option<Arc<str>>,
    pub merge: bool,
    pub retain_keys: bool,
    pub replace: bool,
}

/// A type together with the facts it lives in; cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct TypeRef<'f> {
    facts: &'f Facts,
    id: TypeId,
}

impl Facts {
    /// The facts of Kubernetes 1.35, unpacked at the first call and kept (about 1 MB).
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Facts> = OnceLock::new();
        BUILTIN.get_or_init(builtin::load)
    }

    /// The type behind a kind.
    #[must_use]
    pub fn kind(&self, gvk: &GroupVersionKind) -> Option<TypeRef<'_>> {
        let key = format!("{}/{}", gvk.group_version(), gvk.kind);
        self.kinds.get(key.as_str()).map(|id| self.get(*id))
    }

    /// The type of a definition: `io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta`.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<TypeRef<'_>> {
        self.names.get(name).map(|id| self.get(*id))
    }

    /// A type of `meta/v1`: `ObjectMeta`, `DeleteOptions`, `Status`.
    #[must_use]
    pub fn meta(&self, name: &str) -> Option<TypeRef<'_>> {
        self.named(&format!("io.k8s.apimachinery.pkg.apis.meta.v1.{name}"))
    }

    /// A type of these facts.
    #[must_use]
    pub fn get(&self, id: TypeId) -> TypeRef<'_> {
        TypeRef { facts: self, id }
    }

    /// All definitions, in no particular order.
    pub fn definitions(&self) -> impl Iterator<Item = TypeRef<'_>> {
        self.names.values().map(|id| self.get(*id))
    }
}

impl TypeId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl<'f> TypeRef<'f> {
    fn ty(self) -> &'f Type {
        &self.facts.types[self.id.index()]
    }

    /// The facts this type lives in.
    #[must_use]
    pub fn facts(self) -> &'f Facts {
        self.facts
    }

    #[must_use]
    pub fn id(self) -> TypeId {
        self.id
    }

    #[must_use]
    pub fn shape(self) -> &'f Shape {
        &self.ty().shape
    }

    /// The definition's name; empty for lists, maps and plain values.
    #[must_use]
    pub fn name(self) -> &'f str {
        &self.ty().name
    }

    /// The kinds this definition is published as, each as `apps/v1/Deployment`.
    pub fn kinds(self) -> impl Iterator<Item = &'f str> {
        self.ty().kinds.iter().map(AsRef::as_ref)
    }

    /// The fields of a struct, sorted by name; none for anything else.
    #[must_use]
    pub fn fields(self) -> &'f [Field] {
        match self.shape() {
            Shape::Struct { fields, .. } => fields,
            _ => &[],
        }
    }

    /// A field of a struct. Names are case-sensitive.
    #[must_use]
    pub fn field(self, name: &str) -> Option<&'f Field> {
        let fields = self.fields();
        let at = fields
            .binary_search_by(|field| field.name.as_ref().cmp(name))
            .ok()?;
        Some(&fields[at])
    }

    /// The type below a key: a struct's field, a map's value.
    #[must_use]
    pub fn child(self, key: &str) -> Option<TypeRef<'f>> {
        match self.shape() {
            Shape::Map { value, .. } => Some(self.facts.get(*value)),
            _ => self.field(key).map(|field| self.facts.get(field.ty)),
        }
    }

    /// A list's item type.
    #[must_use]
    pub fn item(self) -> Option<TypeRef<'f>> {
        match self.shape() {
            Shape::List { item, .. } => Some(self.facts.get(*item)),
            _ => None,
        }
    }

    /// The type as Go prints it in errors: `int32`, `[]v1.Container`, `map[string]string`.
    #[must_use]
    pub fn go_name(self) -> String {
        match self.shape() {
            Shape::List { item, .. } => format!("[]{}", self.facts.get(*item).go_name()),
            Shape::Map { value, .. } => {
                format!("map[string]{}", self.facts.get(*value).go_name())
            }
            Shape::String if self.name().is_empty() => "string".into(),
            Shape::Bytes => "[]uint8".into(),
            Shape::Bool => "bool".into(),
            Shape::Int32 => "int32".into(),
            Shape::Int64 => "int64".into(),
            Shape::Double => "float64".into(),
            _ if self.name().is_empty() => "interface {}".into(),
            _ => {
                let mut parts = self.name().rsplit('.');
                let short = parts.next().unwrap_or_default();
                format!("{}.{short}", parts.next().unwrap_or_default())
            }
        }
    }

    /// The definition's last part: `PodSpec`.
    #[must_use]
    pub fn short_name(self) -> &'f str {
        self.name().rsplit('.').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod_spec() -> TypeRef<'static> {
        let pod = Facts::builtin().kind(&GroupVersionKind::new("", "v1", "Pod"));
        pod.and_then(|pod| pod.child("spec")).expect("a pod's spec")
    }

    #[test]
    fn knows_fields_and_how_they_merge() {
        let spec = pod_spec();
        let volumes = spec.field("volumes").expect("a field");
        assert!(volumes.patch.merge && volumes.patch.retain_keys && !volumes.required);
        assert_eq!(volumes.patch.merge_key.as_deref(), Some("name"));
        let containers = spec.child("containers").expect("a field");
        let Shape::List { list, .. } = containers.shape() else {
            panic!("a list");
        };
        assert_eq!(*list, ListType::Map(["name".into()].into()));
        let ports = containers.item().and_then(|c| c.child("ports"));
        let port = ports.and_then(TypeRef::item).expect("a port");
        let protocol = port.field("protocol").expect("a field");
        assert_eq!(protocol.default.as_deref(), Some(&Value::from("TCP")));
        assert!(spec.field("Volumes").is_none());
    }

    #[test]
    fn prints_go_names() {
        let spec = pod_spec();
        let rows = [
            ("containers", "[]v1.Container"),
            ("nodeSelector", "map[string]string"),
            ("priority", "int32"),
            ("hostPID", "bool"),
            ("overhead", "map[string]resource.Quantity"),
        ];
        for (field, name) in rows {
            assert_eq!(spec.child(field).expect("a field").go_name(), name);
        }
    }

    #[test]
    fn every_kind_has_a_type() {
        let facts = Facts::builtin();
        assert!(facts.kinds.len() > 181);
        let options = GroupVersionKind::new("apps", "v1", "DeleteOptions");
        let options = facts.kind(&options).map(|ty| ty.name());
        assert_eq!(options, facts.meta("DeleteOptions").map(|ty| ty.name()));
        assert_eq!(facts.names.len(), 735);
        assert_eq!(Messages::builtin().len(), 1255);
        assert!(facts.definitions().all(|ty| !ty.name().is_empty()));
    }
}
