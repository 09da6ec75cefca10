use super::*;
use serde_json::json;

fn labels(key: &str) -> Option<&'static str> {
    match key {
        "app" => Some("web"),
        "tier" => Some("7"),
        _ => None,
    }
}

#[test]
fn label_selectors_parse_print_and_match() {
    let rows = [
        ("", "", true),
        ("app=web", "app=web", true),
        ("app == web", "app=web", true),
        ("app!=web", "app!=web", false),
        ("absent!=web", "absent!=web", true),
        ("app in (web, db)", "app in (db,web)", true),
        ("app notin (web)", "app!=web", false),
        ("app,!absent", "!absent,app", true),
        ("tier>5,tier<8", "tier>5,tier<8", true),
        ("x=", "x=", false),
    ];
    for (text, printed, matches) in rows {
        let selector = LabelSelector::parse(text).expect(text);
        assert_eq!(selector.to_string(), printed, "{text}");
        assert_eq!(selector.matches(labels), matches, "{text}");
    }
    for wrong in ["app=a=b", "app in web", "app in (a", "=x", "a b"] {
        assert!(LabelSelector::parse(wrong).is_err(), "{wrong}");
        for (text, found) in [
            ("a=b=c", "="),
            ("a==b!=c", "!="),
            ("a=b c", "c"),
            ("a in (b))", ")"),
        ] {
            let error = LabelSelector::parse(text).expect_err(text).to_string();
            let expected = format!("found '{found}', expected: ',' or 'end of string'");
            assert_eq!(error, expected, "{text}");
        }
    }
}

#[test]
fn label_selector_objects() {
    let selector = json!({"matchLabels": {"app": "web"}, "matchExpressions": [
        {"key": "tier", "operator": "In", "values": ["8", "7"]}, {"key": "no", "operator": "DoesNotExist"}]});
    let selector = LabelSelector::from_value(Some(&selector)).expect("valid");
    assert!(selector.matches(labels));
    assert!(
        !LabelSelector::from_value(None)
            .expect("valid")
            .matches(labels)
    );
    assert!(
        LabelSelector::from_value(Some(&json!({})))
            .expect("valid")
            .matches(labels)
    );
    let wrong = json!({"matchExpressions": [{"key": "a", "operator": "Near"}]});
    assert!(LabelSelector::from_value(Some(&wrong)).is_err());
}

#[test]
fn field_selectors_parse_and_match() {
    let field = |name: &str| std::borrow::Cow::from(if name == "a" { "1,2" } else { "" });
    let rows = [
        ("a=1\\,2", true),
        ("a==1\\,2,b=", true),
        ("a!=1\\,2", false),
        ("b!=x", true),
    ];
    for (text, matches) in rows {
        assert_eq!(
            FieldSelector::parse(text).expect(text).matches(field),
            matches,
            "{text}"
        );
    }
    for wrong in ["a", "a=b=c", "a!b", "a=\\x"] {
        assert!(FieldSelector::parse(wrong).is_err(), "{wrong}");
    }
}
