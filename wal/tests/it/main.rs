//! The journal from outside: its promises on real and simulated disks, under damage, faults and power cuts.

mod damage;
mod edits;
mod faults;
mod fuzz;
mod journal;
mod rig;
