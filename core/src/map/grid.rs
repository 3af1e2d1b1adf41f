//! The cells of a map: who stands in which, kept incrementally.
//!
//! A cell is 8×8 tiles and a set of slots. Moving between cells flips two bits and bumps the version of every cell
//! from which the change can be noticed, so a viewer whose cell has the version it looked at last has nothing to do.
//! On a map of 1,000 walkers about 20 entities change cell in a tick, so this costs less than sorting all of them
//! again (`docs/decisions/0002-cells-kept-incrementally.md`). Does not know who is watching.

use mu_wire::motion::Position;

use super::slot_set::SlotSets;

/// Tiles along one side of a cell, as a power of two.
pub const CELL_SHIFT: u32 = 3;
/// From a position in 8.8 fixed point to its cell's column or row.
const FIXED_SHIFT: u32 = 8 + CELL_SHIFT;
/// How many rings of cells around its own a viewer takes into view: 16 to 24 tiles.
pub const ENTER_RINGS: usize = 2;
/// How many rings of cells around its own a viewer keeps in view: one more, so that standing on a border does not
/// flicker.
pub const LEAVE_RINGS: usize = ENTER_RINGS + 1;

/// The column value of a slot that stands nowhere.
const NOWHERE: u16 = u16::MAX;

/// Who stands in which cell.
#[derive(Debug)]
pub struct Grid {
    columns: usize,
    rows: usize,
    members: SlotSets,
    versions: Box<[u32]>,
    cell_of: Box<[u16]>,
}

impl Grid {
    /// An empty grid over a map of `width` × `height` tiles with this many slots.
    ///
    /// # Panics
    /// If the map is larger than 256×256 tiles, the range of a position on the wire.
    #[must_use]
    pub fn new(width: u16, height: u16, slots: usize) -> Self {
        assert!(width <= 256 && height <= 256, "a map of {width}×{height} tiles; positions reach 256");
        let columns = usize::from(width).div_ceil(1 << CELL_SHIFT).max(1);
        let rows = usize::from(height).div_ceil(1 << CELL_SHIFT).max(1);
        Self {
            columns,
            rows,
            members: SlotSets::new(columns * rows, slots),
            versions: vec![1; columns * rows].into_boxed_slice(),
            cell_of: vec![NOWHERE; slots].into_boxed_slice(),
        }
    }

