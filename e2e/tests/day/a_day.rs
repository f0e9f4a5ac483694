//! A day of honest work: no wrong hold, no failure that nobody explains, and nothing to be asked.

use std::fmt::Write as _;

use e2e::day::{Day, Hooked, Outcome, Situation, Verdict, situations};

const BINARY: &str = env!("CARGO_BIN_EXE_holdpoint-under-test");
/// The table, for people.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/a-day.md");
/// Situations that no machine on which the tests run is without.
const AT_LEAST: usize = 8;

#[test]
fn a_day_of_this_user() {
    live(false);
}

#[test]
fn a_day_of_an_ordinary_user() {
    live(true);
}

/// Every line of the day; what cannot be had here is said. `HOLDPOINT_A_DAY` is a part of the
/// names of those that are wanted alone.
fn live(ordinary: bool) {
    let soak = std::env::var_os("HOLDPOINT_SOAK").is_some();
    let wanted = std::env::var("HOLDPOINT_A_DAY").unwrap_or_default();
    let Some(day) = Day::new(BINARY, ordinary) else { return };
    let (mut lived, mut wrong, mut table) = (0, String::new(), String::new());
    for (number, situation) in situations().iter().enumerate() {
        if (situation.soak && !soak) || !situation.name.contains(&wanted) {
            continue;
        }
        match day.tried(situation, number) {
            Ok(outcome) => {
                lived += 1;
                println!("{}", row(situation, Some(&outcome)).trim_end());
                table += &row(situation, Some(&outcome));
                wrong += &found_wrong(situation, &outcome);
            }
            Err(why) => {
                println!("not here: {}: {why}", situation.name);
                table += &row(situation, None);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(lived >= AT_LEAST || !wanted.is_empty(), "only {lived} could be tried here");
    if std::env::var_os("HOLDPOINT_GOLDEN").is_some() && soak && wanted.is_empty() && ordinary {
        std::fs::write(TABLE, HEAD.to_owned() + &table).unwrap();
    }
}

fn found_wrong(situation: &Situation, outcome: &Outcome) -> String {
    let Situation { name, expect, hook, .. } = situation;
    let mut wrong = String::new();
    let mut note = |what: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(wrong, "{name}: {what}");
    };
    if outcome.verdict != *expect {
        note(format!("{} in place of {expect}:\n{}", outcome.verdict, outcome.told));
    }
    for part in situation.says.iter().filter(|part| !outcome.told.contains(*part)) {
        note(format!("nobody says `{part}`:\n{}", outcome.told));
    }
    if outcome.told.contains("\nAFTER: ") {
        note(format!("it is not as it should be afterwards:\n{}", outcome.told));
    }
    if outcome.hook != *hook {
        note(format!("the hook says {:?} in place of {hook:?}", outcome.hook));
    }
    wrong
}

const HEAD: &str = "\
# A day of honest work

What a developer does all day, done by real tools: first unguarded, then in `holdpoint run` with zero
configuration, nobody to approve and a company's proxy in front of the world, as an ordinary user; and
what the hook alone says to the same command. The situations are in `e2e/a-day/situations.toml`; the test
`a_day_of_an_ordinary_user` does them, and writes this table (`HOLDPOINT_GOLDEN=1 HOLDPOINT_SOAK=1`).
Seconds are those of all of `holdpoint run`, from its start to its end, with the snapshot before it.

In a run, a row *passes* as it does unguarded; where settings *wait for a yes*, what was written into files that start programs is taken by
`holdpoint merge`. The hook alone *passes*, *asks* a human in the agent's dialog, or says *no*; an empty cell: it would see nothing of it. A row
without seconds was not tried where the table was written: it says what is expected.

| Situation | In a run | The hook alone | Guarded, s | Unguarded, s |
|---|---|---|---|---|
";

fn row(situation: &Situation, outcome: Option<&Outcome>) -> String {
    let seconds = |seconds: Option<f64>| seconds.map_or_else(String::new, |it| format!("{it:.1}"));
    let (guarded, unguarded) =
        outcome.map_or((None, None), |it| (Some(it.seconds.0), it.seconds.1));
    let Situation { name, expect, hook, .. } = situation;
    let (verdict, hook) = outcome.map_or((*expect, *hook), |it| (it.verdict, it.hook));
    format!("| {name} | {verdict} | {hook} | {} | {} |\n", seconds(guarded), seconds(unguarded))
}

#[test]
fn the_table_is_of_this_day() {
    let table = std::fs::read_to_string(TABLE).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let told: Vec<String> =
        rows.map(|row| row.split(" | ").take(3).collect::<Vec<_>>().join(" | ")).collect();
    let due: Vec<String> = situations()
        .iter()
        .map(|situation| row(situation, None).split(" | ").take(3).collect::<Vec<_>>().join(" | "))
        .collect();
    assert_eq!(told, due, "docs/a-day.md: HOLDPOINT_GOLDEN=1 HOLDPOINT_SOAK=1 writes it anew");
}

/// The bar: nobody is asked in a run, all day.
#[test]
fn nothing_of_it_is_meant_to_wait() {
    for situation in situations() {
        assert!(
            matches!(situation.expect, Verdict::Pass | Verdict::Kept | Verdict::Told),
            "{}",
            situation.name
        );
    }
    let asked =
        situations().iter().filter(|it| matches!(it.hook, Hooked::Ask | Hooked::Deny)).count();
    assert!(asked * 2 < situations().len(), "the median of questions is 0");
}
