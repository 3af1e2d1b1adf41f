//! The largest number of clients for which a trial holds, in few trials.
//!
//! Pure: the trial is handed in. Holding is assumed to be monotonic apart from noise, so a failed trial is repeated once.

use std::error::Error;

/// Where to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    /// First number tried.
    pub(crate) start: u32,
    /// Numbers are multiples of this.
    pub(crate) step: u32,
    /// Never more than this.
    pub(crate) most: u32,
    /// The answer may be below the true number by this share of it.
    pub(crate) within: f64,
}

/// The largest number found to hold, 0 if not even one step does.
pub(crate) fn largest(
    range: Range,
    mut holds: impl FnMut(u32) -> Result<bool, Box<dyn Error>>,
) -> Result<u32, Box<dyn Error>> {
    let mut twice = |clients| Ok::<_, Box<dyn Error>>(holds(clients)? || holds(clients)?);
    let snap = |clients: u32| (clients / range.step * range.step).max(range.step).min(range.most);
    let (mut low, mut high) = (0, None);
    let mut next = snap(range.start);
    loop {
        if twice(next)? {
            low = next
        } else {
            high = Some(next)
        }
        let Some(high) = high else {
            if low == range.most {
                return Ok(low);
            }
            next = snap(low + (low / 4).max(range.step));
            continue;
        };
        if high - low <= range.step || f64::from(high - low) <= f64::from(low) * range.within {
            return Ok(low);
        }
        // Going down from a start that was too high, large steps; between two known numbers, halves.
        next = snap(if low == 0 { high - high / 4 } else { low + (high - low) / 2 });
        if next == low || next == high {
            return Ok(low);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: Range = Range { start: 4_000, step: 100, most: 15_000, within: 0.03 };

    fn found(truth: u32, range: Range) -> (u32, usize) {
        let mut trials = 0;
        let answer = largest(range, |clients| {
            trials += 1;
            Ok(clients <= truth)
        });
        (answer.expect("no trial fails"), trials)
    }

    #[test]
    fn it_comes_close_from_below_in_few_trials() {
        for truth in [300, 1_250, 4_000, 7_777, 9_950, 14_999] {
            let (answer, trials) = found(truth, RANGE);
            assert!(answer <= truth, "{answer} does not hold");
            assert!(f64::from(answer) >= f64::from(truth) * 0.93 - 100.0, "{answer} is far from {truth}");
            assert!(trials <= 24, "{trials} trials for {truth}");
        }
    }

    #[test]
    fn it_ends_at_the_bounds() {
        assert_eq!(found(u32::MAX, RANGE).0, 15_000);
        assert_eq!(found(0, RANGE).0, 0);
    }

    #[test]
    fn one_unlucky_trial_does_not_decide() {
        let mut unlucky = true;
        let answer = largest(RANGE, |clients| Ok(!std::mem::take(&mut unlucky) && clients <= 8_000));
        assert!(answer.expect("no trial fails") > 7_000);
    }

    #[test]
    fn a_trial_that_cannot_run_ends_the_search() {
        assert!(largest(RANGE, |_| Err("no sockets left".into())).is_err());
    }
}
