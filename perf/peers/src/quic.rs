//! `quinn-proto` without sockets: one node, its connections, and the datagrams it wants sent.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use quinn_proto::{
    ClientConfig, Connection, ConnectionHandle, DatagramEvent, Endpoint, EndpointConfig, Event, ServerConfig,
    TransportConfig, VarInt,
};

use rustls::pki_types::CertificateDer;

use crate::Failed;

/// Both ends' settings, with a certificate made for this run.
pub(crate) struct Configs {
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) client: ClientConfig,
    certificate: CertificateDer<'static>,
}

/// Defaults but for what the work needs: no limit on streams, no probing for larger datagrams, a longer patience.
fn transport() -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_uni_streams(VarInt::from_u32(100_000))
        .mtu_discovery_config(None)
        .max_idle_timeout(Some(VarInt::from_u32(60_000).into()));
    Arc::new(transport)
}

fn trusting(certificate: CertificateDer<'static>) -> Result<ClientConfig, Failed> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate)?;
    let mut client = ClientConfig::with_root_certificates(Arc::new(roots))?;
    client.transport_config(transport());
    Ok(client)
}

impl Configs {
    pub(crate) fn new() -> Result<Self, Failed> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let certificate = made.cert.der().clone();
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let mut server = ServerConfig::with_single_cert(vec![certificate.clone()], key.into())?;
        server.transport_config(transport());
        Ok(Self { server: Arc::new(server), client: trusting(certificate.clone())?, certificate })
    }

    /// The certificate as text, for clients in another process.
    pub(crate) fn certificate_hex(&self) -> String {
        self.certificate.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The settings of a client that trusts this certificate.
pub(crate) fn client_config(certificate_hex: &str) -> Result<ClientConfig, Failed> {
    let byte = |at: usize| u8::from_str_radix(certificate_hex.get(at..at + 2).unwrap_or("?"), 16);
    let bytes = (0..certificate_hex.len()).step_by(2).map(byte).collect::<Result<Vec<_>, _>>()?;
    trusting(CertificateDer::from(bytes))
}

/// An endpoint with its connections.
pub(crate) struct Node {
    pub(crate) endpoint: Endpoint,
    pub(crate) connections: HashMap<ConnectionHandle, Connection>,
    /// What wants to be sent.
    pub(crate) out: Vec<(SocketAddr, Vec<u8>)>,
}

impl Node {
    pub(crate) fn new(server: Option<Arc<ServerConfig>>, seed: u8) -> Self {
        let endpoint = Endpoint::new(Arc::new(EndpointConfig::default()), server, false, Some([seed; 32]));
        Self { endpoint, connections: HashMap::new(), out: Vec::new() }
    }

    pub(crate) fn connect(
        &mut self,
        now: Instant,
        to: SocketAddr,
        config: ClientConfig,
    ) -> Result<ConnectionHandle, Failed> {
        let (handle, connection) = self.endpoint.connect(now, config, to, "localhost")?;
        self.connections.insert(handle, connection);
        Ok(handle)
    }

    /// Takes one datagram.
    pub(crate) fn handle(&mut self, now: Instant, from: SocketAddr, datagram: BytesMut) {
        let mut buffer = Vec::new();
        match self.endpoint.handle(now, from, None, None, datagram, &mut buffer) {
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                if let Some(connection) = self.connections.get_mut(&handle) {
                    connection.handle_event(event);
                }
            }
            Some(DatagramEvent::NewConnection(incoming)) => {
                buffer.clear();
                if let Ok((handle, connection)) = self.endpoint.accept(incoming, now, &mut buffer, None) {
                    self.connections.insert(handle, connection);
                }
            }
            Some(DatagramEvent::Response(transmit)) => self.out.push((transmit.destination, buffer)),
            None => {}
        }
    }

    /// Runs timers, passes events between endpoint and connections, and collects what is to be sent.
    pub(crate) fn drive(&mut self, now: Instant, mut event: impl FnMut(&mut Connection, Event)) {
        for (&handle, connection) in &mut self.connections {
            if connection.poll_timeout().is_some_and(|at| at <= now) {
                connection.handle_timeout(now);
            }
            while let Some(told) = connection.poll_endpoint_events() {
                if let Some(answer) = self.endpoint.handle_event(handle, told) {
                    connection.handle_event(answer);
                }
            }
            while let Some(heard) = connection.poll() {
                event(connection, heard);
            }
            loop {
                let mut buffer = Vec::new();
                let Some(transmit) = connection.poll_transmit(now, 1, &mut buffer) else { break };
                self.out.push((transmit.destination, buffer));
            }
        }
    }
}
