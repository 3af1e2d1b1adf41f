//! What an audit of the books finds. The statements that find it are with the store's other statements.

/// Most offending ids named per invariant.
pub const MAX_EXAMPLES: usize = 10;

/// The result of an audit, one line per invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// Every invariant checked.
    pub findings: Vec<Finding>,
}

impl AuditReport {
    /// Whether every invariant holds.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.violations == 0)
    }
}

impl std::fmt::Display for AuditReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for finding in &self.findings {
            write!(f, "{:4} {}: ", finding.invariant, finding.says)?;
            match finding.violations {
                0 => writeln!(f, "holds")?,
                n => writeln!(f, "{n} violations, such as {}", finding.examples.join(", "))?,
            }
        }
        Ok(())
    }
}

/// One invariant and what breaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its short name, such as `I1`.
    pub invariant: &'static str,
    /// What must hold.
    pub says: &'static str,
    /// How many things break it.
    pub violations: u64,
    /// The first [`MAX_EXAMPLES`] of them.
    pub examples: Vec<String>,
}

/// What a player was told about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Which event.
    pub event_id: u128,
    /// Whether it was called a success.
    pub success: bool,
}

/// A player was told something that is not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// What was told.
    pub told: Told,
    /// What was decided; `None` if nothing was.
    pub decided: Option<crate::store::Outcome>,
}

/// The sums of the economy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Economy {
    /// Zen of all players: carried, in warehouses, inside parcels and in standing bids.
    pub zen_players: i64,
    /// What the accounts outside the world that paid more than they received have paid on balance. A shop pays and
    /// receives, so that this can become less; less `zen_burned` it is what players own.
    pub zen_minted: i64,
    /// What the accounts outside the world that received more than they paid have received on balance.
    pub zen_burned: i64,
    /// Items that exist.
    pub items_live: i64,
    /// Items ever created.
    pub items_minted: i64,
    /// Items destroyed.
    pub items_burned: i64,
    /// Position up to which the newest journal is decided.
    pub applied_lsn: u64,
}
