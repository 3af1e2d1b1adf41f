//! Walking against a model that only knows the drawing.

use mu_core::map::Rules;
use mu_core::map::rng::Rng;
use mu_wire::EntityId;
use mu_wire::messages::{Input, ServerMessage, Walk};
use mu_wire::motion::{Direction, Position, Steps, Tile};

use super::rig::{Rig, SPEED, character, drawn, open_map};

fn walk(rig: &mut Rig, who: EntityId, from: Position, steps: &[Direction]) {
    let steps = Steps::new(steps).expect("1 to 16 steps");
    assert!(rig.map.input(who, 1, Input::Walk(Walk { from, steps })));
}

/// The drawing and the rule, written down once more as simply as possible.
struct Model {
    rows: Vec<String>,
}

impl Model {
    fn open(&self, x: i32, y: i32) -> bool {
        let row = usize::try_from(y).ok().and_then(|y| self.rows.get(y));
        let tile = row.and_then(|row| usize::try_from(x).ok().and_then(|x| row.as_bytes().get(x).copied()));
        tile.is_some_and(|tile| tile != b'#')
    }

    /// Where the steps lead, if all of them are possible.
    fn end(&self, from: Tile, steps: &[Direction]) -> Option<Tile> {
        let (mut x, mut y) = (i32::from(from.x), i32::from(from.y));
        for step in steps {
            let (dx, dy) = step.delta();
            let (dx, dy) = (i32::from(dx), i32::from(dy));
            if !self.open(x + dx, y + dy) || !self.open(x + dx, y) || !self.open(x, y + dy) {
                return None;
            }
            (x, y) = (x + dx, y + dy);
        }
        Some(Tile::new(u8::try_from(x).ok()?, u8::try_from(y).ok()?))
    }
}

fn random_map(rng: &mut Rng) -> Vec<String> {
    let row = |rng: &mut Rng| (0..40).map(|_| if rng.below(5) == 0 { '#' } else { '.' }).collect::<String>();
    let mut rows: Vec<String> = (0..40).map(|_| row(rng)).collect();
    rows[20].replace_range(20..21, ".");
    rows
}

#[test]
fn a_walk_is_taken_exactly_when_the_drawing_allows_every_step() {
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..40 {
        let mut rng = Rng::new(seed);
        let model = Model { rows: random_map(&mut rng) };
        let mut rig = Rig::new(&drawn(&model.rows), 1, Rules::default(), seed);
        let who = rig.join(&character(1, Tile::new(20, 20), 0, &[]));
        rig.step();
        for _ in 0..30 {
            let from = rig.at(who);
            let length = usize::from(rng.below(16)) + 1;
            let steps: Vec<Direction> = (0..length).map(|_| Direction::from_bits(rng.draw() >> 20)).collect();
            walk(&mut rig, who, from, &steps);
            rig.told.clear();
            rig.step();
            let corrected = rig.names(who).contains(&"Correction");
            let expected = model.end(from.tile(), &steps);
            assert_eq!(corrected, expected.is_none(), "seed {seed}: {steps:?} from {from:?}");
            let mut before = from;
            for _ in 0..16 * 362 / u32::from(SPEED) + 3 {
                let at = rig.at(who);
                assert!(before.distance(at) <= u32::from(SPEED) + 3, "no faster than the server's speed");
                assert!(model.open(i32::from(at.x >> 8), i32::from(at.y >> 8)), "never inside a wall");
                before = at;
                rig.step();
            }
            match expected {
                Some(tile) => assert_eq!(rig.at(who), tile.centre()),
                None => assert_eq!(rig.at(who), from, "a refused walk moves nobody"),
            }
            *(if corrected { &mut refused } else { &mut taken }) += 1;
        }
    }
    assert!(taken > 100 && refused > 100, "both happened: {taken} taken, {refused} refused");
}

#[test]
fn a_client_that_is_a_little_ahead_is_followed_along_its_path() {
    let rows: Vec<String> =
        ["#########", "#.......#", "#.#####.#", "#.......#", "#########"].map(String::from).to_vec();
    let mut rig = Rig::new(&drawn(&rows), 1, Rules::default(), 1);
    let who = rig.join(&character(1, Tile::new(1, 3), 0, &[]));
    rig.step();
    let corner = Tile::new(1, 3).centre();
    walk(&mut rig, who, corner, &[Direction::North, Direction::North, Direction::East, Direction::East]);
    rig.steps(10);
    assert_eq!(rig.at(who).tile(), Tile::new(1, 2), "the server is on its way");
    rig.told.clear();
    walk(&mut rig, who, Tile::new(2, 1).centre(), &[Direction::East, Direction::East]);
    rig.step();
    assert!(rig.names(who).is_empty(), "around the corner along the path, although the straight way is a wall");
    rig.steps(40);
    assert_eq!(rig.at(who), Tile::new(4, 1).centre());
}

