//! Block frames of an authentic peer that breaks their rules.

use std::sync::Arc;

use super::*;

/// Both ends in the middle of a block each way, and the body of a packet of each.
fn halfway(seed: u8) -> (Connection, Connection, Vec<u8>, Vec<u8>) {
    let (mut client, mut server) = pair(at(0), seed, KeyLimits::default());
    let mut buffer = [0; 1452];
    client.send_block(at(0), 1, Arc::from(vec![1; 90_000])).unwrap();
    server.send_block(at(0), 2, Arc::from(vec![2; 90_000])).unwrap();
    server.send_block(at(0), 3, Arc::from(vec![3; 10])).unwrap();
    let mut now = at(0);
    for round in 0..25 {
        now = at(round * 20);
        let len = client.transmit(now, Extra::None, &mut buffer);
        if len > 0 && round % 4 != 3 {
            take(&mut server, now, &mut buffer[..len]).unwrap();
        }
        let len = server.transmit(now, Extra::None, &mut buffer);
        if len > 0 && round % 5 != 4 {
            take(&mut client, now, &mut buffer[..len]).unwrap();
        }
    }
    let mut body = |from: &mut Connection, to: &mut Connection| {
        // The pace decides when the next slice may leave.
        let mut after = (1..200).map(|steps| now + Duration::from_millis(10) * steps);
        let len = after.find_map(|at| Some(from.transmit(at, Extra::None, &mut buffer)).filter(|len| *len > 1_024));
        let len = len.expect("a slice leaves");
        to.open(now, &mut buffer[..len]).expect("authentic").body.to_vec()
    };
    let (up, down) = (body(&mut client, &mut server), body(&mut server, &mut client));
    assert!(up.len() > 1_024 && down.len() > 1_024, "each holds a slice");
    (client, server, up, down)
}

#[test]
fn changed_bodies_with_slices_never_panic() {
    let mut random = Random::from_seed([8; 32]);
    let (mut client, mut server, up, down) = halfway(8);
    let (mut number, mut violations) = (AHEAD, 0);
    for round in 0..20_000_u64 {
        let mut verdict = |to: &mut Connection, header: &Header, key, original: &[u8]| {
            let mut body = original.to_vec();
            for _ in 0..=random.u64() % 3 {
                // The heads are what is read; the rest is content.
                let index = usize::try_from(random.u64() % 24).expect("small");
                body[index] = random.array::<1>()[0];
            }
            take(to, at(1_000 + round), &mut forge(header, key, number, &body))
        };
        let results = [
            verdict(&mut server, &Header::to_server(7), 1, &up),
            verdict(&mut client, &Header::to_client(&[9]), 2, &down),
        ];
        number += 1;
        if results.iter().any(Result::is_err) {
            violations += 1;
            (client, server, ..) = halfway(8);
            number = AHEAD;
        }
    }
    assert!((2_000..20_000).contains(&violations), "{violations} violations");
}

/// What the server says to a client's frames.
fn verdict(frames: &[u8]) -> Result<(), Violation> {
    let (_, mut server) = pair(at(0), 9, KeyLimits::default());
    let body = [&[0], frames].concat();
    take(&mut server, at(10), &mut forge(&Header::to_server(7), 1, 0, &body))
}

#[test]
fn each_block_violation_is_named() {
    let blocks = Err(Violation::Blocks);
    let malformed = Err(Violation::Malformed);
    const BEGIN: [u8; 13] = [0x50, 0, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0];
    let after = |frame: &[u8]| verdict(&[&BEGIN[..], frame].concat());
    assert_eq!(verdict(&BEGIN), Ok(()));
    assert_eq!(after(&BEGIN), Ok(()), "a copy");
    assert_eq!(after(&[0x51, 0, 0, 0, 0, 3, 7, 7, 7]), Ok(()), "the slice; its CRC-32 is wrong, which is said by END");
    assert_eq!(verdict(&[0x50, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), malformed, "an empty block");
    assert_eq!(verdict(&[0x50, 0, 0, 1, 0, 1, 0, 16, 0, 0, 0, 0, 0]), blocks, "1 MiB and 1 byte");
    assert_eq!(verdict(&[0x50, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]), blocks, "the second before the first");
    assert_eq!(after(&[0x50, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]), blocks, "a second before the first ended");
    assert_eq!(verdict(&[0x51, 0, 0, 0, 0, 3, 7, 7, 7]), blocks, "a slice of nothing");
    assert_eq!(after(&[0x51, 0, 0, 1, 0, 3, 7, 7, 7]), blocks, "a slice beyond the end");
    assert_eq!(after(&[0x51, 0, 0, 0, 0, 2, 7, 7]), blocks, "a slice that is too short");
    assert_eq!(after(&[0x51, 0, 0, 0, 0, 0]), malformed, "a slice without bytes");
    assert_eq!(verdict(&[0x52, 0, 0, 1, 0]), blocks, "credit for nothing");
    assert_eq!(verdict(&[0x53, 0, 0, 0]), blocks, "an end of nothing");
    assert_eq!(verdict(&[0x53, 0, 0, 3]), blocks, "an unknown end");
    assert_eq!(verdict(&[0x52, 0xff, 0xff, 1, 0]), Ok(()), "late words about an earlier block");
    assert_eq!(verdict(&[0x53, 0xff, 0xff, 1]), Ok(()), "late words about an earlier block");
}
