//! Where log lines go: standard error, and a rotated file when a folder is configured.
//!
//! Lines are written by the thread that logs; nothing above `debug` is logged inside a tick.

use flexi_logger::{
    Cleanup, Criterion, DeferredNow, Duplicate, FileSpec, FlexiLoggerError, Logger, LoggerHandle, Naming,
};
use log::Record;
use mu_config::LogSettings;

/// A log file is closed at this size, and this many are kept.
const FILE_BYTES_MAX: u64 = 64 << 20;
const FILES_MAX: usize = 10;

/// Starts logging for a server; dropping the handle flushes.
///
/// # Errors
/// When the folder cannot be written or a logger runs already.
pub fn start(settings: &LogSettings) -> Result<LoggerHandle, FlexiLoggerError> {
    to(settings, Duplicate::Info)
}

/// Starts logging for the demo: only warnings interrupt its live line, the rest is in the file.
///
/// # Errors
/// As [`start`].
pub fn start_quiet(settings: &LogSettings) -> Result<LoggerHandle, FlexiLoggerError> {
    to(settings, Duplicate::Warn)
}

fn to(settings: &LogSettings, stderr: Duplicate) -> Result<LoggerHandle, FlexiLoggerError> {
    let logger = Logger::try_with_str(settings.level.word())?.format(line);
    match &settings.dir {
        None => logger.log_to_stderr().start(),
        Some(dir) => logger
            .log_to_file(FileSpec::default().directory(dir).basename("mu-core"))
            .rotate(Criterion::Size(FILE_BYTES_MAX), Naming::Timestamps, Cleanup::KeepLogFiles(FILES_MAX))
            .duplicate_to_stderr(stderr)
            .start(),
    }
}

fn line(out: &mut dyn std::io::Write, now: &mut DeferredNow, record: &Record<'_>) -> std::io::Result<()> {
    let thread = std::thread::current();
    write!(out, "{} {:5} {} {}", now.format_rfc3339(), record.level(), thread.name().unwrap_or("?"), record.args())
}
