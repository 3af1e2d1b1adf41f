//! What can be wrong with a capture.

/// What is wrong with a capture, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("capture, byte {offset}: {fault}")]
pub struct CaptureError {
    /// Where the record begins, in bytes from the start of the file.
    pub offset: u64,
    /// What is wrong with it.
    pub fault: CaptureFault,
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CaptureFault {
    /// The file does not begin like a capture.
    #[error("this is no capture")]
    NoCapture,
    /// Another version of the format.
    #[error("the capture has format {0}, this program reads {FORMAT}", FORMAT = super::tape::FORMAT)]
    Format(u8),
    /// A capture of the other end.
    #[error("the capture is of the other end")]
    OtherEnd,
    /// Made by a program with another protocol id.
    #[error("the capture was made with protocol id {0:#010x}")]
    OtherProtocol(u32),
    /// Made by a server with other keys.
    #[error("the capture was made with other host keys")]
    OtherKeys,
    /// The file ends inside the record.
    #[error("the file ends inside the record")]
    CutOff,
    /// The checksum does not match.
    #[error("the checksum of the record does not match")]
    Checksum,
    /// The checksum matches and the contents make no sense.
    #[error("the record makes no sense")]
    Malformed,
    /// The replay does not do what the recorded endpoint did.
    #[error("the replay has become another story")]
    Diverged,
}
