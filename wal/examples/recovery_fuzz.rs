//! Opens any number of damaged images of small logs and judges each by an oracle: `recovery_fuzz [IMAGES] [SEED]`.
//!
//! The same as the test `random_damage_is_reported_or_harmless`, without an end. Stops with the edits of the first image
//! that breaks the rule; the same seed finds it again.
#![allow(clippy::print_stdout, reason = "a front end")]

#[path = "../tests/it/edits.rs"]
mod edits;
#[path = "../tests/it/fuzz.rs"]
mod fuzz;

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let images = numbers.next().unwrap_or(1_000_000);
    let seed = numbers.next().unwrap_or(1);
    let samples = fuzz::samples();
    let mut total = fuzz::Tally::default();
    let mut done = 0;
    while done < images {
        let batch = (images - done).min(100_000);
        let tally = fuzz::run(&samples, batch, seed.wrapping_add(done));
        total.whole += tally.whole;
        total.reported += tally.reported;
        total.excused += tally.excused;
        done += batch;
        println!("{done} images: {} whole, {} reported, {} excused", total.whole, total.reported, total.excused);
    }
}
