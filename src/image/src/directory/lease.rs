//! Asking the kernel whether someone has a file open for writing.

use std::fs::File;
use std::os::fd::AsRawFd;

/// Which signal tells of a lease that is to be broken (fcntl(2)); not in `libc`.
const F_SETSIG: libc::c_int = 10;

/// Whether the regular file has writers. Where the file system cannot tell, it has none.
///
/// A read lease is granted only while nobody has the file open for writing; it is taken for the
/// question and given back. `file` must be open for reading only.
pub fn has_writers(file: &File) -> bool {
    let fd = file.as_raw_fd();
    // A writer that opens the file while the lease stands makes the kernel signal its holder. The
    // default signal, SIGIO, would end this process; SIGURG is ignored by default.
    // SAFETY: fcntl with these commands takes plain numbers and touches no memory; `fd` is open
    // for as long as `file` is borrowed.
    unsafe {
        if libc::fcntl(fd, F_SETSIG, libc::SIGURG) != 0 {
            return false;
        }
        if libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK) == 0 {
            libc::fcntl(fd, libc::F_SETLEASE, libc::F_UNLCK);
            return false;
        }
    }
    std::io::Error::last_os_error().kind() == std::io::ErrorKind::WouldBlock
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDir;

    #[test]
    fn a_writer_is_seen_until_it_closes() {
        let home = TestDir::new();
        let path = home.path().join("file");
        let writer = File::create(&path).expect("made");
        let reader = File::open(&path).expect("there");
        assert!(has_writers(&reader));
        drop(writer);
        assert!(!has_writers(&reader));
        let _other_reader = File::open(&path).expect("there");
        assert!(!has_writers(&reader));
    }
}
