//! Holdpoint beside a bare interceptor (hyper and rustls, which ends TLS and looks at nothing) and
//! beside mitmproxy, on one machine in one run: interleaved rounds, medians, ratios.
//!
//! `cargo bench -p e2e --bench http [-- rate|flat|idle]`; `HOLDPOINT_MITMDUMP=/path/to/mitmdump`
//! takes mitmproxy in.
//! All traffic is on loopback: client, one of the three, and an upstream that says `ok`.

mod client;
mod interceptor;
mod rivals;
mod upstream;

use std::{env, time::Duration};

use client::Load;
use rivals::{Kind, Rival};
use upstream::Upstream;

/// Rounds in which each takes its turn.
const ROUNDS: usize = 12;
/// How long one measurement takes.
const TURN: Duration = Duration::from_secs(2);
/// Connections that a client keeps.
const CONNECTIONS: usize = 32;
/// Messages in a second, where the rate is given.
const RATES: [u32; 2] = [1_000, 3_000];
/// Connections that say nothing.
const IDLE: usize = 10_000;

/// One measurement of one of the three.
#[derive(Debug, Clone, Copy)]
struct Measured {
    per_second: f64,
    p50_micros: f64,
    p99_micros: f64,
    cpu_micros: f64,
}

fn main() {
    let mut arguments = env::args().skip(1);
    if arguments.next().as_deref() == Some("interceptor") {
        let upstream_ca = arguments.next().expect("the upstream's CA");
        return runtime(2).block_on(interceptor::serve(&upstream_ca));
    }
    let only: Vec<String> = env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let wanted = |part: &str| only.is_empty() || only.iter().any(|it| it == part);
    raise_files();
    runtime(2).block_on(async {
        let upstream = Upstream::start().await;
        let mitmdump = env::var("HOLDPOINT_MITMDUMP").ok();
        let mut rivals =
            vec![Rival::start(Kind::Bare, &upstream), Rival::start(Kind::Holdpoint, &upstream)];
        rivals.extend(mitmdump.map(|program| Rival::start(Kind::Mitmproxy(program), &upstream)));
        println!("{ROUNDS} rounds of {} s, {CONNECTIONS} connections; medians", TURN.as_secs());
        for rate in RATES.into_iter().filter(|_| wanted("rate")) {
            at_a_rate(&rivals, &upstream, rate).await;
        }
        if wanted("flat") {
            flat_out(&rivals, &upstream).await;
        }
        for rival in rivals.iter().filter(|_| wanted("idle")) {
            idle(rival, &upstream).await;
        }
    });
}

/// Latency and CPU time where messages come at a given rate. mitmproxy cannot follow: left out.
async fn at_a_rate(rivals: &[Rival], upstream: &Upstream, rate: u32) {
    let keeping_up: Vec<&Rival> = rivals.iter().filter(|rival| !rival.is_mitmproxy()).collect();
    let rounds = interleaved(&keeping_up, upstream, Some(rate)).await;
    println!("\n{rate} messages/s         p50 µs   p99 µs   CPU µs a message");
    for (rival, measured) in keeping_up.iter().zip(&rounds) {
        let [p50, p99, cpu] = [
            |it: &Measured| it.p50_micros,
            |it: &Measured| it.p99_micros,
            |it: &Measured| it.cpu_micros,
        ]
        .map(|figure| median(measured.iter().map(figure)));
        println!("  {:<20} {p50:>8.0} {p99:>8.0} {cpu:>8.0}", rival.name());
    }
    let [bare, ours] = rounds.as_slice() else { return };
    let ratio = |figure: fn(&Measured) -> f64| {
        median(ours.iter().zip(bare).map(|(ours, bare)| figure(ours) / figure(bare)))
    };
    let (p99, cpu) = (ratio(|it| it.p99_micros), ratio(|it| it.cpu_micros));
    println!("  holdpoint/bare: p50 {:.2}, p99 {p99:.2}, CPU {cpu:.2}", ratio(|it| it.p50_micros));
}

/// How many messages in a second go through.
async fn flat_out(rivals: &[Rival], upstream: &Upstream) {
    let all: Vec<&Rival> = rivals.iter().collect();
    let rounds = interleaved(&all, upstream, None).await;
    println!("\nas fast as they go    messages/s   CPU µs a message");
    let mut medians = Vec::new();
    for (rival, measured) in all.iter().zip(&rounds) {
        let per_second = median(measured.iter().map(|it| it.per_second));
        let cpu = median(measured.iter().map(|it| it.cpu_micros));
        println!("  {:<20} {per_second:>10.0} {cpu:>8.0}", rival.name());
        medians.push(per_second);
    }
    if let [bare, ours, others @ ..] = medians.as_slice() {
        println!("  holdpoint/bare: {:.2}", ours / bare);
        others.iter().for_each(|other| println!("  holdpoint/mitmproxy: {:.1}", ours / other));
    }
}

/// What a connection costs on which nothing happens.
async fn idle(rival: &Rival, upstream: &Upstream) {
    let count = if rival.is_mitmproxy() { IDLE / 10 } else { IDLE };
    let before = rival.resident_kb();
    let mut held = Vec::with_capacity(count);
    while held.len() < count {
        let batch = (0..50).map(|_| tokio::spawn(client::connect(rival.way(), upstream.address())));
        for connected in batch.collect::<Vec<_>>() {
            held.push(connected.await.expect("a connection").expect("a connection"));
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let each = (rival.resident_kb().saturating_sub(before)) as f64 / held.len() as f64;
    println!("\n{count} idle TLS connections through {}: {each:.1} KiB each", rival.name());
}

/// Every round, each takes its turn; what it measured, by rival.
async fn interleaved(
    rivals: &[&Rival],
    upstream: &Upstream,
    rate: Option<u32>,
) -> Vec<Vec<Measured>> {
    let mut rounds = vec![Vec::new(); rivals.len()];
    for _ in 0..ROUNDS {
        for (rival, measured) in rivals.iter().zip(&mut rounds) {
            let mut load = Load::through(rival, upstream.address(), CONNECTIONS).await;
            load.run(rate, TURN / 4).await;
            let cpu = rival.cpu_nanos();
            let mut took = load.run(rate, TURN).await;
            let cpu = rival.cpu_nanos() - cpu;
            took.sort_unstable();
            let at = |share: f64| {
                let index = (took.len() as f64 * share) as usize;
                took.get(index).copied().unwrap_or_default().as_secs_f64() * 1e6
            };
            measured.push(Measured {
                per_second: took.len() as f64 / TURN.as_secs_f64(),
                p50_micros: at(0.50),
                p99_micros: at(0.99),
                cpu_micros: cpu as f64 / 1e3 / took.len() as f64,
            });
        }
    }
    rounds
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn runtime(threads: usize) -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(threads).enable_all().build().expect("a runtime")
}

/// Every connection is a file here, too.
fn raise_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit of files");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("as many files as there may be");
}
