//! Paths with where the walker is at some ticks.

use crate::generated::json::Json;
use crate::motion::{Direction, Path, Position, Steps};
use crate::time::Tick;

/// Rows `{start, origin, speed, steps, arrival, at: [[tick, x, y, direction]]}`.
pub(super) fn vectors() -> Json {
    use Direction::{East, North, NorthEast, NorthWest, South, SouthEast, SouthWest, West};
    let all = [
        path(20, (2_688, 5_248), 64, &[East, East, SouthEast, SouthEast, East, East]),
        path(0, (0, 0), 1, &[SouthEast]),
        path(0, (511, 511), 7, &[NorthWest, South]),
        path(1_000, (32_768, 32_767), 65_535, &[West; 16]),
        path(9, (2_700, 5_300), 50, &[North, NorthEast, East, SouthEast, South, SouthWest, West, NorthWest]),
        path(4_000_000_000, (65_407, 65_407), 90, &[NorthWest, SouthEast, North, South]),
        path(5, (10_000, 300), 333, &[North, SouthWest, West]),
    ];
    Json::List(all.iter().map(row).collect())
}

fn path(start: u32, (x, y): (u16, u16), speed: u16, steps: &[Direction]) -> Path {
    Path::new(Tick(start), Position::new(x, y), speed, Steps::new(steps).unwrap()).unwrap()
}

/// A path as the vectors name its parts.
pub(super) fn parts(path: &Path) -> Json {
    let steps = path.steps().iter().map(|step| (step as u8).into());
    Json::object([
        ("start", path.start().0.into()),
        ("origin", place(path.origin())),
        ("speed", path.speed().into()),
        ("steps", Json::List(steps.collect())),
    ])
}

/// A position as [x, y].
pub(super) fn place(position: Position) -> Json {
    vec![position.x.into(), position.y.into()].into()
}

fn row(path: &Path) -> Json {
    let (start, arrival) = (path.start().0, path.arrives_at().0);
    let length = arrival - start;
    let mut ticks = vec![start.saturating_sub(1), start, start + 1, start + 2, start + 3];
    ticks.extend((1..12).map(|part| start + length * part / 12));
    ticks.extend([arrival.saturating_sub(1), arrival, arrival + 1, arrival + 1_000]);
    ticks.sort_unstable();
    ticks.dedup();
    let at = ticks.into_iter().map(|tick| {
        let (tick, position) = (Tick(tick), path.position_at(Tick(tick)));
        vec![tick.0.into(), position.x.into(), position.y.into(), (path.direction_at(tick) as u8).into()].into()
    });
    parts(path).with("arrival", arrival).with("at", Json::List(at.collect()))
}
