//! What became of the packets sent: round trips, acknowledged, lost, and when to probe.
//!
//! Packets are never sent again. Each keeps a short record of what it held, and its fate is told to the lanes, which
//! decide. Nothing here knows what a lane is.

mod fate;
mod ring;
mod rtt;
mod skips;

pub(crate) use fate::{AckedNumbers, BadAck, Fate, Recovery, SNAPSHOT_WAITS};
pub(crate) use ring::{Run, Runs, Sent, SentRing};
pub(crate) use rtt::Rtt;
pub(crate) use skips::SkipPlan;
