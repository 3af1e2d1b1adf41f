//! The columns of everything that stands in a map: one row per slot, one array per fact.
//!
//! What a tick looks at for every entity is here, small and side by side; what only a request needs is in the
//! players' cold rows. A position is where the entity is at the current tick and follows from its motion; only those
//! under way are computed again.

use mu_wire::Tick;
use mu_wire::motion::{Motion, Position};
use mu_wire::snapshot::EntityState;

/// Facts about a player that every tick asks for, as bits of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Duties(u8);

impl Duties {
    /// A client is connected.
    pub const CONNECTED: Self = Self(1);
    /// It leaves as soon as nothing of it is undecided.
    pub const LEAVING: Self = Self(2);
    /// It stepped through a portal and waits to be handed over.
    pub const MOVING: Self = Self(4);
    /// Its client was not yet told where it is and what it carries.
    pub const NEW: Self = Self(8);
    /// Its hot state changed since the last row given out.
    pub const DIRTY: Self = Self(16);
    /// What viewers see of it changed in this tick.
    pub const CHANGED: Self = Self(32);
    /// It has a row in the trade table.
    pub const TRADING: Self = Self(64);
    /// What lay on the ground when it left is still to be given back.
    pub const OWED: Self = Self(128);

    /// Whether any of these is set.
    #[must_use]
    pub const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Sets these.
    pub fn set(&mut self, which: Self) {
        self.0 |= which.0;
    }

    /// Clears these.
    pub fn clear(&mut self, which: Self) {
        self.0 &= !which.0;
    }

    /// The bits, for the state hash.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// The columns.
#[derive(Debug)]
pub struct Entities {
    /// How it moves.
    pub motions: Box<[Motion]>,
    /// Where it is at the current tick.
    pub positions: Box<[Position]>,
    /// When it arrives; tick 0 for what stands.
    pub arrivals: Box<[Tick]>,
    /// Where it looks: 256ths of a turn, clockwise from north.
    pub headings: Box<[u8]>,
    /// How fast it walks: 1/256 tiles per tick.
    pub speeds: Box<[u16]>,
    /// Health.
    pub hps: Box<[u16]>,
    /// Most health.
    pub hp_maxes: Box<[u16]>,
    /// Flags its viewers see.
    pub flags: Box<[u16]>,
    /// What is to be done for it; only players have any.
    pub duties: Box<[Duties]>,
}

/// One row, to put in or to take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Where it is.
    pub position: Position,
    /// Where it looks.
    pub heading: u8,
    /// How fast it walks.
    pub speed: u16,
    /// Health.
    pub hp: u16,
    /// Most health.
    pub hp_max: u16,
    /// Flags its viewers see.
    pub flags: u16,
}

impl Entities {
    /// Columns of this many rows.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        fn column<T: Clone + Default>(slots: usize) -> Box<[T]> {
            vec![T::default(); slots].into_boxed_slice()
        }
        Self {
            motions: column(slots),
            positions: column(slots),
            arrivals: column(slots),
            headings: column(slots),
            speeds: column(slots),
            hps: column(slots),
            hp_maxes: column(slots),
            flags: column(slots),
            duties: column(slots),
        }
    }

    /// Overwrites a row with something that stands.
    pub fn put(&mut self, slot: usize, row: Row) {
        self.stand(slot, row.position);
        self.headings[slot] = row.heading;
        self.speeds[slot] = row.speed;
        self.hps[slot] = row.hp;
        self.hp_maxes[slot] = row.hp_max;
        self.flags[slot] = row.flags;
        self.duties[slot] = Duties::default();
    }

    /// The row as it is now; whatever walks stands where it is.
    #[must_use]
    pub fn row(&self, slot: usize) -> Row {
        Row {
            position: self.positions[slot],
            heading: self.headings[slot],
            speed: self.speeds[slot],
            hp: self.hps[slot],
            hp_max: self.hp_maxes[slot],
            flags: self.flags[slot],
        }
    }

    /// Stops a slot at a position.
    pub fn stand(&mut self, slot: usize, at: Position) {
        self.motions[slot] = Motion::Standing(at);
        self.positions[slot] = at;
        self.arrivals[slot] = Tick(0);
    }

    /// What viewers are told of a slot.
    #[must_use]
    pub fn state(&self, slot: usize) -> EntityState {
        let (hp, most) = (u32::from(self.hps[slot]), u32::from(self.hp_maxes[slot].max(1)));
        EntityState {
            motion: self.motions[slot],
            heading: self.headings[slot],
            hp_percent: u8::try_from((hp * 100).div_ceil(most).min(100)).unwrap_or(100),
            flags: self.flags[slot],
        }
    }
}
