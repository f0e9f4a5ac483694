//! The card: exactly the text that a human is shown, and whose digest their answer carries.

use std::fmt::Write as _;

use holdpoint_core::{Environment, Reversibility, ledger::Meaning, plain};

use super::Hold;

impl Hold {
    /// What a human is shown: what, where, whether it comes back; who asks, and why it waits. The
    /// same hold always gives the same text, and nothing in it that an agent wrote can look like
    /// anything else: there are no control characters, no marks that turn the reading direction, and
    /// no line that the agent began.
    pub fn card(&self) -> String {
        let mut card = String::new();
        let mut line = |label: &str, value: &str| {
            // Writing to a string cannot fail.
            let _written = writeln!(card, "{label:<12}{}", plain(value));
        };
        line("hold", &self.id);
        let strongest = self.strongest();
        if let Some(meaning) = strongest {
            let effect = meaning.effect.as_str().to_uppercase();
            let strictest = self.meanings.iter().map(|it| it.environment).max();
            let strictest = strictest.unwrap_or(meaning.environment);
            // The largest letters say the worst of it, whichever operation is there.
            let own = match meaning.environment {
                own if own == strictest => String::new(),
                own => format!(" in {own}"),
            };
            line("would", &format!("{effect} {}{own}", meaning.resource));
            line("in", &place(strictest));
            line("by", &format!("{}; {}", meaning.operation, way_back(meaning.reversibility)));
        }
        let others =
            self.meanings.iter().filter(|it| !strongest.is_some_and(|one| std::ptr::eq(*it, one)));
        for Meaning { operation, resource, effect, environment, .. } in others {
            line("and", &format!("{effect} {resource} in {environment}, by {operation}"));
        }
        line("with", self.credential.as_deref().unwrap_or("no secret"));
        line("asked by", &format!("{} in run {}", self.principal.agent, self.principal.run));
        let task = &self.principal.task;
        let within = task.environment.map_or_else(String::new, |it| format!(" (in {it})"));
        line(
            "for",
            &format!("{}{within}", task.description.as_deref().unwrap_or("no task that was said")),
        );
        for reason in &self.reasons {
            line("because", &format!("{} ({})", reason.text, reason.code));
        }
        let needs: Vec<String> = self.obligations.iter().map(|it| it.to_string()).collect();
        line("needs", &needs.join(", "));
        if let Some(waits) = self.waits() {
            line("then", &waits);
        }
        line("message", &self.message_digest.to_string());
        line("mistaken?", &format!("holdpoint wrong {}", self.id));
        card
    }

    /// The strongest of what it would do; of equals, the first.
    fn strongest(&self) -> Option<&Meaning> {
        self.meanings.iter().rev().max_by_key(|meaning| (meaning.effect, meaning.environment))
    }

    /// What happens once it is released, if it has to wait besides. The moment cannot stand here:
    /// it is known when somebody answers.
    fn waits(&self) -> Option<String> {
        let (id, seconds) = (&self.id, self.obligations.delay_seconds);
        let time = match (seconds / 3600, seconds % 3600) {
            (0, 0) => return None,
            (hours, 0) => format!("{hours} h"),
            _ => format!("{seconds} s"),
        };
        Some(format!("waits {time}, in which nothing is sent and `holdpoint undo {id}` cancels it"))
    }
}

/// Where, in the largest letters that there are.
fn place(environment: Environment) -> String {
    match environment {
        Environment::Unknown => "UNKNOWN, which is judged as PRODUCTION".to_owned(),
        known => known.as_str().to_uppercase(),
    }
}

fn way_back(reversibility: Reversibility) -> String {
    match reversibility {
        Reversibility::Inverse => "another operation takes it back".to_owned(),
        Reversibility::Window(seconds) => {
            format!("its provider takes it back within {seconds} s")
        }
        Reversibility::None => "nothing brings it back".to_owned(),
        Reversibility::Unknown => "nobody knows whether it comes back".to_owned(),
    }
}
