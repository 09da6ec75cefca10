//! Files of one test.

use std::fs;
use std::path::{Path, PathBuf};

use crate::volumes;

const PREFIX: &str = "rk3s-kubelet-test-";

/// Unmounted and removed when it goes, and by a later run when this one crashes.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Self {
        let temporary = std::env::temp_dir();
        for entry in fs::read_dir(&temporary).expect("readable").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let pid = name
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.split('-').next());
            if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                // Another test may be quicker.
                let _ = volumes::teardown(&entry.path());
            }
        }
        let unique = base::random::name_suffix(8);
        let path = temporary.join(format!("{PREFIX}{}-{unique}", std::process::id()));
        fs::create_dir(&path).expect("a new directory");
        Self(path)
    }

    pub fn join(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        volumes::teardown(&self.0).expect("removable");
    }
}
