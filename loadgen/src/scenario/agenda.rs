//! What one bot intends and when: an endless list that the seed decides, whatever the server does.
//!
//! The model is open: an intention has its time, and a late server does not make the bot intend less. Times count from the moment the
//! bot first stands in the world.

use std::time::Duration;

use super::Role;
use crate::dice::Dice;

/// A kind of action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Walk somewhere near.
    Walk,
    /// Say something.
    Chat,
    /// Go to another map.
    Portal,
    /// Ask somebody to trade.
    Trade,
    /// Use the warehouse, a shop or the ground.
    Deal,
}

/// One intention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    /// When, from the first moment in the world.
    pub at: Duration,
    /// What.
    pub act: Act,
    /// Decides the details.
    pub pick: u64,
}

/// The intentions of one bot, in order.
#[derive(Debug, Clone)]
pub struct Agenda {
    dice: Dice,
    plans: [Plan; 5],
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    act: Act,
    period: Duration,
    next: Duration,
}

impl Agenda {
    /// The agenda of bot `bot`.
    #[must_use]
    pub fn new(role: &Role, seed: u64, bot: usize) -> Self {
        let mut dice = Dice::new(seed, bot as u64);
        let kinds = [
            (Act::Walk, role.walk),
            (Act::Chat, role.chat),
            (Act::Portal, role.portal),
            (Act::Trade, role.trade),
            (Act::Deal, role.deal),
        ];
        let plans = kinds.map(|(act, period)| {
            let first = fraction(period, dice.below(1000));
            Plan { act, period, next: if period.is_zero() { Duration::MAX } else { first } }
        });
        Self { dice, plans }
    }

    /// When the next intention is due; [`Duration::MAX`] for a role that never does anything.
    #[must_use]
    pub fn due(&self) -> Duration {
        self.plans.iter().map(|plan| plan.next).min().unwrap_or(Duration::MAX)
    }

    /// Takes the next intention, if it is due after `passed`.
    pub fn take(&mut self, passed: Duration) -> Option<Intent> {
        let plan = self.plans.iter_mut().min_by_key(|plan| plan.next).filter(|plan| plan.next <= passed)?;
        let (at, act) = (plan.next, plan.act);
        // Between half and one and a half periods: the mean holds and bots do not march in step.
        plan.next += plan.period / 2 + fraction(plan.period, self.dice.below(1000));
        Some(Intent { at, act, pick: self.dice.roll() })
    }
}

fn fraction(period: Duration, thousandths: u64) -> Duration {
    let micros = u64::try_from(period.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(micros / 1000 * thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    fn first(seed: u64, bot: usize, steps: &[u64]) -> Vec<Intent> {
        let mix = Scenario::builtin("mix").expect("a built-in scenario");
        let mut agenda = Agenda::new(mix.role(seed, bot), seed, bot);
        let mut taken = Vec::new();
        for step in steps {
            while let Some(intent) = agenda.take(Duration::from_millis(*step)) {
                taken.push(intent);
            }
        }
        taken
    }

    #[test]
    fn the_seed_decides_and_the_pace_of_asking_does_not() {
        let fine: Vec<u64> = (0..=60_000).step_by(5).collect();
        assert_eq!(first(3, 5, &fine), first(3, 5, &[60_000]));
        assert_ne!(first(3, 5, &[60_000]), first(4, 5, &[60_000]));
        assert_ne!(first(3, 5, &[60_000]), first(3, 6, &[60_000]));
    }

    #[test]
    fn each_act_comes_as_often_as_its_period_says() {
        let town = Scenario::builtin("town").expect("a built-in scenario");
        let mut agenda = Agenda::new(&town.roles[0], 9, 1);
        let mut counts = [0_u32; 5];
        while let Some(intent) = agenda.take(Duration::from_secs(6000)) {
            counts[intent.act as usize] += 1;
        }
        let want = [2000, 600, 300, 0, 0];
        for (count, want) in counts.iter().zip(want) {
            assert!(count.abs_diff(want) <= want / 20 + 1, "{counts:?}");
        }
    }
}
