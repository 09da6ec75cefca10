//! Lists, in pages, under writes.

use super::{Bench, Factory, remove, set, text};
use crate::{Expect, Limit, Page, Revision, Store};

pub(super) async fn pages_are_one_state<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    for number in 0..50 {
        set(&*store, &format!("/r/a/{number:02}"), "before").await;
    }
    set(&*store, "/r/b/00", "other").await;
    let at = store.revision();
    let mut seen = Vec::new();
    let mut from: Option<String> = None;
    let mut asked = None;
    loop {
        let page = store
            .list("/r/a/", from.as_deref(), asked, Limit::keys(7))
            .await
            .expect("readable");
        assert_eq!(page.revision, at);
        seen.extend(
            page.items
                .iter()
                .map(|item| (item.key.to_string(), text(Some(item)))),
        );
        assert_eq!(page.remaining, Some(50 - seen.len() as u64));
        assert_eq!(page.more, seen.len() < 50);
        if !page.more {
            break;
        }
        asked = Some(page.revision);
        from = page.items.last().map(|item| item.key.to_string());
        // The next page must not notice.
        let behind = seen.len() * 7 % 50;
        set(&*store, &format!("/r/a/{behind:02}"), "after").await;
        set(&*store, &format!("/r/a/{behind:02}x"), "new").await;
        remove(&*store, &format!("/r/a/{:02}", 49 - behind)).await;
    }
    let want: Vec<_> = (0..50)
        .map(|number| (format!("/r/a/{number:02}"), "before".to_owned()))
        .collect();
    assert_eq!(seen, want);
}

/// Prefix, from, limit; the keys wanted, and how many remain.
type Listing = (
    &'static str,
    Option<&'static str>,
    Limit,
    &'static [&'static str],
    u64,
);

const ALL: Limit = Limit::NONE;

fn most(keys: usize) -> Limit {
    Limit::keys(keys)
}

/// Full at so many bytes.
fn full(bytes: usize) -> Limit {
    Limit::NONE.bytes(bytes)
}

pub(super) async fn counts_and_bounds<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    for key in ["a", "a/", "a/1", "a/2", "a/2/3", "a0", "b"] {
        set(&*store, key, key).await;
    }
    let table: [Listing; 18] = [
        (
            "",
            None,
            ALL,
            &["a", "a/", "a/1", "a/2", "a/2/3", "a0", "b"],
            0,
        ),
        ("a/", None, ALL, &["a/", "a/1", "a/2", "a/2/3"], 0),
        ("a/", None, most(4), &["a/", "a/1", "a/2", "a/2/3"], 0),
        ("a/", None, most(1), &["a/"], 3),
        ("a/", Some("a/"), most(1), &["a/1"], 2),
        ("a/", Some("a/1x"), most(9), &["a/2", "a/2/3"], 0),
        ("a/", Some("a"), most(9), &["a/", "a/1", "a/2", "a/2/3"], 0),
        ("a/", Some("b"), most(9), &[], 0),
        ("c", None, most(9), &[], 0),
        // Each weighs twice its key: 4, 6, 6, 10.
        ("a/", None, full(0), &["a/"], 3),
        ("a/", None, full(4), &["a/"], 3),
        ("a/", None, full(5), &["a/", "a/1"], 2),
        ("a/", None, full(10), &["a/", "a/1"], 2),
        ("a/", None, full(17), &["a/", "a/1", "a/2", "a/2/3"], 0),
        ("a/", None, most(1).bytes(17), &["a/"], 3),
        ("a/", None, most(3).bytes(5), &["a/", "a/1"], 2),
        ("a/", Some("a/1"), full(1), &["a/2"], 1),
        ("a/", Some("a/2"), full(1), &["a/2/3"], 0),
    ];
    for (prefix, from, limit, want, remaining) in table {
        let page = store
            .list(prefix, from, None, limit)
            .await
            .expect("readable");
        let keys: Vec<_> = page.items.iter().map(|item| &*item.key).collect();
        assert_eq!(keys, want, "{prefix} {from:?} {limit:?}");
        assert_eq!(
            (page.remaining, page.more),
            (Some(remaining), remaining > 0)
        );
        assert_eq!(page.revision, store.revision());
    }
    // A list names the last revision of a transaction, whatever the keys are.
    let ops = vec![
        super::put("x", "1", Expect::Any),
        super::put("y", "1", Expect::Any),
    ];
    super::commit(&*store, ops).await.expect("goes through");
    let page = store
        .list("a", None, None, most(1))
        .await
        .expect("readable");
    assert_eq!(page.revision, Revision(10));
}

/// However heavy some values are, a page holds little more than it was to hold, and none is left
/// out: light ones first, so that nothing read so far tells what is to come.
pub(super) async fn pages_end_when_they_are_full<F: Factory>(bench: &Bench<'_, F>) {
    const FULL: usize = 50_000;
    let store = bench.store();
    let mut want = Vec::new();
    for number in 0..60_usize {
        let key = format!("/r/a/{number:02}");
        let heavy = [20, 9000, 0, 30_000][number / 15];
        set(&*store, &key, &"x".repeat(heavy)).await;
        want.push(key);
    }
    let mut seen: Vec<String> = Vec::new();
    let mut pages = 0;
    loop {
        let from = seen.last().map(String::as_str);
        let limit = Limit::keys(40).bytes(FULL);
        let page = store.list("/r/a/", from, None, limit).await;
        let page = page.expect("readable");
        seen.extend(page.items.iter().map(|item| item.key.to_string()));
        pages += 1;
        let weight = weight(&page);
        assert!(weight < FULL + 30_010, "page {pages} weighs {weight}");
        assert_eq!(page.remaining, Some((want.len() - seen.len()) as u64));
        assert_eq!(page.more, seen.len() < want.len());
        if !page.more {
            break;
        }
        assert!(
            page.items.len() == 40 || weight >= FULL,
            "page {pages} is not full"
        );
    }
    assert_eq!(seen, want);
}

fn weight(page: &Page) -> usize {
    let items = page.items.iter();
    items.map(|item| item.key.len() + item.value.len()).sum()
}
