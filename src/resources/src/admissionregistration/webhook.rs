//! MutatingWebhookConfiguration and ValidatingWebhookConfiguration.

pub(crate) mod rules;

use apimachinery::{FieldErrors, Object};

use super::matching::default_match;
use super::{CATEGORIES, GROUP};
use crate::cells::{AGE, NAME, integer};
use crate::column::Column;
use crate::json::{self, Fill, fill};
use crate::row::{COMMON, Resource, Scope};
use crate::strategy::{Cx, Strategy};

pub static MUTATING_WEBHOOK_CONFIGURATION: Resource = Resource {
    kind: "MutatingWebhookConfiguration",
    plural: "mutatingwebhookconfigurations",
    singular: "mutatingwebhookconfiguration",
    prefix: "mutatingwebhookconfigurations",
    strategy: &Webhooks { are_mutating: true },
    ..CONFIGURATION
};

pub static VALIDATING_WEBHOOK_CONFIGURATION: Resource = Resource {
    kind: "ValidatingWebhookConfiguration",
    plural: "validatingwebhookconfigurations",
    singular: "validatingwebhookconfiguration",
    prefix: "validatingwebhookconfigurations",
    strategy: &Webhooks {
        are_mutating: false,
    },
    ..CONFIGURATION
};

const CONFIGURATION: Resource = Resource {
    group: GROUP,
    categories: CATEGORIES,
    scope: Scope::Cluster,
    generation: true,
    unconditional_update: false,
    not_yet: Some("nobody calls webhooks"),
    columns: &[NAME, WEBHOOKS, AGE],
    ..COMMON
};

const WEBHOOKS: Column = integer("Webhooks", "How many there are.", |cell| {
    json::list(cell.object, "webhooks").len().into()
});

const FIELDS: &[(&str, Fill)] = &[
    ("failurePolicy", Fill::TextIfAbsent("Fail")),
    ("timeoutSeconds", Fill::Number(10)),
];

struct Webhooks {
    are_mutating: bool,
}

impl Strategy for Webhooks {
    fn default(&self, _cx: &Cx<'_>, object: &mut Object) {
        for webhook in json::maps_mut(object, "webhooks") {
            fill(webhook, FIELDS);
            if self.are_mutating {
                fill(
                    webhook,
                    &[("reinvocationPolicy", Fill::TextIfAbsent("Never"))],
                );
            }
            default_match(webhook, &["rules"]);
            json::each_mut(webhook, &["clientConfig", "service"], &mut |service| {
                fill(service, &[("port", Fill::Number(443))]);
            });
        }
    }

    fn validate(&self, _cx: &Cx<'_>, object: &Object) -> FieldErrors {
        rules::validate_webhooks(object, self.are_mutating)
    }

    fn starts_generation(&self, new: &Object, old: &Object) -> bool {
        !json::same(new.get("webhooks"), old.get("webhooks"))
    }
}
