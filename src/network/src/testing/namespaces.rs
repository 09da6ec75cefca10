//! A host of a test's own.

use std::panic::resume_unwind;

use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::thread::UnshareFlags;

/// Runs `body` on a runtime of one thread, in network and mount namespaces of its own, with an
/// empty `/run`. Whatever it makes ends with it, even when it is killed.
///
/// # Panics
/// If `body` does, or without the rights of root.
pub fn in_own_namespaces<F, Fut>(body: F)
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = ()>,
{
    let thread = std::thread::spawn(move || {
        unshare().expect("root may make namespaces");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(body());
    });
    if let Err(panic) = thread.join() {
        resume_unwind(panic);
    }
}

/// Threads made from this one, the runtime's included, are in its namespaces too.
fn unshare() -> rustix::io::Result<()> {
    // SAFETY: without UnshareFlags::FILES the descriptor table stays shared.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET | UnshareFlags::NEWNS) }?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private)?;
    rustix::mount::mount("tmpfs", "/run", "tmpfs", MountFlags::empty(), None)
}
