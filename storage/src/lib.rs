//! Accounts, characters, ledger and hot state on the embedded store or PostgreSQL; applies the journal.
