//! Bodies and patches made to hurt: each is answered in upstream's words, or taken, within bounded
//! time and memory, on the 2 MiB stack of a tokio worker.
//!
//! One test in a binary of its own, so that the peak of the process's memory is this test's.

mod bodies;
mod patches;

use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use apimachinery::GroupVersionKind;
use schema::{Facts, TypeRef};

/// The largest body that the server reads.
const BODY: usize = 3 * 1024 * 1024;
const STACK: usize = 2 * 1024 * 1024;
/// For a test build on a busy machine; a release takes a twentieth of it.
const TIME: Duration = Duration::from_secs(60);
/// What the process may grow by: an empty item of a list takes two bytes of a body and 32 of memory.
const MEMORY: usize = 400 * 1024 * 1024;

fn ty(group: &'static str, kind: &'static str) -> TypeRef<'static> {
    let gvk = GroupVersionKind::new(group, "v1", kind);
    Facts::builtin().kind(&gvk).expect("a built-in kind")
}

/// As often as the largest body takes it.
fn filled(open: &str, part: &str, close: &str) -> String {
    let times = (BODY - open.len() - close.len()) / part.len();
    format!("{open}{}{close}", part.repeat(times))
}

fn nested(open: &str, inner: &str, close: &str, levels: usize) -> String {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
}

fn said<T>(answer: Result<T, impl ToString>) -> String {
    answer.map_or_else(|error| error.to_string(), |_| "taken".to_owned())
}

type Attack = (
    &'static str,
    Box<dyn FnOnce() -> String + Send>,
    &'static str,
);

/// Peak memory of this process in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes
        .and_then(|n| n.parse::<usize>().ok())
        .expect("a number")
        * 1024
}

#[test]
fn nothing_hurts() {
    let before = peak();
    let mut wrong = Vec::new();
    let attacks = [bodies::attacks(), patches::attacks()];
    for (name, attack, expected) in attacks.into_iter().flatten() {
        let (answered, answer) = mpsc::channel();
        let run = move || answered.send(attack());
        let thread = thread::Builder::new().stack_size(STACK).spawn(run);
        let thread = thread.expect("a thread starts");
        let answer = answer.recv_timeout(TIME);
        if answer.as_deref() != Ok(expected) {
            wrong.push(format!("{name}: {answer:?} instead of {expected:?}"));
        }
        if answer.is_ok() {
            thread.join().expect("no panic").expect("somebody listens");
        }
        let grown = peak() - before;
        if grown > MEMORY {
            wrong.push(format!("{name}: {grown} bytes"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
