//! The way of one small datagram from the wire to an event, through `quinn-proto` and through ours, in memory and in turns.
//!
//! Both are sealed with AES-GCM by `ring`. Through `quinn-proto` it is `Endpoint::handle`, `Connection::handle_event`, the event and
//! `Datagrams::recv`; its buffers are made beforehand. Through ours it is `Server::receive`, which calls the handler. The second
//! pair of figures adds what either end needs after each datagram before it can wait: timers, acknowledgements, what is to be
//! sent.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use mu_perf::rig::{self, Pair};
use mu_perf::timing::{median, round_ns};
use mu_wire::Lane;
use quinn_proto::{Connection, ConnectionHandle, DatagramEvent, Endpoint, Event};

use crate::Failed;
use crate::quic::{Configs, Node};

/// Bytes of a message.
const SMALL: [u8; 16] = [7; 16];
/// Messages of a round.
const BURST: u32 = 32;

/// Nanoseconds for one small message.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Figures {
    ours_ns: f64,
    quinn_proto_ns: f64,
    ours_whole_ns: f64,
    quinn_proto_whole_ns: f64,
}

/// Measures both.
pub(crate) fn run(rounds: usize) -> Result<Figures, Failed> {
    let mut quic = Quic::new()?;
    let mut pair = Pair::new();
    let mut figures = [const { Vec::new() }; 4];
    for _ in 0..rounds {
        figures[0].push(our_round(&mut pair, false));
        figures[1].push(quic.round(false)?);
        figures[2].push(our_round(&mut pair, true));
        figures[3].push(quic.round(true)?);
    }
    let [ours_ns, quinn_proto_ns, ours_whole_ns, quinn_proto_whole_ns] = figures.map(|mut ns| median(&mut ns));
    Ok(Figures { ours_ns, quinn_proto_ns, ours_whole_ns, quinn_proto_whole_ns })
}

fn our_round(pair: &mut Pair, whole: bool) -> f64 {
    for _ in 0..BURST {
        pair.now += Duration::from_millis(2);
        pair.client.send(LANE, &SMALL).expect("all is acknowledged");
        pair.client.poll_transmit(pair.now, &mut pair.up);
    }
    let before = pair.shard.messages;
    let datagrams = u32::try_from(pair.up.len()).unwrap_or(u32::MAX);
    let Pair { server, shard, down, up, now, .. } = pair;
    let ns = round_ns(datagrams, || {
        for (_, datagram) in up.iter_mut() {
            server.receive(*now, rig::UNIX, rig::client_address(1), datagram, shard, down);
            if whole {
                server.handle_timeouts(*now, shard);
                server.transmit_due(*now, down);
            }
        }
    });
    up.clear();
    assert_eq!(pair.shard.messages - before, u64::from(BURST), "every message is an event");
    for _ in 0..3 {
        pair.step(Duration::from_millis(60));
    }
    ns
}

/// The lane that promises what a QUIC datagram does.
const LANE: Lane = Lane::Effects;

/// Two nodes that are connected.
struct Quic {
    server: Node,
    client: Node,
    now: Instant,
}

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, last], 4_000))
}

impl Quic {
    #[expect(clippy::disallowed_methods, reason = "its times are of this type and start from a real one")]
    fn new() -> Result<Self, Failed> {
        let configs = Configs::new()?;
        let (server, client) = (Node::new(Some(configs.server), 1), Node::new(None, 2));
        let mut quic = Self { server, client, now: Instant::now() };
        quic.client.connect(quic.now, address(1), configs.client)?;
        for _ in 0..50 {
            quic.exchange();
        }
        let open = quic.client.connections.values().all(|connection| !connection.is_handshaking());
        if open && quic.server.connections.len() == 1 { Ok(quic) } else { Err("quinn-proto did not connect".into()) }
    }

    /// A step of a millisecond without loss or delay.
    fn exchange(&mut self) {
        self.now += Duration::from_millis(1);
        self.client.drive(self.now, |_, _| ());
        for (_, datagram) in self.client.out.drain(..) {
            self.server.handle(self.now, address(2), BytesMut::from(&datagram[..]));
        }
        self.server.drive(self.now, |connection, _| while connection.datagrams().recv().is_some() {});
        for (_, datagram) in self.server.out.drain(..) {
            self.client.handle(self.now, address(1), BytesMut::from(&datagram[..]));
        }
    }

    fn round(&mut self, whole: bool) -> Result<f64, Failed> {
        let mut datagrams = Vec::new();
        for _ in 0..BURST {
            self.now += Duration::from_millis(2);
            let connection = self.client.connections.values_mut().next().ok_or("no connection")?;
            connection.datagrams().send(Bytes::from_static(&SMALL), true)?;
            self.client.drive(self.now, |_, _| ());
            datagrams.extend(self.client.out.drain(..).map(|(_, datagram)| BytesMut::from(&datagram[..])));
        }
        let Node { endpoint, connections, .. } = &mut self.server;
        let (&handle, connection) = connections.iter_mut().next().ok_or("no connection")?;
        let mut answers = Vec::new();
        let count = u32::try_from(datagrams.len())?;
        let (mut heard, mut answer, now) = (0, Vec::new(), self.now);
        let ns = round_ns(count, || {
            for datagram in datagrams {
                let told = endpoint.handle(now, address(2), None, None, datagram, &mut answer);
                if let Some(DatagramEvent::ConnectionEvent(_, event)) = told {
                    connection.handle_event(event);
                }
                while let Some(event) = connection.poll() {
                    if matches!(event, Event::DatagramReceived) {
                        while connection.datagrams().recv().is_some() {
                            heard += 1;
                        }
                    }
                }
                if whole {
                    follow_up(now, endpoint, (handle, connection), &mut answers);
                }
            }
        });
        self.server.out.extend(answers.drain(..).map(|answer| (address(2), answer)));
        assert_eq!(heard, BURST, "every datagram is an event");
        for _ in 0..50 {
            self.exchange();
        }
        Ok(ns)
    }
}

/// What its own driver does after each datagram.
fn follow_up(
    now: Instant,
    endpoint: &mut Endpoint,
    (handle, connection): (ConnectionHandle, &mut Connection),
    answers: &mut Vec<Vec<u8>>,
) {
    while let Some(told) = connection.poll_endpoint_events() {
        if let Some(answer) = endpoint.handle_event(handle, told) {
            connection.handle_event(answer);
        }
    }
    let mut buffer = Vec::with_capacity(1_200);
    while connection.poll_transmit(now, 1, &mut buffer).is_some() {
        answers.push(std::mem::replace(&mut buffer, Vec::with_capacity(1_200)));
    }
    if connection.poll_timeout().is_some_and(|at| at <= now) {
        connection.handle_timeout(now);
    }
}

#[cfg(test)]
mod tests {
    use super::run;

    #[test]
    fn both_ways_are_timed() {
        let figures = run(3).expect("both connect");
        assert!(figures.ours_ns > 0.0 && figures.quinn_proto_ns > 0.0, "{figures:?}");
    }
}
