//! What a workspace may hold that is no plain file, and what changes while it is read.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::{
        fs::{FileExt as _, MetadataExt as _},
        net::UnixListener,
    },
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use holdpoint_core::Timestamp;

use super::{place, tree};
use crate::{Cause, Saved, Terms};

fn save(place: &super::Place) -> Saved {
    let cause = Cause { run: Some("r-1"), why: "before a test".to_owned() };
    place.snapshots.save_workspace(&place.root, &cause, Timestamp(1)).unwrap()
}

#[test]
fn a_hundred_gigabytes_of_nothing_are_said_and_cost_no_time() {
    let place = place();
    fs::write(place.root.join("mine"), "kept").unwrap();
    let sparse = File::create(place.root.join("sparse")).unwrap();
    sparse.set_len(100 << 30).unwrap();
    sparse.write_all_at(b"end", (100 << 30) - 3).unwrap();
    let began = Instant::now();
    let saved = save(&place);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(saved.losses, ["sparse (larger than `snapshots.file_bytes`)"]);
    fs::write(place.root.join("mine"), "agent").unwrap();
    place.undo(&saved.snapshot);
    assert_eq!(fs::read_to_string(place.root.join("mine")).unwrap(), "kept");
    // What is in no snapshot is nobody's to remove.
    assert_eq!(fs::metadata(place.root.join("sparse")).unwrap().len(), 100 << 30);
}

#[test]
fn holes_stay_holes() {
    let place = place();
    let path = place.root.join("sparse");
    let sparse = File::create(&path).unwrap();
    sparse.set_len(64 << 20).unwrap();
    sparse.write_all_at(b"end", (64 << 20) - 3).unwrap();
    drop(sparse);
    let before = tree(&place.root);
    let saved = save(&place);
    fs::write(&path, "agent").unwrap();
    place.undo(&saved.snapshot);
    assert_eq!(tree(&place.root), before);
    let blocks = fs::metadata(&path).unwrap().blocks();
    assert!(blocks * 512 < 4 << 20, "{blocks} blocks");
}

#[test]
fn sockets_and_pipes_are_skipped_and_said() {
    let place = place();
    let _socket = UnixListener::bind(place.root.join("socket")).unwrap();
    let made = Command::new("mkfifo").arg(place.root.join("pipe")).status();
    assert!(made.unwrap().success());
    fs::write(place.root.join("mine"), "kept").unwrap();
    let saved = save(&place);
    assert_eq!(saved.losses, Vec::<String>::new(), "nobody misses them");
    let omitted = saved.snapshot.omitted.join("; ");
    assert_eq!(omitted, "pipe, socket (no file: socket, FIFO or device)");
    fs::remove_file(place.root.join("mine")).unwrap();
    place.undo(&saved.snapshot);
    assert!(place.root.join("mine").exists() && place.root.join("socket").exists());
}

#[test]
fn what_changes_each_time_while_it_is_read_is_said_and_the_rest_is_kept() {
    let place = place();
    fs::write(place.root.join("mine"), "kept").unwrap();
    let log = place.root.join("log");
    fs::write(&log, vec![b'x'; 40 << 20]).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let busy = {
        let (stop, log) = (Arc::clone(&stop), log.clone());
        thread::spawn(move || {
            while !stop.load(Ordering::Acquire) {
                let mut log = OpenOptions::new().append(true).open(&log).unwrap();
                log.write_all(b"another line\n").unwrap();
                thread::sleep(Duration::from_micros(200));
            }
        })
    };
    let saved = save(&place);
    stop.store(true, Ordering::Release);
    busy.join().unwrap();
    assert_eq!(saved.losses, ["log (changed each time while being read)"]);
    // Once it is left alone, it is saved.
    let saved = save(&place);
    assert_eq!(saved.losses, Vec::<String>::new());
    fs::write(place.root.join("mine"), "agent").unwrap();
    place.undo(&saved.snapshot);
    assert_eq!(fs::read_to_string(place.root.join("mine")).unwrap(), "kept");
}

#[test]
fn many_files_are_a_matter_of_terms() {
    let mut place = place();
    for number in 0..300 {
        let directory = place.root.join(format!("d{}", number % 7));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(format!("f{number}")), number.to_string()).unwrap();
    }
    let before = tree(&place.root);
    let saved = save(&place);
    assert_eq!(saved.snapshot.entries, 308);
    fs::remove_dir_all(place.root.join("d3")).unwrap();
    place.undo(&saved.snapshot);
    assert_eq!(tree(&place.root), before);
    place.snapshots.terms = Terms { files: 300, ..place.snapshots.terms.clone() };
    let cause = Cause { run: None, why: "before a test".to_owned() };
    let refused = place.snapshots.save_workspace(&place.root, &cause, Timestamp(2)).unwrap_err();
    assert!(refused.to_string().contains("snapshots.files"), "{refused}");
}
