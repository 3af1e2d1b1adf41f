//! The engine's rooms from outside.

mod gateway;
mod map;
mod runtime;
mod tidy;
