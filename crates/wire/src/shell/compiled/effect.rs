//! What the calls of a file do with what they are handed.

use std::{cell::Cell, collections::BTreeMap};

use super::{
    Language, Source,
    code::{Code, Range, Site},
    lexer::Token,
    table::{ARGUMENTS, Calls, Does, TEMPORARY},
    value::{Value, Values},
};
use crate::{
    Unreadable,
    shell::{call::Pipe, expand::UNKNOWN, scope::Scope, targets, walk::Walk},
};

/// Methods of HTTP that change something.
const METHODS: [&str; 4] = ["DELETE", "POST", "PUT", "PATCH"];
/// Words that say that a chain of calls is about an address.
const ADDRESSES: [&str; 7] = ["url", "uri", "URI", "URL", "newBuilder", "Request", "request"];
/// Calls that add words to a program that is to be started.
const ADDS: [&str; 5] = ["arg", "args", "WithArguments", "Add", "command"];
/// Calls that say where it is started.
const WHERE: [&str; 4] = ["current_dir", "directory", "WithWorkingDirectory", "setCurrentDir"];
/// What names a task of Gradle that is not there yet.
const NEW_TASKS: [&str; 5] = ["register", "task", "create", "registering", "creating"];

/// Whether a file is one of Gradle's.
pub(super) fn is_of_gradle(file: &str) -> bool {
    file.ends_with(".gradle") || file.ends_with(".gradle.kts")
}

/// Reads one file.
pub(super) struct Reader<'r, 'w, 't> {
    pub(super) walk: &'r mut Walk<'w>,
    pub(super) scope: &'r Scope,
    pub(super) code: &'r Code<'t>,
    pub(super) values: Values<'r, 't>,
    pub(super) tables: Vec<Calls>,
    pub(super) source: &'r Source<'r>,
    /// Which of the things is meant that an expression may be, and how many these are.
    pub(super) way: Cell<(usize, usize)>,
}

impl<'t> Reader<'_, '_, 't> {
    /// All calls of the file; whether all of them say what they do.
    pub(super) fn all(&mut self) -> Result<bool, Unreadable> {
        let mut named: BTreeMap<&str, Vec<(&str, Does)>> = BTreeMap::new();
        for (owner, names, does) in self.tables.iter().flat_map(|it| it.iter()) {
            for name in names.split(' ') {
                named.entry(name).or_default().push((owner, *does));
            }
        }
        let (mut clear, mut at) = (self.code.whole, 0);
        while at < self.code.len() {
            if let Some(end) = self.not_asked(at) {
                at = end;
                continue;
            }
            for (site, does) in self.meant(at, &named) {
                clear &= self.does(&site, does)?;
            }
            at += 1;
        }
        Ok(clear && self.code.look())
    }

    /// The calls at `at`, and what they do.
    fn meant(&self, at: usize, named: &BTreeMap<&str, Vec<(&str, Does)>>) -> Vec<(Site<'t>, Does)> {
        let (site, name) = match self.code.token(at) {
            Some(Token::Word(word)) => {
                let name = self.code.own_name(word);
                let name = name.rsplit(['.', '/']).next().unwrap_or(word).to_owned();
                (self.site(at), name)
            }
            // `"rm x".!`
            Some(Token::Sign(sign @ ("!" | "!!"))) if self.code.language == Language::Scala => {
                (self.code.sign(at), (*sign).to_owned())
            }
            _ => return Vec::new(),
        };
        let Some(all) = named.get(name.as_str()) else { return Vec::new() };
        let Some(site) = site else { return Vec::new() };
        let fits = all.iter().filter(|(owners, does)| {
            let is_told = matches!(does, Does::Made | Does::Method(_));
            (is_told || !self.code.is(at + 1, "="))
                && owners.split(' ').any(|it| self.fits(it, &site))
        });
        fits.map(|(_, does)| (site.clone(), *does)).collect()
    }

