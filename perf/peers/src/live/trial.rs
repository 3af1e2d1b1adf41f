//! One trial: a server, all its clients in this process, and what came of it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use hdrhistogram::Histogram;
use mu_perf::host::exact;
use mu_perf::timing::thread_cpu;

use super::engine::{ClientsEnd, Steps, turn, wall_ns};
use super::serve::Served;
use super::{Engine, INPUT_STEPS, UP_BYTES, enet, ours, quic, raw, renet};
use crate::Failed;

/// What a trial showed.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) clients: usize,
    pub(super) sent: u64,
    /// Inputs that arrived while it sent.
    pub(super) inputs: u64,
    received: u64,
    server_cpu: Duration,
    pub(super) p99_ms: f64,
    /// Share of a CPU that the clients used.
    pub(super) client_cpu: f64,
}

impl Outcome {
    /// Server CPU seconds for a million datagrams to clients, with the inputs that go with them.
    pub(super) fn cpu_s_per_million(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / exact(self.sent.max(1))
    }

    pub(super) fn arrived(&self) -> f64 {
        exact(self.received) / exact(self.sent.max(1))
    }

    pub(super) fn holds(&self) -> bool {
        self.arrived() >= 0.999 && self.p99_ms <= 100.0
    }

    /// Whether the clients had no CPU left, so that the server's limit lies higher.
    pub(super) fn client_bound(&self) -> bool {
        self.client_cpu > 0.80
    }
}

/// A server in a process of its own.
pub(super) fn run(engine: Engine, clients: usize, seconds: u64) -> Result<Outcome, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", "--engine", engine.name()]);
    command.args(["--clients", &clients.to_string(), "--seconds", &seconds.to_string()]);
    let mut child = Running(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?);
    let lines = BufReader::new(child.0.stdout.take().ok_or("the server has no output")?).lines();
    let (say, said) = channel();
    let reader = std::thread::Builder::new().name("reader".into()).spawn(move || {
        lines.map_while(Result::ok).for_each(|line| drop(say.send(line)));
    })?;
    let outcome = attend(engine, clients, &said);
    drop(child);
    reader.join().map_err(|_| "the reader of the server's output panicked")?;
    outcome
}

/// A server on a thread of this process, for tests.
#[cfg(test)]
pub(super) fn in_this_process(engine: Engine, clients: usize, seconds: u64) -> Result<Outcome, Failed> {
    let (say, said) = channel();
    let server = std::thread::spawn(move || {
        super::serve::on_thread(engine, clients, seconds, &mut |line| Ok(say.send(line.to_owned())?))
            .map_err(|error| error.to_string())
    });
    let outcome = attend(engine, clients, &said);
    server.join().map_err(|_| "the server panicked")??;
    outcome
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It ends by itself after its report; if the trial failed, nobody needs it any more.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn attend(engine: Engine, clients: usize, said: &Receiver<String>) -> Result<Outcome, Failed> {
    let invitation = said.recv_timeout(Duration::from_secs(10)).map_err(|_| "the server says nothing")?;
    match engine {
        Engine::Ours => play(&mut ours::Clients::new(clients, &invitation)?, clients, said),
        Engine::Raw => play(&mut raw::Clients::new(clients, &invitation)?, clients, said),
        Engine::Renet => play(&mut renet::Clients::new(clients, &invitation)?, clients, said),
        Engine::Enet => play(&mut enet::Clients::new(clients, &invitation)?, clients, said),
        Engine::Quinn => play(&mut quic::Clients::new(clients, &invitation)?, clients, said),
    }
}

fn play(ends: &mut dyn ClientsEnd, clients: usize, said: &Receiver<String>) -> Result<Outcome, Failed> {
    let mut latency_us: Histogram<u64> = mu_perf::report::histogram();
    let (mut steps, mut step, mut received) = (Steps::new(), 0, 0);
    let (mut cpu, mut began) = (thread_cpu(), wall_ns());
    let served = loop {
        steps.wait();
        ends.step(&mut |datagram| {
            if let Some(stamp) = datagram.first_chunk::<8>() {
                received += 1;
                latency_us.saturating_record(wall_ns().saturating_sub(u64::from_le_bytes(*stamp)) / 1_000);
            }
        })?;
        if ends.ready() == clients {
            if step == 0 {
                // Connecting is not part of the work.
                (cpu, began) = (thread_cpu(), wall_ns());
            }
            for client in turn(clients, step % INPUT_STEPS, INPUT_STEPS) {
                ends.input(client, &[0x5a; UP_BYTES])?;
            }
            step += 1;
        }
        match said.try_recv() {
            Ok(line) => break serde_json::from_str::<Served>(&line).map_err(|_| line)?,
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return Err("the server ended without a report".into()),
        }
    };
    let seconds = exact(wall_ns() - began) / 1e9;
    Ok(Outcome {
        clients,
        sent: served.sent,
        inputs: served.inputs,
        received,
        server_cpu: Duration::from_nanos(served.cpu_ns),
        p99_ms: exact(latency_us.value_at_quantile(0.99)) / 1e3,
        client_cpu: (thread_cpu() - cpu).as_secs_f64() / seconds,
    })
}
