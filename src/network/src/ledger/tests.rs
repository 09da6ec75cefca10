use super::*;
use expect_test::expect;
use std::fs;

/// A directory of this test's own, removed with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("rk3s-ledger-{}", base::random::uuid()));
        fs::create_dir(&path).expect("a fresh directory");
        Self(path)
    }

    fn open(&self) -> Ledger {
        Ledger::open(&self.0, "10.0.0.0/29".parse().expect("valid")).expect("opens")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A leftover below the temporary directory does not make the test's result wrong.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn pod(uid: &str) -> PodRequest {
    PodRequest {
        uid: uid.into(),
        namespace: "default".into(),
        name: format!("pod-{uid}"),
    }
}

fn last(ledger: &Ledger, uid: &str) -> u8 {
    ledger
        .assign(&pod(uid))
        .expect("an address")
        .address
        .octets()[3]
}

#[test]
fn addresses_survive_a_restart_and_rest_before_reuse() {
    let scratch = Scratch::new();
    let ledger = scratch.open();
    assert_eq!([last(&ledger, "a"), last(&ledger, "b")], [2, 3]);
    assert_eq!(last(&ledger, "a"), 2, "asking again changes nothing");

    let ledger = scratch.open();
    assert_eq!(last(&ledger, "b"), 3);
    ledger.release("b").expect("released");
    ledger.release("b").expect("releasing again is fine");

    // The newest record is gone, and still its address is not the next.
    let ledger = scratch.open();
    assert_eq!([last(&ledger, "c"), last(&ledger, "d")], [4, 5]);
}

#[test]
fn a_full_range_says_so_and_heals() {
    let scratch = Scratch::new();
    let ledger = scratch.open();
    for uid in ["a", "b", "c", "d", "e"] {
        last(&ledger, uid);
    }
    let error = ledger.assign(&pod("f")).expect_err("full");
    expect!["no pod address is free in 10.0.0.0/29: 5 in use"].assert_eq(&error.to_string());
    ledger.release("c").expect("released");
    assert_eq!(last(&ledger, "f"), 4);
}

#[test]
fn a_failed_write_takes_no_address() {
    let scratch = Scratch::new();
    let ledger = scratch.open();
    fs::remove_dir(scratch.0.join("pods")).expect("empty");
    ledger
        .assign(&pod("a"))
        .expect_err("no directory to write to");
    fs::create_dir(scratch.0.join("pods")).expect("created");
    for uid in ["b", "c", "d", "e", "f"] {
        last(&ledger, uid);
    }
}

#[test]
fn a_record_looks_like_this() {
    let scratch = Scratch::new();
    let ledger = scratch.open();
    let record = ledger.assign(&pod("a")).expect("an address");
    ledger.release("a").expect("released");
    scratch.open().assign(&pod("b")).expect("an address");
    let text = fs::read_to_string(scratch.0.join("pods/b.json")).expect("written");
    let interface = scratch.open().all()[0].interface.clone();
    expect![[r#"{"version":1,"sequence":2,"uid":"b","namespace":"default","name":"pod-b","address":"10.0.0.3","interface":"INTERFACE"}"#]]
        .assert_eq(&text.replace(&interface, "INTERFACE"));
    assert_ne!(interface, record.interface);
    let text = fs::read_to_string(scratch.0.join("cursor.json")).expect("written");
    expect![[r#"{"version":1,"sequence":1,"address":"10.0.0.2"}"#]].assert_eq(&text);
}

#[test]
fn damage_harms_one_pod_only() {
    let scratch = Scratch::new();
    let ledger = scratch.open();
    last(&ledger, "a");
    last(&ledger, "b");
    last(&ledger, "c");
    let pods = scratch.0.join("pods");
    fs::write(pods.join("a.json"), b"{\"version\":1,").expect("written");
    fs::copy(pods.join("c.json"), pods.join("x.json")).expect("copied");
    fs::write(pods.join("b.json.tmp-xyz"), b"").expect("written");
    let ledger = scratch.open();
    let uids: Vec<_> = ledger.all().into_iter().map(|record| record.uid).collect();
    assert_eq!(uids, ["b", "c"]);
    let mut names: Vec<_> = fs::read_dir(pods)
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["a.damaged", "b.json", "c.json", "x.damaged"]);
}

#[test]
fn a_newer_format_is_refused() {
    let scratch = Scratch::new();
    scratch.open();
    let path = scratch.0.join("pods/a.json");
    fs::write(&path, b"{\"version\":2,\"shape\":\"unknown\"}").expect("written");
    let error = Ledger::open(&scratch.0, "10.0.0.0/29".parse().expect("valid"));
    let text = error.expect_err("refused").to_string();
    expect!["DIR/pods/a.json: format 2 is newer than this rk3s knows; run the newer one"]
        .assert_eq(&text.replace(&*scratch.0.to_string_lossy(), "DIR"));
}
