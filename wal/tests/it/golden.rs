//! The bytes on disk are final. Each page is built here a second time, field by field from `docs/wal-format.md` and with a
//! bitwise CRC, and compared with what the journal wrote; the checksums are also spelled out.

use mu_wal::disk::sim::SimDisk;
use mu_wal::{EpochStart, JournalOptions, Lsn, NewRecord};

use super::rig;

/// CRC-32 (IEEE 802.3), bit by bit.
fn crc32(parts: &[&[u8]]) -> u32 {
    let mut crc = u32::MAX;
    for byte in parts.iter().copied().flatten() {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// A page or frame that is filled in by offset.
struct Bytes(Vec<u8>);

impl Bytes {
    fn zeros(length: usize) -> Self {
        Self(vec![0; length])
    }

    fn put(&mut self, at: usize, bytes: &[u8]) -> &mut Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }
}

/// What every seeded checksum begins with.
fn seed(segment: u64, offset: u64) -> Vec<u8> {
    let mut bytes = 0x5EED_u128.to_le_bytes().to_vec();
    bytes.extend(segment.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes
}

/// The fields of a frame that differ between frames.
struct Frame {
    offset: u64,
    flags: u16,
    records: u32,
    chain: u32,
    sequence: u64,
    first: u64,
    durable: u64,
    safe: u64,
}

impl Frame {
    /// The frame's bytes and its header's checksum.
    fn build(&self, payload: &[u8]) -> (Vec<u8>, u32) {
        let length = (80 + payload.len()).next_multiple_of(4096);
        let mut bytes = Bytes::zeros(length);
        bytes
            .put(0, b"MUFR\x01\x00")
            .put(6, &self.flags.to_le_bytes())
            .put(8, &u32::try_from(length).expect("small").to_le_bytes())
            .put(12, &u32::try_from(payload.len()).expect("small").to_le_bytes())
            .put(16, &self.records.to_le_bytes())
            .put(20, &self.chain.to_le_bytes())
            .put(24, &self.sequence.to_le_bytes())
            .put(32, &self.first.to_le_bytes())
            .put(40, &self.durable.to_le_bytes())
            .put(48, &self.safe.to_le_bytes())
            .put(80, payload);
        let body = crc32(&[&seed(1, self.offset + 80), &bytes.0[80..]]);
        bytes.put(72, &body.to_le_bytes());
        let header = crc32(&[&seed(1, self.offset), &bytes.0[..76]]);
        bytes.put(76, &header.to_le_bytes());
        (bytes.0, header)
    }
}

fn record(lsn: u64, new: &NewRecord<'_>) -> Vec<u8> {
    let mut bytes = Bytes::zeros(48 + new.payload.len().next_multiple_of(16));
    bytes
        .put(0, &u32::try_from(new.payload.len()).expect("small").to_le_bytes())
        .put(8, &lsn.to_le_bytes())
        .put(16, &new.event_id.to_le_bytes())
        .put(32, &new.kind.to_le_bytes())
        .put(34, &new.schema.to_le_bytes())
        .put(36, &new.flags.to_le_bytes())
        .put(40, &new.hint.to_le_bytes())
        .put(48, new.payload);
    let checksum = crc32(&[&bytes.0[..4], &bytes.0[8..]]);
    bytes.put(4, &checksum.to_le_bytes());
    bytes.0
}

#[test]
fn a_segment_is_these_bytes() {
    let disk = SimDisk::new(1);
    let boot = EpochStart { boot: 7, config_hash: 0x1122_3344_5566_7788, version: "1.2.3".into() };
    let options = JournalOptions { seal_idle: std::time::Duration::ZERO, ..rig::options() };
    let scan = rig::scan(&disk).expect("an empty disk");
    let (mut journal, _) = scan.into_journal(Lsn(0), &boot, &options).expect("a fresh journal");
    let trade =
        NewRecord { kind: 16, schema: 1, event_id: 0xAB << 64 | 5, flags: 3, hint: 99, payload: b"seventeen bytes!!" };
    let empty = NewRecord { kind: 17, schema: 2, event_id: 6, flags: 0, hint: 0, payload: b"" };
    journal.append(&trade).expect("room");
    journal.append(&empty).expect("room");
    journal.sync().expect("a good disk");
    journal.set_safe(Lsn(1));
    journal.seal_if_idle().expect("a good disk");

    let files = disk.durable_files();
    let segment = &files["0000000000000001.wal"];
    assert_eq!(segment.len(), 64 << 10);

    let mut header = Bytes::zeros(4096);
    header
        .put(0, b"MUWALSEG")
        .put(8, &[1, 0, 0, 0])
        .put(12, &4096_u32.to_le_bytes())
        .put(16, &0x5EED_u128.to_le_bytes())
        .put(32, &1_u64.to_le_bytes())
        .put(40, &65536_u64.to_le_bytes())
        .put(48, &1_u64.to_le_bytes())
        .put(56, &1_u64.to_le_bytes())
        .put(96, &1_u64.to_le_bytes());
    let checksum = crc32(&[&header.0[..4092]]);
    header.put(4092, &checksum.to_le_bytes());
    assert_eq!(segment[..4096], header.0, "the header page");
    assert_eq!(segment[60 * 1024..], header.0, "its copy");

    let mut epoch = 7_u32.to_le_bytes().to_vec();
    epoch.extend(5_u32.to_le_bytes());
    epoch.extend(0x1122_3344_5566_7788_u64.to_le_bytes());
    epoch.extend(b"1.2.3");
    let start = NewRecord { kind: 0xFF01, schema: 1, event_id: 0, flags: 0, hint: 0, payload: &epoch };
    let plain = Frame { offset: 4096, flags: 4, records: 1, chain: 0, sequence: 1, first: 1, durable: 0, safe: 0 };
    let (bytes, chain) = plain.build(&record(0, &start));
    assert_eq!(segment[4096..8192], bytes, "the boot");

    let group = Frame { offset: 8192, flags: 0, records: 2, chain, sequence: 2, ..plain };
    let records = [record(1, &trade), record(2, &empty)].concat();
    assert_eq!(records.len(), 80 + 48);
    let (bytes, chain) = group.build(&records);
    assert_eq!(segment[8192..12288], bytes, "the group");

    let seal = Frame { offset: 12288, flags: 2, records: 0, chain, sequence: 3, first: 3, durable: 2, safe: 1 };
    let (bytes, sealed) = seal.build(&[]);
    assert_eq!(segment[12288..16384], bytes, "the seal");
    assert_eq!([checksum, chain, sealed], [0xBA901996, 0x07CF2488, 0x4359FC32], "the checksums, spelled out");
}

#[test]
fn a_checkpoint_is_these_bytes() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = rig::open(&disk, 0).expect("a fresh journal");
    rig::append(&mut journal, 1);
    rig::append(&mut journal, 2);
    journal.sync().expect("a good disk");
    journal.set_safe(Lsn(1));
    journal.close().expect("a good disk");

    let files = disk.durable_files();
    let newest = files["checkpoint"].chunks(4096).max_by_key(|slot| slot[32]).expect("two slots");
    let mut page = Bytes::zeros(4096);
    page.put(0, b"MUWALCKP")
        .put(8, &[1, 0])
        .put(16, &0x5EED_u128.to_le_bytes())
        .put(32, &newest[32..40])
        .put(40, &2_u64.to_le_bytes())
        .put(48, &1_u64.to_le_bytes())
        .put(56, &1_u64.to_le_bytes())
        .put(64, &1_u64.to_le_bytes());
    let checksum = crc32(&[&page.0[..4092]]);
    page.put(4092, &checksum.to_le_bytes());
    assert_eq!(newest, page.0);
    assert_eq!(files["checkpoint"].len(), 8192);
}
