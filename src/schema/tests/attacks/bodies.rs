//! Bodies in the three forms that the server reads.

use apimachinery::GroupVersionKind;
use schema::decode::{Validation, decode, decode_value, type_meta};
use schema::{protobuf, yaml};

use crate::{Attack, BODY, filled, nested, said, ty};

pub fn attacks() -> Vec<Attack> {
    let all = [json_attacks(), yaml_attacks(), protobuf_attacks()];
    all.into_iter().flatten().collect()
}

/// What the server says of a JSON body.
fn json_body(body: &str) -> String {
    let _head = type_meta(body.as_bytes());
    said(decode(
        body.as_bytes(),
        ty("apps", "ControllerRevision"),
        Validation::Strict,
    ))
}

fn yaml_body(body: &str) -> String {
    let kind = ty("apps", "ControllerRevision");
    match yaml::decode(body) {
        Ok(document) => said(decode_value(
            document.value,
            kind,
            Validation::Warn,
            Vec::new(),
        )),
        Err(error) => error.to_string(),
    }
}

fn protobuf_body(group: &'static str, kind: &'static str, raw: &[u8]) -> String {
    let gvk = GroupVersionKind::new(group, "v1", kind);
    // `runtime.Unknown` with the message as its second field.
    let body = [b"k8s\0", field(2, raw).as_slice()].concat();
    let envelope = match protobuf::envelope(&body) {
        Ok(envelope) => envelope,
        Err(error) => return error.to_string(),
    };
    match protobuf::decode(&envelope, &gvk, ty(group, kind)) {
        Ok(value) => said(decode_value(
            value,
            ty(group, kind),
            Validation::Warn,
            Vec::new(),
        )),
        Err(error) => error.to_string(),
    }
}

/// A field of bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).expect("seven bits"));
    out.extend_from_slice(bytes);
    out
}

fn json_attacks() -> Vec<Attack> {
    let body = |name, body: String, answer| -> Attack {
        (name, Box::new(move || json_body(&body)), answer)
    };
    let deep = "exceeded max depth";
    vec![
        body(
            "arrays, 10,000 deep",
            nested("[", "1", "]", 10_000),
            "json: cannot unmarshal array into Go value of type v1.ControllerRevision",
        ),
        body(
            "raw objects, 10,000 deep",
            format!("{{\"data\":{}}}", nested("{\"a\":", "1", "}", 10_000)),
            deep,
        ),
        body(
            "unknown fields, 10,000 deep",
            nested("{\"a\":", "1", "}", 10_000),
            "strict decoding error: unknown field \"a\"",
        ),
        body(
            "3 MiB of brackets",
            "[".repeat(BODY),
            "unexpected end of JSON input",
        ),
        body(
            "3 MiB of braces",
            filled("", "{\"a\":", ""),
            "unexpected end of JSON input",
        ),
        body(
            "one key, 3 MiB of times",
            filled("{\"kind\":\"a\"", ",\"kind\":\"a\"", "}"),
            "strict decoding error: duplicate field \"kind\"",
        ),
        body(
            "3 MiB of unknown fields",
            filled("{\"a\":1", ",\"a\":1", "}"),
            "strict decoding error: unknown field \"a\"",
        ),
        body(
            "3 MiB of empty items",
            filled("{\"metadata\":{\"ownerReferences\":[{}", ",{}", "]}}"),
            "taken",
        ),
        body(
            "3 MiB of raw items",
            filled("{\"data\":[0", ",0", "]}"),
            "taken",
        ),
        body(
            "3 MiB of blanks",
            filled("", " ", ""),
            "unexpected end of JSON input",
        ),
        body(
            "a name of 3 MiB",
            filled("{\"kind\":\"", "a", "\"}"),
            "taken",
        ),
        body(
            "lone surrogates",
            filled("{\"kind\":\"", "\\ud800", "\"}"),
            "taken",
        ),
        body(
            "NaN",
            "{\"revision\": NaN}".into(),
            "invalid character 'N' looking for beginning of value",
        ),
        body(
            "2^64",
            "{\"revision\": 18446744073709551616}".into(),
            "json: cannot unmarshal number 18446744073709551616 into Go struct field ControllerRevision.revision of type int64",
        ),
        body(
            "2^63",
            "{\"revision\": 9223372036854775808}".into(),
            "json: cannot unmarshal number 9223372036854775808 into Go struct field ControllerRevision.revision of type int64",
        ),
        body(
            "1e400",
            "{\"revision\": 1e400}".into(),
            "json: cannot unmarshal number 1e400 into Go value of type float64",
        ),
        body(
            "raw 1e400",
            "{\"data\": [-1e400]}".into(),
            "json: cannot unmarshal number -1e400 into Go value of type float64",
        ),
        body(
            "a control character",
            "{\"kind\": \"a\u{1}\"}".into(),
            "invalid character '\\x01' in string literal",
        ),
    ]
}

