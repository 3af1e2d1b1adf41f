//! What the two ends promise each other over a good link and over bad ones.

use std::time::Duration;

use mu_wire::{ClientState, CloseCode, CloseReason, Lane, Tick};

use crate::link::{Link, Outbox, Weather};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn connect_talk_and_part() {
    let mut link = Link::new(1, Weather { delay: ms(20), ..Weather::default() });
    link.offset = Duration::from_secs(77);
    link.run(ms(200));
    assert_eq!(link.client.state(), ClientState::Connected);
    let conn = link.conn();
    link.client.send(Lane::Control, b"hello").unwrap();
    assert_eq!(link.client.input(&[1, 2, 3]), Ok(0));
    link.server.send(conn, Lane::Control, b"welcome").unwrap();
    let mut written = Vec::new();
    for tick in 0..80 {
        for step in 0..10 {
            link.step((step == 0).then_some(Tick(tick)), &mut |packet, space| {
                written.push(packet);
                space[..4].copy_from_slice(b"snap");
                4
            });
        }
    }
    assert_eq!(link.shard.messages, [b"hello"]);
    assert_eq!(link.shard.inputs, [(0, vec![1, 2, 3])]);
    assert_eq!(link.player.messages, [b"welcome"]);
    assert_eq!(link.player.snapshots.len(), 80);
    assert_eq!(link.player.snapshots[7], (Tick(7), b"snap".to_vec()));
    assert!(link.shard.lost.is_empty());
    assert_eq!(link.shard.delivered, written[..link.shard.delivered.len()]);
    assert!(link.shard.delivered.len() >= 77);
    let rtt = link.client.rtt().unwrap();
    assert!((ms(40)..ms(60)).contains(&rtt), "{rtt:?}");
    let server_time = link.client.server_time(link.now).unwrap();
    let truth = link.now + link.offset;
    let error = server_time.since(truth).max(truth.since(server_time));
    assert!(error <= ms(6), "{error:?}");
    let stats = link.client.stats();
    assert!(stats.packets_sent_by_server > 20);
    assert_eq!(stats.packets_sent_by_server, stats.packets_received_then, "numbers left out are not lost");
    assert_eq!(link.server.stats().dropped_total(), 0);

    link.client.close(CloseCode::DONE);
    link.run(ms(400));
    assert_eq!(link.client.state(), ClientState::Closed(CloseReason::Local(CloseCode::DONE)));
    assert_eq!(link.player.closed, [CloseReason::Local(CloseCode::DONE)]);
    assert!(matches!(link.shard.closed[..], [(gone, CloseReason::Peer(CloseCode::DONE, _))] if gone == conn));
    assert_eq!(link.server.connections(), 0);
}

/// `protocol.md 8.2`: repetitions give way. A fragment that does not fit beside them must leave all the same, and the client
/// must not send empty-handed in a loop.
#[test]
fn unacknowledged_inputs_keep_no_part_from_leaving() {
    let mut link = Link::new(3, Weather { delay: ms(20), ..Weather::default() });
    link.run(ms(500));
    link.weather.loss = 1_000;
    for _ in 0..12 {
        link.client.input(&[7; 20]).unwrap();
    }
    link.run(ms(5));
    link.client.send(Lane::Value, &[9; 15_000]).unwrap();
    let mut out = Outbox::default();
    link.client.poll_transmit(link.now, &mut out);
    let long = out.0.iter().filter(|(_, datagram)| datagram.len() > 1_000).count();
    assert!(long >= 14 && out.0.len() <= 17, "{long} of {} datagrams carry fragments", out.0.len());
    link.weather.loss = 0;
    link.run(ms(3_000));
    assert_eq!((link.shard.messages.len(), link.shard.inputs.len()), (1, 12));
}
