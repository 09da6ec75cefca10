//! Namespace.

use apimachinery::{FieldError, FieldErrors, Object, Path};
use serde_json::{Value, json};

use crate::at::At;
use crate::cells::{AGE, NAME, status, text};
use crate::column::Column;
use crate::json::{self, Fill, fill};
use crate::meta;
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

const STANDARD: [&str; 3] = [FINALIZER, "orphan", "foregroundDeletion"];

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

    fn validate_name(&self, name: &str) -> Result<(), String> {
        meta::dns_label(name)
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        let mut errors = FieldErrors::new();
        let finalizers = At::root(object, "spec").child("finalizers");
        for finalizer in finalizers.items() {
            validate_finalizer(&finalizer, &mut errors);
        }
        errors
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, _old: &Object) -> FieldErrors {
        match cx.subresource {
            "status" => validate_phase(new),
            _ => self.validate(cx, new),
        }
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
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

fn validate_finalizer(finalizer: &At<'_>, errors: &mut FieldErrors) {
    let before = errors.0.len();
    finalizer.check(meta::qualified_name, errors);
    let name = finalizer.text();
    if errors.0.len() == before && !name.contains('/') && !STANDARD.contains(&name) {
        errors.push(
            finalizer
                .invalid("name is neither a standard finalizer name nor is it fully qualified"),
        );
    }
}

/// The phase follows from whether the namespace is being deleted.
fn validate_phase(namespace: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let phase = json::text(status(namespace), "phase");
    let (wanted, when) = match namespace.deletion_timestamp() {
        None => ("Active", "empty"),
        Some(_) => ("Terminating", "not empty"),
    };
    if phase != wanted {
        let path = Path::new("status").child("Phase");
        let detail = format!("may only be '{wanted}' if `deletionTimestamp` is {when}");
        errors.push(FieldError::invalid(&path, phase, detail));
    }
    errors
}
