//! A map's tiles as one bit each, and a rectangle of tiles.

/// One bit for each tile of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    width: u16,
    height: u16,
    bits: Vec<u64>,
}

impl Grid {
    /// A grid with every bit clear.
    #[must_use]
    pub fn new(width: u16, height: u16) -> Self {
        let tiles = usize::from(width) * usize::from(height);
        Self { width, height, bits: vec![0; tiles.div_ceil(64)] }
    }

    /// Tiles from west to east.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Tiles from north to south.
    #[must_use]
    pub fn height(&self) -> u16 {
        self.height
    }

    /// The bit of a tile; tiles outside are clear.
    #[must_use]
    pub fn get(&self, x: u16, y: u16) -> bool {
        self.place(x, y).is_some_and(|(word, bit)| self.bits[word] & bit != 0)
    }

    /// Sets the bit of a tile; tiles outside are ignored.
    pub fn set(&mut self, x: u16, y: u16) {
        if let Some((word, bit)) = self.place(x, y) {
            self.bits[word] |= bit;
        }
    }

    /// How many bits are set.
    #[must_use]
    pub fn count(&self) -> usize {
        self.bits.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The tiles whose bit is set, row by row.
    pub fn tiles(&self) -> impl Iterator<Item = (u16, u16)> + '_ {
        (0..self.height).flat_map(move |y| (0..self.width).map(move |x| (x, y))).filter(|(x, y)| self.get(*x, *y))
    }

    fn place(&self, x: u16, y: u16) -> Option<(usize, u64)> {
        if x >= self.width || y >= self.height {
            return None;
        }
        let tile = usize::from(y) * usize::from(self.width) + usize::from(x);
        Some((tile / 64, 1 << (tile % 64)))
    }
}

/// A rectangle of tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// Westernmost column.
    pub x: u16,
    /// Northernmost row.
    pub y: u16,
    /// Columns; at least 1.
    pub width: u16,
    /// Rows; at least 1.
    pub height: u16,
}

impl Rect {
    /// Whether a tile is inside.
    #[must_use]
    pub fn contains(&self, x: u16, y: u16) -> bool {
        x.checked_sub(self.x).is_some_and(|dx| dx < self.width)
            && y.checked_sub(self.y).is_some_and(|dy| dy < self.height)
    }

    /// Its tiles, row by row.
    pub fn tiles(self) -> impl Iterator<Item = (u16, u16)> {
        let rows = self.y..self.y.saturating_add(self.height);
        rows.flat_map(move |y| (self.x..self.x.saturating_add(self.width)).map(move |x| (x, y)))
    }

    /// The tile in its middle.
    #[must_use]
    pub fn centre(&self) -> (u16, u16) {
        (self.x + self.width / 2, self.y + self.height / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_remembers_each_tile_and_nothing_outside() {
        let mut grid = Grid::new(9, 9);
        grid.set(8, 8);
        grid.set(0, 1);
        grid.set(9, 0);
        assert_eq!(grid.tiles().collect::<Vec<_>>(), [(0, 1), (8, 8)]);
        assert_eq!(grid.count(), 2);
        assert!(!grid.get(9, 0), "a tile outside is clear");
    }

    #[test]
    fn a_rectangle_contains_exactly_its_tiles() {
        let rect = Rect { x: 2, y: 3, width: 2, height: 3 };
        let inside: Vec<_> =
            (0..10).flat_map(|y| (0..10).map(move |x| (x, y))).filter(|(x, y)| rect.contains(*x, *y)).collect();
        assert_eq!(inside, rect.tiles().collect::<Vec<_>>());
        assert!(rect.contains(rect.centre().0, rect.centre().1));
    }
}
