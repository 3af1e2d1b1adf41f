//! Bodies byte by byte: the example of `docs/protocol.md`, chapter "Snapshots".

use mu_wire::{
    EntityId, Tick,
    motion::{Direction, Motion, Path, Steps, Tile},
    snapshot::{EntityKind, EntityState, Identity, Name, Replica, Replicator, View},
};

/// A player comes into sight, walks, is hurt a tick before the packet that tells it, and leaves.
const BODIES: [(u32, &str); 4] = [
    (7, "002000e0000000600020000002008494c646760ca800480104"),
    (20, "00412a1000450c"),
    (23, "0011304a0b"),
    (24, "0010"),
];

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

/// protocol.md 12.2, 12.3.
#[test]
fn the_bytes_are_these() {
    let name = Name::new(b"Hild").unwrap();
    let identity = Identity { entity: EntityId::new(3, 1), kind: EntityKind::Player, template: 2, name };
    let standing =
        EntityState { motion: Motion::Standing(Tile::new(10, 20).centre()), heading: 64, ..EntityState::default() };
    let steps = [Direction::East, Direction::SouthEast, Direction::East].map(|step| [step; 2]).concat();
    let path = Path::new(Tick(20), Tile::new(10, 20).centre(), 64, Steps::new(&steps).unwrap()).unwrap();
    let walking = EntityState { motion: Motion::Walking(path), ..standing };

    let mut world = Replicator::new(4);
    let mut view = View::new(1);
    world.insert(3, identity, standing, Tick(7));
    view.enter(3);
    let mut replica = Replica::new();
    for (packet, (tick, hex)) in BODIES.into_iter().enumerate() {
        let packet = packet as u64;
        match packet {
            1 => _ = world.update(3, walking, Tick(20)),
            2 => _ = world.update(3, EntityState { hp_percent: 90, ..walking }, Tick(22)),
            3 => view.leave(3),
            _ => {}
        }
        let mut body = [0; 64];
        let len = view.write(packet, Tick(tick), &mut world, &mut body);
        let written: String = body[..len].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(written, hex, "body {packet}");
        view.delivered(packet);
        replica.apply(Tick(tick), &bytes(hex), &mut |_| ()).unwrap();
        if packet == 2 {
            let seen = replica.get(identity.entity).unwrap();
            assert_eq!((seen.changed_at, seen.state.hp_percent), (Tick(22), 90));
        }
    }
    assert!(replica.is_empty());
}
