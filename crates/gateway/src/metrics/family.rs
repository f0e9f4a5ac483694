//! What is counted under one name, however it is told.

use std::fmt::Write as _;

use super::histogram::Histogram;

/// Labels: words of closed lists.
pub(super) type Labels = Vec<(&'static str, &'static str)>;

/// Numbers of one kind, named as OpenTelemetry names them (`holdpoint.decisions`).
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) points: Points,
}

/// The numbers.
#[derive(Debug)]
pub(super) enum Points {
    /// What only grows.
    Counter(Vec<(Labels, u64)>),
    /// How many there are now.
    Gauge(Vec<(Labels, u64)>),
    /// How long something took, in seconds.
    Seconds(Histogram),
}

impl Family {
    /// In Prometheus' text format 0.0.4, under the name that its own translation of OpenTelemetry's
    /// names gives them.
    pub(super) fn text(&self, text: &mut String) {
        let name = self.name.replace('.', "_");
        let (kind, end) = match self.points {
            Points::Counter(_) => ("counter", "_total"),
            Points::Gauge(_) => ("gauge", ""),
            Points::Seconds(_) => ("histogram", "_seconds"),
        };
        let name = format!("{name}{end}");
        // Writing to a string cannot fail.
        let _ = write!(text, "# HELP {name} {}\n# TYPE {name} {kind}\n", self.help);
        match &self.points {
            Points::Counter(points) | Points::Gauge(points) => {
                for (labels, value) in points {
                    let labels: Vec<_> =
                        labels.iter().map(|(label, word)| format!("{label}=\"{word}\"")).collect();
                    let labels = match labels.is_empty() {
                        true => String::new(),
                        false => format!("{{{}}}", labels.join(",")),
                    };
                    let _ = writeln!(text, "{name}{labels} {value}");
                }
            }
            Points::Seconds(histogram) => histogram.text(text, &name),
        }
    }
}
