//! What a run measures and how it is told.

mod counts;
mod histogram;
mod host;
mod report;
mod server;

pub use counts::{ErrorKinds, Figures};
pub use histogram::{Latency, Summary, since, summary};
pub use host::{Host, ProcessorTimes, own_cpu_seconds};
pub use report::{
    ClientsSection, DealsSection, EconomySection, GeneratorSection, Report, RunSection, SnapshotsSection,
    TradesSection, Verdict,
};
pub use server::ServerSection;
