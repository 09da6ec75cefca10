//! The last say on a write: built-in admission plugins and the chain that runs them.
