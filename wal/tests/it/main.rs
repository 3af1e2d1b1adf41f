//! The journal from outside: its promises on real and simulated disks, under damage, faults and power cuts.

mod allocations;
mod copies;
mod damage;
mod edits;
mod faults;
mod fuzz;
mod golden;
mod image;
mod journal;
mod proofs;
mod property;
mod real;
mod rig;
mod rules;
mod scripted;
mod sweep;
mod tool;
mod upkeep;