fn yaml_attacks() -> Vec<Attack> {
    let body = |name, body: String, answer| -> Attack {
        (name, Box::new(move || yaml_body(&body)), answer)
    };
    let deep = "yaml: exceeded max depth of 127";
    let laughs = |items: usize| {
        let line = |n: usize| {
            format!(
                "a{n}: &a{n} [{}]\n",
                vec![format!("*a{}", n - 1); items].join(",")
            )
        };
        let lines: String = (1..20).map(line).collect();
        format!(
            "data:\n  a0: &a0 [x]\n{}",
            lines
                .lines()
                .map(|l| format!("  {l}\n"))
                .collect::<String>()
        )
    };
    vec![
        body("sequences, 10,000 deep", nested("[", "", "]", 10_000), deep),
        body("3 MiB of brackets in YAML", "[".repeat(BODY), deep),
        body("maps, 10,000 deep", nested("{a: ", "1", "}", 10_000), deep),
        body("3 MiB of dashes", filled("", "- ", "a"), deep),
        body("3 MiB of question marks", filled("", "? ", "a"), deep),
        body(
            "a billion laughs",
            laughs(10),
            "yaml: document contains excessive aliasing",
        ),
        body(
            "an anchor within itself",
            "data: &a [*a]".into(),
            "yaml: anchor 'a' value contains itself",
        ),
        body(
            "one key of YAML, 3 MiB of times",
            filled("", "kind: a\n", ""),
            "taken",
        ),
        body(
            "3 MiB of documents",
            filled("kind: a\n", "---\n", ""),
            "taken",
        ),
        body(
            "3 MiB of anchors",
            filled("data:\n", "- &a x\n", ""),
            "taken",
        ),
        body(
            "merges of merges",
            format!(
                "data:\n  a: &a {{x: 1}}\n  b: &b {{<<: [{}]}}\n  c: {{<<: [{}]}}\n",
                vec!["*a"; 1000].join(","),
                vec!["*b"; 1000].join(",")
            ),
            "yaml: document contains excessive aliasing",
        ),
        body(
            "infinity",
            "revision: .inf".into(),
            "json: unsupported value: +Inf",
        ),
    ]
}

fn protobuf_attacks() -> Vec<Attack> {
    let pod = |name, raw: Vec<u8>, answer| -> Attack {
        (
            name,
            Box::new(move || protobuf_body("", "Pod", &raw)),
            answer,
        )
    };
    let mut schema = Vec::new();
    for _ in 0..2_000 {
        // JSONSchemaProps.not, of itself.
        schema = [vec![0xe2, 0x01], field(0, &schema)[1..].to_vec()].concat();
    }
    let crd = |schema: &[u8]| {
        let validation = field(1, schema);
        let version = [field(1, b"v1"), field(4, &validation)].concat();
        field(2, &field(7, &version))
    };
    let crd = crd(&schema);
    vec![
        pod(
            "a length past the end",
            vec![0x0a, 0x7f, 0x00],
            "protobuf: the message ends too early",
        ),
        pod(
            "a length of 2^64 - 1",
            [&[0x0a][..], &[0xff; 9], &[0x01]].concat(),
            "protobuf: the message ends too early",
        ),
        pod(
            "a number without end",
            vec![0xff; 100],
            "protobuf: the message holds a number of more than ten bytes that is not valid",
        ),
        pod(
            "a group",
            vec![0x0b, 0x0c],
            "protobuf: the message holds a wire type that is not valid",
        ),
        pod(
            "a number for a message",
            vec![0x08, 0x01],
            "protobuf: the message holds a number where bytes belong that is not valid",
        ),
        pod(
            "a name that is no UTF-8",
            field(1, &field(1, &[0xff, 0xfe])),
            "protobuf: the message holds a text that is not UTF-8 that is not valid",
        ),
        pod(
            "3 MiB of empty containers",
            field(2, &[0x12, 0x00].repeat(BODY / 2)),
            "taken",
        ),
        (
            "schemas within schemas",
            Box::new(move || {
                protobuf_body("apiextensions.k8s.io", "CustomResourceDefinition", &crd)
            }),
            "protobuf: messages are nested too deep",
        ),
    ]
}
