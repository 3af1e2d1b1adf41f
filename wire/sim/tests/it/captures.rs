//! Recorded endpoints are made again from their files: the same datagrams byte for byte, the same digest.

use mu_wire::capture::{CaptureFault, ClientReplay, Moment, ServerReplay};
use mu_wire_sim::{Captures, Options, host_keys, run};

/// Seeds whose runs are recorded and replayed.
const SEEDS: u64 = 40;

fn record(seed: u64) -> Captures {
    let recorded = run(seed, Options { record: true, ..Options::default() });
    assert_eq!(recorded.fault, None, "seed {seed}");
    assert_eq!(recorded.hash, run(seed, Options::default()).hash, "seed {seed}: recording must not change the run");
    recorded.captures
}

#[test]
fn a_replay_puts_out_the_same_datagrams() {
    let (mut datagrams, mut checkpoints, mut bytes, mut files) = (0, 0, 0, 0);
    for seed in 0..SEEDS {
        let captures = record(seed);
        for captured in &captures.servers {
            let mut out = Vec::new();
            let mut replay = ServerReplay::new(&captured.file, &host_keys()).expect("a capture");
            let summary = replay.run(&mut |moment| {
                if let Moment::Datagram(to, bytes) = moment {
                    out.push((to, bytes.to_vec()));
                }
            });
            let summary = summary.expect("the same story");
            assert!(summary.finished && summary.checkpoints > 0 && !summary.overrun, "seed {seed}: {summary:?}");
            assert!(out == captured.datagrams, "seed {seed}: other datagrams");
            assert_eq!(summary.datagrams, out.len() as u64);
            datagrams += out.len();
            checkpoints += summary.checkpoints;
            bytes += captured.file.len();
            files += 1;
        }
        for captured in &captures.clients {
            let mut out = Vec::new();
            let mut replay = ClientReplay::new(&captured.file).expect("a capture");
            let summary = replay.run(&mut |moment| {
                if let Moment::Datagram(to, bytes) = moment {
                    out.push((to, bytes.to_vec()));
                }
            });
            assert!(summary.expect("the same story").finished, "seed {seed}");
            assert!(out == captured.datagrams, "seed {seed}: other datagrams of a client");
            datagrams += out.len();
            files += 1;
        }
    }
    assert!(datagrams > 5_000 && files > 80 && checkpoints > 100, "{datagrams}, {files}, {checkpoints}");
    assert!(bytes > 0);
}

/// The first seed whose capture is short enough to be damaged at each byte.
fn short() -> Vec<u8> {
    let mut files = (0..SEEDS).flat_map(|seed| record(seed).servers).map(|captured| captured.file);
    files.find(|file| (20_000..200_000).contains(&file.len())).expect("a short run")
}

#[test]
fn damage_is_named_with_its_offset() {
    let file = short();
    let keys = host_keys();
    let replay = |file: &[u8]| ServerReplay::new(file, &keys).and_then(|mut replay| replay.run(&mut |_| {}));
    let whole = replay(&file).expect("undamaged");
    // Where the records begin.
    let mut starts = Vec::new();
    let mut reader = ServerReplay::new(&file, &keys).expect("undamaged");
    reader
        .run(&mut |moment| {
            starts.extend(match moment {
                Moment::ServerCall(offset, _) => Some(offset),
                _ => None,
            })
        })
        .expect("undamaged");
    assert_eq!(starts.len() as u64, whole.calls);
    for at in (8..file.len()).step_by(file.len() / 300) {
        let mut damaged = file.clone();
        damaged[at] ^= 0x20;
        let error = replay(&damaged).expect_err("a changed byte");
        let record = starts.iter().rev().find(|start| **start <= at as u64).copied().unwrap_or(0);
        assert!(error.offset >= record && error.offset <= at as u64, "byte {at}: {error}, a record begins at {record}");
        assert!(error.to_string().contains(&format!("byte {}", error.offset)), "{error}");
    }
    for len in (0..file.len()).step_by(file.len() / 200) {
        match replay(&file[..len]) {
            Ok(summary) => assert!(!summary.finished, "{len} bytes are not the whole file"),
            Err(error) => {
                let known = [CaptureFault::CutOff, CaptureFault::NoCapture].contains(&error.fault);
                assert!(known && error.offset <= len as u64, "{len} bytes: {error}");
            }
        }
    }
}

#[test]
fn another_story_is_noticed() {
    let file = short();
    let other = mu_wire::HostKeys::from_master(&[8; 32], 1);
    assert_eq!(ServerReplay::new(&file, &other).unwrap_err().fault, CaptureFault::OtherKeys);
    assert_eq!(ClientReplay::new(&file).unwrap_err().fault, CaptureFault::OtherEnd);
    // Another seed in the head, with a right checksum: everything reads well and the first checkpoint does not agree.
    let (length_len, body) = if file[8] < 0x80 { (1, 13) } else { (2, 14) };
    let length = usize::from(file[8] & 0x7f) | if length_len == 2 { usize::from(file[9]) << 7 } else { 0 };
    let mut altered = file.clone();
    altered[body + 1 + 4 + 32] ^= 1;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&altered[8..8 + length_len]);
    crc.update(&altered[body..body + length]);
    altered[8 + length_len..body].copy_from_slice(&crc.finalize().to_le_bytes());
    let error = ServerReplay::new(&altered, &host_keys()).unwrap().run(&mut |_| {}).unwrap_err();
    assert_eq!(error.fault, CaptureFault::Diverged, "{error}");
}
