//! Checks that need more than one setting.

use std::net::IpAddr;

use super::{Cpus, Settings};
use crate::diagnostics::Diagnostics;
use crate::layers::Origins;

/// Reports settings that are fine alone and wrong together.
pub(crate) fn check(settings: &Settings, origins: &Origins, found: &mut Diagnostics) {
    let mut error = |path: &str, message: String, help: &str| {
        let (source, span) = origins.of(path);
        found.error(&source, &span, message, help.to_owned());
    };
    let (flush, map, tick) = (&settings.flush, &settings.map, &settings.tick);
    if flush.tick_ms > flush.max_lag_ms {
        let message = format!("flush.tick_ms is {} and flush.max_lag_ms is {}", flush.tick_ms, flush.max_lag_ms);
        error(
            "flush.tick_ms",
            message,
            "a state cannot be younger than the period of its flush: tick_ms <= max_lag_ms",
        );
    }
    if map.soft_cap > map.hard_cap {
        let message = format!("map.soft_cap is {} and map.hard_cap is {}", map.soft_cap, map.hard_cap);
        error("map.soft_cap", message, "soft_cap <= hard_cap");
    }
    if tick.monster_ms % tick.player_ms != 0 {
        let message = format!("tick.monster_ms is {}, which is not a multiple of tick.player_ms", tick.monster_ms);
        error("tick.monster_ms", message, "allowed: 50, 100, 150, 200 and so on");
    }
    if let Cpus::Listed(cpus) = &settings.cores.map
        && usize::from(settings.udp.port) + cpus.len() > 65_536
    {
        let message =
            format!("udp.port is {} and {} shards need as many ports from there", settings.udp.port, cpus.len());
        error("udp.port", message, "the last port is 65535");
    }
    warn(settings, origins, found);
}

fn warn(settings: &Settings, origins: &Origins, found: &mut Diagnostics) {
    if let (Cpus::Listed(map), Cpus::Listed(housekeeping)) = (&settings.cores.map, &settings.cores.housekeeping) {
        let mut both: Vec<u16> = map.iter().copied().filter(|cpu| housekeeping.contains(cpu)).collect();
        both.sort_unstable();
        both.dedup();
        if !both.is_empty() {
            let (source, span) = origins.of("cores.housekeeping");
            let message = format!("CPUs {both:?} run shards and housekeeping");
            found.warning(
                &source,
                &span,
                message,
                "ticks on these CPUs wait for the gateway, the journal and the store".to_owned(),
            );
        }
    }
    let told: IpAddr = settings.public_ip();
    if settings.udp.bind.is_unspecified() && settings.host.public_address.is_none() {
        let (source, span) = origins.of("udp.bind");
        let message =
            format!("udp.bind is {} and host.public_address is auto: clients are told {told}", settings.udp.bind);
        found.warning(&source, &span, message, "set host.public_address to the address clients reach".to_owned());
    }
}
