//! The card: exactly the text that a human is shown, and whose digest their answer carries.

use std::fmt::Write as _;

use holdpoint_core::plain;

use super::Hold;

impl Hold {
    /// What a human is shown. The same hold always gives the same text, and nothing in it that
    /// an agent wrote can look like anything else: there are no control characters, no marks
    /// that turn the reading direction, and no line that the agent began.
    pub fn card(&self) -> String {
        let mut card = String::new();
        let mut line = |label: &str, value: &str| {
            // Writing to a string cannot fail.
            let _written = writeln!(card, "{label:<12}{}", plain(value));
        };
        line("hold", &self.id);
        line("agent", &format!("{} in run {}", self.principal.agent, self.principal.run));
        let task = &self.principal.task;
        if let Some(description) = &task.description {
            line("task", description);
        }
        if let Some(environment) = task.environment {
            line("task in", environment.as_str());
        }
        for meaning in &self.meanings {
            line("would", &format!("{} {}", meaning.effect, meaning.resource));
            line("  by", &meaning.operation);
            line("  in", meaning.environment.as_str());
            line("  way back", &meaning.reversibility.to_string());
        }
        line("with", self.credential.as_deref().unwrap_or("no secret"));
        for reason in &self.reasons {
            line("because", &format!("{} ({})", reason.text, reason.code));
        }
        for obligation in self.obligations.iter() {
            line("needs", &obligation.to_string());
        }
        if let Some(waits) = self.waits() {
            line("then", &waits);
        }
        line("message", &self.message_digest.to_string());
        card
    }
}

impl Hold {
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
