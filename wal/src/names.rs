//! The names of the journal's files.
//!
//! ```text
//!  0000000000000003.wal   a segment: its sequence in 16 hex digits
//!  spare-….seg            prepared, waiting to be named
//!  spare-….tmp            being prepared
//!  ballast.seg            a prepared segment kept for the day the volume is full
//!  checkpoint             two slots
//!  LOCK                   held by the process that writes
//! ```

/// The checkpoint's file.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// The checkpoint's file before its name is durable.
pub(crate) const CHECKPOINT_TEMPORARY: &str = "checkpoint.tmp";
/// The reserve for a full volume.
pub(crate) const BALLAST: &str = "ballast.seg";
/// The reserve before its name is durable.
pub(crate) const BALLAST_TEMPORARY: &str = "ballast.tmp";

/// A segment's file name.
pub(crate) fn segment(sequence: u64) -> String {
    format!("{sequence:016x}.wal")
}

/// The sequence a segment's name says; `None` if it is not one.
pub(crate) fn segment_sequence(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".wal")?;
    let sequence = u64::from_str_radix(digits, 16).ok()?;
    (sequence > 0 && segment(sequence) == name).then_some(sequence)
}

/// A spare's name.
pub(crate) fn spare(number: u64) -> String {
    format!("spare-{number:08x}.seg")
}

/// A spare's name while it is prepared.
pub(crate) fn spare_temporary(number: u64) -> String {
    format!("spare-{number:08x}.tmp")
}

/// Whether the file is left over from a preparation of an earlier process and holds nothing.
pub(crate) fn is_leftover(name: &str) -> bool {
    (name.starts_with("spare-") && (name.ends_with(".seg") || name.ends_with(".tmp")))
        || name == CHECKPOINT_TEMPORARY
        || name == BALLAST_TEMPORARY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_spelling_is_a_segment() {
        assert_eq!(segment_sequence("0000000000000010.wal"), Some(16));
        for name in ["10.wal", "0000000000000000.wal", "000000000000000A.wal", "+00000000000000a.wal", "x.wal", "LOCK"]
        {
            assert_eq!(segment_sequence(name), None, "{name}");
        }
    }
}
