use apimachinery::GroupVersionKind;
use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::facts::Facts;

fn ty(group: &'static str, kind: &'static str) -> TypeRef<'static> {
    let gvk = GroupVersionKind::new(group, "v1", kind);
    Facts::builtin().kind(&gvk).expect("a built-in kind")
}

#[track_caller]
fn check(ty: TypeRef<'_>, text: &str, expected: Expect) {
    let said = match decode(text.as_bytes(), ty, Validation::Strict) {
        Ok(decoded) => serde_json::to_string(&decoded.object).expect("prints"),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&said);
}

#[test]
fn collects_all_strict_errors_in_order() {
    check(
        ty("apps", "Deployment"),
        r#"{"spec": {"x": {"y": 1}, "replicas": 1, "replicas": 2, "x": 3,
            "template": {"metadata": {"labels": {"a": "b", "a": "c"}},
              "spec": {"containers": [{"name": "a"}, {"foo": 1, "Name": "b"}]}}}, "kinds": 1}"#,
        expect![[
            r#"strict decoding error: unknown field "spec.x", duplicate field "spec.replicas", duplicate field "spec.template.metadata.labels.a", unknown field "spec.template.spec.containers[1].foo", unknown field "spec.template.spec.containers[1].Name", unknown field "kinds""#
        ]],
    );
}

#[test]
fn drops_the_unknown_and_null_and_keeps_the_last() {
    let text = r#"{"metadata": {"name": null, "labels": {"a": null}, "annotations": null},
        "spec": {"x": 1, "replicas": 1, "replicas": 2, "template": {"spec": {"containers": [null]}}}}"#;
    let ignore = decode(
        text.as_bytes(),
        ty("apps", "Deployment"),
        Validation::Ignore,
    );
    let decoded = ignore.expect("valid");
    assert_eq!(decoded.strict, []);
    assert_eq!(
        decoded.object.into_value(),
        json!({"metadata": {"labels": {"a": ""}},
            "spec": {"replicas": 2, "template": {"spec": {"containers": [{}]}}}})
    );
    let warn = decode(text.as_bytes(), ty("apps", "Deployment"), Validation::Warn);
    let expected = [
        StrictError::Unknown("spec.x".into()),
        StrictError::Duplicate("spec.replicas".into()),
    ];
    assert_eq!(warn.expect("valid").strict, expected);
}

