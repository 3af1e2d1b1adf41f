//! What the loops of both sides ask of an engine.

use std::net::UdpSocket;
use std::time::{Duration, SystemTime};

use mu_wire_io::SocketOptions;
use rustix::net::sockopt;

use crate::Failed;

/// A server that is called in steps.
pub(super) trait ServerEnd {
    /// What a client must know to come: the address, and for some engines more.
    fn invitation(&self) -> String;
    /// Takes everything that arrived, and runs timers.
    fn receive(&mut self) -> Result<(), Failed>;
    /// Clients that can be sent to.
    fn ready(&self) -> usize;
    /// Queues a datagram to a client.
    fn send(&mut self, client: usize, payload: &[u8]) -> Result<(), Failed>;
    /// Hands everything queued to the kernel.
    fn flush(&mut self) -> Result<(), Failed>;
    /// Inputs that arrived.
    fn inputs(&self) -> u64;
}

/// All clients of a trial.
pub(super) trait ClientsEnd {
    /// Takes everything that arrived, runs timers, and sends what is due; `heard` gets each datagram.
    fn step(&mut self, heard: &mut dyn FnMut(&[u8])) -> Result<(), Failed>;
    /// Clients that are connected.
    fn ready(&self) -> usize;
    /// Queues an input of a client.
    fn input(&mut self, client: usize, payload: &[u8]) -> Result<(), Failed>;
}

/// A socket with the buffers that `mu-wire-io` asks for, so that no engine loses what another would keep.
pub(super) fn roomy_socket() -> Result<UdpSocket, Failed> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let wanted = SocketOptions::default();
    // Past the system's limit where that is allowed, as there.
    if sockopt::set_socket_recv_buffer_size_force(&socket, wanted.recv_bytes).is_err() {
        sockopt::set_socket_recv_buffer_size(&socket, wanted.recv_bytes)?;
    }
    sockopt::set_socket_send_buffer_size(&socket, wanted.send_bytes)?;
    Ok(socket)
}

/// The wall clock, which both processes share, in nanoseconds.
#[expect(clippy::disallowed_methods, reason = "a time that means the same in two processes")]
pub(super) fn wall_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Steps of a fixed length; what is late is caught up.
pub(super) struct Steps {
    next_ns: u64,
    step_ns: u64,
}

impl Steps {
    pub(super) fn new() -> Self {
        let step_ns = super::STEP_MS * 1_000_000;
        Self { next_ns: wall_ns() + step_ns, step_ns }
    }

    /// Waits for the next step.
    #[expect(clippy::disallowed_methods, reason = "the pace of the load, which is the same for every engine")]
    pub(super) fn wait(&mut self) {
        let now = wall_ns();
        if self.next_ns > now {
            std::thread::sleep(Duration::from_nanos(self.next_ns - now));
        }
        self.next_ns += self.step_ns;
    }
}

/// The elements of a group whose turn it is: `part` of `parts`.
pub(super) fn turn(all: usize, part: u64, parts: u64) -> std::ops::Range<usize> {
    let (part, parts) = (usize::try_from(part).unwrap_or(0), usize::try_from(parts).unwrap_or(1));
    all * part / parts..all * (part + 1) / parts
}
