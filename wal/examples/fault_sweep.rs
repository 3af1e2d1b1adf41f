//! Every fault at every operation of scripted lives, and every fault at every operation of the recoveries from them:
//! `fault_sweep [SCENARIOS] [FIRST_SEED] [drawn]`; with `drawn`, second faults as in the tests: one of each kind.
#![allow(clippy::print_stdout, reason = "a front end")]

#[path = "../tests/it/edits.rs"]
#[allow(dead_code, reason = "the sweep only needs the random numbers beside it")]
mod edits;
#[path = "../tests/it/fuzz.rs"]
#[allow(dead_code, reason = "the sweep only needs its random numbers")]
mod fuzz;
#[path = "../tests/it/image.rs"]
#[allow(dead_code, reason = "the sweep only needs the random numbers beside it")]
mod image;
#[path = "../tests/it/rig.rs"]
#[allow(dead_code, reason = "the sweep opens journals by itself")]
mod rig;
#[path = "../tests/it/scripted.rs"]
mod scripted;
#[path = "../tests/it/sweep.rs"]
mod sweep;

fn main() {
    let mut numbers = std::env::args().skip(1).take(2).map(|text| text.parse::<u64>().expect("a number"));
    let depth = match std::env::args().nth(3) {
        Some(_) => sweep::Depth::Drawn,
        None => sweep::Depth::Every,
    };
    let scenarios = numbers.next().unwrap_or(50);
    let first = numbers.next().unwrap_or(1);
    let mut total = sweep::Swept::default();
    for seed in first..first + scenarios {
        let swept = sweep::sweep(seed, depth);
        total.operations += swept.operations;
        total.first += swept.first;
        total.runs += swept.runs;
        total.reported += swept.reported;
        total.last_frame += swept.last_frame;
        println!(
            "scenario {seed}: {} operations, {} first faults, {} runs; so far {} runs, {} flips reported, {} in an \
             unpromised last frame",
            swept.operations, swept.first, swept.runs, total.runs, total.reported, total.last_frame
        );
    }
}
