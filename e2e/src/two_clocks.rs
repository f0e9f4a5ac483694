//! The two clocks of a process as a test sets them: that of the wall, and the machine's uptime.
//!
//! A library that is loaded before all others adds to what the kernel says, by a file that can be
//! written at any time. (Debian's faketime knows one offset for both.) `CLOCK_MONOTONIC` stays as it
//! is: by it a program waits.

use std::{fs, path::PathBuf, process::Command};

use tempfile::TempDir;

/// The library: what asks for the time, and two numbers of seconds in a file.
const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void added(long *wall, long *uptime) {
    char text[64] = {0}, *rest = text;
    const char *file = getenv("TWO_CLOCKS");
    int opened = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (opened >= 0) {
        if (read(opened, text, sizeof text - 1) < 0) text[0] = 0;
        close(opened);
    }
    *wall = strtol(rest, &rest, 10);
    *uptime = strtol(rest, &rest, 10);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int failed = syscall(SYS_clock_gettime, clock, time);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_BOOTTIME)) {
        long wall, uptime;
        added(&wall, &uptime);
        time->tv_sec += clock == CLOCK_REALTIME ? wall : uptime;
    }
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec time;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &time);
    now->tv_sec = time.tv_sec;
    now->tv_usec = time.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    if (at) *at = time.tv_sec;
    return time.tv_sec;
}
"#;

/// Clocks that a test sets.
#[derive(Debug)]
pub struct TwoClocks {
    directory: TempDir,
}

impl TwoClocks {
    /// Clocks that are right.
    pub fn new() -> Self {
        let directory = TempDir::with_prefix("two-clocks-").unwrap();
        let source = directory.path().join("clocks.c");
        fs::write(&source, LIBRARY).unwrap();
        let clocks = Self { directory };
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(clocks.library()).arg(&source);
        assert!(compiler.status().unwrap().success(), "a C compiler is needed");
        clocks.set(0, 0);
        clocks
    }

    /// Seconds that each goes before the true one.
    pub fn set(&self, wall: i64, uptime: i64) {
        // Whole or not at all: whoever reads meanwhile must not see half of it.
        let new = self.directory.path().join("new");
        fs::write(&new, format!("{wall} {uptime}\n")).unwrap();
        fs::rename(&new, self.offsets()).unwrap();
    }

    /// What makes a program go by them.
    pub fn variables(&self) -> [(String, String); 2] {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        [
            ("LD_PRELOAD".to_owned(), text(self.library())),
            ("TWO_CLOCKS".to_owned(), text(self.offsets())),
        ]
    }

    fn library(&self) -> PathBuf {
        self.directory.path().join("clocks.so")
    }

    fn offsets(&self) -> PathBuf {
        self.directory.path().join("offsets")
    }
}

impl Default for TwoClocks {
    fn default() -> Self {
        Self::new()
    }
}
