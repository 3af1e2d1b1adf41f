//! Opens any number of damaged images of small logs and judges each by an oracle: `recovery_fuzz [IMAGES] [SEED]`.
//!
//! The same as the test `random_damage_is_reported_or_harmless`, without an end. Stops with the edits of the first image
//! that breaks the rule; the same seed finds it again.
#![allow(clippy::print_stdout, reason = "a front end")]

#[path = "../tests/it/edits.rs"]
mod edits;
#[path = "../tests/it/fuzz.rs"]
mod fuzz;
#[path = "../tests/it/image.rs"]
mod image;

const BATCH: u64 = 1_000_000;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let images = numbers.next().unwrap_or(1_000_000);
    let seed = numbers.next().unwrap_or(1);
    let samples = fuzz::samples();
    let mut total = fuzz::Tally::default();
    while total.images() < images {
        let batch = (images - total.images()).min(BATCH);
        let tally = fuzz::run(&samples, batch, seed.wrapping_add(total.images()));
        total.whole += tally.whole;
        total.reported += tally.reported;
        total.last_frame += tally.last_frame;
        total.wiped += tally.wiped;
        println!(
            "{} images: {} whole, {} reported, {} without an unpromised last frame, {} without records whose every promise \
             is destroyed; {:.1} s of CPU",
            total.images(),
            total.whole,
            total.reported,
            total.last_frame,
            total.wiped,
            cpu_seconds()
        );
    }
}

/// User and system time of this process, from the kernel's table of it, in its ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default();
    let ticks: u32 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
    f64::from(ticks) / 100.0
}
