//! A map instance driven through its public calls only.

mod chat;
mod deal;
mod deal_model;
mod entering;
mod ground;
mod handles;
mod portal;
mod repeat;
pub(crate) mod rig;
mod trade;
mod trade_model;
mod walk;
