//! The engine's rooms from outside.

mod gateway;
mod map;
mod review;
mod runtime;
mod tidy;