    /// What is called at `at`, or what its word is made.
    fn site(&self, at: usize) -> Option<Site<'t>> {
        // `std::ofstream name("/x");`
        let declares = self.code.word(at) == Some("ofstream") && self.code.word(at + 1).is_some();
        if self.code.is(at + 1, "=") && !self.code.is(at + 2, "=") {
            return self.code.property(at);
        }
        let site = self.code.site(at + usize::from(declares));
        site.or_else(|| self.code.list_behind(at))
    }

    /// Whether a call belongs to what the table says.
    fn fits(&self, owner: &str, site: &Site<'t>) -> bool {
        let own = site.owner.as_deref();
        let on = || self.values.receiver(site.begins, site.at.wrapping_sub(1));
        match owner {
            "" => own.is_none(),
            "*" => true,
            "/" => own.is_some() && on().is_path(),
            "\"" => own.is_some() && on() != Value::Unknown,
            _ => match (owner.strip_prefix('?'), own) {
                (Some(mentioned), own) => own.is_some() && self.source.text.contains(mentioned),
                (None, Some(own)) => own == owner && self.is_whose_it_seems(site),
                (None, None) => self.code.owners(site.name).iter().any(|it| it == owner),
            },
        }
    }

    /// Whether what a call belongs to is what its last word says: `clap::Command` starts nothing,
    /// and `self.fs.remove_file` is of no file.
    fn is_whose_it_seems(&self, site: &Site<'t>) -> bool {
        if self.code.language != Language::Rust {
            return true;
        }
        let path = self.code.path(site.at);
        let starts = site.owner.as_deref() == Some("Command");
        let of_processes = path.contains("process") || path.matches('.').count() < 2;
        self.code.is(site.at.wrapping_sub(1), "::") && (!starts || of_processes)
    }

    fn texts(&self, site: &Site<'_>, at: usize) -> Vec<Option<String>> {
        site.arguments.get(at).map_or_else(Vec::new, |it| self.values.of(it).texts())
    }

    /// Notes what a call does; whether it says so.
    fn does(&mut self, site: &Site<'t>, does: Does) -> Result<bool, Unreadable> {
        match does {
            Does::Deletes(at) => return Ok(self.deletes(self.texts(site, at))),
            Does::DeletesAll => {
                let all = site.arguments.iter().map(|it| self.words(&self.values.of(it)));
                let all: Vec<String> = all.flatten().collect();
                return Ok(self.deletes(all.into_iter().map(Some).collect()));
            }
            Does::DeletesItself => {
                let on = self.values.receiver(site.begins, site.at.wrapping_sub(1));
                return Ok(self.deletes(on.texts()));
            }
            Does::Writes => self.writes(self.texts(site, 0)),
            Does::WritesItself => {
                let on = self.values.receiver(site.begins, site.at.wrapping_sub(1));
                self.writes(on.texts());
            }
            Does::Opens => {
                let mode = self.texts(site, 1).into_iter().flatten().next().unwrap_or_default();
                if mode.starts_with(['w', 'a']) || mode.contains('+') {
                    self.writes(self.texts(site, 0));
                }
            }
            Does::Moves => {
                let texts = (self.texts(site, 0), self.texts(site, 1));
                if let ([Some(from)], [Some(to)]) = (texts.0.as_slice(), texts.1.as_slice()) {
                    return self.start(vec!["mv".to_owned(), from.clone(), to.clone()], site);
                }
            }
            Does::Shell(at) => {
                let all = self.texts(site, at);
                let known = !all.is_empty() && all.iter().all(Option::is_some);
                for script in all.into_iter().flatten().filter(|it| is_known(it)) {
                    self.walk.script(&mut self.scope.clone(), &script, &Pipe::captured(None))?;
                }
                return Ok(known);
            }
            Does::Starts(_)
            | Does::Replaces
            | Does::Line(_)
            | Does::Program
            | Does::StartsItself => {
                return self.starts_each(site, does);
            }
            Does::Made => return self.made(site),
            Does::Sends(at) => return Ok(self.sends(site, at)),
            Does::Sent(method) => self.sent(site, method),
            Does::Method(at) => self.method(site, at),
            Does::Posts => match self.texts(site, 0).as_slice() {
                [Some(url), ..] if is_known(url) => self.send("POST", url),
                _ => return Ok(!targets::mentions_remote(self.source.text)),
            },
            Does::Hides => return Ok(false),
        }
        Ok(true)
    }

    fn deletes(&mut self, texts: Vec<Option<String>>) -> bool {
        let mut clear = !texts.is_empty();
        for text in texts {
            match text.filter(|it| is_known(it)) {
                Some(path) => {
                    // R looks for `~` itself.
                    let home =
                        self.scope.value("HOME").filter(|_| self.code.language == Language::R);
                    let path = match (home, path.strip_prefix('~')) {
                        (Some(home), Some(rest)) => format!("{home}{rest}"),
                        _ => path,
                    };
                    self.walk.deletes(self.scope, &path, "file:delete");
                }
                None => clear = false,
            }
        }
        clear || TEMPORARY.iter().any(|it| self.source.text.contains(it))
    }

    fn writes(&mut self, texts: Vec<Option<String>>) {
        for path in texts.into_iter().flatten().filter(|it| is_known(it)) {
            self.walk.writes(self.scope, &path, &UNKNOWN.to_string(), false);
        }
    }

    /// The words that a value is, in the way that is meant.
    fn words(&self, value: &Value) -> Vec<String> {
        let (way, ways) = self.way.get();
        self.way.set((way, ways.max(value.ways())));
        value.words(way)
    }

    /// Starts a program in each of the ways that the call may mean.
    fn starts_each(&mut self, site: &Site<'t>, does: Does) -> Result<bool, Unreadable> {
        let mut clear = true;
        self.way.set((0, 1));
        while self.way.get().0 < self.way.get().1 {
            clear &= self.starts(site, does)?;
            let (way, ways) = self.way.get();
            self.way.set((way + 1, ways));
        }
        self.way.set((0, 1));
        Ok(clear)
    }

    /// Starts a program with what the call says, and what follows it adds.
    fn starts(&mut self, site: &Site<'t>, does: Does) -> Result<bool, Unreadable> {
        let words = |range: &Range| self.words(&self.values.of(range));
        let from = |at: usize| site.arguments.iter().skip(at).flat_map(words).collect::<Vec<_>>();
        let mut all = match does {
            Does::Starts(at) => from(at),
            Does::Line(at) => match site.arguments.get(at).map(words) {
                // Of a macro, the first may be the shell that it is run in.
                Some(one) if site.arguments.len() > 1 && !one.iter().any(|it| is_known(it)) => {
                    from(at + 1).iter().flat_map(|it| split(it)).collect()
                }
                Some(one) if one.len() == 1 => {
                    let line = one.iter().flat_map(|it| split(it));
                    let is_macro = self.code.language == Language::Rust;
                    let more = if is_macro { from(at + 1) } else { Vec::new() };
                    line.chain(more).collect()
                }
                Some(list) => list,
                None => Vec::new(),
            },
            Does::StartsItself => {
                match self.values.receiver(site.begins, site.at.wrapping_sub(1)) {
                    Value::List(items) => items.iter().flat_map(|it| self.words(it)).collect(),
                    value => self.words(&value).iter().flat_map(|it| split(it)).collect(),
                }
            }
            Does::Replaces => {
                let own = from(1).into_iter().skip(1).take_while(|it| is_known(it));
                from(0).into_iter().take(1).chain(own).collect()
            }
            _ => {
                let texts = from(0).into_iter();
                let mut all: Vec<String> = texts.clone().take(1).collect();
                all.extend(texts.skip(1).flat_map(|it| split(&it)));
                if site.arguments.is_empty() {
                    return Ok(true);
                }
                if all.len() == 1 {
                    all.extend(self.beside(site));
                }
                all
            }
        };
        all.extend(self.added(site));
        self.start(all, site)
    }

    /// The program that something is made, and what its arguments are made beside it.
    fn made(&mut self, site: &Site<'t>) -> Result<bool, Unreadable> {
        let words = site.arguments.iter().flat_map(|it| self.words(&self.values.of(it)));
        let mut all: Vec<String> = words.collect();
        all.extend(self.beside(site));
        self.start(all, site)
    }

    /// Runs these words; whether it is known which program they are.
    fn start(&mut self, words: Vec<String>, site: &Site<'t>) -> Result<bool, Unreadable> {
        let Some(program) = words.first().filter(|it| is_known(it)) else { return Ok(false) };
        if program.contains("://") {
            return Ok(true);
        }
        let mut scope = self.scope.clone();
        for follows in self.follows(site).iter().filter(|it| WHERE.contains(&it.name)) {
            for directory in self.texts(follows, 0).into_iter().flatten() {
                scope.go(&directory, true);
            }
        }
        self.walk.call(&mut scope, &words, &Pipe::captured(None))?;
        Ok(true)
    }

    /// The calls that follow on `site`, and on the name that it is made.
    fn follows(&self, site: &Site<'t>) -> Vec<Site<'t>> {
        let mut all = self.code.follow(site.end);
        let mut begins = site.begins;
        while matches!(self.code.word(begins.wrapping_sub(1)), Some("new" | "try" | "await")) {
            begins -= 1;
        }
        if let Some((name, made)) = self.code.name_of(begins) {
            let seen = (made..self.code.len()).filter(|at| self.code.word(*at) == Some(name));
            let seen = seen.take_while(|at| self.code.is_seen(made, *at));
            all.extend(seen.flat_map(|at| self.code.follow(at + 1)));
        }
        all
    }

    fn added(&self, site: &Site<'t>) -> Vec<String> {
        let follows = self.follows(site);
        let adds = follows.iter().filter(|it| ADDS.contains(&it.name));
        let words = adds.flat_map(|it| it.arguments.iter().map(|it| (it, self.values.of(it))));
        let of = |(_, value): (&Range, Value)| match value {
            Value::Text(text) if self.code.language == Language::CSharp => split(&text),
            value => self.words(&value),
        };
        words.flat_map(of).collect()
    }

    /// What the arguments are made that stand in the same braces, or in those that follow.
    fn beside(&self, site: &Site<'t>) -> Vec<String> {
        let inner = self.code.is(site.end, "{").then_some(site.end);
        let open = inner.or_else(|| self.code.around(site.at).next());
        let range = match open.and_then(|open| Some(open..self.code.pair(open)?)) {
            Some(range) => range,
            None => 0..self.code.len(),
        };
        let mut words = Vec::new();
        for at in range.filter(|at| self.code.word(*at).is_some_and(|it| ARGUMENTS.contains(&it))) {
            let found = self.code.property(at).or_else(|| self.code.site(at));
            let found = match found {
                Some(found) => vec![found],
                None => self.code.follow(at + 1),
            };
            for value in found.iter().flat_map(|it| &it.arguments).map(|it| self.values.of(it)) {
                match value {
                    Value::Text(text) if self.code.language == Language::CSharp => {
                        words.extend(split(&text));
                    }
                    Value::Unknown => {}
                    value => words.extend(self.words(&value)),
                }
            }
        }
        words
    }

    /// The address at a place of the file, if one stands there.
    fn address(&self, range: Range) -> Option<String> {
        range.rev().find_map(|at| match self.code.token(at) {
            Some(Token::Text(text)) if is_address(text) => Some(text.clone()),
            _ => None,
        })
    }

    fn method_of(&self, range: &Range) -> Option<&'static str> {
        let said = self.values.of(range).texts().into_iter().flatten().next();
        let last = range.clone().rev().find_map(|at| self.code.word(at));
        let said = said.or_else(|| last.map(str::to_owned))?.to_ascii_uppercase();
        METHODS.iter().find(|it| **it == said).copied()
    }

    fn send(&mut self, method: &str, url: &str) {
        // A server of the program's own, or of its tests.
        let host = url.split("://").nth(1).unwrap_or_default();
        let here =
            ["localhost", "127.0.0.1", "0.0.0.0", "[::1]"].iter().any(|it| host.starts_with(it));
        if here && self.code.language != Language::Go {
            return;
        }
        self.walk.send(method, url, Vec::new(), String::new());
    }

    fn sends(&mut self, site: &Site<'t>, at: usize) -> bool {
        if self.code.language == Language::Go {
            let (method, url) = (self.texts(site, at), self.texts(site, at + 1));
            return match (method.as_slice(), url.as_slice()) {
                ([Some(method)], [Some(url)]) if is_known(method) && is_known(url) => {
                    self.send(method, url);
                    true
                }
                _ => !targets::mentions_remote(self.source.text),
            };
        }
        let urls = site.arguments.iter().flat_map(|it| self.values.of(it).texts()).flatten();
        let url = urls.into_iter().find(|it| is_address(it));
        let method = site.arguments.iter().find_map(|it| self.method_of(it));
        if let (Some(method), Some(url)) = (method, url) {
            self.send(method, &url);
        }
        true
    }

    fn sent(&mut self, site: &Site<'t>, method: &str) {
        let urls = self.texts(site, 0).into_iter().flatten().find(|it| is_address(it));
        let chain = site.begins..site.at;
        let told =
            chain.clone().any(|at| self.code.word(at).is_some_and(|it| ADDRESSES.contains(&it)));
        let url = urls.or_else(|| self.address(chain).filter(|_| told));
        if let Some(url) = url.filter(|_| site.owner.is_some()) {
            self.send(method, &url);
        }
    }

    fn method(&mut self, site: &Site<'t>, at: usize) {
        let curl = site.name == "curl_easy_setopt";
        let option = site.arguments.get(1).and_then(|it| self.code.word(it.start));
        let place = if self.code.is(site.at + 1, "=") { 0 } else { at };
        let said = site.arguments.get(place).and_then(|it| self.method_of(it));
        let method = match (curl, option) {
            (true, Some("CURLOPT_POSTFIELDS" | "CURLOPT_POST")) => Some("POST"),
            (true, option) if option != Some("CURLOPT_CUSTOMREQUEST") => None,
            _ => said,
        };
        let block = self.code.around(site.at).next();
        let block = block.and_then(|open| Some(open..self.code.pair(open)?));
        let near = self.address(site.begins..site.at).or_else(|| {
            // Another's `method("DELETE")` says nothing of addresses around it.
            self.address(block.unwrap_or(0..self.code.len())).filter(|_| site.name != "method")
        });
        if let (Some(method), Some(url)) = (method, near) {
            self.send(method, &url);
        }
    }

    /// Where a task of Gradle ends that begins at `at` and that nobody asks for.
    fn not_asked(&self, at: usize) -> Option<usize> {
        let word = self.code.word(at).filter(|it| NEW_TASKS.contains(it))?;
        if !is_of_gradle(self.source.file) {
            return None;
        }
        let near = at + 1..at + 12;
        let told = near.clone().find_map(|it| match self.code.token(it) {
            Some(Token::Text(text)) => Some(text.clone()),
            Some(Token::Word(name)) if word == "task" => Some((*name).to_owned()),
            _ => None,
        });
        // `val name by tasks.registering`
        let by = (at.saturating_sub(6)..at).find(|it| self.code.word(*it) == Some("by"));
        let name = match by {
            Some(by) => self.code.word(by.checked_sub(1)?)?.to_owned(),
            None => told?,
        };
        let is_asked = self.source.asked.iter().any(|it| it.rsplit(':').next() == Some(&name));
        let open = near.into_iter().find(|it| self.code.is(*it, "{"))?;
        let end = self.code.pair(open)?;
        let is_named = |it: usize| match self.code.token(it) {
            Some(Token::Text(text)) => *text == name,
            Some(Token::Word(word)) => *word == name,
            _ => false,
        };
        let elsewhere = (0..at.saturating_sub(6)).chain(end..self.code.len()).any(is_named);
        (!is_asked && !elsewhere).then_some(end)
    }
}

/// Whether a text says where it begins.
fn is_known(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(UNKNOWN)
}

fn is_address(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// The words of a line, those in quotes as one.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut own, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(end), _) if letter == end => quote = None,
            (None, '"' | '\'') => {
                quote = Some(letter);
                own.get_or_insert_default();
            }
            (None, _) if letter.is_whitespace() => words.extend(own.take()),
            _ => own.get_or_insert_default().push(letter),
        }
    }
    words.extend(own);
    words
}
