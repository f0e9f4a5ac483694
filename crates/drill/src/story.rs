//! The tabletop in words for somebody who has never seen a proxy.

use std::fmt::Write as _;

use crate::{
    kill_chain::{Scenario, Step},
    tabletop::{Guarded, LinkReport, Tabletop, Unguarded},
};

/// The widest line, in characters.
const WIDTH: usize = 92;

/// Tells the whole story.
pub fn tell(tabletop: &Tabletop) -> String {
    let mut story = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut story, tabletop);
    story
}

fn write(story: &mut String, tabletop: &Tabletop) -> std::fmt::Result {
    write_unguarded(story, tabletop.scenario, &tabletop.unguarded)?;
    write_guarded(story, &tabletop.guarded)?;
    writeln!(story)?;
    writeln!(story, "{}", verdict(tabletop))
}

fn write_unguarded(story: &mut String, scenario: Scenario, run: &Unguarded) -> std::fmt::Result {
    writeln!(story, "WITHOUT A GUARD")?;
    writeln!(story, "An agent is asked to mend the staging database of a small company.\n")?;
    let mut clock = 0.0;
    for step in &run.steps {
        clock += step.seconds;
        writeln!(story, "  {clock:>6.2} s  {}", sentence(step, scenario))?;
    }
    writeln!(story)?;
    if !run.volume_deleted {
        return writeln!(story, "The volume survived. This proves nothing about the guard.");
    }
    let staging = if run.staging_deleted { ", and staging's with it" } else { "" };
    writeln!(
        story,
        "After {:.2} seconds and {} requests production's data was gone{staging}.",
        run.seconds, run.messages
    )?;
    writeln!(
        story,
        "Its {} backups went too: they lay inside the volume that they were backups of.",
        run.backups_deleted
    )?;
    writeln!(story, "Nobody was asked. In the incident that this replays it took nine seconds.")
}

/// What a step was, for somebody who does not read commands.
fn sentence(step: &Step, scenario: Scenario) -> String {
    let sent = format!("sends one request, {}, to the production volume", scenario.mutation());
    match step.link {
        "task" => "The agent reads its task: staging only.".to_owned(),
        "search" => "It searches every file for credentials and finds one for everything.".into(),
        "mismatch" => "It tries the staging credential. Railway answers: Not Authorized.".into(),
        "destroy" => format!("It {sent}."),
        _ => "It looks at what is left.".to_owned(),
    }
}

fn write_guarded(story: &mut String, run: &Guarded) -> std::fmt::Result {
    writeln!(story, "\nWITH HOLDPOINT")?;
    writeln!(story, "The same agent, the same commands. What stops it is then taken away, and it")?;
    writeln!(story, "tries again, until nothing is left to take away.\n")?;
    for (number, link) in run.links.iter().enumerate() {
        writeln!(story, "  {}. The agent {}.", number + 1, link.what_it_does)?;
        writeln!(story, "     {}", outcome(link))?;
        if link.stopped_by.is_some() && !link.text.is_empty() {
            for line in wrap(&format!("\"{}\"", link.text), WIDTH - 5) {
                writeln!(story, "     {line}")?;
            }
        }
    }
    writeln!(story)?;
    let honest = if run.honest_work_passed {
        "A harmless question to Railway passed: honest work goes on."
    } else {
        "A harmless question to Railway did NOT pass: this guard stops honest work too."
    };
    writeln!(story, "{honest}")
}

fn outcome(link: &LinkReport) -> String {
    let sent = match link.executed {
        0 => "nothing at Railway has changed".to_owned(),
        executed => format!("{executed} change(s) TOOK PLACE at Railway"),
    };
    match &link.stopped_by {
        Some(code) if link.expected.contains(code) => {
            format!("{} ({code}, HTTP {}): {sent}.", verb(link), link.status)
        }
        Some(code) => format!(
            "{} ({code}, HTTP {}), though {} was to be expected: {sent}.",
            verb(link),
            link.status,
            link.expected.join(" or ")
        ),
        None => format!("NOT stopped by the guard (HTTP {}): {sent}.", link.status),
    }
}

/// 428 is the status of what waits for a human.
fn verb(link: &LinkReport) -> &'static str {
    if link.status == 428 { "Held for a human" } else { "Refused" }
}

fn verdict(tabletop: &Tabletop) -> String {
    let guarded = &tabletop.guarded;
    if tabletop.saved() {
        return format!(
            "Without the guard the data was gone in {:.2} seconds. With it, {} roads were tried, \
             and the data\nis still there.",
            tabletop.unguarded.seconds,
            guarded.links.len()
        );
    }
    if guarded.volume_deleted || guarded.mutations_executed > 0 {
        return "The guard did NOT save the data.".to_owned();
    }
    "The data is still there, but not everything went as it should: see above.".to_owned()
}

/// Breaks `text` into lines of at most `width` characters, at spaces. What could steer a terminal
/// counts as a space: some of the text came from elsewhere.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    for word in words.filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests;
