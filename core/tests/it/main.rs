//! The engine's rooms from outside.

mod gateway;
mod runtime;
