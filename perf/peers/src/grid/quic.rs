//! `quinn-proto`: reliable messages on one stream each way, so that they keep their order; the rest as datagrams.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use quinn_proto::{Connection, Dir, Event, StreamEvent, StreamId};

use super::{End, Ends, MESSAGE};
use crate::Failed;
use crate::quic::{Configs, Node};

struct Half {
    node: Node,
    stream: Option<StreamId>,
    /// What did not fit into the stream's window.
    waiting: Vec<u8>,
    incoming: Vec<u8>,
    reading: Option<StreamId>,
    datagrams: u64,
}

impl Half {
    fn new(node: Node) -> Self {
        Self { node, stream: None, waiting: Vec::new(), incoming: Vec::new(), reading: None, datagrams: 0 }
    }

    fn connection(&mut self) -> Option<&mut Connection> {
        self.node.connections.values_mut().next()
    }

    fn is_ready(&self) -> bool {
        self.node.connections.values().any(|connection| !connection.is_handshaking())
    }

    /// Writes what waits, reads what came, and collects what is to be sent.
    fn step(&mut self, now: Instant) -> Result<Vec<Vec<u8>>, Failed> {
        let mut waiting = std::mem::take(&mut self.waiting);
        let mut stream = self.stream;
        if let Some(connection) = self.connection().filter(|_| !waiting.is_empty()) {
            stream = stream.or_else(|| connection.streams().open(Dir::Uni));
            if let Some(stream) = stream {
                match connection.send_stream(stream).write(&waiting) {
                    Ok(written) => drop(waiting.drain(..written)),
                    Err(quinn_proto::WriteError::Blocked) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        (self.waiting, self.stream) = (waiting, stream);
        let (reading, datagrams) = (&mut self.reading, &mut self.datagrams);
        self.node.drive(now, |connection, event| match event {
            Event::DatagramReceived => {
                while connection.datagrams().recv().is_some() {
                    *datagrams += 1;
                }
            }
            Event::Stream(StreamEvent::Opened { dir: Dir::Uni }) => {
                *reading = connection.streams().accept(Dir::Uni).or(*reading);
            }
            _ => {}
        });
        self.read()?;
        // Reading may have widened a window.
        self.node.drive(now, |_, _| ());
        Ok(self.node.out.drain(..).map(|(_, datagram)| datagram).collect())
    }

    fn read(&mut self) -> Result<(), Failed> {
        let Some(stream) = self.reading else { return Ok(()) };
        let mut incoming = std::mem::take(&mut self.incoming);
        if let Some(connection) = self.connection() {
            let mut stream = connection.recv_stream(stream);
            let mut chunks = stream.read(true)?;
            while let Ok(Some(chunk)) = chunks.next(usize::MAX) {
                incoming.extend_from_slice(&chunk.bytes);
            }
            let _more_to_send = chunks.finalize();
        }
        self.incoming = incoming;
        Ok(())
    }
}

pub(super) struct Quic {
    server: Half,
    client: Half,
    origin: Instant,
}

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, last], 4_000))
}

impl Quic {
    #[expect(clippy::disallowed_methods, reason = "its times are of this type and start from a real one")]
    pub(super) fn new() -> Result<Self, Failed> {
        let (configs, origin) = (Configs::new()?, Instant::now());
        let server = Half::new(Node::new(Some(configs.server), 1));
        let mut client = Half::new(Node::new(None, 2));
        client.node.connect(origin, address(1), configs.client)?;
        Ok(Self { server, client, origin })
    }

    fn half(&mut self, end: End) -> &mut Half {
        if end == End::Server { &mut self.server } else { &mut self.client }
    }

    fn at(&self, now_us: u64) -> Instant {
        self.origin + Duration::from_micros(now_us)
    }
}

impl Ends for Quic {
    fn arrive(&mut self, now_us: u64, at: End, datagram: Vec<u8>) -> Result<(), Failed> {
        let (now, from) = (self.at(now_us), address(if at == End::Server { 2 } else { 1 }));
        self.half(at).node.handle(now, from, BytesMut::from(&datagram[..]));
        Ok(())
    }

    fn step(&mut self, now_us: u64, out: &mut dyn FnMut(End, Vec<u8>)) -> Result<(), Failed> {
        let now = self.at(now_us);
        for end in [End::Server, End::Client] {
            for datagram in self.half(end).step(now)? {
                out(end, datagram);
            }
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        self.server.is_ready() && self.client.is_ready()
    }

    fn reliable(&mut self, from: End, message: &[u8]) -> Result<(), Failed> {
        self.half(from).waiting.extend_from_slice(message);
        Ok(())
    }

    fn unreliable(&mut self, from: End, payload: &[u8]) -> Result<(), Failed> {
        let connection = self.half(from).connection().ok_or("the connection ended")?;
        Ok(connection.datagrams().send(Bytes::copy_from_slice(payload), true)?)
    }

    fn heard(&mut self) -> Vec<(End, Vec<u8>)> {
        let mut heard = Vec::new();
        for end in [End::Server, End::Client] {
            let half = self.half(end);
            let whole = half.incoming.len() / MESSAGE * MESSAGE;
            heard
                .extend(half.incoming.drain(..whole).as_slice().chunks(MESSAGE).map(|message| (end, message.to_vec())));
        }
        heard
    }

    fn datagrams(&self) -> u64 {
        self.client.datagrams
    }
}
