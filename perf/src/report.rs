//! Promises with what was measured for them, as a table and as JSON.
//!
//! The JSON is a contract: fields may be added, none renamed. A promise names what stands beside it (the limit or the peer), so a
//! ratio can always be taken apart.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

use crate::host::Host;

/// What a promise asks of its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Want {
    /// At least this much.
    AtLeast(f64),
    /// At most this much.
    AtMost(f64),
}

impl Want {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(limit) => value >= limit,
            Self::AtMost(limit) => value <= limit,
        }
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(limit) => write!(f, ">= {}", number(*limit)),
            Self::AtMost(limit) => write!(f, "<= {}", number(*limit)),
        }
    }
}

impl Serialize for Want {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One promise and its figure.
#[derive(Debug, Clone, Serialize)]
pub struct Promise {
    name: String,
    value: f64,
    unit: &'static str,
    want: Want,
    holds: bool,
    beside: BTreeMap<&'static str, f64>,
}

impl Promise {
    /// A promise with what was measured beside it.
    pub fn new(
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        want: Want,
        beside: &[(&'static str, f64)],
    ) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            want,
            holds: want.holds(value),
            beside: beside.iter().copied().collect(),
        }
    }
}

impl Promise {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The unit of its value.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        self.unit
    }

    /// Whether it holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.holds
    }
}

/// All promises of one bench on one host.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    bench: &'static str,
    holds: bool,
    host: Host,
    promises: Vec<Promise>,
}

impl Report {
    /// Puts the promises of a bench together; it holds if all of them do.
    pub fn new(bench: &'static str, host: Host, promises: Vec<Promise>) -> Self {
        Self { bench, holds: promises.iter().all(|promise| promise.holds), host, promises }
    }

    /// Whether every promise holds.
    pub fn holds(&self) -> bool {
        self.holds
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{} on {}", self.bench, self.host)?;
        writeln!(f, "  {:<34} {:>12}  {:<10} {:<10} beside", "promise", "value", "want", "")?;
        for promise in &self.promises {
            let beside: Vec<_> =
                promise.beside.iter().map(|(name, value)| format!("{name} {}", number(*value))).collect();
            let value = format!("{} {}", number(promise.value), promise.unit);
            let holds = if promise.holds { "holds" } else { "SHORT" };
            let want = promise.want.to_string();
            writeln!(f, "  {:<34} {value:>12}  {want:<10} {holds:<10} {}", promise.name, beside.join(", "))?;
        }
        Ok(())
    }
}

/// Microseconds up to ten seconds, three digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 10_000_000, 3).expect("valid bounds")
}

/// Few enough digits to read, enough to compare.
fn number(value: f64) -> String {
    if value.abs() >= 100.0 || value == value.trunc() { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_the_contract() {
        let promise = Promise::new("clients_vs_raw_loop", 0.71, "ratio", Want::AtLeast(0.8), &[("ours", 7_100.0)]);
        let report = Report::new("ccu", Host::unknown(), vec![promise]);
        let json = serde_json::to_value(&report).expect("serialisable");
        assert_eq!(json["bench"], "ccu");
        assert_eq!(json["holds"], false);
        assert_eq!(
            json["promises"][0],
            serde_json::json!({
                "name": "clients_vs_raw_loop", "value": 0.71, "unit": "ratio", "want": ">= 0.80", "holds": false,
                "beside": { "ours": 7100.0 }
            })
        );
    }

    #[test]
    fn a_report_holds_only_if_every_promise_does() {
        let promise = |value| Promise::new("p", value, "x", Want::AtMost(3.0), &[]);
        assert!(Report::new("b", Host::unknown(), vec![promise(3.0)]).holds());
        assert!(!Report::new("b", Host::unknown(), vec![promise(3.0), promise(3.1)]).holds());
    }
}
