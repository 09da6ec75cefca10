//! CertificateSigningRequest.

mod rules;

use std::collections::BTreeMap;

use apimachinery::{FieldErrors, Object, time};
use serde_json::{Value, json};

use crate::cells::{AGE, NAME, NONE, human_duration, or_none, spec, status, text};
use crate::column::Column;
use crate::json;
use crate::row::{COMMON, FieldSelectable, Resource, Scope, Subresource, Verb};
use crate::strategy::{Cx, Strategy};

pub static CERTIFICATE_SIGNING_REQUEST: Resource = Resource {
    group: "certificates.k8s.io",
    kind: "CertificateSigningRequest",
    plural: "certificatesigningrequests",
    singular: "certificatesigningrequest",
    short_names: &["csr"],
    scope: Scope::Cluster,
    prefix: "certificatesigningrequests",
    subresources: &[
        Subresource::View {
            name: "approval",
            verbs: &[Verb::Get, Verb::Patch, Verb::Update],
        },
        Subresource::Status,
    ],
    not_yet: Some("nobody signs"),
    columns: COLUMNS,
    field_selectors: &[FieldSelectable::text("spec.signerName", "/spec/signerName")],
    strategy: &SigningRequest,
    ..COMMON
};

const COLUMNS: &[Column] = &[
    NAME,
    AGE,
    text("SignerName", "Who shall sign.", |cell| {
        or_none(json::text(spec(cell.object), "signerName")).into()
    }),
    text("Requestor", "Who asks.", |cell| {
        json::text(spec(cell.object), "username").into()
    }),
    text(
        "RequestedDuration",
        "For how long.",
        |cell| match json::int(spec(cell.object), "expirationSeconds") {
            None => NONE.into(),
            Some(seconds) => human_duration(i128::from(seconds) * 1000).into(),
        },
    ),
    text("Condition", "How far it is.", |cell| {
        condition(cell.object).into()
    }),
];

fn condition(request: &Object) -> String {
    let has = |kind: &str| {
        json::maps(status(request), "conditions").any(|c| json::text(c, "type") == kind)
    };
    let mut text = if has("Denied") {
        "Denied"
    } else if has("Approved") {
        "Approved"
    } else {
        "Pending"
    }
    .to_owned();
    if has("Failed") {
        text.push_str(",Failed");
    }
    if !json::text(status(request), "certificate").is_empty() {
        text.push_str(",Issued");
    }
    text
}

const FINAL: [&str; 2] = ["Approved", "Denied"];

struct SigningRequest;

impl Strategy for SigningRequest {
    /// Who asks is who the server saw, not who the client says.
    fn prepare_for_create(&self, cx: &Cx<'_>, object: &mut Object) {
        object.insert("status".into(), json!({}));
        let user = &cx.request.user;
        let extra: json::Json = user
            .extra
            .iter()
            .map(|(key, values)| (key.clone(), json!(values)))
            .collect();
        let spec = object.map_mut("spec");
        spec.insert("username".into(), user.name.clone().into());
        spec.insert("uid".into(), user.uid.clone().into());
        spec.insert("groups".into(), json!(user.groups));
        spec.insert("extra".into(), extra.into());
    }

    /// The main resource changes neither spec nor status; `/approval` changes conditions, and
    /// `/status` everything but the approval.
    fn prepare_for_update(&self, cx: &Cx<'_>, new: &mut Object, old: &Object) {
        if let Some(spec) = old.get("spec") {
            new.insert("spec".into(), spec.clone());
        }
        let conditions = |object: &Object| json::list(status(object), "conditions").to_vec();
        match cx.subresource {
            "approval" => {
                let kept = conditions(new);
                let mut whole = status(old).clone();
                whole.insert("conditions".into(), kept.into());
                new.insert("status".into(), whole.into());
            }
            "status" => {
                let is_final =
                    |condition: &Value| FINAL.contains(&condition["type"].as_str().unwrap_or(""));
                let mut kept: Vec<Value> = conditions(old).into_iter().filter(is_final).collect();
                kept.extend(conditions(new).into_iter().filter(|c| !is_final(c)));
                if !kept.is_empty() {
                    new.map_mut("status")
                        .insert("conditions".into(), kept.into());
                }
            }
            _ => {
                let before = status(old).clone();
                new.insert("status".into(), before.into());
            }
        }
        fill_times(cx, new, old);
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_request(object)
    }

    fn validate_update(&self, cx: &Cx<'_>, new: &Object, old: &Object) -> FieldErrors {
        rules::validate_change(cx.subresource, new, old)
    }

    /// Whatever fits in a path; the metadata is checked for that.
    fn validate_name(&self, _name: &str) -> Result<(), String> {
        Ok(())
    }
}

/// When a condition was written and when its status changed.
fn fill_times(cx: &Cx<'_>, new: &mut Object, old: &Object) {
    let now = time::format(cx.now);
    let before = status(old).clone();
    let Some(current) = json::map_mut(new, "status") else {
        return;
    };
    let mut first = BTreeMap::new();
    for condition in json::maps(&before, "conditions") {
        first
            .entry(json::text(condition, "type"))
            .or_insert(condition);
    }
    for condition in json::maps_mut(current, "conditions") {
        let earlier = first.get(json::text(condition, "type"));
        if json::text(condition, "lastUpdateTime").is_empty() {
            condition.insert("lastUpdateTime".into(), now.clone().into());
        }
        if json::text(condition, "lastTransitionTime").is_empty() {
            let same = earlier
                .filter(|e| json::text(e, "status") == json::text(condition, "status"))
                .map(|e| json::text(e, "lastTransitionTime").to_owned())
                .filter(|time| !time.is_empty());
            let time = same.unwrap_or_else(|| now.clone());
            condition.insert("lastTransitionTime".into(), time.into());
        }
    }
}
