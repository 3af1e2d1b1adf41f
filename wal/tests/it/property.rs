//! Any records in any groups come back as they were; any bytes are judged without a panic.

use std::collections::BTreeMap;
use std::sync::Arc;

use mu_wal::disk::sim::SimDisk;
use mu_wal::format::frame::{self, FrameHeader};
use mu_wal::format::seed::Seed;
use mu_wal::format::{header::SegmentHeader, record};
use mu_wal::{LogId, Lsn, NewRecord, OwnedRecord};
use proptest::collection::vec;
use proptest::prelude::*;

use super::rig;

fn any_record() -> impl Strategy<Value = OwnedRecord> {
    let fields = (0..0xFF00_u16, any::<u16>(), any::<u128>(), any::<u16>(), any::<u64>());
    let payload = prop_oneof![4 => vec(any::<u8>(), 0..300), 1 => vec(any::<u8>(), 0..9_000)];
    (fields, payload).prop_map(|((kind, schema, event_id, flags, hint), payload)| OwnedRecord {
        lsn: Lsn::ZERO,
        kind,
        schema,
        event_id,
        flags,
        hint,
        payload,
    })
}

fn submit(record: &OwnedRecord) -> NewRecord<'_> {
    NewRecord {
        kind: record.kind,
        schema: record.schema,
        event_id: record.event_id,
        flags: record.flags,
        hint: record.hint,
        payload: &record.payload,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_come_back_as_they_were(groups in vec(vec(any_record(), 1..5), 1..20), applied in 0..20_u64) {
        let disk = SimDisk::new(1);
        let (mut journal, _) = rig::open(&disk, 0).expect("a fresh journal");
        let mut written = Vec::new();
        for mut record in groups.into_iter().flat_map(|mut group| {
            group.push(OwnedRecord { lsn: Lsn(u64::MAX), ..group[0].clone() });
            group
        }) {
            if record.lsn == Lsn(u64::MAX) {
                journal.sync().expect("a good disk");
                continue;
            }
            record.lsn = journal.append(&submit(&record)).expect("room");
            written.push(record);
        }
        drop(journal);
        disk.restart();
        let applied = applied.min(written.len() as u64);
        let (_, undecided) = rig::open(&disk, applied).expect("undamaged");
        let skip = usize::try_from(applied).expect("small");
        prop_assert_eq!(&undecided, &written[skip..]);
        disk.restart();
        let (_, again) = rig::open(&disk, applied).expect("undamaged");
        prop_assert_eq!(&again, &undecided, "logged again and found again");
    }

    #[test]
    fn any_bytes_are_judged(bytes in vec(any::<u8>(), 0..6_000), magic in any::<bool>()) {
        let mut page = [0; 4096];
        let taken = bytes.len().min(4096);
        page[..taken].copy_from_slice(&bytes[..taken]);
        let seed = Seed::new(LogId(1), 1);
        if magic {
            page[..4].copy_from_slice(b"MUFR");
        }
        prop_assert!(FrameHeader::decode(page.first_chunk().expect("long enough"), 4096, 1 << 20, &seed).is_err());
        prop_assert!(SegmentHeader::decode(&page).is_err());
        prop_assert!(record::decode(&bytes).is_err());
    }

    /// A frame whose checksums are right and whose fields are anything: only the rules are left to refuse it.
    #[test]
    fn a_sound_frame_with_any_body_is_judged(body in vec(any::<u8>(), 0..2_000), records in 0..50_u32, flags in any::<u16>()) {
        let seed = Seed::new(LogId(1), 1);
        let mut frame = vec![0; frame::HEADER_BYTES];
        frame.extend(body);
        let header = FrameHeader {
            in_flight: 0, flags, bytes: 0, payload_bytes: 0, records, chain: 0, sequence: 1, first: Lsn(1),
            durable: Lsn(0), safe: Lsn(0), body_checksum: 0, checksum: 0,
        };
        let header = frame::finish(&mut frame, header, 4096, &seed);
        let read = FrameHeader::decode(frame.first_chunk().expect("long enough"), 4096, 1 << 20, &seed);
        prop_assert_eq!(read.as_ref(), Ok(&header));
        let judged = frame::check_body(&header, &frame, 4096, &seed, |_, _| {});
        prop_assert_eq!(judged.is_ok(), records == 0 && header.payload_bytes == 0);
    }

    #[test]
    fn a_directory_of_any_files_is_judged(
        files in proptest::collection::btree_map(
            prop_oneof!["[0-9a-f]{16}\\.wal", "checkpoint", "ballast\\.seg", "spare-0000000[0-9]\\.(seg|tmp)", "[a-z]{1,8}"],
            (0..3_usize, vec(any::<u8>(), 0..200)),
            0..5,
        )
    ) {
        let files: BTreeMap<String, Arc<Vec<u8>>> = files
            .into_iter()
            .map(|(name, (size, start))| {
                let mut bytes = start;
                bytes.resize([bytes.len(), 8 << 10, 64 << 10][size].max(bytes.len()), 0);
                (name, Arc::new(bytes))
            })
            .collect();
        let segments = files.keys().any(|name| name.ends_with(".wal") && name != "0000000000000000.wal");
        let scan = rig::scan(&SimDisk::from_files(files, 1));
        prop_assert_eq!(scan.is_err(), segments, "{:?}", scan);
    }
}
