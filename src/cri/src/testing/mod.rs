//! The suite that every runtime passes, and the fake that stands in for one.

mod fake;
mod images;
mod lifecycle;
mod process;
mod subject;

pub use fake::FakeRuntime;
pub use images::FakeImages;
pub use subject::Subject;

/// Every check that holds for `subject`; panics at the first that does not.
pub async fn run_all(subject: &Subject<'_>) {
    lifecycle::run(subject).await;
    if subject.executes {
        process::run(subject).await;
    }
}

#[cfg(test)]
mod tests;
