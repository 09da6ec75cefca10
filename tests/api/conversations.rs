//! Requests and their answers, whole: `data/api/<name>.http` makes `golden/api/<name>.txt`.
//!
//! A request is its line, headers, an empty line after them if a body follows, and the body; a
//! line of dashes ends it. `As: <user>` says who asks, `Show: <pointer>` which part of the answer
//! matters. `${uid}`, `${rv}`, `${continue}` are what
//! an answer before said last. `advance <seconds>` and `compact` stand in place of a request.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use expect_test::{ExpectFile, expect_file};
use regex::Regex;
use serde_json::Value;

use crate::world::{Answer, Said, World};

async fn check(input: &str, expected: ExpectFile) {
    let world = World::new().await;
    let (mut text, mut said) = (String::new(), BTreeMap::new());
    for request in input.split("\n----\n") {
        let request = fill(request.trim(), &said);
        let mut words = request.split_whitespace();
        match (words.next(), words.next()) {
            (Some("advance"), Some(seconds)) => {
                let seconds = seconds.parse().expect("a number");
                world.hands.advance(Duration::from_secs(seconds));
                continue;
            }
            (Some("compact"), None) => {
                let compacted = world.store.compact(world.store.revision());
                compacted.await.expect("the store compacts");
                continue;
            }
            _ => {}
        }
        let (shown, answer) = exchange(&world, &request).await;
        let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        write!(text, "{}", mask(&shown)).expect("a string grows");
        for (word, pointer) in WORDS {
            if let Some(value) = body.pointer(pointer).and_then(Value::as_str) {
                said.insert(word, value.to_owned());
            }
        }
    }
    expected.assert_eq(&text);
}

/// What answers say, and where.
const WORDS: [(&str, &str); 3] = [
    ("${uid}", "/metadata/uid"),
    ("${rv}", "/metadata/resourceVersion"),
    ("${continue}", "/metadata/continue"),
];

fn fill(request: &str, said: &BTreeMap<&str, String>) -> String {
    let replace = |request: String, (word, value): (&&str, &String)| request.replace(word, value);
    said.iter().fold(request.to_owned(), replace)
}

async fn exchange(world: &World, request: &str) -> (String, Answer) {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default();
    let (method, uri) = line.split_once(' ').expect("a method and a path");
    let mut said = Said {
        body: body.to_owned().into(),
        ..Said::nothing()
    };
    let mut part = String::new();
    for header in lines {
        let (name, value) = header.split_once(": ").expect("a header");
        match name {
            "As" => value.clone_into(&mut said.user),
            "Show" => value.clone_into(&mut part),
            _ => said.headers.push((name.to_owned(), value.to_owned())),
        }
    }
    let answer = world.ask(method, uri, &said).await;
    (shown(request, &answer, &part), answer)
}

fn shown(request: &str, answer: &Answer, part: &str) -> String {
    let mut text = format!("=== {request}\n--> {}\n", answer.code.as_u16());
    for header in ["warning", "retry-after"] {
        for value in answer.headers.get_all(header) {
            let value = value.to_str().expect("ASCII");
            writeln!(text, "{header}: {value}").expect("a string grows");
        }
    }
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(body) => {
            let body = body.pointer(part).unwrap_or(&body);
            let pretty = serde_json::to_string_pretty(body).expect("JSON prints");
            text.push_str(&pretty);
        }
        Err(_) => text.push_str(&String::from_utf8_lossy(&answer.body)),
    }
    text.push_str("\n\n");
    text
}

/// What no two runs have alike.
pub fn mask(text: &str) -> String {
    let uid = Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    let address = Regex::new(r"10\.43\.\d+\.\d+");
    let text = uid.expect("a pattern").replace_all(text, "UID");
    let text = address.expect("a pattern").replace_all(&text, "10.43.N.N");
    text.into_owned()
}

macro_rules! conversations {
    ($($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                let input = include_str!(concat!("../data/api/", stringify!($name), ".http"));
                let expected = expect_file![concat!("../golden/api/", stringify!($name), ".txt")];
                check(input, expected).await;
            }
        )*
    };
}

conversations! { deletion errors forms identity lists writes }
