//! What several targets need: a type that the input chooses, and the parts of an input.
#![allow(dead_code, reason = "each target uses a part")]

use apimachinery::GroupVersionKind;
use schema::{Facts, TypeRef};

/// Kinds whose types hold every shape there is: merged and atomic lists, maps, quantities, times,
/// either-ors of numbers and texts, bytes, and objects without a schema.
pub const KINDS: [(&str, &str, &str); 10] = [
    ("", "v1", "Pod"),
    ("", "v1", "Service"),
    ("", "v1", "ConfigMap"),
    ("", "v1", "Secret"),
    ("", "v1", "Node"),
    ("", "v1", "Event"),
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "ControllerRevision"),
    ("coordination.k8s.io", "v1", "Lease"),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole"),
];

/// The first byte chooses a kind, the rest is the text.
pub fn typed(data: &[u8]) -> Option<(GroupVersionKind, TypeRef<'static>, &[u8])> {
    let (first, rest) = data.split_first()?;
    let (group, version, kind) = KINDS[usize::from(*first) % KINDS.len()];
    let kind = GroupVersionKind::new(group, version, kind);
    let ty = Facts::builtin().kind(&kind).expect("the facts know it");
    Some((kind, ty, rest))
}

/// Parts of an input, which a zero byte parts.
pub fn parts<const N: usize>(data: &[u8]) -> Option<[&[u8]; N]> {
    let parts: Vec<&[u8]> = data.splitn(N, |byte| *byte == 0).collect();
    parts.try_into().ok()
}
