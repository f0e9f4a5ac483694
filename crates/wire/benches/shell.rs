//! How long it takes to read a command; in the input, it has to be linear.
//!
//!     cargo bench -p holdpoint-wire --bench shell

use std::{collections::BTreeMap, hint::black_box};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use holdpoint_wire::{
    machine::Bare,
    shell::{Command, Dialect, interpret},
};

fn read(text: &str) {
    let environment = BTreeMap::new();
    let command = Command {
        dialect: Dialect::Bash,
        text,
        directory: "/home/dev/app",
        environment: &environment,
    };
    // What is refused was read as far as it took to refuse it.
    let _reading = black_box(interpret(black_box(&command), &Bare::default()));
}

fn lines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a line");
    for (name, text) in [
        ("look", "git status && ls -la src | head -20"),
        ("wrapped", "sudo env A=1 timeout 5 bash -c 'rm -rf \"$HOME/x\"'"),
        ("encoded", "echo cm0gLXJmIC9ob21lL2Rldi9waG90b3M= | base64 -d | sh"),
        ("http", "curl -sS -X POST https://api.example.com/v1/x -d '{\"a\":1}'"),
        ("sql", "psql -h localhost app -c 'SELECT * FROM users WHERE id = 1'"),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| read(text)));
    }
    group.finish();
}

/// Twice as much has to take twice as long.
fn growth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("growth");
    for size in [1_000_usize, 2_000, 5_000] {
        for (name, text) in [
            ("commands", "echo a; ".repeat(size)),
            ("padding", format!("echo {}", "x".repeat(size * 20))),
            ("open brackets", "$(".repeat(size)),
            ("heredocs", "cat <<A\nx\nA\n".repeat(size / 10)),
        ] {
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_with_input(BenchmarkId::new(name, size), &text, |bencher, text| {
                bencher.iter(|| read(text));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, lines, growth);
criterion_main!(benches);
