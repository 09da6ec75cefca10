//! Crashes, faults and saboteurs. Each test prints one figure and its seed; `SEED=n` replays it,
//! `KILLS`, `CUTS` and `STEPS` make it longer.

mod controls;
mod crash;
mod cut;
mod faults;
mod fixtures;
mod flip;
mod full;
mod loop_disk;
mod model;
mod reading;
mod rng;
mod space;
mod tail;
