//! Sealing and opening a packet as a connection does it, beside the bare cipher of `ring` on the same bytes.
//!
//! Both write the tag behind the body and authenticate eleven bytes of header. Ours also writes and reads the header,
//! recovers the packet number and keeps the replay window.

use mu_wire::measure::Sealed;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use mu_perf::report::{Promise, Want};
use mu_perf::timing::{Effort, median, round_ns};

/// What sealing or opening may cost beside the cipher.
const OVER_NS: f64 = 60.0;
/// Bodies.
const SIZES: [usize; 3] = [64, 256, 1_200];
/// Packets of a round: enough to time, few enough for the nearest cache.
const PACKETS: u32 = 16;
const HEAD: usize = 11;
const TAG: usize = 16;

type Buffer = [u8; 1_300];

/// Two promises for each size.
pub(super) fn promises(effort: Effort) -> Vec<Promise> {
    SIZES.into_iter().flat_map(|size| both(effort, size)).collect()
}

fn both(effort: Effort, size: usize) -> [Promise; 2] {
    let mut ours = Sealed::default();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[1; 32]).expect("the key has the cipher's length"));
    let mut buffers = vec![[9; 1_300]; PACKETS as usize];
    let mut number = 0;
    let (mut seals, mut opens) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for _ in 0..effort.rounds * 20 {
        seals[0].push(round_ns(PACKETS, || {
            for buffer in &mut buffers {
                ours.seal(buffer, size).expect("there is room");
            }
        }));
        opens[0].push(round_ns(PACKETS, || {
            for buffer in &mut buffers {
                ours.open(&mut buffer[..HEAD + size + TAG]).expect("just sealed");
            }
        }));
        let first = number;
        seals[1].push(round_ns(PACKETS, || {
            for buffer in &mut buffers {
                bare_seal(&key, number, buffer, size);
                number += 1;
            }
        }));
        opens[1].push(round_ns(PACKETS, || {
            for (number, buffer) in (first..).zip(&mut buffers) {
                bare_open(&key, number, buffer, size);
            }
        }));
    }
    let promise = |what: &str, [ours, bare]: &mut [Vec<f64>; 2]| {
        let (ours, bare) = (median(ours), median(bare));
        Promise::new(
            format!("{what}_{size}_over_aead"),
            ours - bare,
            "ns",
            Want::AtMost(OVER_NS),
            &[("ours_ns", ours), ("ring_ns", bare)],
        )
    };
    [promise("seal", &mut seals), promise("open", &mut opens)]
}

fn nonce(number: u64) -> Nonce {
    let mut bytes = [2; 12];
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

fn bare_seal(key: &LessSafeKey, number: u64, buffer: &mut Buffer, size: usize) {
    let (head, rest) = buffer.split_at_mut(HEAD);
    let (body, rest) = rest.split_at_mut(size);
    let tag = key.seal_in_place_separate_tag(nonce(number), Aad::from(&*head), body).expect("far below the limit");
    rest[..TAG].copy_from_slice(tag.as_ref());
}

fn bare_open(key: &LessSafeKey, number: u64, buffer: &mut Buffer, size: usize) {
    let (head, rest) = buffer.split_at_mut(HEAD);
    key.open_in_place(nonce(number), Aad::from(&*head), &mut rest[..size + TAG]).expect("just sealed");
}