#[test]
fn a_client_that_claims_to_be_elsewhere_is_put_back() {
    let mut rig = Rig::new(&open_map(32), 1, Rules::default(), 1);
    let who = rig.join(&character(1, Tile::new(10, 10), 0, &[]));
    rig.step();
    rig.told.clear();
    walk(&mut rig, who, Tile::new(13, 10).centre(), &[Direction::East]);
    rig.step();
    let told = rig.heard(who, |message| match message {
        ServerMessage::Correction { tick, x, y } => (tick.0, Position::new(x, y)),
        other => panic!("{other:?}"),
    });
    assert_eq!(told, [(rig.tick, Tile::new(10, 10).centre())]);
    assert_eq!(rig.map.stats().walks_refused, 1);
    walk(&mut rig, who, Tile::new(12, 10).centre(), &[Direction::East]);
    rig.steps(30);
    assert!(rig.names(who).is_empty(), "two tiles are within the tolerance");
    assert_eq!(rig.at(who), Tile::new(13, 10).centre(), "and are walked, not jumped");
}

#[test]
fn joining_up_never_makes_a_walk_longer_than_sixteen_steps() {
    let mut rig = Rig::new(&open_map(64), 1, Rules::default(), 1);
    let who = rig.join(&character(1, Tile::new(10, 10), 0, &[]));
    rig.step();
    walk(&mut rig, who, Tile::new(12, 10).centre(), &[Direction::East; 16]);
    rig.steps(200);
    assert_eq!(rig.at(who), Tile::new(26, 10).centre(), "two steps to the claimed tile and fourteen of the sixteen");
}

#[test]
fn stop_ends_at_the_next_centre_and_step_goes_one_tile() {
    let mut rig = Rig::new(&open_map(32), 1, Rules::default(), 1);
    let who = rig.join(&character(1, Tile::new(10, 10), 0, &[]));
    rig.step();
    let start = rig.at(who);
    walk(&mut rig, who, start, &[Direction::East; 10]);
    rig.steps(9);
    assert_eq!(rig.at(who).x, start.x + 8 * SPEED, "one tile and a bit");
    rig.map.input(who, 2, Input::Stop);
    rig.steps(20);
    assert_eq!(rig.at(who), Tile::new(12, 10).centre());
    rig.map.input(who, 3, Input::Step { dx: 1, dy: -1 });
    rig.steps(20);
    assert_eq!(rig.at(who), Tile::new(13, 9).centre());
    rig.told.clear();
    rig.map.input(who, 4, Input::Step { dx: 2, dy: 0 });
    rig.step();
    assert_eq!(rig.names(who), ["Correction"], "nobody steps two tiles");
}

#[test]
fn hot_state_follows_a_walk_at_least_every_two_seconds_and_then_is_silent() {
    let mut rig = Rig::new(&open_map(64), 3, Rules::default(), 1);
    let who = [1, 2, 3].map(|id| rig.join(&character(id, Tile::new(10, 10), 0, &[])))[2];
    rig.steps(40);
    assert_eq!(rig.rows.len(), 3, "each newcomer once");
    rig.rows.clear();
    let from = rig.at(who);
    walk(&mut rig, who, from, &[Direction::East; 16]);
    rig.steps(160);
    let rows = std::mem::take(&mut rig.rows);
    assert!(rows.iter().all(|row| row.character.0 == 3) && rows.len() == 4, "four times in eight seconds: {rows:?}");
    assert!(rows.windows(2).all(|pair| pair[0].version < pair[1].version && pair[0].x <= pair[1].x));
    assert_eq!(rows[3].x, i32::from(Tile::new(26, 10).centre().x));
    rig.steps(160);
    assert!(rig.rows.is_empty(), "nothing changed");
    let (first, second) = (rig.map.hot(who).unwrap(), rig.map.hot(who).unwrap());
    assert_eq!(first, second, "asking changes nothing");
    assert_eq!(first.version, rows[3].version);
}
