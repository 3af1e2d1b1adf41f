//! Blocks between two ends: whole and once over any link, shared and not copied, and paid for by what came.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mu_wire::{
    BlockEnd, ClientState, CloseCode, DatagramSink, Lane, Limits, MAX_BLOCK_DOWN, MAX_BLOCK_UP, Random, SendError,
    ServerConfig, Tick,
};

use crate::allocations::taken;
use crate::link::{Link, UNIX, Weather};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn content(seed: u64, len: usize) -> Arc<[u8]> {
    let mut bytes = vec![0; len];
    let mut key = [5; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    Random::from_seed(key).fill(&mut bytes);
    Arc::from(bytes)
}

fn connected(weather: Weather, config: ServerConfig) -> Link {
    let mut link = Link::with(1, weather, config);
    link.run(ms(300) + weather.delay * 8);
    assert_eq!(link.client.state(), ClientState::Connected);
    link
}

/// Blocks of both directions, messages and snapshots beside them, over links of any kind.
/// protocol.md 8.53, 8.54.
#[test]
fn blocks_come_once_and_unchanged_in_any_weather() {
    for seed in 0..12_u64 {
        let weather = Weather { loss: seed * 15, duplicate: seed * 10, delay: ms(seed * 7), jitter: ms(seed * 5) };
        let mut link = Link::new(seed, weather);
        link.run(Duration::from_secs(9));
        assert_eq!(link.client.state(), ClientState::Connected, "seed {seed}");
        let conn = link.conn();
        let down: Vec<_> = [8_200, 1, 300_000, 1_024].map(|len| content(seed + len as u64, len)).into();
        let up: Vec<_> = [70_000, 1_025].map(|len| content(seed + len as u64, len)).into();
        for (kind, (block, id)) in (7..).zip(down.iter().zip(0..)) {
            assert_eq!(link.server.send_block(conn, kind, Arc::clone(block)), Ok(id));
        }
        for (kind, (block, id)) in (70..).zip(up.iter().zip(0..)) {
            assert_eq!(link.client.send_block(kind, Arc::clone(block)), Ok(id));
        }
        let mut said = 0;
        for step in 0..100_000_u32 {
            if step % 50 == 0 && step < 6_000 && link.server.send(conn, Lane::Control, &step.to_le_bytes()).is_ok() {
                said += 1;
            }
            link.step((step % 10 == 0).then_some(Tick(step / 10)), &mut |_, space| space.len().min(200));
            if link.player.ended.len() == up.len() && link.shard.ended.len() == down.len() && step >= 6_500 {
                break;
            }
        }
        let expected: Vec<_> = (7..).zip(down.iter().map(|block| block.to_vec())).collect();
        assert!(link.player.blocks == expected, "seed {seed}: {weather:?}");
        let expected: Vec<_> = (70..).zip(up.iter().map(|block| block.to_vec())).collect();
        assert!(link.shard.blocks == expected, "seed {seed}: {weather:?}");
        assert_eq!(link.shard.ended, (0..4).map(|id| (id, BlockEnd::Taken)).collect::<Vec<_>>());
        assert_eq!(link.player.ended, (0..2).map(|id| (id, BlockEnd::Taken)).collect::<Vec<_>>());
        assert_eq!(link.player.messages.len(), said, "seed {seed}");
        assert_eq!(link.server.block_memory(), 0);
        assert_eq!(link.server.stats().violations, 0);
        let (server, client) = (link.server.stats(), link.client.stats());
        assert_eq!((server.blocks_sent, server.blocks_received, server.blocks_not_taken), (4, 2, 0));
        assert_eq!((client.blocks_sent, client.blocks_received, client.blocks_not_taken), (2, 4, 0));
    }
}

/// A long block in front of it does not make a message wait: it leaves with the very next datagram.
/// protocol.md 8.57.
#[test]
fn a_message_does_not_wait_for_a_block() {
    let mut link = connected(Weather { delay: ms(30), ..Weather::default() }, ServerConfig::default());
    let conn = link.conn();
    link.server.send_block(conn, 1, content(1, 2_000_000)).unwrap();
    link.run(ms(1_000));
    for number in 0..20_u8 {
        link.server.send(conn, Lane::Control, &[number]).unwrap();
        let before = link.now;
        while link.player.messages.len() <= usize::from(number) {
            link.step(None, &mut |_, _| 0);
        }
        assert!(link.now.since(before) <= ms(50), "{:?} on a way of 30 ms", link.now.since(before));
    }
    assert!(link.player.blocks.is_empty(), "the block is still on its way");
}

#[test]
fn a_block_is_shared_and_let_go() {
    let mut link = connected(Weather::default(), ServerConfig::default());
    let conn = link.conn();
    let block = content(2, 50_000);
    for id in 0..16 {
        assert_eq!(link.server.send_block(conn, 3, Arc::clone(&block)), Ok(id));
    }
    assert_eq!(link.server.send_block(conn, 3, Arc::clone(&block)), Err(SendError::Full));
    assert_eq!(link.server.send_block(conn, 3, Arc::from([])), Err(SendError::Empty));
    let long = content(2, MAX_BLOCK_DOWN + 1);
    let refused = SendError::TooLong { len: MAX_BLOCK_DOWN + 1, max: MAX_BLOCK_DOWN };
    assert_eq!(link.server.send_block(conn, 3, long), Err(refused));
    assert_eq!(Arc::strong_count(&block), 17);
    link.run(Duration::from_secs(10));
    assert_eq!(link.player.blocks.len(), 16);
    assert_eq!(Arc::strong_count(&block), 1);
}

/// protocol.md 8.50.
#[test]
fn the_longest_blocks_arrive() {
    let mut link = connected(Weather { delay: ms(5), ..Weather::default() }, ServerConfig::default());
    let conn = link.conn();
    let (up, down) = (content(3, MAX_BLOCK_UP), content(4, MAX_BLOCK_DOWN));
    assert!(link.client.send_block(1, content(3, MAX_BLOCK_UP + 1)).is_err());
    link.client.send_block(1, Arc::clone(&up)).unwrap();
    link.server.send_block(conn, 2, Arc::clone(&down)).unwrap();
    let mut most = 0;
    while link.shard.blocks.is_empty() || link.player.blocks.is_empty() {
        link.run(ms(500));
        most = most.max(link.server.block_memory());
        assert!(link.now.as_micros() < 120_000_000, "it takes too long");
    }
    assert!(link.shard.blocks[0].1 == *up && link.player.blocks[0].1 == *down);
    assert!(most <= MAX_BLOCK_UP + 64 * 1024, "{most} bytes for the client's block");
    assert_eq!(link.server.stats().dropped_total(), 0, "the client keeps within its rate");
}

/// protocol.md 8.51.
#[test]
fn a_server_that_wants_no_blocks_says_so() {
    let limits = Limits { block_max: 0, ..Limits::default() };
    let mut link = connected(Weather::default(), ServerConfig { limits, ..ServerConfig::default() });
    link.client.send_block(1, content(5, 10)).unwrap();
    link.client.send_block(1, content(5, 10_000)).unwrap();
    link.run(ms(500));
    assert_eq!(link.player.ended, [(0, BlockEnd::Refused), (1, BlockEnd::Refused)]);
    assert_eq!(link.client.state(), ClientState::Connected);
}

#[test]
fn what_ends_a_connection_frees_its_half_block() {
    let mut link = connected(Weather::default(), ServerConfig::default());
    link.client.send_block(1, content(6, MAX_BLOCK_UP)).unwrap();
    link.run(ms(1_000));
    assert!(link.server.block_memory() > 30_000, "{}", link.server.block_memory());
    link.client.close(CloseCode::DONE);
    link.run(ms(300));
    assert_eq!(link.server.block_memory(), 0);
}

/// The slices stay away, all else comes: the half block is let go and its sender told; the connection lives on.
#[test]
fn a_block_that_stops_coming_is_let_go() {
    let mut link = connected(Weather::default(), ServerConfig::default());
    link.client.send_block(1, content(8, 300_000)).unwrap();
    link.run(ms(1_000));
    assert!(link.server.block_memory() > 30_000, "{}", link.server.block_memory());
    link.longest_up = 600;
    link.run(Duration::from_secs(29));
    assert!(link.server.block_memory() > 30_000, "too early");
    link.run(Duration::from_secs(3));
    assert_eq!((link.server.block_memory(), &link.player.ended[..]), (0, &[(0, BlockEnd::Refused)][..]));
    link.longest_up = usize::MAX;
    let again = content(8, 100_000);
    link.client.send_block(1, Arc::clone(&again)).unwrap();
    link.run(Duration::from_secs(60));
    assert_eq!(link.player.ended[1..], [(1, BlockEnd::Taken)]);
    assert!(link.shard.blocks == [(1, again.to_vec())]);
    assert_eq!(link.server.stats().violations, 0);
}

/// A pool that is too small for the block: it is refused when its room ends, and takes none any more.
#[test]
fn a_block_that_finds_no_more_room_is_refused() {
    let limits = Limits { block_pool: 100_000, ..Limits::default() };
    let mut link = connected(Weather::default(), ServerConfig { limits, ..ServerConfig::default() });
    link.client.send_block(1, content(9, 300_000)).unwrap();
    link.client.send_block(2, content(9, 20_000)).unwrap();
    let mut most = 0;
    while link.player.ended.len() < 2 {
        link.run(ms(20));
        most = most.max(link.server.block_memory());
        assert!(link.now.as_micros() < 60_000_000, "it takes too long");
    }
    assert_eq!(link.player.ended, [(0, BlockEnd::Refused), (1, BlockEnd::Taken)]);
    assert!((50_000..=100_000).contains(&most), "{most} bytes");
    assert_eq!((link.server.block_memory(), link.shard.blocks.len()), (0, 1));
}

/// Keeps datagrams without taking memory for them.
struct Kept {
    datagrams: Vec<([u8; 1452], usize)>,
}

impl Kept {
    fn new() -> Self {
        Self { datagrams: Vec::with_capacity(256) }
    }
}

impl DatagramSink for Kept {
    fn push(&mut self, _: SocketAddr, write: &mut dyn FnMut(&mut [u8]) -> usize) -> bool {
        let mut buffer = [0; 1452];
        let len = write(&mut buffer);
        if len > 0 {
            self.datagrams.push((buffer, len));
        }
        true
    }
}

/// What the server holds grows by what came, never by what BEGIN says, and packets take no memory beside the block's own.
/// protocol.md 8.56.
#[test]
fn memory_is_taken_for_what_came() {
    let mut link = connected(Weather::default(), ServerConfig::default());
    link.client.send_block(1, content(7, MAX_BLOCK_UP)).unwrap();
    let (mut up, mut down) = (Kept::new(), Kept::new());
    let (mut held, mut blocks, mut packets, mut sending) = (0, 0, 0, 0);
    while link.server.block_memory() < 200_000 {
        link.now += ms(5);
        let now = link.now;
        link.client.handle_timeout(now, &mut link.player);
        sending += taken(|| link.client.poll_transmit(now, &mut up)).0.blocks;
        let (memory, ()) = taken(|| {
            for (datagram, len) in &mut up.datagrams {
                let from = Link::client_address();
                link.server.receive(now, UNIX, from, &mut datagram[..*len], &mut link.shard, &mut down);
            }
            link.server.handle_timeouts(now, &mut link.shard);
            link.server.transmit_due(now, &mut down);
        });
        packets += up.datagrams.len();
        up.datagrams.clear();
        for (datagram, len) in &mut down.datagrams {
            link.client.receive(now, &mut datagram[..*len], &mut link.player);
        }
        down.datagrams.clear();
        held += memory.held;
        blocks += memory.blocks;
        let came = isize::try_from(packets * 1024).unwrap();
        assert!(held <= 2 * came + 1024, "{held} bytes held after {packets} packets of one slice at most");
    }
    assert!(packets > 100, "{packets}");
    assert!(blocks <= 12, "{blocks} blocks of memory in {packets} packets: one for the header, then doubling");
    assert_eq!(sending, 0, "a sender takes no memory for a slice");
}
