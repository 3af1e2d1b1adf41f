//! The server's process: it says where it is, waits for its clients, works for some seconds and reports.

use std::io::Write;
use std::time::Duration;

use mu_perf::timing::process_cpu;
use serde::{Deserialize, Serialize};

use super::engine::{ServerEnd, Steps, turn, wall_ns};
use super::{DOWN_BYTES, Engine, TICK_STEPS, enet, ours, quic, raw, renet};
use crate::Failed;

/// What the server's side of a trial showed.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Served {
    /// Datagrams sent to clients.
    pub(super) sent: u64,
    pub(super) inputs: u64,
    /// CPU time while it sent, in nanoseconds.
    pub(super) cpu_ns: u64,
}

/// Nobody waits longer for clients.
const PATIENCE_STEPS: u64 = 60 * 200;
/// Steps after the last datagram in which the server still answers.
const LINGER_STEPS: u64 = 60;

/// Runs the server of `engine`; its words go to standard output.
pub(crate) fn serve(engine: Engine, clients: usize, seconds: u64) -> Result<(), Failed> {
    let mut say = |line: &str| -> Result<(), Failed> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}")?;
        Ok(out.flush()?)
    };
    run(engine, clients, seconds, process_cpu, &mut say)
}

/// The same on a thread, for tests: the CPU time is the thread's.
#[cfg(test)]
pub(super) fn on_thread(
    engine: Engine,
    clients: usize,
    seconds: u64,
    say: &mut dyn FnMut(&str) -> Result<(), Failed>,
) -> Result<(), Failed> {
    run(engine, clients, seconds, mu_perf::timing::thread_cpu, say)
}

fn run(
    engine: Engine,
    clients: usize,
    seconds: u64,
    cpu: fn() -> Duration,
    say: &mut dyn FnMut(&str) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let served = match engine {
        Engine::Ours => work(&mut ours::Server::new(clients)?, clients, seconds, cpu, say)?,
        Engine::Raw => work(&mut raw::Server::new(clients)?, clients, seconds, cpu, say)?,
        Engine::Renet => work(&mut renet::Server::new(clients)?, clients, seconds, cpu, say)?,
        Engine::Enet => work(&mut enet::Server::new(clients)?, clients, seconds, cpu, say)?,
        Engine::Quinn => quic::serve(clients, seconds, cpu, say)?,
    };
    say(&serde_json::to_string(&served)?)
}

fn work(
    server: &mut dyn ServerEnd,
    clients: usize,
    seconds: u64,
    cpu: fn() -> Duration,
    say: &mut dyn FnMut(&str) -> Result<(), Failed>,
) -> Result<Served, Failed> {
    say(&server.invitation())?;
    let mut steps = Steps::new();
    let mut waited = 0;
    while server.ready() < clients {
        steps.wait();
        server.receive()?;
        server.flush()?;
        waited += 1;
        if waited > PATIENCE_STEPS {
            return Err(format!("only {} of {clients} clients came", server.ready()).into());
        }
    }
    let mut served = Served::default();
    let (began, inputs) = (cpu(), server.inputs());
    let mut payload = [0xa5; DOWN_BYTES];
    for step in 0..seconds * 200 {
        steps.wait();
        server.receive()?;
        for client in turn(clients, step % TICK_STEPS, TICK_STEPS) {
            payload[..8].copy_from_slice(&wall_ns().to_le_bytes());
            server.send(client, &payload)?;
            served.sent += 1;
        }
        server.flush()?;
    }
    served.cpu_ns = u64::try_from((cpu() - began).as_nanos())?;
    served.inputs = server.inputs() - inputs;
    for _ in 0..LINGER_STEPS {
        steps.wait();
        server.receive()?;
        server.flush()?;
    }
    Ok(served)
}
