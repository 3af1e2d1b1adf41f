//! The journal from outside: its promises on real and simulated disks, under damage, faults and power cuts.

mod journal;
mod rig;
