//! Append-only journal of opaque records: group commit, recovery, verify.
