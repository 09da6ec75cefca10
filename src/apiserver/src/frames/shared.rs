//! Lines that several watches send: each is made once and its bytes shared.
//!
//! What was written last is what most watches send next, so a few megabytes of recent lines are
//! enough; a watch that is further behind makes its lines itself.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use apimachinery::StatusError;
use bytes::Bytes;

use crate::negotiate::Form;
use crate::shape::Shape;
use crate::table::IncludeObject;

/// Bytes of lines that are kept. A line that is larger by itself is kept for nobody.
const BUDGET: usize = 4 << 20;

/// What a line says. A revision is that of one change to one object, and a type of event says
/// which state of it: the one before, or the one after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Line {
    kind: &'static str,
    revision: u64,
    /// The kind and its version, by where the table has them.
    version: (usize, usize),
    form: Form,
    include: IncludeObject,
    with_columns: bool,
    /// Ages in Tables are told to the second.
    second: i64,
}

impl Line {
    pub fn of(kind: &'static str, revision: u64, shape: &Shape, with_columns: bool) -> Self {
        let is_table = shape.form == Form::Table;
        Self {
            kind,
            revision,
            version: (
                std::ptr::from_ref(shape.served.row).addr(),
                std::ptr::from_ref(shape.served.version).addr(),
            ),
            form: shape.form,
            include: shape.include,
            with_columns: with_columns && is_table,
            second: if is_table {
                shape.clock.wall().as_second()
            } else {
                0
            },
        }
    }
}

/// Made by the first watch that needs it.
type Made = Arc<OnceLock<Result<Bytes, StatusError>>>;

/// Recent lines of all watches. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct SharedLines(Arc<Mutex<Recent>>);

#[derive(Default)]
struct Recent {
    lines: HashMap<Line, Made>,
    /// With their sizes, the oldest first.
    order: VecDeque<(Line, usize)>,
    bytes: usize,
}

impl SharedLines {
    /// The line, made now if nobody has.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn line(
        &self,
        line: Line,
        make: impl FnOnce() -> Result<Bytes, StatusError>,
    ) -> Result<Bytes, StatusError> {
        let made = self.with(|recent| recent.lines.entry(line).or_default().clone());
        let mut is_new = false;
        let bytes = made.get_or_init(|| {
            is_new = true;
            make()
        });
        if is_new {
            let size = bytes.as_ref().map_or(0, Bytes::len);
            self.with(|recent| recent.keep(line, size));
        }
        bytes.clone()
    }

    fn with<T>(&self, f: impl FnOnce(&mut Recent) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Recent {
    fn keep(&mut self, line: Line, size: usize) {
        self.order.push_back((line, size));
        self.bytes += size;
        while self.bytes > BUDGET {
            let Some((oldest, size)) = self.order.pop_front() else {
                return;
            };
            self.lines.remove(&oldest);
            self.bytes -= size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(revision: u64) -> Line {
        Line {
            kind: "ADDED",
            revision,
            version: (0, 0),
            form: Form::Object,
            include: IncludeObject::Metadata,
            with_columns: false,
            second: 0,
        }
    }

    #[test]
    fn a_line_is_made_once() {
        let shared = SharedLines::default();
        let make = |text: &'static str| move || Ok(Bytes::from(text.to_owned()));
        let first = shared.line(line(1), make("a")).expect("made");
        let second = shared.line(line(1), make("b")).expect("shared");
        assert_eq!((first.as_ptr(), &*second), (second.as_ptr(), &b"a"[..]));
        let modified = Line {
            kind: "MODIFIED",
            ..line(1)
        };
        assert_eq!(&*shared.line(modified, make("c")).expect("made"), b"c");
    }

    #[test]
    fn old_lines_are_forgotten() {
        let shared = SharedLines::default();
        for revision in 0..100 {
            let made = shared.line(line(revision), || Ok(vec![0; BUDGET / 10].into()));
            made.expect("made");
        }
        let recent = shared.0.lock().expect("nobody panicked");
        assert_eq!((recent.lines.len(), recent.order.len()), (10, 10));
        assert!(recent.bytes <= BUDGET);
        drop(recent);
        let large = shared.line(line(200), || Ok(vec![0; 2 * BUDGET].into()));
        large.expect("made");
        assert_eq!(shared.0.lock().expect("nobody panicked").lines.len(), 0);
    }
}
