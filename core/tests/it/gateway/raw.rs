//! Peers that do not behave: slow, silent, or not speaking HTTP at all. Each costs a bounded time and nobody else anything.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::town::{Plan, Town};

/// Sends these bytes and reads until the server closes.
fn exchange(town: &Town, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(town.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // The server may close before it has read all of it.
    let _closed_early = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the server did not close: {error}"),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_head_that_never_ends_closes_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { head_timeout: Duration::from_millis(100), ..Plan::default() };
    let town = Town::start_with(folder.path(), &plan);
    assert_eq!(exchange(&town, b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: "), "");
    assert_eq!(exchange(&town, b""), "", "an idle connection");
    town.stop();
}

#[test]
fn a_body_that_never_arrives_ends_the_request() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { request_timeout: Duration::from_millis(100), ..Plan::default() };
    let town = Town::start_with(folder.path(), &plan);
    let head = b"POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\nConnection: close\r\n\r\n{";
    let answer = exchange(&town, head);
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains(r#""code":"timeout""#), "{answer}");
    town.stop();
}

#[test]
fn what_is_not_http_is_refused_and_the_next_peer_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start(&folder);
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(100_000));
    let lying = "POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n";
    let smuggled =
        "POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: nonsense\r\n\r\n{}";
    for bytes in
        ["\0\0\0\0\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\0\r\n\r\n", &long_path, lying, smuggled]
    {
        let answer = exchange(&town, bytes.as_bytes());
        let status = answer.get(9..12).unwrap_or("");
        assert!(answer.is_empty() || status.starts_with('4'), "{bytes:.40?} was answered {answer}");
    }
    town.api.get("/healthz").expect(200);
    town.stop();
}

#[test]
fn a_full_house_serves_the_next_peer_when_a_place_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { connections_max: 1, head_timeout: Duration::from_millis(100), ..Plan::default() };
    let town = Town::start_with(folder.path(), &plan);
    let _silent = TcpStream::connect(town.address).unwrap();
    town.api.get("/healthz").expect(200);
    town.stop();
}
