//! The stand-in's gateway: one request a connection, no more of HTTP than that.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2Serializer};
use serde_json::{Value, json};

use super::{Shared, lock};

/// Starts the gateway and returns its address.
pub(super) fn serve(shared: &Arc<Shared>) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let url = format!("http://{}", listener.local_addr().expect("a bound socket"));
    let shared = Arc::clone(shared);
    let thread = std::thread::spawn(move || {
        while !shared.stop.load(Relaxed) {
            match listener.accept() {
                Ok((stream, _)) => {
                    let shared = Arc::clone(&shared);
                    std::thread::spawn(move || answer(&stream, &shared));
                }
                Err(_) => std::thread::park_timeout(std::time::Duration::from_millis(1)),
            }
        }
    });
    (url, thread)
}

fn answer(stream: &TcpStream, shared: &Shared) -> Option<()> {
    stream.set_nonblocking(false).ok()?;
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    let (mut length, mut bearer) = (0, String::new());
    let mut first = String::new();
    while reader.read_line(&mut head).ok()? > 2 {
        let line = head.trim().to_lowercase();
        if first.is_empty() {
            first = head.trim().to_owned();
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
        if let Some(value) = line.strip_prefix("authorization: bearer ") {
            value.clone_into(&mut bearer);
        }
        head.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = first.split(' ').nth(1)?.to_owned();
    let (status, answer) = route(&path, &bearer, &body, shared);
    let text = answer.to_string();
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\nretry-after: 0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    let mut stream = stream;
    stream.write_all((head + &text).as_bytes()).ok()
}

fn refuse(status: u16, code: &str) -> (u16, Value) {
    (status, json!({ "error": { "code": code, "message": "the stand-in says no" } }))
}

fn route(path: &str, bearer: &str, body: &Value, shared: &Shared) -> (u16, Value) {
    let name = body["username"].as_str().unwrap_or_default();
    match path {
        "/v1/auth/register" => {
            let mut accounts = lock(&shared.accounts);
            let id = accounts.len() as u64 + 1;
            accounts.insert(name.to_owned(), (id, !shared.faults.rate_limited));
            (201, json!({ "account_id": id }))
        }
        "/v1/auth/login" => match lock(&shared.accounts).get_mut(name) {
            None => refuse(401, "unauthorized"),
            Some((_, admitted)) => {
                if std::mem::replace(admitted, true) {
                    (200, json!({ "token": name, "account_id": 1, "expires_s": 0 }))
                } else {
                    refuse(429, "rate_limited")
                }
            }
        },
        "/v1/worlds" => (200, json!({ "worlds": [{ "entries": [{ "id": 2 }, { "id": 1 }] }] })),
        "/v1/characters" => characters(bearer, body, shared),
        "/v1/ops/economy" => (200, economy(shared)),
        "/v1/ops/status" => (200, status(shared)),
        _ => select(path, shared),
    }
}

fn characters(bearer: &str, body: &Value, shared: &Shared) -> (u16, Value) {
    let id = lock(&shared.accounts).get(bearer).map_or(0, |account| account.0);
    let mut purses = lock(&shared.purses);
    let Some(name) = body["name"].as_str() else {
        let known = purses.contains_key(&id).then(|| json!({ "id": id, "name": bearer }));
        return (200, json!({ "characters": known.into_iter().collect::<Vec<_>>() }));
    };
    purses.insert(id, (1000, vec![10 * id, 10 * id + 1]));
    shared.minted.fetch_add(1, Relaxed);
    (201, json!({ "id": id, "name": name }))
}

fn select(path: &str, shared: &Shared) -> (u16, Value) {
    let id = path.strip_prefix("/v1/characters/").and_then(|rest| rest.strip_suffix("/select")?.parse().ok());
    let Some(id) = id else { return refuse(404, "not_found") };
    let ticket = shared.ticket(id, 0);
    let answer = json!({
        "endpoint": shared.endpoints[0].to_string(),
        "routing_id": format!("{:016x}", ticket.routing_id),
        "key_id": ticket.key_id,
        "expires_s": ticket.expires_s,
        "token": STANDARD.encode(ticket.sealed_token),
        "psk": STANDARD.encode(ticket.psk),
        "server_key": STANDARD.encode(ticket.server_key),
    });
    (200, answer)
}

fn economy(shared: &Shared) -> Value {
    let purses = lock(&shared.purses);
    let zen: u64 = purses.values().map(|purse| purse.0).sum();
    let items: usize = purses.values().map(|purse| purse.1.len()).sum();
    let births = shared.minted.load(Relaxed);
    json!({
        "zen_players": zen,
        "items_live": items,
        "zen_minted": 1000 * births,
        "items_minted": 2 * births,
        "items_burned": 0,
        "applied_lsn": 0,
        "pending": 0,
    })
}

fn status(shared: &Shared) -> Value {
    let ticks = shared.ticks.load(Relaxed);
    let mut histogram = Histogram::<u64>::new(3).expect("three digits are allowed");
    histogram.record_n(400, ticks).expect("it grows by itself");
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(&histogram, &mut bytes).expect("memory");
    let text = STANDARD.encode(bytes);
    json!({
        "ticks": ticks,
        "ticks_skipped": 0,
        "rss_bytes": 1_048_576,
        "cpu_seconds": 0.5,
        "tick_hist": text,
        "lateness_hist": text,
        "runtime": "stand-in",
        "shards": [{ "id": 0 }],
    })
}
