//! The table and its strategies from outside, as `registry` uses them.

mod columns;
mod creation;
mod harness;
mod long_lists;
mod strategies;
mod surface;
mod table;
mod updates;
