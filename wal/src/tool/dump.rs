//! Every record of a log as one line of JSON.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::{Offline, Stat};
use crate::format::frame::{CONTROL, RELOG};
use crate::format::record::KIND_EPOCH_START;
use crate::recovery::{Io, Seen};
use crate::{EpochStart, Lsn, Record, WalError};

#[derive(Serialize)]
struct Line {
    lsn: Lsn,
    segment: u64,
    offset: u64,
    frame: u64,
    kind: u16,
    schema: u16,
    flags: u16,
    hint: u64,
    event_id: String,
    #[serde(skip_serializing_if = "is_false")]
    relog: bool,
    #[serde(skip_serializing_if = "is_false")]
    control: bool,
    payload_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Writes every record, the journal's own included, in file order, as one line of JSON each: position, place, kind,
/// event id, and what `decode` makes of the payload. Lines up to the damage are written before the damage is returned.
///
/// # Errors
/// [`WalError::Corrupt`], [`WalError::Locked`], [`WalError::Io`] (also if `out` cannot be written to).
pub fn dump(
    path: &Path,
    out: &mut dyn Write,
    decode: &mut dyn FnMut(&Record<'_>) -> Option<Value>,
) -> Result<Stat, WalError> {
    let offline = Offline::open(path)?;
    let mut place = (0, 0, 0, 0);
    let mut written: io::Result<()> = Ok(());
    let (stat, _, _) = offline.walk(&mut |seen| match seen {
        Seen::Frame { segment, offset, header } => place = (segment, offset, header.sequence, header.flags),
        Seen::Record(record) if written.is_ok() => written = write_line(out, place, &record, decode),
        Seen::Record(_) => {}
    })?;
    written
        .and_then(|()| out.flush())
        .map_err(|source| Io { disk: &*offline.disk }.error("write the records of", "the dump", source))?;
    Ok(stat)
}

pub(super) fn write_line(
    out: &mut dyn Write,
    (segment, offset, frame, flags): (u64, u64, u64, u16),
    record: &Record<'_>,
    decode: &mut dyn FnMut(&Record<'_>) -> Option<Value>,
) -> io::Result<()> {
    let payload = if record.kind == KIND_EPOCH_START {
        EpochStart::decode(record.payload).and_then(|epoch| serde_json::to_value(epoch).ok())
    } else {
        decode(record)
    };
    let line = Line {
        lsn: record.lsn,
        segment,
        offset,
        frame,
        kind: record.kind,
        schema: record.schema,
        flags: record.flags,
        hint: record.hint,
        event_id: format!("{:032x}", record.event_id),
        relog: flags & RELOG != 0,
        control: flags & CONTROL != 0,
        payload_bytes: record.payload.len(),
        payload,
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}
