//! A map instance driven through its public calls only.

mod chat;
mod entering;
mod handles;
mod portal;
mod repeat;
pub(crate) mod rig;
mod trade;
mod trade_model;
mod walk;
