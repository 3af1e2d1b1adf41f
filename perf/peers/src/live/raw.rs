//! No protocol: the same datagrams in the same batches, and the sockets of clients that have one each.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use mu_wire_io::{DEFAULT_BATCH, RecvBatch, SendBatch, Socket, SocketOptions};

use super::engine::{ClientsEnd, ServerEnd};
use crate::Failed;

pub(super) struct Server {
    socket: Socket,
    incoming: RecvBatch,
    outgoing: SendBatch,
    expected: usize,
    clients: Vec<SocketAddr>,
    known: HashMap<SocketAddr, usize>,
    inputs: u64,
}

impl Server {
    pub(super) fn new(clients: usize) -> Result<Self, Failed> {
        Ok(Self {
            socket: Socket::bind("127.0.0.1:0".parse()?, &SocketOptions::default())?,
            incoming: RecvBatch::new(DEFAULT_BATCH),
            outgoing: SendBatch::new(DEFAULT_BATCH),
            expected: clients,
            clients: Vec::new(),
            known: HashMap::new(),
            inputs: 0,
        })
    }
}

impl ServerEnd for Server {
    fn invitation(&self) -> String {
        self.socket.local_addr().to_string()
    }

    fn receive(&mut self) -> Result<(), Failed> {
        loop {
            let count = self.socket.recv(&mut self.incoming)?;
            if self.clients.len() < self.expected {
                for (from, _) in self.incoming.iter_mut() {
                    self.known.entry(from).or_insert_with(|| {
                        self.clients.push(from);
                        self.clients.len()
                    });
                }
            }
            self.inputs += u64::try_from(count)?;
            if count < DEFAULT_BATCH {
                return Ok(());
            }
        }
    }

    fn ready(&self) -> usize {
        self.clients.len()
    }

    fn send(&mut self, client: usize, payload: &[u8]) -> Result<(), Failed> {
        let to = self.clients[client];
        let mut write = |space: &mut [u8]| {
            space[..payload.len()].copy_from_slice(payload);
            payload.len()
        };
        if !self.outgoing.push(to, &mut write) {
            self.socket.send(&mut self.outgoing)?;
            self.outgoing.push(to, &mut write);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failed> {
        self.socket.send(&mut self.outgoing)?;
        Ok(())
    }

    fn inputs(&self) -> u64 {
        self.inputs
    }
}

/// A socket for each client, and which of them have something.
pub(super) struct Sockets {
    pub(super) sockets: Vec<UdpSocket>,
    poll: Poll,
    events: Events,
}

impl Sockets {
    pub(super) fn new(clients: usize, server: SocketAddr) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut sockets = Vec::with_capacity(clients);
        for at in 0..clients {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.connect(server)?;
            socket.set_nonblocking(true)?;
            poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), Token(at), Interest::READABLE)?;
            sockets.push(socket);
        }
        Ok(Self { sockets, poll, events: Events::with_capacity(clients.max(1)) })
    }

    /// Every datagram that is there, with the number of its client.
    pub(super) fn receive(&mut self, each: &mut dyn FnMut(usize, &mut [u8])) -> io::Result<()> {
        self.poll.poll(&mut self.events, Some(Duration::ZERO))?;
        let mut space = [0; 1_500];
        for event in &self.events {
            while let Ok(len) = self.sockets[event.token().0].recv(&mut space) {
                each(event.token().0, &mut space[..len]);
            }
        }
        Ok(())
    }
}

pub(super) struct Clients {
    sockets: Sockets,
    heard: Vec<bool>,
    steps: u64,
}

impl Clients {
    pub(super) fn new(clients: usize, invitation: &str) -> Result<Self, Failed> {
        Ok(Self { sockets: Sockets::new(clients, invitation.parse()?)?, heard: vec![false; clients], steps: 0 })
    }
}

impl ClientsEnd for Clients {
    fn step(&mut self, heard: &mut dyn FnMut(&[u8])) -> Result<(), Failed> {
        let known = &mut self.heard;
        self.sockets.receive(&mut |at, datagram| {
            known[at] = true;
            heard(datagram);
        })?;
        // Those who were not heard yet say hello, all of them in 200 ms.
        if self.steps.is_multiple_of(40) && self.heard.contains(&false) {
            for (socket, known) in self.sockets.sockets.iter().zip(&self.heard) {
                if !known {
                    let _later = socket.send(&[1]);
                }
            }
        }
        self.steps += 1;
        Ok(())
    }

    fn ready(&self) -> usize {
        self.heard.iter().filter(|heard| **heard).count()
    }

    fn input(&mut self, client: usize, payload: &[u8]) -> Result<(), Failed> {
        let _lost = self.sockets.sockets[client].send(payload);
        Ok(())
    }
}