#[test]
fn mismatches_speak_go() {
    let rows = [
        (
            r#"{"spec": {"replicas": "3"}}"#,
            expect![
                "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
            ],
        ),
        (
            r#"{"spec": {"replicas": 1.5}}"#,
            expect![
                "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"
            ],
        ),
        (
            r#"{"spec": {"replicas": 3000000000}}"#,
            expect![
                "json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32"
            ],
        ),
        (
            r#"{"metadata": {"name": "1 \" 2"}, "spec": {"replicas": 18446744073709551616}}"#,
            expect![
                "json: cannot unmarshal number 18446744073709551616 into Go struct field DeploymentSpec.spec.replicas of type int32"
            ],
        ),
        (
            r#"{"spec": {"replicas": 1e400}}"#,
            expect!["json: cannot unmarshal number 1e400 into Go value of type float64"],
        ),
        (
            r#"{"metadata": {"labels": {"a": 1}}}"#,
            expect![
                "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"
            ],
        ),
        (
            r#"{"spec": {"template": {"spec": {"containers": {"name": "a"}}}}}"#,
            expect![
                "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container"
            ],
        ),
        (
            r#"{"spec": {"template": {"spec": {"containers": [{"env": [{"value": 1}]}]}}}}"#,
            expect![
                "json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string"
            ],
        ),
        (
            r#"{"spec": []}"#,
            expect![
                "json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec"
            ],
        ),
        (
            "[]",
            expect!["json: cannot unmarshal array into Go value of type v1.Deployment"],
        ),
        (
            r#"{"spec": {"strategy": {"rollingUpdate": {"maxSurge": true}}}}"#,
            expect!["json: cannot unmarshal bool into Go value of type int32"],
        ),
        (
            r#"{"metadata": {"creationTimestamp": "yesterday"}}"#,
            expect![[
                r#"parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006""#
            ]],
        ),
        (
            r#"{"metadata": {"creationTimestamp": "2026-02-30T00:00:00Z"}}"#,
            expect![[r#"parsing time "2026-02-30T00:00:00Z": day out of range"#]],
        ),
    ];
    for (text, expected) in rows {
        check(ty("apps", "Deployment"), text, expected);
    }
}

#[test]
fn scalars_become_canonical() {
    check(
        ty("", "Pod"),
        r#"{"metadata": {"creationTimestamp": "2026-01-01T02:00:00.5+02:00"},
            "spec": {"overhead": {"cpu": 0.5, "memory": "1024Mi"}, "priority": 5}}"#,
        expect![[
            r#"{"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"overhead":{"cpu":"500m","memory":"1Gi"},"priority":5}}"#
        ]],
    );
    check(
        ty("", "Secret"),
        r#"{"data": {"a": "YQ==\n"}, "stringData": {"b": ""}}"#,
        expect![[r#"{"data":{"a":"YQ=="},"stringData":{"b":""}}"#]],
    );
    check(
        ty("", "Secret"),
        r#"{"data": {"a": "Y!=="}}"#,
        expect!["illegal base64 data at input byte 1"],
    );
    check(
        ty("", "Pod"),
        r#"{"spec": {"overhead": {"cpu": "a lot"}}}"#,
        expect![
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ],
    );
    check(
        ty("coordination.k8s.io", "Lease"),
        r#"{"spec": {"renewTime": "2026-01-01T00:00:00Z"}}"#,
        expect![[
            r#"parsing time "2026-01-01T00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000""#
        ]],
    );
}

#[test]
fn raw_json_is_kept_as_it_is() {
    check(
        ty("apps", "ControllerRevision"),
        r#"{"data": {"spec": {"x": null, "y": [1.5, {"z": 1}]}}, "revision": 1}"#,
        expect![[r#"{"data":{"spec":{"x":null,"y":[1.5,{"z":1}]}},"revision":1}"#]],
    );
}

#[test]
fn syntax_errors_speak_go() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let deep = format!(r#"{{"data": {deep}}}"#);
    let rows = [
        ("", "unexpected end of JSON input"),
        (r#"{"a": "#, "unexpected end of JSON input"),
        (
            "nope",
            "invalid character 'o' in literal null (expecting 'u')",
        ),
        ("x", "invalid character 'x' looking for beginning of value"),
        (
            "{a: 1}",
            "invalid character 'a' looking for beginning of object key string",
        ),
        (r#"{"kind" 1}"#, "invalid character '1' after object key"),
        (
            "{\n\"kind\": \"a\" 1}",
            "invalid character '1' after object key:value pair",
        ),
        ("{} x", "invalid character 'x' after top-level value"),
        (&deep, "exceeded max depth"),
        (
            r#"{"data": {"a": NaN}}"#,
            "invalid character 'N' looking for beginning of value",
        ),
    ];
    for (text, expected) in rows {
        let error = decode(
            text.as_bytes(),
            ty("apps", "ControllerRevision"),
            Validation::Warn,
        );
        let error = error.expect_err("no JSON");
        assert_eq!(error, DecodeError::Syntax(expected.into()), "{text}");
    }
}

/// Go reads what is no UTF-8, and surrogates that stand alone, as U+FFFD.
#[test]
fn texts_are_mended_as_go_mends_them() {
    let rows: &[(&[u8], &str)] = &[
        (b"{\"kind\": \"a\xffb\"}", "a\u{fffd}b"),
        (br#"{"kind": "\ud800"}"#, "\u{fffd}"),
        (br#"{"kind": "\ud800x\udfff"}"#, "\u{fffd}x\u{fffd}"),
        (br#"{"kind": "\ud83d\ude00 \ud83d"}"#, "\u{1f600} \u{fffd}"),
        (br#"{"kind": "\\ud800 \ud800"}"#, "\\ud800 \u{fffd}"),
        (br#"{"kind": "\ud800\n\u0041"}"#, "\u{fffd}\nA"),
        (br#"{"kind": "\ud800\u0041"}"#, "\u{fffd}A"),
        (br#"{"kind": "\ud800\ud83d\ude00"}"#, "\u{fffd}\u{1f600}"),
    ];
    for (body, expected) in rows {
        let decoded = decode(body, ty("", "Pod"), Validation::Warn).expect("valid");
        assert_eq!(decoded.object.at("/kind"), Some(&json!(expected)));
        assert_eq!(type_meta(body).expect("valid").kind, *expected);
    }
}

#[test]
fn reads_what_a_body_says_it_is() {
    let meta = type_meta(br#"{"kind": "Pod", "spec": {}, "apiVersion": null}"#);
    let expected = TypeMeta {
        api_version: String::new(),
        kind: "Pod".into(),
    };
    assert_eq!(meta, Ok(expected));
    let twice = type_meta(br#"{"kind": "Pod", "kind": "Node"}"#);
    assert_eq!(twice.expect("the last counts").kind, "Node");
    let go_name = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
    for (body, expected) in [
        (
            r#"{"kind": 1}"#,
            "number into Go struct field .kind of type string".to_owned(),
        ),
        (
            r#"{"apiVersion": {"a": 1}}"#,
            "object into Go struct field .apiVersion of type string".to_owned(),
        ),
        ("[1]", format!("array into Go value of type {go_name}")),
        ("1e3", format!("number into Go value of type {go_name}")),
    ] {
        let error = type_meta(body.as_bytes())
            .expect_err("another form")
            .to_string();
        let expected = format!(
            "couldn't get version/kind; json parse error: json: cannot unmarshal {expected}"
        );
        assert_eq!(error, expected);
    }
    let error = type_meta(b"{").expect_err("no JSON").to_string();
    assert_eq!(
        error,
        "couldn't get version/kind; json parse error: unexpected end of JSON input"
    );
}

/// A client cannot make the answer much larger than its request.
#[test]
fn strict_errors_are_bounded() {
    let unknown: Vec<String> = (0..500).map(|at| format!("\"x{at}\": 1")).collect();
    let body = format!("{{{}}}", unknown.join(","));
    let decoded = decode(body.as_bytes(), ty("", "Pod"), Validation::Warn).expect("valid");
    assert_eq!(decoded.strict.len(), 100);
    let long = "k".repeat(40_000);
    let body = format!(r#"{{"metadata": {{"{long}a": 1, "{long}b": 1, "c": 1}}}}"#);
    let decoded = decode(body.as_bytes(), ty("", "Pod"), Validation::Warn).expect("valid");
    assert_eq!(decoded.strict.len(), 2);
}

/// `Run` keeps one bit per field.
#[test]
fn no_struct_has_more_fields_than_bits() {
    let most = Facts::builtin().definitions().map(|ty| ty.fields().len());
    assert!(most.max() <= Some(128));
}
