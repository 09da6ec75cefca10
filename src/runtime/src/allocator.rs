//! The memory allocator of this process. Here because setting it has no safe interface.

/// Free memory at the end of a heap that is given back to the system (glibc's default, which
/// grows without this being set).
const TRIM: libc::c_int = 128 << 10;
/// What is allocated apart, and given back at once. Above the chunks in which lists are sent,
/// whose pages would be made anew each time.
const APART: libc::c_int = 1 << 20;

/// Gives freed memory back to the system soon. By default glibc raises both limits to 64 and 32
/// MiB as large blocks are freed, and keeps what a burst of requests needed. To be called before
/// there are threads.
pub fn give_back_soon() {
    for (parameter, bytes) in [
        (libc::M_TRIM_THRESHOLD, TRIM),
        (libc::M_MMAP_THRESHOLD, APART),
    ] {
        // SAFETY: `mallopt` takes numbers only and nobody allocates meanwhile. It fails for
        // parameters it does not know, which changes nothing.
        unsafe { libc::mallopt(parameter, bytes) };
    }
}
