//! Crashes, faults and saboteurs. Each test prints one figure and its seed; `SEED=n` replays it,
//! `KILLS`, `CUTS` and `STEPS` make it longer.

mod controls;
mod crash;
mod faults;
mod model;
mod rng;
