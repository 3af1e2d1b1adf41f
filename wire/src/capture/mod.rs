//! Capture and replay: everything that an endpoint was told, in a file, and the same endpoint made again from it.
//!
//! An endpoint is a function of its seed and its calls. [`RecordedServer`] and [`RecordedClient`] stand in for the endpoints and
//! write each call to a tape when asked to; [`ServerReplay`] and [`ClientReplay`] repeat the calls and compare a digest of all
//! datagrams and events at each checkpoint. `docs/capture.md` describes the file.
//!
//! Knows no file and no clock: the tape is bytes that the owner carries away. A reader takes any bytes and never panics on
//! them; what is wrong is said with the offset of the record.

mod calls;
mod client;
mod digest;
mod error;
mod fields;
mod head;
mod listen;
mod recording;
mod replay;
mod server;
mod tape;
#[cfg(test)]
mod tests;

pub use calls::{ClientCall, ServerCall, Shelved};
pub use client::RecordedClient;
pub use error::{CaptureError, CaptureFault};
pub use replay::{ClientReplay, Moment, Replayed, ServerReplay, Summary};
pub use server::RecordedServer;
pub use tape::End;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use tape::framed;
