//! What a moved entity costs in a snapshot: bits on the wire, and nanoseconds with and without the bits that viewers share.
//!
//! Fifty viewers see the same sixty walkers, who all moved. Without the cache the shared bits are forgotten before each viewer
//! asks, so that everything is made again for everyone; nothing else differs, and both take turns. The promise is about the
//! bits themselves; beside it stands a whole record in a packet, with what is each viewer's own: finding it, name, baseline.

use mu_wire::Tick;
use mu_wire::measure::{forget_shared, shared_bits};
use mu_wire::snapshot::{Replicator, View};

use super::walkers::Walkers;
use mu_perf::host::exact;
use mu_perf::report::{Promise, Want};
use mu_perf::timing::{Effort, median, round_ns};

const VIEWERS: usize = 50;
const ENTITIES: u16 = 60;
const MOVED_BITS: f64 = 57.0;
const CACHE: f64 = 5.0;

/// Two promises.
pub(super) fn promises(effort: Effort) -> [Promise; 2] {
    [bits(effort), cache(effort)]
}

/// The mean over walks as players make them; a packet's head and the filling of its last byte included.
fn bits(effort: Effort) -> Promise {
    let mut walkers = Walkers::new(1);
    let mut world = walkers.world(120);
    let mut view = seeing_all(&world);
    let (mut moved, mut bytes, mut body) = (0, 0, [0; 8_192]);
    for step in 1..=u32::try_from(effort.rounds * 100).unwrap_or(u32::MAX) {
        let tick = Tick(step);
        let came = walkers.walk(&mut world, tick, 25);
        let written = view.write(step.into(), tick, &mut world, &mut body);
        view.delivered(u64::from(step).saturating_sub(2));
        // The first packets introduce everybody.
        if step > 20 {
            moved += came;
            bytes += written;
        }
    }
    let per_entity = 8.0 * exact(bytes as u64) / f64::from(moved.max(1));
    Promise::new(
        "bits_per_moved_entity",
        per_entity,
        "bits",
        Want::AtMost(MOVED_BITS),
        &[("bytes", per_entity / 8.0), ("moved", f64::from(moved))],
    )
}

fn cache(effort: Effort) -> Promise {
    let mut walkers = Walkers::new(2);
    let mut world = walkers.world(ENTITIES);
    let mut views: Vec<View> = (0..VIEWERS).map(|_| seeing_all(&world)).collect();
    let (mut shared, mut alone) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for step in 1..=u32::try_from(effort.rounds * 20).unwrap_or(u32::MAX) {
        let moved = walkers.walk(&mut world, Tick(step), 1);
        let with_cache = step % 2 == 0;
        let figures = if with_cache { &mut shared } else { &mut alone };
        let per_entity = |ns: f64| ns / exact(VIEWERS as u64) / f64::from(moved.max(1));
        figures[0].push(per_entity(views.iter().map(|_| encode_ns(&mut world, with_cache)).sum()));
        forget_shared(&mut world);
        figures[1].push(per_entity(views.iter_mut().map(|view| write_ns(view, &mut world, step, with_cache)).sum()));
    }
    let [[encode, whole], [encode_alone, whole_alone]] =
        [shared, alone].map(|kinds| kinds.map(|mut ns| median(&mut ns)));
    let beside = [
        ("encode_ns", encode),
        ("encode_ns_alone", encode_alone),
        ("record_ns", whole),
        ("record_ns_alone", whole_alone),
        ("record_ratio", whole_alone / whole),
    ];
    Promise::new("cache_at_50_viewers", encode_alone / encode, "ratio", Want::AtLeast(CACHE), &beside)
}

/// A viewer asks for everybody's bits.
fn encode_ns(world: &mut Replicator, with_cache: bool) -> f64 {
    if !with_cache {
        forget_shared(world);
    }
    round_ns(1, || {
        for slot in 0..ENTITIES {
            std::hint::black_box(shared_bits(world, slot));
        }
    })
}

/// A viewer's packet is written, and arrives.
fn write_ns(view: &mut View, world: &mut Replicator, step: u32, with_cache: bool) -> f64 {
    if !with_cache {
        forget_shared(world);
    }
    let mut body = [0; 4_096];
    let ns = round_ns(1, || {
        view.write(step.into(), Tick(step), world, &mut body);
    });
    view.delivered(step.into());
    ns
}

fn seeing_all(world: &Replicator) -> View {
    let mut view = View::new(world.capacity());
    for slot in 0..u16::try_from(world.capacity()).unwrap_or(u16::MAX) {
        assert!(view.enter(slot), "there is room for slot {slot}");
    }
    view
}
