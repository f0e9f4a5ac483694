//! Calls that change, move or read files.

use super::{Language, Reader, UNKNOWN, Value, call::Made, effect::shown, grammar::Does};
use crate::{Unreadable, shell::call::Pipe};

impl<'t> Reader<'_, '_, 't> {
    pub(super) fn changes(&mut self, does: Does, call: &Made<'_, 't>) {
        let receiver = match call.on {
            Some(Value::Path(path)) => Some(path.clone()),
            _ => None,
        };
        if does == Does::Deletes {
            let own = |(name, value): &(Option<String>, Value<'t>)| match (name, value) {
                (Some(name), value) if name == "path" => vec![value.text()],
                (Some(_), _) | (_, Value::Table(_) | Value::Code(_)) => Vec::new(),
                (None, value) => value.texts(),
            };
            let mut paths: Vec<String> = match receiver {
                Some(path) => vec![path],
                None => call.arguments.iter().flat_map(own).collect(),
            };
            // What follows the first is how.
            if self.language == Language::Python || self.language == Language::JavaScript {
                paths.truncate(1);
            }
            if paths.is_empty() {
                let usual = self.variables.get("_").filter(|_| self.language == Language::Perl);
                paths.push(usual.map_or_else(|| UNKNOWN.to_string(), Value::text));
            }
            for path in paths.iter().filter(|it| *it != "true" && *it != "false") {
                self.walk.deletes(self.scope, path, "program:delete");
            }
            return;
        }
        let (path, text) = match receiver {
            Some(path) => (path, call.text(0)),
            // What was opened before: `sqlite3.connect('a').backup(sqlite3.connect('b'))`.
            None => match call.at(0) {
                Some(Value::Made(_, with)) if does == Does::Truncates => (
                    with.first().map_or_else(|| UNKNOWN.to_string(), |(_, it)| it.text()),
                    String::new(),
                ),
                _ => (call.text(0), call.text(1)),
            },
        };
        let text = if does == Does::Truncates { String::new() } else { text };
        self.walk.writes(self.scope, &path, &text, does == Does::Appends);
    }

