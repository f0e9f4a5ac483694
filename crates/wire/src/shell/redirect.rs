//! Redirections: where the input of a command comes from, and where its output goes.

use brush_parser::ast::{
    IoFileRedirectKind as Kind, IoFileRedirectTarget as Target, IoRedirect, RedirectList,
};

use super::{call::Pipe, expand::UNKNOWN, scope::Scope, walk::Walk};
use crate::Unreadable;

/// The input of a command and where its output goes, once redirections are counted in.
pub(super) struct Streams {
    pub(super) pipe: Pipe,
    /// Files that its output goes to, and whether behind what is there.
    pub(super) sinks: Vec<(String, bool)>,
}

impl Walk<'_> {
    pub(super) fn redirected(
        &mut self,
        scope: &mut Scope,
        redirects: Option<&RedirectList>,
        pipe: &Pipe,
    ) -> Result<Streams, Unreadable> {
        let mut streams = Streams { pipe: pipe.clone(), sinks: Vec::new() };
        for redirect in redirects.map_or(&[][..], |list| &list.0) {
            self.redirect(scope, redirect, &mut streams)?;
        }
        Ok(streams)
    }

    pub(super) fn redirect(
        &mut self,
        scope: &mut Scope,
        redirect: &IoRedirect,
        streams: &mut Streams,
    ) -> Result<(), Unreadable> {
        match redirect {
            IoRedirect::File(descriptor, kind, target) => match target {
                Target::Filename(word) => {
                    let path = self.text(scope, &word.value)?;
                    self.opened(scope, *descriptor, kind, path, streams);
                }
                Target::ProcessSubstitution(_, subshell) => {
                    let inner = Pipe::captured(None);
                    let output = self.list(&mut scope.clone(), &subshell.list, &inner)?;
                    streams.pipe.stdin = Some(output);
                }
                Target::Fd(_) => {}
                Target::Duplicate(word) => {
                    let path = self.text(scope, &word.value)?;
                    let digits = path.trim_end_matches('-').chars().all(|it| it.is_ascii_digit());
                    if !digits && matches!(kind, Kind::DuplicateOutput) {
                        streams.sinks.push((path, false));
                    }
                }
            },
            IoRedirect::HereDocument(_, document) => {
                let text = match document.requires_expansion {
                    true => self.document(scope, &document.doc.value)?,
                    false => document.doc.value.clone(),
                };
                streams.pipe.stdin = Some(text);
            }
            IoRedirect::HereString(_, word) => {
                streams.pipe.stdin = Some(format!("{}\n", self.text(scope, &word.value)?));
            }
            IoRedirect::OutputAndError(word, append) => {
                let path = self.text(scope, &word.value)?;
                streams.sinks.push((path, *append));
                streams.pipe.captured = true;
            }
        }
        Ok(())
    }

    fn opened(
        &mut self,
        scope: &Scope,
        descriptor: Option<i32>,
        kind: &Kind,
        path: String,
        streams: &mut Streams,
    ) {
        match kind {
            Kind::Read => streams.pipe.stdin = Some(self.read(scope, &path, true)),
            Kind::DuplicateInput => {}
            Kind::Append
            | Kind::Write
            | Kind::Clobber
            | Kind::ReadAndWrite
            | Kind::DuplicateOutput => {
                let append = matches!(kind, Kind::Append | Kind::ReadAndWrite);
                if descriptor.is_none_or(|descriptor| descriptor == 1) {
                    streams.pipe.captured = true;
                    streams.sinks.push((path, append));
                } else {
                    self.writes(scope, &path, &UNKNOWN.to_string(), append);
                }
            }
        }
    }

    /// Puts output where it goes; what is left is printed.
    pub(super) fn sink(
        &mut self,
        scope: &Scope,
        streams: &Streams,
        output: String,
    ) -> Result<String, Unreadable> {
        if streams.sinks.is_empty() {
            return Ok(output);
        }
        for (path, append) in &streams.sinks {
            self.writes(scope, path, &output, *append);
        }
        Ok(String::new())
    }
}
