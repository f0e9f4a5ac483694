//! What was found, in words that never say the value.

use std::{ops::Range, path::PathBuf};

use holdpoint_catalog::credentials::{
    self, Binding, Confidence, Found, Kind, Mark, Place, Sink, Writing,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A credential that lies within reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposed {
    /// The file, or nothing for a variable.
    pub path: Option<PathBuf>,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The bytes of the file that are secret.
    pub span: Range<u64>,
    /// The variable or key whose value it is.
    pub name: String,
    /// What it is.
    #[serde(serialize_with = "kind_name", deserialize_with = "kind_of_name")]
    pub kind: &'static Kind,
    /// Who gave it out.
    pub provider: Option<String>,
    /// Where it would go.
    pub sink: Sink,
    /// How sure that is.
    pub confidence: Confidence,
    /// How it is written.
    pub writing: Writing,
    /// A keyed fingerprint of the value: equal for equal values. None for what no program could
    /// send, because it is no ASCII.
    pub fingerprint: Option<String>,
    /// It is packed in the file: the line is one of what is in there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub packed: bool,
}

impl Exposed {
    /// What `found` is, `lines` lines into the file at `path`, with its `span` there.
    pub fn of(
        found: &Found,
        path: PathBuf,
        span: Range<u64>,
        lines: usize,
        fingerprint: Option<String>,
    ) -> Self {
        Self {
            path: Some(path),
            line: lines + found.line,
            span,
            name: found.name.clone(),
            kind: found.kind,
            provider: found.provider.map(str::to_owned),
            sink: found.sink.clone(),
            confidence: found.confidence,
            writing: found.writing,
            fingerprint,
            packed: false,
        }
    }

    /// Whether its provider keeps it for tests: a key to nothing real.
    pub fn is_test(&self) -> bool {
        self.kind.mark == Mark::Test
    }

    /// What it binds itself to, found at `place`.
    pub fn binding(&self, place: Place) -> Binding {
        let found = Found {
            span: 0..0,
            line: self.line,
            name: self.name.clone(),
            kind: self.kind,
            provider: self.provider.as_deref().and_then(credentials::provider).map(|it| it.name),
            sink: self.sink.clone(),
            confidence: self.confidence,
            writing: self.writing,
        };
        credentials::binding(&found, place)
    }
}

fn kind_name<S: Serializer>(kind: &&'static Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name)
}

fn kind_of_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static Kind, D::Error> {
    let name = String::deserialize(deserializer)?;
    credentials::kind(&name).ok_or_else(|| de::Error::custom("no such kind of credential"))
}
