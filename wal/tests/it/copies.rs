//! Copies of a journal that is being written.

use std::sync::atomic::{AtomicBool, Ordering};

use mu_wal::{EpochStart, JournalOptions, Lsn, NewRecord, ScanOptions, scan, tool};

fn options() -> JournalOptions {
    JournalOptions { segment_bytes: 256 * 1024, retain_segments: 1_000, ..JournalOptions::default() }
}

fn record(payload: &[u8], number: u64) -> NewRecord<'_> {
    NewRecord { kind: 16, schema: 1, event_id: u128::from(number), flags: 0, hint: 0, payload }
}

#[test]
fn a_copy_taken_while_the_writer_writes_holds_a_prefix_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let (live, copies) = (folder.path().join("live"), folder.path().join("copies"));
    std::fs::create_dir(&copies).unwrap();
    let epoch = EpochStart { boot: 1, config_hash: 0, version: "test".to_owned() };
    let (mut journal, _) =
        scan(&live, &ScanOptions::default()).unwrap().into_journal(Lsn::ZERO, &epoch, &options()).unwrap();
    let done = AtomicBool::new(false);
    let taken = std::thread::scope(|scope| {
        let copier = scope.spawn(|| {
            let mut taken = Vec::new();
            while !done.load(Ordering::Relaxed) || taken.is_empty() {
                let to = copies.join(taken.len().to_string());
                taken.push((to.clone(), tool::copy_behind(&live, Lsn::ZERO, &to).unwrap()));
            }
            taken
        });
        for number in 1..=1_500u64 {
            journal.append(&record(&[7; 700], number)).unwrap();
            if number % 3 == 0 {
                journal.sync().unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
        copier.join().unwrap()
    });
    let mut longest = Lsn::ZERO;
    for (path, copied) in &taken {
        let mut last = Lsn::ZERO;
        tool::read(path, &mut |record| {
            assert_eq!(record.lsn, last.next());
            assert_eq!(record.event_id, u128::from(record.lsn.0));
            last = record.lsn;
        })
        .unwrap();
        assert!(copied.durable <= last, "{copied:?} but {last}");
        longest = longest.max(copied.durable);
    }
    assert!(longest > Lsn::ZERO, "at least one of {} copies saw something durable", taken.len());
}

#[test]
fn a_copy_begins_with_the_segment_that_holds_the_first_position_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live");
    let epoch = EpochStart { boot: 1, config_hash: 0, version: "test".to_owned() };
    let (mut journal, _) =
        scan(&live, &ScanOptions::default()).unwrap().into_journal(Lsn::ZERO, &epoch, &options()).unwrap();
    for number in 1..=600u64 {
        journal.append(&record(&[7; 1_500], number)).unwrap();
        journal.sync().unwrap();
    }
    let all = tool::copy_behind(&live, Lsn::ZERO, &folder.path().join("all")).unwrap();
    let some = tool::copy_behind(&live, Lsn(400), &folder.path().join("some")).unwrap();
    assert!(all.segments.len() > some.segments.len() && some.first > Lsn(1), "{all:?}, {some:?}");
    assert!(some.first <= Lsn(401) && some.durable == all.durable, "{some:?}");
    assert_eq!(all.durable, Lsn(599), "the last frame has no promise yet");
    journal.close().unwrap();
    let sealed = tool::copy_behind(&live, Lsn(400), &folder.path().join("sealed")).unwrap();
    assert_eq!(sealed.durable, Lsn(600));
}
