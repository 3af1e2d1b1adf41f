//! `quinn` on tokio's single-threaded runtime, datagrams over rustls and ring. The clients are `quinn-proto` on one socket, so that they
//! cost as little as possible.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use mu_wire_io::{DEFAULT_BATCH, RecvBatch, SendBatch, Socket, SocketOptions};
use quinn_proto::{ConnectionHandle, Event};

use super::engine::{ClientsEnd, roomy_socket, turn, wall_ns};
use super::serve::Served;
use super::{DOWN_BYTES, STEP_MS, TICK_STEPS};
use crate::Failed;
use crate::quic::{Configs, Node, client_config};

type Say<'a> = &'a mut dyn FnMut(&str) -> Result<(), Failed>;

pub(super) fn serve(clients: usize, seconds: u64, cpu: fn() -> Duration, say: Say<'_>) -> Result<Served, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(work(clients, seconds, cpu, say)))
}

async fn work(clients: usize, seconds: u64, cpu: fn() -> Duration, say: Say<'_>) -> Result<Served, Failed> {
    let configs = Configs::new()?;
    let endpoint = quinn::Endpoint::new(
        quinn::EndpointConfig::default(),
        Some(quinn::ServerConfig::clone(&configs.server)),
        roomy_socket()?,
        std::sync::Arc::new(quinn::TokioRuntime),
    )?;
    say(&format!("{} {}", endpoint.local_addr()?, configs.certificate_hex()))?;
    let inputs = Rc::new(Cell::new(0_u64));
    let mut connections = Vec::with_capacity(clients);
    while connections.len() < clients {
        let incoming = endpoint.accept().await.ok_or("the endpoint closed")?;
        let connection = incoming.await?;
        let (reader, inputs) = (connection.clone(), Rc::clone(&inputs));
        drop(tokio::task::spawn_local(async move {
            while reader.read_datagram().await.is_ok() {
                inputs.set(inputs.get() + 1);
            }
        }));
        connections.push(connection);
    }
    let mut interval = tokio::time::interval(Duration::from_millis(STEP_MS));
    let mut served = Served::default();
    let (began, before) = (cpu(), inputs.get());
    for step in 0..seconds * 200 {
        interval.tick().await;
        for connection in &connections[turn(clients, step % TICK_STEPS, TICK_STEPS)] {
            let mut payload = BytesMut::zeroed(DOWN_BYTES);
            payload[..8].copy_from_slice(&wall_ns().to_le_bytes());
            // One that is gone gets nothing, which counts as lost.
            let _gone = connection.send_datagram(payload.freeze());
            served.sent += 1;
        }
    }
    served.cpu_ns = u64::try_from((cpu() - began).as_nanos())?;
    served.inputs = inputs.get() - before;
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(served)
}

pub(super) struct Clients {
    socket: Socket,
    incoming: RecvBatch,
    outgoing: SendBatch,
    node: Node,
    handles: Vec<ConnectionHandle>,
    server: SocketAddr,
    config: quinn_proto::ClientConfig,
    missing: usize,
    connected: usize,
}

impl Clients {
    pub(super) fn new(clients: usize, invitation: &str) -> Result<Self, Failed> {
        let (server, hex) = invitation.split_once(' ').ok_or("the server's line has two parts")?;
        Ok(Self {
            socket: Socket::bind("127.0.0.1:0".parse()?, &SocketOptions::default())?,
            incoming: RecvBatch::new(DEFAULT_BATCH),
            outgoing: SendBatch::new(DEFAULT_BATCH),
            node: Node::new(None, 3),
            handles: Vec::with_capacity(clients),
            server: server.parse()?,
            config: client_config(hex)?,
            missing: clients,
            connected: 0,
        })
    }
}

/// Clients that begin in each step: the server answers one handshake after the other.
const NEWCOMERS: usize = 5;

impl ClientsEnd for Clients {
    #[expect(clippy::disallowed_methods, reason = "its times are of this type")]
    fn step(&mut self, heard: &mut dyn FnMut(&[u8])) -> Result<(), Failed> {
        let now = Instant::now();
        for _ in 0..NEWCOMERS.min(self.missing) {
            self.handles.push(self.node.connect(now, self.server, self.config.clone())?);
            self.missing -= 1;
        }
        loop {
            let count = self.socket.recv(&mut self.incoming)?;
            for (from, datagram) in self.incoming.iter_mut() {
                self.node.handle(now, from, BytesMut::from(&*datagram));
            }
            if count < DEFAULT_BATCH {
                break;
            }
        }
        let connected = &mut self.connected;
        self.node.drive(now, |connection, event| match event {
            Event::Connected => *connected += 1,
            Event::DatagramReceived => {
                while let Some(datagram) = connection.datagrams().recv() {
                    heard(&datagram);
                }
            }
            _ => {}
        });
        for (to, datagram) in self.node.out.drain(..) {
            if self.outgoing.is_full() {
                self.socket.send(&mut self.outgoing)?;
            }
            self.outgoing.push(to, &mut |space| {
                space[..datagram.len()].copy_from_slice(&datagram);
                datagram.len()
            });
        }
        self.socket.send(&mut self.outgoing)?;
        Ok(())
    }

    fn ready(&self) -> usize {
        self.connected
    }

    fn input(&mut self, client: usize, payload: &[u8]) -> Result<(), Failed> {
        if let Some(connection) = self.node.connections.get_mut(&self.handles[client]) {
            let _gone = connection.datagrams().send(Bytes::copy_from_slice(payload), true);
        }
        Ok(())
    }
}
