//! The PostgreSQL gateway beside pgbouncer in session mode, with pgbench, on one machine in one run:
//! interleaved pairs, medians, ratios, and CPU time of a statement.
//!
//! `cargo bench -p e2e --bench sql [-- short] [select-only|tpcb-like] [simple|extended|prepared]`.
//! Needs Debian's `pgbouncer` and `postgresql`. Writes are metered in an environment without
//! pre-images, and once more in production, where each transaction's rows are kept. At its end it
//! prints the rows for docs/performance.md. `HOLDPOINT_BINARY` measures a binary that is there.

mod rivals;

use std::{env, process::Command, time::Duration};

use e2e::postgres::program;
use rivals::Rival;

/// Rounds in which each takes its turn, and how long one takes.
const ROUNDS: usize = 7;
const TURN: Duration = Duration::from_secs(6);
/// The same for a short run.
const SHORT_ROUNDS: usize = 1;
const SHORT_TURN: Duration = Duration::from_secs(2);
const CLIENTS: [usize; 3] = [1, 8, 32];
const PROTOCOLS: [&str; 3] = ["simple", "extended", "prepared"];
/// Scripts, statements of one transaction, and what a gateway should reach of pgbouncer's speed.
const SCRIPTS: [(&str, f64, f64); 2] = [("select-only", 1.0, 0.85), ("tpcb-like", 7.0, 0.75)];
/// Rows of pgbench's tables, in hundreds of thousands: enough that 32 clients rarely meet.
const SCALE: usize = 32;
/// The same for a short run.
const SHORT_SCALE: usize = 2;

/// One measurement.
#[derive(Debug, Clone, Copy)]
struct Measured {
    per_second: f64,
    cpu_micros: f64,
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let short = arguments.iter().any(|it| it == "short");
    let named: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|it| *it != "short").collect();
    let all = SCRIPTS.iter().map(|it| it.0).chain(PROTOCOLS);
    let wanted = |name: &str, kin: &[&str]| {
        named.contains(&name) || !kin.iter().any(|it| named.contains(it))
    };
    assert!(named.iter().all(|name| all.clone().any(|it| it == *name)), "{named:?}");
    let server = rivals::server(if short { SHORT_SCALE } else { SCALE });
    let rivals = [
        Rival::pgbouncer(&server),
        Rival::holdpoint("holdpoint", &server, "local"),
        Rival::holdpoint("with pre-images", &server, "production"),
    ];
    let (rounds, turn) = if short { (SHORT_ROUNDS, SHORT_TURN) } else { (ROUNDS, TURN) };
    println!("{rounds} rounds of {} s; medians; CPU µs a statement of the process", turn.as_secs());
    println!("script       protocol  clients  who                   TPS  ratio  CPU µs");
    let scripts = SCRIPTS.map(|it| it.0);
    let mut rows = Vec::new();
    for (script, statements, aim) in SCRIPTS {
        for protocol in PROTOCOLS {
            if !wanted(script, &scripts) || !wanted(protocol, &PROTOCOLS) {
                continue;
            }
            // What only looks has no pre-image.
            let count = if script == "select-only" { 2 } else { 3 };
            for clients in CLIENTS {
                let load = Load { script, protocol, clients, turn, statements };
                let measured = interleaved(&rivals[..count], &load, rounds);
                rows.push(show(&rivals[..count], &load, &measured, aim));
            }
        }
    }
    println!("\n{}", rows.join("\n"));
}

/// What pgbench does in one turn.
struct Load {
    script: &'static str,
    protocol: &'static str,
    clients: usize,
    turn: Duration,
    statements: f64,
}

fn interleaved(rivals: &[Rival], load: &Load, rounds: usize) -> Vec<Vec<Measured>> {
    let mut all = vec![Vec::new(); rivals.len()];
    for round in 0..rounds {
        // Whoever comes first finds other caches: each does in turn.
        for step in 0..rivals.len() {
            let at = (round + step) % rivals.len();
            all[at].push(measure(&rivals[at], load));
        }
    }
    all
}

/// One turn of one of them.
fn measure(rival: &Rival, load: &Load) -> Measured {
    let clients = load.clients.to_string();
    let threads = load.clients.min(2).to_string();
    let seconds = load.turn.as_secs().to_string();
    let before = rival.cpu_nanos();
    let output = Command::new(program("pgbench"))
        .args(["-n", "-h", "127.0.0.1", "-p", &rival.port().to_string(), "-U", e2e::postgres::ROLE])
        .args(["-c", &clients, "-j", &threads, "-T", &seconds, "-M", load.protocol])
        .args(["-b", load.script, "shop"])
        .env("PGPASSWORD", rival.password())
        .env("PGSSLMODE", "disable")
        .output()
        .expect("pgbench");
    let cpu = rival.cpu_nanos() - before;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {said}{errors}", rival.name());
    let number = |before: &str| -> f64 {
        let line = said.lines().find_map(|line| line.strip_prefix(before));
        let found = line.and_then(|it| it.split([' ', '/']).next()?.parse().ok());
        // It ends well, and says nothing of a turn in which nothing was done.
        let name = rival.name();
        let none = || panic!("pgbench did nothing in its turn through {name}: {said}{errors}");
        found.unwrap_or_else(none)
    };
    let done = number("number of transactions actually processed: ");
    let cpu_micros = cpu as f64 / 1000.0 / (done * load.statements);
    Measured { per_second: number("tps = "), cpu_micros }
}

/// Prints what was measured, and gives the row for the table of all figures.
fn show(rivals: &[Rival], load: &Load, measured: &[Vec<Measured>], aim: f64) -> String {
    let median = |of: fn(&Measured) -> f64, at: usize| {
        let mut all: Vec<f64> = measured[at].iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    // Rounds are compared pair by pair: what else the machine does meets both.
    let ratio = |at: usize| {
        let pairs = measured[at].iter().zip(&measured[0]);
        let mut all: Vec<f64> = pairs.map(|(own, peer)| own.per_second / peer.per_second).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    for (at, rival) in rivals.iter().enumerate() {
        let missed = if at == 1 && ratio(at) < aim { "  missed" } else { "" };
        println!(
            "{:<12} {:<9} {:>7}  {:<16} {:>8.0} {:>6.2} {:>7.1}{missed}",
            load.script,
            load.protocol,
            load.clients,
            rival.name(),
            median(|it| it.per_second, at),
            ratio(at),
            median(|it| it.cpu_micros, at),
        );
    }
    let missed = if ratio(1) < aim { ": **missed**" } else { "" };
    let kept = if rivals.len() > 2 {
        format!("; with pre-images {:.2} ({:.0}/s)", ratio(2), median(|it| it.per_second, 2))
    } else {
        String::new()
    };
    format!(
        "| pgbench {}, {}, {} clients: transactions beside pgbouncer's; CPU of a statement | ≥ {aim} | \
         {:.2}{missed} ({:.0} to {:.0}/s){kept}; {:.0} to {:.0} µs | `cargo bench -p e2e --bench sql` |",
        load.script,
        load.protocol,
        load.clients,
        ratio(1),
        median(|it| it.per_second, 1),
        median(|it| it.per_second, 0),
        median(|it| it.cpu_micros, 1),
        median(|it| it.cpu_micros, 0),
    )
}
