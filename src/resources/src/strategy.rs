//! What a kind does beyond the generic path, as pure functions of objects.

use apimachinery::admission::Operation;
use apimachinery::{FieldErrors, Object, RequestCx};
use jiff::Timestamp;
use serde_json::Value;

use crate::json;

/// The circumstances of one write.
pub struct Cx<'a> {
    pub operation: Operation,
    /// Empty for the main resource.
    pub subresource: &'a str,
    /// Of the request. Objects are in the stored form whatever it is.
    pub version: &'a str,
    pub request: &'a RequestCx,
    pub now: Timestamp,
}

/// Every method has a default; a kind overrides what it needs. The order on create is default,
/// (admission), prepare_for_create, validate; on update default, (admission),
/// prepare_for_update, validate_update. Status rules, generation, metadata and schema defaults
/// are generic and happen outside.
pub trait Strategy: Sync {
    /// Fills what the client left out, on every write. Must be idempotent.
    fn default(&self, _cx: &Cx<'_>, _object: &mut Object) {}

    /// Resets what a client may not choose on create. The status is already dropped where the
    /// row has a status subresource.
    fn prepare_for_create(&self, _cx: &Cx<'_>, _object: &mut Object) {}

    /// Keeps what an update (of `cx.subresource`) may not change.
    fn prepare_for_update(&self, _cx: &Cx<'_>, _new: &mut Object, _old: &Object) {}

    /// Kind-specific errors of a new object; metadata is validated outside.
    fn validate(&self, _cx: &Cx<'_>, _object: &Object) -> FieldErrors {
        FieldErrors::new()
    }

    /// Kind-specific errors of a change, immutability included. The default validates the new
    /// object alone.
    fn validate_update(&self, cx: &Cx<'_>, new: &Object, _old: &Object) -> FieldErrors {
        self.validate(cx, new)
    }

    /// How an object's name must look; the default is a DNS subdomain.
    fn validate_name(&self, name: &str) -> Result<(), String> {
        crate::meta::dns_subdomain(name)
    }

    /// Texts for `Warning: 299` headers.
    fn warnings(&self, _cx: &Cx<'_>, _object: &Object) -> Vec<String> {
        Vec::new()
    }

    /// Whether the status that comes with a new object is kept (nodes register with theirs).
    fn keeps_status_on_create(&self) -> bool {
        false
    }

    /// Whether an update counts as a new generation, where the row counts generations at all.
    fn starts_generation(&self, new: &Object, old: &Object) -> bool {
        !json::same(new.get("spec"), old.get("spec"))
    }

    /// The `conditions` of the object's Table row.
    fn row_conditions(&self, _object: &Object) -> Vec<Value> {
        Vec::new()
    }

    /// Seconds until the object may really go, when deletion is graceful: 0 deletes at once.
    /// `requested` is the client's choice.
    fn grace_period(&self, _object: &Object, _requested: Option<i64>) -> i64 {
        0
    }
}

/// A kind without any rule of its own.
pub struct Plain;

impl Strategy for Plain {}
