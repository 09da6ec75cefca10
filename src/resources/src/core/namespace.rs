//! Namespace.

use apimachinery::Object;
use serde_json::{Value, json};

use crate::cells::{AGE, NAME, status, text};
use crate::column::Column;
use crate::json::{self, Fill, fill};
use crate::row::{COMMON, FieldSelectable, Hook, Resource, Scope, Subresource, Verb};
use crate::strategy::{Cx, Strategy};

pub static NAMESPACE: Resource = Resource {
    kind: "Namespace",
    plural: "namespaces",
    singular: "namespace",
    short_names: &["ns"],
    scope: Scope::Cluster,
    verbs: &[
        Verb::Create,
        Verb::Delete,
        Verb::Get,
        Verb::List,
        Verb::Patch,
        Verb::Update,
        Verb::Watch,
    ],
    prefix: "namespaces",
    subresources: &[
        Subresource::View {
            name: "finalize",
            verbs: &[Verb::Update],
        },
        Subresource::Status,
    ],
    hooks: &[Hook::NamespaceFinalize],
    columns: COLUMNS,
    field_selectors: &[FieldSelectable::text("status.phase", "/status/phase")],
    strategy: &Namespace,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    text("Status", "Active, or Terminating.", |cell| {
        json::text(status(cell.object), "phase").into()
    }),
    AGE,
];

/// What keeps a namespace until its content is gone.
const FINALIZER: &str = "kubernetes";

struct Namespace;

impl Strategy for Namespace {
    /// The label under which selectors find the namespace by name belongs to the server.
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        let name = object.name().to_owned();
        if !name.is_empty() {
            let metadata = object.metadata_mut();
            fill(metadata, &[("labels", Fill::Empty)]);
            if let Some(labels) = json::map_mut(metadata, "labels") {
                labels.insert("kubernetes.io/metadata.name".into(), name.into());
            }
        }
        fill(object.map_mut("status"), &[("phase", Fill::Text("Active"))]);
    }

    fn prepare_for_create(&self, cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({"phase": "Active"}));
        let spec = object.map_mut("spec");
        let finalizers = spec.entry("finalizers").or_insert_with(|| json!([]));
        if finalizers.is_null() {
            *finalizers = json!([]);
        }
        if let Value::Array(finalizers) = finalizers
            && !finalizers.contains(&FINALIZER.into())
        {
            finalizers.push(FINALIZER.into());
        }
        // The name may have been generated since the defaults.
        self.default(cx, object);
    }

    /// Only `/finalize` changes `spec.finalizers`, and it changes nothing else.
    fn prepare_for_update(&self, cx: &Cx<'_>, new: &mut Object, old: &Object) {
        let kept = if cx.subresource == "finalize" {
            "status"
        } else {
            "spec"
        };
        match old.get(kept) {
            Some(value) => new.insert(kept.into(), value.clone()),
            None => new.remove(kept),
        };
    }
}
