//! A run over what workspaces are made of: many files, names of any bytes, FIFOs, sockets, and files
//! that are longer than anybody reads. With `HOLDPOINT_SOAK`, 100,000 files and a GiB.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::{ffi::OsStrExt as _, fs::FileTypeExt as _, net::UnixListener},
    path::Path,
    time::Instant,
};

use e2e::enclosed::Enclosed;

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
const TOKEN: &str = "ghp_9drTJvcXLB89aBfLB89PLcKEYd8YSFbyUzg3";
/// Names that nobody would give.
const ODD: [&[u8]; 5] = [b"odd\xff\xfe name", b"two\nlines", b" -rf ", b"\x1b[2J", b"dir\x80/.env"];

/// Makes it, and says how many regular files there are.
fn workspace(at: &Path, files: usize, long: u64) -> usize {
    for number in 0..files {
        let directory = at.join(format!("d{}", number / 500));
        if number % 500 == 0 {
            fs::create_dir(&directory).unwrap();
        }
        fs::write(directory.join(format!("f{number}")), format!("{number}\n")).unwrap();
    }
    fs::create_dir(at.join(OsStr::from_bytes(b"dir\x80"))).unwrap();
    for name in ODD {
        let text = if name.ends_with(b".env") { TOKEN } else { "nothing" };
        fs::write(at.join(OsStr::from_bytes(name)), format!("TOKEN={text}\n")).unwrap();
    }
    File::create(at.join("long")).unwrap().set_len(long).unwrap();
    drop(UnixListener::bind(at.join("sock")).unwrap());
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at.join("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_bits_truncate(0o644),
        0,
    )
    .unwrap();
    files + ODD.len() + 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_of_anything_is_run_in() {
    let soak = std::env::var_os("HOLDPOINT_SOAK").is_some();
    let (files, long) = if soak { (100_000, 1 << 30) } else { (3_000, 64 << 20) };
    for place in Enclosed::each(BINARY).await {
        let work = place.path("work");
        let regular = workspace(&work, files, long);
        let owned = place.outside("stat").args(["-c", "%u", "."]).output().unwrap().stdout;
        let owner = String::from_utf8(owned).unwrap();
        let given = std::process::Command::new("chown")
            .args(["-R", owner.trim()])
            .arg(&work)
            .status()
            .unwrap();
        assert!(given.success());
        let script = format!(
            "find . -type f -print0 | tr -dc '\\0' | wc -c; stat -c %s long; \
             grep -c '' d0/f1; grep -rl {TOKEN} . | wc -l; \
             [ -p fifo ] && [ -S sock ] && echo kinds; \
             (echo through > fifo &); timeout 9 cat fifo; \
             python3 -c 'import os; os.rename(b\"odd\\xff\\xfe name\", b\"\\xfe\"); \
             os.remove(b\"two\\nlines\"); open(b\"new\\xff\", \"w\").write(\"new\")'; \
             dd if=/dev/zero of=long bs=1 count=1 seek={long} conv=notrunc 2>/dev/null; rm fifo sock"
        );
        let began = Instant::now();
        let called = place.script(&script);
        println!("{}: {files} files in {:?}", place.who(), began.elapsed());
        let expect = format!("{regular}\n{long}\n1\n0\nkinds\nthrough\n");
        assert_eq!(
            (called.stdout.as_str(), called.status),
            (expect.as_str(), 0),
            "{}",
            called.stderr
        );
        let there = |name: &[u8]| work.join(OsStr::from_bytes(name)).exists();
        let found =
            [&b"odd\xff\xfe name"[..], b"two\nlines", b"\xfe", b"new\xff", b"fifo", b"sock"];
        assert_eq!(found.map(there), [false, false, true, true, false, false]);
        assert_eq!(fs::metadata(work.join("long")).unwrap().len(), long + 1);
        // What was masked is what it was.
        let kept = fs::read_to_string(work.join(OsStr::from_bytes(b"dir\x80/.env"))).unwrap();
        assert_eq!(kept, format!("TOKEN={TOKEN}\n"));
        assert!(fs::read_dir(&work).unwrap().all(|it| !it.unwrap().file_type().unwrap().is_fifo()));
    }
}
