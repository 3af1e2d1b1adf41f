//! Capture files: whatever one says, reading and replaying it ends with a result or an error that names the place.

use std::sync::OnceLock;

use super::data::Data;
use super::strangers::keys;
use crate::ServerConfig;
use crate::capture::{ClientReplay, End, RecordedServer, ServerReplay, framed};

/// Records of a small file.
const RECORDS: usize = 32;

/// The body of the first record of a server's capture.
fn head() -> &'static [u8] {
    static HEAD: OnceLock<Vec<u8>> = OnceLock::new();
    HEAD.get_or_init(|| {
        let mut config = ServerConfig { max_connections: 4, max_half_open: 2, ..ServerConfig::default() };
        config.limits.replay_log = 16;
        let mut tape = RecordedServer::recorded(config, keys(), [1; 32], usize::MAX).take_tape();
        // File head 8, length in one or two bytes, checksum 4.
        let body = if tape.get(8).is_some_and(|length| length & 0x80 == 0) { 13 } else { 14 };
        tape.split_off(body)
    })
}

pub(super) fn captures(bytes: &[u8]) {
    let mut data = Data::new(bytes);
    let file = match data.u8() & 3 {
        0 => data.take(usize::MAX).to_vec(),
        1 => framed(End::Client, (0..RECORDS).map(|_| data.part())),
        mode => {
            // A right head, perhaps with a part of it overwritten.
            let mut first = head().to_vec();
            if mode == 3 {
                let (at, patch) = (usize::from(data.u8()), data.part());
                first.iter_mut().skip(at).zip(patch).for_each(|(to, from)| *to = *from);
            }
            let rest: Vec<&[u8]> = (0..RECORDS).map(|_| data.part()).collect();
            framed(End::Server, std::iter::once(&first[..]).chain(rest))
        }
    };
    if let Ok(mut replay) = ServerReplay::new(&file, keys()) {
        let _told = replay.run(&mut |_| {});
    }
    if let Ok(mut replay) = ClientReplay::new(&file) {
        let _told = replay.run(&mut |_| {});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_that_inputs_build_on_is_one() {
        let file = framed(End::Server, std::iter::once(head()));
        assert!(ServerReplay::new(&file, keys()).is_ok());
    }
}