    pub(super) fn carries(
        &mut self,
        does: Does,
        call: &Made<'_, 't>,
    ) -> Result<Value<'t>, Unreadable> {
        let program = if does == Does::Moves { "mv" } else { "cp" };
        let own = match call.on {
            Some(Value::Path(path)) => Some(path.clone()),
            _ => None,
        };
        // `os.path.join(a, b).replace('.md', '.html')` is one of a text.
        if own.is_some() && call.verb() == "replace" && call.arguments.len() > 1 {
            return Ok(Value::Path(UNKNOWN.to_string()));
        }
        let given = call.arguments.iter().filter(|(name, _)| name.is_none());
        let words = given.map(|(_, value)| value.text());
        let words: Vec<String> =
            std::iter::once(program.to_owned()).chain(own).chain(words.take(2)).collect();
        if words.len() >= 3 {
            self.walk.call(self.scope, &words, &Pipe::captured(None))?;
        }
        Ok(Value::Unknown)
    }

    /// What a command of the shell does with what the call is handed, or with what it is called on
    /// and then that.
    pub(super) fn like(
        &mut self,
        command: &str,
        call: &Made<'_, 't>,
    ) -> Result<Value<'t>, Unreadable> {
        let own = match call.on {
            Some(path @ Value::Path(_)) => Some(path),
            _ => None,
        };
        let given = call.arguments.iter().filter(|(name, value)| {
            name.is_none() && !matches!(value, Value::Table(_) | Value::Code(_))
        });
        let operands: Vec<&Value<'t>> = own.into_iter().chain(given.map(|(_, it)| it)).collect();
        let mut words: Vec<String> = Vec::new();
        for part in command.split(' ') {
            let Some((place, rest)) = part.strip_prefix('{').and_then(|it| it.split_once('}'))
            else {
                words.push(part.to_owned());
                continue;
            };
            let from = place.trim_end_matches('*').parse::<usize>().unwrap_or_default();
            let many = if place.ends_with('*') { operands.len() } else { 1 };
            let texts = operands.iter().skip(from).take(many).flat_map(|it| it.texts());
            words.extend(texts.map(|it| format!("{it}{rest}")));
        }
        self.walk.call(self.scope, &words, &Pipe::captured(None))?;
        Ok(Value::Unknown)
    }

    /// An archive that is unpacked somewhere else than here.
    pub(super) fn unpacked(&mut self, call: &Made<'_, 't>) -> Value<'t> {
        let place = usize::from(matches!(call.verb(), "extract" | "unpack_archive"));
        let to = call.named(&["path", "extract_dir"]).or_else(|| call.at(place));
        if let Some(to) = to.map(Value::text) {
            let below = format!("{}/*", to.trim_end_matches('/'));
            self.walk.touches(self.scope, &below, "file:unpack");
        }
        Value::Unknown
    }

    /// Opens a file: what the mode says, or for Perl the sign before the name.
    pub(super) fn opens(&mut self, call: &Made<'_, 't>) -> Result<Value<'t>, Unreadable> {
        if self.language == Language::Perl {
            return self.opens_by_sign(call);
        }
        let receiver = match call.on {
            Some(Value::Path(path)) => Some(path.clone()),
            _ => None,
        };
        let behind = usize::from(receiver.is_none());
        let path = receiver.unwrap_or_else(|| call.text(0));
        let mode = call.named(&["mode", "flags"]).or_else(|| call.at(behind));
        let mode = mode.map_or_else(String::new, Value::text);
        // Whoever may do both may write.
        let writes = mode.len() <= 4
            && (mode.starts_with(|it: char| {
                "waxc".contains(it) || it == UNKNOWN || it.is_ascii_digit()
            }) || mode.contains('+'));
        if self.language == Language::Ruby && path.starts_with('|') {
            let script = path.trim_start_matches('|');
            let printed = self.walk.script(&mut self.scope.clone(), script, &shown())?;
            return Ok(Value::of(printed));
        }
        if writes {
            self.walk.writes(self.scope, &path, &UNKNOWN.to_string(), mode.starts_with('a'));
            let file = format!("file.{}", self.walk.programs.number());
            return Ok(Value::made(file, &[(None, Value::Path(path))]));
        }
        if path.starts_with("http") {
            self.walk.send("GET", &path, Vec::new(), String::new());
        }
        Ok(Value::Text(self.walk.read(self.scope, &path, false)))
    }

    fn opens_by_sign(&mut self, call: &Made<'_, 't>) -> Result<Value<'t>, Unreadable> {
        let (sign, path) = match call.at(2) {
            Some(path) => (call.text(1), path.text()),
            None => {
                let text = call.text(1);
                let sign: String = text.chars().take_while(|it| "<>|+ ".contains(*it)).collect();
                let rest = text.trim_start_matches(['<', '>', '|', '+', ' ']);
                let runs = rest.ends_with('|') || sign.contains('|');
                let sign = if runs { "|".to_owned() } else { sign };
                (sign, rest.trim_end_matches('|').to_owned())
            }
        };
        match sign.trim() {
            sign if sign.contains('|') => {
                let words: Vec<String> =
                    call.arguments.iter().skip(2).flat_map(|(_, it)| it.texts()).collect();
                match words.len() {
                    0 | 1 => self.walk.script(&mut self.scope.clone(), &path, &shown())?,
                    _ => self.walk.call(self.scope, &words, &shown())?,
                };
            }
            sign if sign.contains('>') => {
                self.walk.writes(self.scope, &path, &UNKNOWN.to_string(), sign.contains(">>"));
            }
            _ => return Ok(Value::Text(self.walk.read(self.scope, &path, false))),
        }
        Ok(Value::Unknown)
    }

    pub(super) fn reads(&mut self, call: &Made<'_, 't>) -> Value<'t> {
        let path = match call.on {
            Some(Value::Path(path)) => path.clone(),
            _ => call.text(0),
        };
        if path.starts_with("http") {
            self.sends(call);
            return Value::Unknown;
        }
        Value::Text(self.walk.read(self.scope, &path, false))
    }
}
