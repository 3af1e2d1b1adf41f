//! A loop with no game in it: what this machine's sockets allow, and nothing else.
//!
//! One pinned server thread receives five inputs a second from each client and sends each a datagram of 400 bytes twenty times a
//! second to its own socket, a tenth of the clients in each 5 ms step, in batches. The clients live on the other CPU. Bytes are
//! neither read nor made; there is no encryption, no state and no memory traffic beyond the datagrams.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use hdrhistogram::Histogram;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use mu_core::runtime::{Clock, Flow, RuntimeChoice, RuntimeOptions, ShardLoop, ShardSpec, StepTime, start};
use mu_wire_io::{DEFAULT_BATCH, RecvBatch, SendBatch, Socket, SocketOptions};
use std::os::fd::AsRawFd;

/// Bytes of a snapshot datagram.
const DOWN_BYTES: usize = 400;
/// Bytes of an input datagram.
const UP_BYTES: usize = 64;
/// Steps of a tick.
const TICK_STEPS: u64 = 10;
/// Steps between two inputs of one client: 200 ms.
const INPUT_STEPS: u64 = 40;
/// Batches the server takes in one step at most, so that a flood cannot starve sending.
const RECV_BATCHES: usize = 64;

/// What one run of the loop showed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawResult {
    /// Time the server thread worked in a tick.
    pub(crate) tick_p99_ms: f64,
    /// Snapshots one client received each second.
    pub(crate) client_hz: f64,
    /// Share of the inputs that arrived.
    pub(crate) inputs_arrived: f64,
}

impl RawResult {
    /// Whether the machine carried that many clients.
    pub(crate) fn holds(&self) -> bool {
        self.tick_p99_ms <= super::TICK_MS && self.client_hz >= super::CLIENT_HZ && self.inputs_arrived >= 0.99
    }
}

/// Runs the loop with this many clients for this long.
pub(crate) fn run(clients: u32, seconds: u64, cpus: super::Cpus) -> Result<RawResult, Box<dyn Error>> {
    let sockets: Vec<UdpSocket> = (0..clients).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<io::Result<_>>()?;
    let addresses = sockets.iter().map(UdpSocket::local_addr).collect::<io::Result<Vec<_>>>()?;
    let server = Socket::bind("127.0.0.1:0".parse()?, &SocketOptions::default())?;
    for socket in &sockets {
        socket.set_nonblocking(true)?;
        socket.connect(server.local_addr())?;
    }
    let steps = seconds * 200;
    let (report, reports) = channel();
    let (server_report, client_report) = (report.clone(), report);
    let server_loop = move || Ok(Box::new(Server::new(server, addresses, steps, server_report)) as Box<dyn ShardLoop>);
    let client_loop = move || {
        Clients::new(sockets, steps, client_report)
            .map(|clients| Box::new(clients) as Box<dyn ShardLoop>)
            .map_err(|error| error.to_string())
    };
    let options = RuntimeOptions::new(RuntimeChoice::Mio, vec![cpus.clients]);
    let running = start(
        vec![
            ShardSpec { shard: 0, cpu: cpus.server, build: Box::new(server_loop) },
            ShardSpec { shard: 1, cpu: cpus.clients, build: Box::new(client_loop) },
        ],
        &options,
    )?;
    let ends = running.join();
    let (mut server, mut client) = (None, None);
    for report in reports {
        match report {
            Report::Server { tick_us, received } => server = Some((tick_us, received)),
            Report::Clients { sent, received, seconds } => client = Some((sent, received, seconds)),
        }
    }
    let (Some((tick_us, inputs)), Some((sent, snapshots, seconds))) = (server, client) else {
        return Err(format!("the raw loop ended early: {ends:?}").into());
    };
    let exact = mu_perf::host::exact;
    Ok(RawResult {
        tick_p99_ms: exact(tick_us.value_at_quantile(0.99)) / 1_000.0,
        client_hz: exact(snapshots) / f64::from(clients) / seconds,
        inputs_arrived: exact(inputs) / exact(sent.max(1)),
    })
}

enum Report {
    Server { tick_us: Histogram<u64>, received: u64 },
    Clients { sent: u64, received: u64, seconds: f64 },
}

/// The elements of a group whose turn it is: `part` of `parts`, contiguous and of nearly equal size.
fn turn(all: usize, part: u64, parts: u64) -> std::ops::Range<usize> {
    let (part, parts) = (usize::try_from(part).unwrap_or(0), usize::try_from(parts).unwrap_or(1));
    all * part / parts..all * (part + 1) / parts
}

struct Server {
    socket: Socket,
    clients: Vec<SocketAddr>,
    incoming: RecvBatch,
    outgoing: SendBatch,
    steps_left: u64,
    /// The tick that is being added up, and the work done in it.
    tick: u64,
    busy: Duration,
    tick_us: Histogram<u64>,
    received: u64,
    report: Sender<Report>,
}

