//! Lists, in pages, under writes.

use super::{Bench, Factory, remove, set, text};
use crate::{Expect, Revision, Store};

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
            .list("/r/a/", from.as_deref(), asked, 7)
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
    usize,
    &'static [&'static str],
    u64,
);

pub(super) async fn counts_and_bounds<F: Factory>(bench: &Bench<'_, F>) {
    let store = bench.store();
    for key in ["a", "a/", "a/1", "a/2", "a/2/3", "a0", "b"] {
        set(&*store, key, key).await;
    }
    let table: [Listing; 9] = [
        (
            "",
            None,
            0,
            &["a", "a/", "a/1", "a/2", "a/2/3", "a0", "b"],
            0,
        ),
        ("a/", None, 0, &["a/", "a/1", "a/2", "a/2/3"], 0),
        ("a/", None, 4, &["a/", "a/1", "a/2", "a/2/3"], 0),
        ("a/", None, 1, &["a/"], 3),
        ("a/", Some("a/"), 1, &["a/1"], 2),
        ("a/", Some("a/1x"), 9, &["a/2", "a/2/3"], 0),
        ("a/", Some("a"), 9, &["a/", "a/1", "a/2", "a/2/3"], 0),
        ("a/", Some("b"), 9, &[], 0),
        ("c", None, 9, &[], 0),
    ];
    for (prefix, from, limit, want, remaining) in table {
        let page = store
            .list(prefix, from, None, limit)
            .await
            .expect("readable");
        let keys: Vec<_> = page.items.iter().map(|item| &*item.key).collect();
        assert_eq!(keys, want, "{prefix} {from:?} {limit}");
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
    let page = store.list("a", None, None, 1).await.expect("readable");
    assert_eq!(page.revision, Revision(10));
}
