//! Bodies as a Go client writes them, and broken ones.

use super::*;
use crate::facts::Facts;
use serde_json::json;

/// Length-delimited field.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).expect("short in these tests");
    let mut out = vec![number << 3 | 2, length];
    if length >= 0x80 {
        out = vec![number << 3 | 2, length & 0x7f | 0x80, length >> 7];
    }
    out.extend_from_slice(bytes);
    out
}

fn body(version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let meta = [field(1, version.as_bytes()), field(2, kind.as_bytes())].concat();
    [
        MAGIC,
        &field(1, &meta),
        &field(2, raw),
        &field(3, b""),
        &field(4, b""),
    ]
    .concat()
}

fn read(version: &str, kind: &str, raw: &[u8]) -> Result<Value, ProtobufError> {
    let body = body(version, kind, raw);
    let opened = envelope(&body)?;
    assert_eq!(
        (opened.api_version.as_str(), opened.kind.as_str()),
        (version, kind)
    );
    let kind = apimachinery::GroupVersion::parse(version)
        .expect("a version")
        .kind(kind.to_owned());
    decode(
        &opened,
        &kind,
        Facts::builtin().kind(&kind).expect("a kind"),
    )
}

#[test]
fn a_deployment_as_go_writes_it() {
    let metadata = [
        field(1, b"web"),
        field(2, b""),
        field(8, b""),
        field(11, &[field(1, b"app"), field(2, b"web")].concat()),
    ]
    .concat();
    let port = [field(1, b""), vec![0x10, 0, 0x18, 80]].concat();
    let env = [field(1, b"A"), field(2, b"b")].concat();
    let volume = [field(1, b"v"), field(2, &field(2, &field(1, b"")))].concat();
    let container = [
        field(1, b"c"),
        field(2, b"nginx"),
        field(6, &port),
        field(7, &env),
    ]
    .concat();
    let pod = [field(1, &volume), field(2, &container)].concat();
    let template = [field(1, b""), field(2, &pod)].concat();
    let surge = field(2, &[vec![0x08, 1, 0x10, 0], field(3, b"25%")].concat());
    let strategy = [field(1, b"RollingUpdate"), field(2, &surge)].concat();
    let spec = [
        vec![0x08, 0],
        field(3, &template),
        field(4, &strategy),
        vec![0x28, 0],
    ]
    .concat();
    let raw = [field(1, &metadata), field(2, &spec)].concat();
    let expected = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {
            "replicas": 0,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
            "template": {"metadata": {}, "spec": {
                "volumes": [{"name": "v", "emptyDir": {}}],
                "containers": [{"name": "c", "image": "nginx", "env": [{"name": "A", "value": "b"}],
                                "ports": [{"containerPort": 80}]}],
            }},
        },
    });
    assert_eq!(read("apps/v1", "Deployment", &raw), Ok(expected));
}

#[test]
fn times_quantities_and_bytes() {
    let time = [vec![0x08], vec![0x80, 0xe4, 0x97, 0xd0, 0x05]].concat();
    let metadata = [field(1, b"s"), field(8, &time)].concat();
    let data = [field(1, b"k"), field(2, b"\x00\xff")].concat();
    let raw = [field(1, &metadata), field(2, &data), field(3, b"Opaque")].concat();
    let expected = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"k": "AP8="},
        "metadata": {"name": "s", "creationTimestamp": "2017-11-10T18:37:52Z"},
    });
    assert_eq!(read("v1", "Secret", &raw), Ok(expected));
}

/// `kubectl create quota`, as Go writes it.
#[test]
fn quantities_in_maps() {
    let entry = |name: &[u8], amount: &[u8]| {
        let quantity = field(1, amount);
        field(1, &[field(1, name), field(2, &quantity)].concat())
    };
    let spec = [entry(b"pods", b"1"), entry(b"requests.cpu", b"500m")].concat();
    let raw = [field(1, &field(1, b"q")), field(2, &spec)].concat();
    let expected = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
        "spec": {"hard": {"pods": "1", "requests.cpu": "500m"}},
    });
    assert_eq!(read("v1", "ResourceQuota", &raw), Ok(expected));
}

#[test]
fn broken_bodies_are_refused() {
    assert_eq!(envelope(b"{}"), Err(ProtobufError::Magic));
    assert_eq!(envelope(b"k8s\0\x12\x7f"), Err(ProtobufError::Truncated));
    let rows: [(&[u8], ProtobufError); 4] = [
        (b"\x0a\x05ab", ProtobufError::Truncated),
        (b"\x0f", ProtobufError::Malformed("a wire type")),
        (
            b"\x0a\x03\x0a\x01\xff",
            ProtobufError::Malformed("a text that is not UTF-8"),
        ),
        (
            b"\x08\x01",
            ProtobufError::Malformed("a number where bytes belong"),
        ),
    ];
    for (raw, error) in rows {
        assert_eq!(read("v1", "ConfigMap", raw), Err(error), "{raw:?}");
    }
}

/// Every kind that has a message is found by its definition's name.
#[test]
fn kinds_have_messages() {
    let facts = Facts::builtin();
    let kinds = facts.definitions().filter(|ty| ty.kinds().next().is_some());
    let without: Vec<&str> = kinds
        .map(|ty| ty.name())
        .filter(|name| Messages::builtin().get(&message_name(name)).is_none())
        .collect();
    assert_eq!(without, [] as [&str; 0]);
}

/// As the messages of `kubectl create token --bound-object-uid` have it.
#[test]
fn names_that_messages_spell_otherwise_are_jsons() {
    let bound = [field(1, b"Pod"), field(2, b"v1"), field(4, b"u-1")].concat();
    let raw = field(2, &field(3, &bound));
    let object = read("authentication.k8s.io/v1", "TokenRequest", &raw).expect("a body");
    let expected = json!({"kind": "Pod", "apiVersion": "v1", "uid": "u-1"});
    assert_eq!(object["spec"]["boundObjectRef"], expected);
}

/// Of every type: a field is either known to JSON by some spelling, or its message's fields stand
/// in its place.
#[test]
fn every_field_has_its_place_in_json() {
    let types = Facts::builtin().definitions();
    let mut seen = 0;
    for ty in types.filter(|ty| !ty.fields().is_empty()) {
        let Ok(message) = find(&message_name(ty.name())) else {
            continue;
        };
        for fact in &message.0 {
            let key = json_name(fact, Some(ty));
            let placed = ty.field(key).is_some() || !is_scalar(&fact.ty);
            assert!(placed, "{}: {}", ty.name(), fact.name);
            seen += 1;
        }
    }
    assert!(seen > 1000, "{seen}");
}
