//! The HTTP server: accepts connections up to a bound, gives each a time to send its headers, ends in order.
//!
//! axum's own server has neither bound nor header timeout; both are here because the port faces the internet. Knows no
//! path.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::GatewayOptions;
use super::extract::Peer;

/// Largest request head in bytes; also hyper's read buffer of one connection.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// After an error of `accept` (out of file descriptors) this long is waited before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, then stops accepting and lets requests in progress finish, for at most the drain time.
pub(crate) async fn run(
    router: Router,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    options: &GatewayOptions,
) {
    let places = Arc::new(Semaphore::new(options.connections_max));
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            // Waiting for a place leaves newcomers in the kernel's queue.
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                log::warn!("the gateway cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection = graceful.watch(connection(stream, Peer(peer), router.clone(), options.head_timeout));
        tokio::spawn(async move {
            let _place = place;
            // The peer's doing: it hung up, was too slow, or does not speak HTTP.
            let _ended = connection.await;
        });
    }
    drop(listener);
    let drain = options.drain;
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        log::warn!("requests still running after {drain:?} are cut off");
    }
}

/// The protocol of one connection.
fn connection(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    head_timeout: Duration,
) -> impl hyper_util::server::graceful::GracefulConnection<Output = hyper::Result<()>> {
    let _slower_without = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
}
