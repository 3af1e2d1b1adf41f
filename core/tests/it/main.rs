//! The engine's rooms from outside.

mod runtime;
