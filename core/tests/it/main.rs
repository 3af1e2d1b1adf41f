//! The engine's rooms from outside.

mod map;
mod runtime;
