use serde_json::json;

use super::*;

/// Objects as JSON, and what kubectl prints for them with `-o yaml`.
#[test]
fn prints_as_kubectl_does() {
    let rows = [
        (
            include_str!("golden/emit.json"),
            include_str!("golden/emit.yaml"),
        ),
        (
            include_str!("golden/nat.json"),
            include_str!("golden/nat.yaml"),
        ),
        (
            include_str!("golden/num.json"),
            include_str!("golden/num.yaml"),
        ),
        (
            include_str!("golden/texts.json"),
            include_str!("golden/texts.yaml"),
        ),
    ];
    for (json, yaml) in rows {
        let value = serde_json::from_str(json).expect("JSON");
        let printed = encode(&value);
        for (line, (ours, theirs)) in printed.lines().zip(yaml.lines()).enumerate() {
            assert_eq!(ours, theirs, "line {}", line + 1);
        }
        assert_eq!(printed, yaml);
    }
}

/// What kubectl 1.32 makes of each text.
#[test]
fn reads_as_kubectl_does() {
    let rows = [
        ("", json!(null)),
        ("# nothing\n", json!(null)),
        ("a", json!("a")),
        // As a byte order mark begins.
        ("\u{ff01}a", json!("\u{ff01}a")),
        ("\u{feff}a", json!("a")),
        ("\u{f7ff} !b,c", json!("\u{f7ff} !b,c")),
        (
            "[0777, 0o17, 0b11, -0b11, 1_000, 1:30, 0x1F, 0x, 12e, 089]",
            json!([511, 15, 3, -3, 1000, "1:30", 31, "0x", "12e", 89]),
        ),
        (
            "[1.0, -0, -0.0, +1, 1., .5, 1e3, 1e21, 1e400]",
            json!([1, 0, 0, 1, 1, 0.5, 1000, 1e21, "1e400"]),
        ),
        (
            "[9223372036854775807, 9223372036854775808, 123456789012345678901234567890]",
            json!([i64::MAX, 9223372036854775808_f64, 1.2345678901234568e29]),
        ),
        (
            "[y, No, on, OFF, ~, '', null, 2001-01-01, -]",
            json!([true, false, true, false, null, "", null, "2001-01-01", "-"]),
        ),
        (
            "{1: a, 1.5: b, yes: c, 2001-01-01: d, 0x10: e, n: f}",
            json!({"1": "a", "1.5": "b", "true": "c", "2001-01-01": "d", "16": "e", "false": "f"}),
        ),
        (
            "[!!str 1, !!binary YWJj, !foo bar, !!float 1, ! 1]",
            json!(["1", "abc", "bar", 1, "1"]),
        ),
        (
            "x: &x {a: 1}\nbefore: {a: 5, <<: *x}\nafter: {<<: *x, a: 5}\nlist: {<<: [*x, {a: 9, c: 3}]}",
            json!({"x": {"a": 1}, "before": {"a": 1}, "after": {"a": 5}, "list": {"a": 1, "c": 3}}),
        ),
        (
            "a: |\n  b\n   c\nd: >-\n  e\n  f\n",
            json!({"a": "b\n c\n", "d": "e f"}),
        ),
        ("---\na: 1\n---\nb: 2\n", json!({"a": 1})),
        (r#"{"a": "\ud83d\ude00"}"#, json!({"a": "😀"})),
    ];
    for (text, value) in rows {
        assert_eq!(decode(text).expect(text).value, value, "{text}");
    }
}

#[test]
fn errors_are_gos_with_its_lines() {
    let rows = [
        (
            "a: b: c",
            "yaml: mapping values are not allowed in this context",
        ),
        (
            "a: 1\nb: c: d",
            "yaml: line 2: mapping values are not allowed in this context",
        ),
        (
            "a: 1\n\tb: 1",
            "yaml: line 2: found a tab character that violates indentation",
        ),
        ("a: 1\n- b\n", "yaml: line 1: did not find expected key"),
        ("a: *x", "yaml: unknown anchor 'x' referenced"),
        ("a: &x [*x]", "yaml: anchor 'x' value contains itself"),
        (
            "<<: 1",
            "yaml: map merge requires map or sequence of maps as the value",
        ),
        ("v: !!int x", "yaml: cannot decode !!str `x` as a !!int"),
        (
            "v: !!binary '*'",
            "yaml: !!binary value contains invalid base64 data",
        ),
        ("[a]: b", r#"yaml: invalid map key: []interface {}{"a"}"#),
        (
            "~: a",
            r#"unsupported map key of type: %!s(<nil>), key: <nil>, value: "a""#,
        ),
        ("v: .inf", "json: unsupported value: +Inf"),
        ("a: \u{1}", "yaml: control characters are not allowed"),
        ("a: \"b\\", "yaml: found unknown escape character"),
        ("\n\"b\\\\", "yaml: line 2: found unexpected end of stream"),
        ("'b\\", "yaml: found unexpected end of stream"),
        (
            "[!x,y]",
            "yaml: did not find expected whitespace or line break",
        ),
        (
            "v: 'a !b,c'\nw:\n- {a !b,c, é: !<tag:yaml.org,2002:str>,d}",
            "yaml: line 3: did not find expected whitespace or line break",
        ),
    ];
    for (text, error) in rows {
        assert_eq!(decode(text).expect_err(text).to_string(), error, "{text}");
    }
}

#[test]
fn commas_after_exclamation_marks_are_read() {
    let rows = [
        ("[a !b,c]", json!(["a !b", "c"])),
        ("['a !b,c', !!str ,d]", json!(["a !b,c", "", "d"])),
        ("a !b,c", json!("a !b,c")),
        (
            "{a: !!str 1,b: !<tag:yaml.org,2002:str> 2}",
            json!({"a": "1", "b": "2"}),
        ),
        ("- !!str\n- |\n  [!x,y]", json!(["", "[!x,y]"])),
    ];
    for (text, value) in rows {
        assert_eq!(decode(text).expect(text).value, value, "{text}");
    }
}

#[test]
fn a_block_scalar_may_end_with_the_text() {
    let rows = [
        ("a: |\n  b", json!({"a": "b"})),
        ("a: |-\n  b", json!({"a": "b"})),
        ("a: |+\n  b\n\n  c", json!({"a": "b\n\nc"})),
        ("a: >\n  b\n  é", json!({"a": "b é"})),
        ("a: |\n  b\n", json!({"a": "b\n"})),
        ("a: |\n  b\n  ", json!({"a": "b\n"})),
        ("a: |\n  b\n#", json!({"a": "b\n"})),
        ("a: |\n  b\n...", json!({"a": "b\n"})),
        ("a: |", json!({"a": ""})),
        ("a: |+\r\n  b\r\n\r\n  !c,d", json!({"a": "b\n\n!c,d"})),
    ];
    for (text, value) in rows {
        assert_eq!(decode(text).expect(text).value, value, "{text}");
    }
}

#[test]
fn keys_that_came_twice_are_told_with_the_line_of_their_value() {
    let duplicates = |text: &str| decode(text).expect(text).duplicates;
    assert_eq!(
        duplicates("a: 1\nb:\n  c: 1\n  c: 2\n\"a\":\n  1\n"),
        [
            "yaml: unmarshal errors:\n  line 4: key \"c\" already set in map\n  line 6: key \"a\" already set in map"
        ]
    );
    assert_eq!(
        duplicates("{\"a\": 1,\n\"a\": 2}"),
        ["yaml: unmarshal errors:\n  line 2: key \"a\" already set in map"]
    );
    assert_eq!(duplicates("{1: a, \"1\": b}"), [""; 0]);
}

#[test]
fn bombs_and_towers_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let tower = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let mut chain = String::from("a0: &a0 [x]\n");
    for level in 1..1000 {
        chain.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    let rows = [
        (bomb, "yaml: document contains excessive aliasing"),
        (tower, "yaml: exceeded max depth of 127"),
        (chain, "yaml: exceeded max depth of 127"),
        (
            "a: &x {b: [{c: *x}]}".into(),
            "yaml: anchor 'x' value contains itself",
        ),
    ];
    for (text, error) in rows {
        let start = &text[..20];
        assert_eq!(
            decode(&text).expect_err(start).to_string(),
            error,
            "{start}"
        );
    }
}

#[test]
fn many_documents_become_many_values() {
    let text = "---\n# a comment only\n---\na: 1\n--- # next\n\n---\n{\"b\": 2}\n{\"c\": 3}\n---\n";
    let values = |text: &str| -> Vec<Value> {
        let documents = decode_all(text).expect(text);
        documents
            .into_iter()
            .map(|document| document.value)
            .collect()
    };
    assert_eq!(
        values(text),
        [json!({"a": 1}), json!({"b": 2}), json!({"c": 3})]
    );
    assert_eq!(values(""), [json!(null); 0]);
    let error = decode_all("a: 1\n---\nb: 2\nc: d: e\n").expect_err("two values");
    assert_eq!(
        error.to_string(),
        "yaml: line 2: mapping values are not allowed in this context"
    );
    let error = decode_all("a: 1\n--- b\n").expect_err("a separator with more");
    assert_eq!(error.to_string(), "invalid Yaml document separator: b");
}

#[test]
fn what_is_printed_reads_back() {
    for json in [
        include_str!("golden/texts.json"),
        include_str!("golden/nat.json"),
    ] {
        let value: Value = serde_json::from_str(json).expect("JSON");
        assert_eq!(decode(&encode(&value)).expect("YAML").value, value);
    }
}
