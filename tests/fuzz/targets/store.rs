//! Recovery: a store whose files were cut, flipped or zeroed opens or refuses in words. It never
//! panics, and what it serves it serves whole.
#![no_main]

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use base::{Clock, TraceId};
use libfuzzer_sys::fuzz_target;
use store::{Expect, Limit, Op, Options, SledStore, Store};
use tempfile::TempDir;

/// A store of 60 changes, closed.
static TEMPLATE: LazyLock<TempDir> = LazyLock::new(|| {
    let directory = TempDir::new().expect("a directory");
    runtime().block_on(async {
        let store = open(directory.path()).expect("opens");
        for number in 0..60_u32 {
            let op = Op::Put {
                key: format!("/registry/pods/default/p{}", number % 9).as_str().into(),
                value: value(number).into(),
                expect: Expect::Any,
                ttl: None,
            };
            store.txn(vec![op], TraceId::NONE).await.expect("goes through");
        }
        let at = store.revision();
        store.compact(at).await.expect("compacts");
    });
    directory
});

fn value(number: u32) -> Vec<u8> {
    let text = number.to_string();
    text.repeat(if number % 13 == 0 { 3_000 } else { 30 }).into_bytes()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn open(path: &Path) -> Result<SledStore, store::OpenError> {
    SledStore::open(path, Options::new(Clock::system()))
}

fuzz_target!(|data: &[u8]| {
    let scratch = TempDir::new().expect("a directory");
    let mut files = Vec::new();
    copy(TEMPLATE.path(), scratch.path(), &mut files);
    files.sort();
    // Seven bytes are one damage: which file, what, where, and a byte.
    for damage in data.chunks_exact(7).take(16) {
        harm(&files[usize::from(damage[0]) % files.len()], damage);
    }
    runtime().block_on(async {
        let Ok(store) = open(scratch.path()) else {
            return;
        };
        let Ok(page) = store.list("/registry/", None, None, Limit::NONE).await else {
            return;
        };
        for item in page.items {
            // Every value is a number again and again: damage that is served shows.
            let whole = (0..60).any(|number| item.value[..] == value(number)[..]);
            assert!(whole, "{:?} is served damaged", item.key);
        }
        let put = Op::Put {
            key: "/registry/pods/default/new".into(),
            value: b"new".to_vec().into(),
            expect: Expect::Any,
            ttl: None,
        };
        // A store that opened may say that it can write no more.
        let _written = store.txn(vec![put], TraceId::NONE).await;
    });
});

fn harm(file: &Path, damage: &[u8]) {
    let handle = OpenOptions::new().read(true).write(true).open(file);
    let handle = handle.expect("the copy is ours");
    let length = handle.metadata().expect("there").len();
    let place = u64::from(u32::from_le_bytes([damage[2], damage[3], damage[4], 0]));
    let at = place % (length + 1);
    match damage[1] % 4 {
        0 => handle.set_len(at).expect("shortened"),
        1 => handle.write_all_at(&damage[5..], at).expect("written"),
        2 => handle.write_all_at(&[0; 512], at / 512 * 512).expect("written"),
        _ => {
            let mut byte = [0];
            if at < length {
                handle.read_exact_at(&mut byte, at).expect("read");
                byte[0] ^= 1 << (damage[5] % 8);
                handle.write_all_at(&byte, at).expect("written");
            }
        }
    }
}

fn copy(from: &Path, to: &Path, files: &mut Vec<PathBuf>) {
    fs::create_dir_all(to).expect("created");
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("known").is_dir() {
            copy(&entry.path(), &target, files);
        } else {
            fs::copy(entry.path(), &target).expect("copied");
            files.push(target);
        }
    }
}
