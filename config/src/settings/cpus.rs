//! A set of CPUs as the operator writes it: `"auto"` or a list of numbers.
//!
//! Which CPUs "auto" means is decided where the host is known, not here.

/// `"auto"` or a list of CPU numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cpus {
    /// Chosen at boot from the CPUs of the host.
    Auto,
    /// These, in this order; never empty after the check.
    Listed(Vec<u16>),
}