impl Server {
    fn new(socket: Socket, clients: Vec<SocketAddr>, steps: u64, report: Sender<Report>) -> Self {
        Self {
            socket,
            clients,
            incoming: RecvBatch::new(DEFAULT_BATCH),
            outgoing: SendBatch::new(DEFAULT_BATCH),
            // A little longer than the clients, so that their last inputs are received.
            steps_left: steps + INPUT_STEPS,
            tick: 0,
            busy: Duration::ZERO,
            tick_us: mu_perf::report::histogram(),
            received: 0,
            report,
        }
    }

    fn receive(&mut self) {
        for _ in 0..RECV_BATCHES {
            let count = self.socket.recv(&mut self.incoming).expect("the socket stays usable");
            self.received += u64::try_from(count).unwrap_or(0);
            if count < DEFAULT_BATCH {
                break;
            }
        }
    }

    fn send(&mut self, step: u64) {
        for at in turn(self.clients.len(), step % TICK_STEPS, TICK_STEPS) {
            let to = self.clients[at];
            let mut write = |space: &mut [u8]| {
                space[..DOWN_BYTES].fill(0xA5);
                DOWN_BYTES
            };
            if !self.outgoing.push(to, &mut write) {
                self.socket.send(&mut self.outgoing).expect("the socket stays usable");
                self.outgoing.push(to, &mut write);
            }
        }
        self.socket.send(&mut self.outgoing).expect("the socket stays usable");
    }

    fn account(&mut self, step: u64, work: Duration) {
        let tick = step / TICK_STEPS;
        if tick != self.tick {
            if self.tick != 0 {
                self.tick_us.saturating_record(u64::try_from(self.busy.as_micros()).unwrap_or(u64::MAX));
            }
            (self.tick, self.busy) = (tick, Duration::ZERO);
        }
        self.busy += work;
    }
}

impl ShardLoop for Server {
    fn step(&mut self, time: StepTime) -> Flow {
        self.receive();
        // No client is sent two snapshots at once; what more is overdue is lost, as a skipped tick is.
        for step in (time.step..time.step + u64::from(time.due)).take(10) {
            self.send(step);
        }
        self.account(time.step, Clock::now().since(time.now));
        self.steps_left = self.steps_left.saturating_sub(u64::from(time.due));
        if self.steps_left > 0 {
            return Flow::Continue;
        }
        let report = Report::Server { tick_us: self.tick_us.clone(), received: self.received };
        self.report.send(report).expect("the run listens until both ends have reported");
        Flow::Stop
    }
}

struct Clients {
    sockets: Vec<UdpSocket>,
    poll: Poll,
    events: Events,
    steps: u64,
    done: u64,
    sent: u64,
    received: u64,
    began: mu_wire::Time,
    report: Sender<Report>,
}

impl Clients {
    fn new(sockets: Vec<UdpSocket>, steps: u64, report: Sender<Report>) -> io::Result<Self> {
        let poll = Poll::new()?;
        for (at, socket) in sockets.iter().enumerate() {
            poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), Token(at), Interest::READABLE)?;
        }
        let events = Events::with_capacity(sockets.len().max(1));
        Ok(Self { sockets, poll, events, steps, done: 0, sent: 0, received: 0, began: Clock::now(), report })
    }

    fn receive(&mut self) {
        self.poll.poll(&mut self.events, Some(Duration::ZERO)).expect("polling does not fail");
        let mut space = [0; DOWN_BYTES];
        for event in &self.events {
            let socket = &self.sockets[event.token().0];
            while socket.recv(&mut space).is_ok() {
                self.received += 1;
            }
        }
    }

    fn send(&mut self, step: u64) {
        for at in turn(self.sockets.len(), step % INPUT_STEPS, INPUT_STEPS) {
            self.sent += u64::from(self.sockets[at].send(&[0x5A; UP_BYTES]).is_ok());
        }
    }
}

impl ShardLoop for Clients {
    fn step(&mut self, time: StepTime) -> Flow {
        if self.done == 0 {
            self.began = time.now;
        }
        for step in time.step..time.step + u64::from(time.due) {
            self.send(step);
        }
        self.receive();
        self.done += u64::from(time.due);
        if self.done < self.steps {
            return Flow::Continue;
        }
        let seconds = Clock::now().since(self.began).as_secs_f64();
        let report = Report::Clients { sent: self.sent, received: self.received, seconds };
        self.report.send(report).expect("the run listens until both ends have reported");
        Flow::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_its_turn_once_a_tick() {
        for clients in [0, 1, 9, 10, 1_234] {
            let turns: Vec<usize> = (0..10).flat_map(|part| turn(clients, part, 10)).collect();
            assert_eq!(turns, (0..clients).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_few_clients_are_served_at_their_rate() {
        let cpus = super::super::Cpus::plan().expect("at least one CPU");
        let result = run(50, 2, cpus).expect("it runs");
        assert!(result.client_hz > 10.0 && result.client_hz < 21.0, "{result:?}");
        assert!(result.inputs_arrived > 0.9, "{result:?}");
    }
}
