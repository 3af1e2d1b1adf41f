//! The second implementation, in Python and without a line of this one: it reads and writes every vector, and talks to an
//! endpoint over a socket on every lane, moving, renewing keys and losing datagrams meanwhile.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mu_wire::{
    Admission, BlockEnd, CloseCode, CloseReason, ConnId, ConnectTicket, CookieMode, DatagramSink, KeyLimits, Lane,
    Limits, Server, ServerConfig, ServerHandler, Tick, Time, TokenClaims, protocol_id,
};

use crate::link::{UNIX, keys, ticket};

/// protocol.md 9.1: what the vectors say is enough to check another end, piece by piece.
#[test]
fn the_python_client_reads_and_writes_every_vector() {
    let mut command = Command::new(python());
    command.args(["-B", "-m", "unittest", "discover", "-s", "tests", "-t", "."]).current_dir(folder());
    let output = command.output().expect("python3 starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // An empty discovery is a success to the runner.
    assert!(said.contains("Ran ") && !said.contains("Ran 0 tests"), "{said}");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/python")
}

/// The first interpreter of the path, or the system's, that has the one package the client needs.
fn python() -> &'static str {
    let able = |program: &&str| {
        let check = Command::new(program).args(["-c", "import cryptography"]).output();
        check.is_ok_and(|output| output.status.success())
    };
    let found = ["python3", "/usr/bin/python3"].into_iter().find(able);
    found.expect("a python3 with the package `cryptography`: ./scripts/prepare test installs it")
}

/// A shard that says everything back on the lane it came on, inputs on lane 3.
#[derive(Default)]
struct Echo {
    open: Vec<ConnId>,
    back: VecDeque<(ConnId, Lane, Vec<u8>)>,
    greet: Vec<ConnId>,
    moved: usize,
    taken: usize,
    forget: bool,
    closed: Vec<CloseReason>,
}

impl ServerHandler for Echo {
    fn incoming(&mut self, _: &TokenClaims) -> Admission {
        Admission::Accept
    }

    fn connected(&mut self, conn: ConnId, _: &TokenClaims) {
        self.open.push(conn);
        self.greet.push(conn);
    }

    fn message(&mut self, conn: ConnId, lane: Lane, bytes: &[u8]) {
        self.forget |= bytes == b"forget me";
        self.back.push_back((conn, lane, bytes.to_vec()));
    }

    fn input(&mut self, conn: ConnId, _: u32, bytes: &[u8]) {
        self.back.push_back((conn, Lane::Unordered, [b"input ", bytes].concat()));
    }

    fn snapshot_delivered(&mut self, _: ConnId, _: u64) {}

    fn snapshot_lost(&mut self, _: ConnId, _: u64) {}

    fn block_ended(&mut self, _: ConnId, _: u16, end: BlockEnd) {
        self.taken += usize::from(end == BlockEnd::Taken);
    }

    fn moved(&mut self, _: ConnId, _: SocketAddr) {
        self.moved += 1;
    }

    fn closed(&mut self, conn: ConnId, why: CloseReason) {
        self.open.retain(|open| *open != conn);
        self.back.retain(|(to, ..)| *to != conn);
        self.closed.push(why);
    }
}

struct Wire<'a>(&'a UdpSocket);

impl DatagramSink for Wire<'_> {
    fn push(&mut self, to: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        let mut buffer = [0; 1_452];
        let len = write(&mut buffer);
        // A closed socket on the other side says so here; the protocol's own timers decide what that means.
        let _refused = self.0.send_to(&buffer[..len], to);
        true
    }
}

/// Asks for cookies always and renews its key every 40 packets.
fn server(seed: u8) -> Server {
    let limits = Limits { keys: KeyLimits { packets: 40, ..KeyLimits::default() }, ..Limits::default() };
    let config = ServerConfig { cookie: CookieMode::Always, limits, ..ServerConfig::default() };
    Server::new(config, &keys(), [seed; 32])
}

/// A ticket as the client's command line takes it.
fn written(ticket: &ConnectTicket, to: SocketAddr) -> String {
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    };
    format!(
        "{{\"address\": [\"{}\", {}], \"routing_id\": {}, \"key_id\": {}, \"expires\": {}, \"token\": \"{}\", \"psk\": \"{}\", \
         \"server_key\": \"{}\", \"protocol_id\": {}}}",
        to.ip(),
        to.port(),
        ticket.routing_id,
        ticket.key_id,
        ticket.expires_s,
        hex(&ticket.sealed_token),
        hex(&ticket.psk),
        hex(&ticket.server_key),
        protocol_id()
    )
}

/// The shard's steps until the client has ended or the time is over.
#[expect(clippy::disallowed_methods, reason = "a real socket and a real process need the real time")]
fn serve(socket: &UdpSocket, shard: &mut Echo, client: &mut Child) {
    let (mut server, start, mut tick) = (server(1), Instant::now(), 0);
    while client.try_wait().expect("the client can be asked").is_none() {
        let elapsed = start.elapsed();
        if elapsed > Duration::from_secs(60) {
            let _ended_meanwhile = client.kill();
        }
        let now = Time::from_micros(1_000_000) + elapsed;
        let (mut buffer, mut out) = ([0; 2_048], Wire(socket));
        if let Ok((len, from)) = socket.recv_from(&mut buffer) {
            server.receive(now, UNIX, from, &mut buffer[..len], shard, &mut out);
        }
        if std::mem::take(&mut shard.forget) {
            // As after a start of the host: nothing is left but its keys.
            server = self::server(2);
            (shard.open, shard.greet, shard.back) = (Vec::new(), Vec::new(), VecDeque::new());
        }
        for conn in std::mem::take(&mut shard.greet) {
            let block: Vec<u8> = (0..70_000_u32).map(|place| (place % 251).to_le_bytes()[0]).collect();
            server.send_block(conn, 9, Arc::from(block)).expect("a block");
        }
        while let Some((conn, lane, bytes)) = shard.back.front() {
            if server.send(*conn, *lane, bytes).is_err() {
                break;
            }
            shard.back.pop_front();
        }
        if elapsed.as_millis() / 50 > tick {
            tick = elapsed.as_millis() / 50;
            for conn in &shard.open {
                let tick = Tick(u32::try_from(tick).expect("a short test"));
                server.transmit(now, *conn, tick, &mut |_, space| space.len().min(60), &mut out);
            }
        }
        server.handle_timeouts(now, shard);
        server.transmit_due(now, &mut out);
    }
}

/// The Python client at a real endpoint, with lost datagrams: a cookie, every lane in both directions, a block, renewed keys, a
/// move, a close and a reset. protocol.md 3.3, 4.7, 5.5, 5.6, 8.1, 8.2, 8.16, 8.18, 8.19, 8.20 to 8.27, 8.50 to 8.54.
#[test]
fn the_python_client_talks_to_an_endpoint_on_every_lane() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(Duration::from_millis(2))).expect("a timeout");
    let address = socket.local_addr().expect("an address");
    let mut command = Command::new(python());
    command.args(["-B", "-m", "tests.every_lane"]).args([1, 2].map(|number| written(&ticket(number), address)));
    command.current_dir(folder()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = command.spawn().expect("python3 starts");
    let mut shard = Echo::default();
    serve(&socket, &mut shard, &mut client);
    let output = client.wait_with_output().expect("what it said");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(shard.moved, 1, "{said}");
    assert!(shard.taken >= 1, "the block was taken: {said}");
    let [CloseReason::Peer(code, text)] = shard.closed.as_slice() else { panic!("{:?}", shard.closed) };
    assert_eq!((*code, text.as_str()), (CloseCode(0x105), "enough"));
}