    /// How many cells there are.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.columns * self.rows
    }

    /// The cell of a position; a position outside the map belongs to the nearest cell.
    #[must_use]
    pub fn cell_at(&self, at: Position) -> usize {
        let column = usize::from(at.x >> FIXED_SHIFT).min(self.columns - 1);
        let row = usize::from(at.y >> FIXED_SHIFT).min(self.rows - 1);
        row * self.columns + column
    }

    /// The cell a slot stands in.
    #[must_use]
    pub fn cell_of(&self, slot: usize) -> Option<usize> {
        let cell = self.cell_of[slot];
        (cell != NOWHERE).then_some(usize::from(cell))
    }

    /// Puts a slot where it now stands. Cheap when it is still in the same cell.
    pub fn place(&mut self, slot: usize, at: Position) {
        let to = self.cell_at(at);
        match self.cell_of(slot) {
            Some(from) if from == to => return,
            Some(from) => {
                self.members.remove(from, slot);
                self.touch(from);
            }
            None => {}
        }
        self.members.insert(to, slot);
        self.cell_of[slot] = u16::try_from(to).unwrap_or(NOWHERE);
        self.touch(to);
    }

    /// Takes a slot off the grid.
    pub fn remove(&mut self, slot: usize) {
        if let Some(cell) = self.cell_of(slot) {
            self.members.remove(cell, slot);
            self.cell_of[slot] = NOWHERE;
            self.touch(cell);
        }
    }

    /// The slots in a cell.
    #[must_use]
    pub fn members(&self, cell: usize) -> &[u64] {
        self.members.row(cell)
    }

    /// Changes whenever anything within [`LEAVE_RINGS`] of this cell came, went or changed cell.
    #[must_use]
    pub fn version(&self, cell: usize) -> u32 {
        self.versions[cell]
    }

    /// The cells within `rings` of a cell, itself included, row by row.
    pub fn around(&self, cell: usize, rings: usize) -> impl Iterator<Item = usize> + use<> {
        let (columns, rows) = (self.columns, self.rows);
        let (column, row) = (cell % columns, cell / columns);
        let across = column.saturating_sub(rings)..(column + rings + 1).min(columns);
        (row.saturating_sub(rings)..(row + rings + 1).min(rows))
            .flat_map(move |y| across.clone().map(move |x| y * columns + x))
    }

    /// The cells exactly `rings` away from a cell, row by row; with 0 the cell itself.
    pub fn ring(&self, cell: usize, rings: usize) -> impl Iterator<Item = usize> + use<> {
        let (columns, rows) = (self.columns, self.rows);
        let (column, row) = (cell % columns, cell / columns);
        let (west, east) = (column.checked_sub(rings), Some(column + rings).filter(|&x| x < columns));
        let across = column.saturating_sub(rings)..(column + rings + 1).min(columns);
        (row.saturating_sub(rings)..(row + rings + 1).min(rows)).flat_map(move |y| {
            let whole = y.abs_diff(row) == rings;
            let full = if whole { across.clone() } else { 0..0 };
            let sides = [west, east].map(|side| side.filter(|_| !whole));
            full.chain(sides.into_iter().flatten()).map(move |x| y * columns + x)
        })
    }

    fn touch(&mut self, cell: usize) {
        for near in self.around(cell, LEAVE_RINGS) {
            self.versions[near] = self.versions[near].wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::slot_set;

    fn tile(x: u16, y: u16) -> Position {
        Position::new(x << 8, y << 8)
    }

    #[test]
    fn a_slot_is_in_exactly_one_cell_and_versions_tell_who_must_look() {
        let mut grid = Grid::new(256, 256, 70);
        grid.place(65, tile(10, 10));
        let home = grid.cell_of(65).unwrap();
        let far = grid.cell_at(tile(200, 200));
        let (seen_home, seen_far) = (grid.version(home), grid.version(far));

        grid.place(65, tile(15, 15));
        assert_eq!(grid.version(home), seen_home, "a move inside a cell is nobody's business");

        grid.place(65, tile(16, 15));
        assert_ne!(grid.version(home), seen_home);
        assert_eq!(grid.version(far), seen_far);
        let holders = (0..grid.cells()).filter(|&cell| slot_set::contains(grid.members(cell), 65)).count();
        assert_eq!(holders, 1);

        grid.remove(65);
        assert_eq!(grid.cell_of(65), None);
        assert_eq!((0..grid.cells()).map(|cell| slot_set::count(grid.members(cell))).sum::<usize>(), 0);
    }

    #[test]
    fn rings_make_up_the_square_around_a_cell() {
        let grid = Grid::new(88, 72, 1);
        for cell in 0..grid.cells() {
            let mut rings: Vec<usize> = (0..=3).flat_map(|rings| grid.ring(cell, rings)).collect();
            rings.sort_unstable();
            assert_eq!(rings, grid.around(cell, 3).collect::<Vec<_>>(), "cell {cell}");
        }
    }

    #[test]
    fn rings_stop_at_the_edge_of_the_map() {
        let grid = Grid::new(20, 9, 1);
        assert_eq!(grid.cells(), 6, "three columns and two rows");
        assert_eq!(grid.around(0, 1).collect::<Vec<_>>(), [0, 1, 3, 4]);
        assert_eq!(grid.around(4, 3).count(), 6);
        assert_eq!(grid.ring(0, 2).collect::<Vec<_>>(), [2, 5]);
        assert_eq!(grid.ring(4, 0).collect::<Vec<_>>(), [4]);
        assert_eq!(grid.cell_at(Position::new(u16::MAX, u16::MAX)), 5, "outside belongs to the nearest cell");
    }
}
