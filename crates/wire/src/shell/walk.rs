//! Through the tree of a script, command by command, in every branch.

use std::rc::Rc;

use brush_parser::{
    Parser,
    ast::{
        AndOr, AndOrList, Command, CommandPrefixOrSuffixItem as Item, CompoundCommand,
        CompoundList, ExtendedTestExpr, Pipeline, Program, SimpleCommand,
    },
};

use super::{
    Reading, Step,
    call::Pipe,
    expand::{UNKNOWN, options},
    overlay::Overlay,
    pattern,
    program::Budget,
    redirect::Streams,
    scope::Scope,
};
use crate::{Unreadable, machine::Machine};

/// Scripts within scripts: substitutions, `eval`, `sh -c`, files that are run.
pub(super) const DEPTH_MAX: usize = 12;
/// Brackets and keywords that are open at the same time.
const NESTING_MAX: usize = 40;
/// Simple commands, counted as often as they are read.
const COMMANDS_MAX: usize = 6_000;
/// Rounds of one loop.
const ROUNDS_MAX: usize = 64;
/// Steps of one command; what comes then is held.
const STEPS_MAX: usize = 400;
/// Bytes that are kept of what a command prints.
const OUTPUT_MAX: usize = 256 * 1024;

/// A walk through one command.
pub(super) struct Walk<'a> {
    pub(super) files: Overlay<'a>,
    pub(super) programs: Budget,
    /// Files of compiled languages that are being read, one within the other.
    pub(super) being_read: Vec<String>,
    steps: Vec<Step>,
    pub(super) depth: usize,
    /// Programs that nobody knows to start others, around what is read.
    pub(super) borne: usize,
    commands: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(machine: &'a dyn Machine) -> Self {
        Self {
            files: Overlay::new(machine),
            programs: Budget::default(),
            being_read: Vec::new(),
            steps: Vec::new(),
            depth: 0,
            borne: 0,
            commands: 0,
        }
    }

    pub(super) fn machine(&self) -> &'a dyn Machine {
        self.files.machine
    }

    pub(super) fn into_reading(self) -> Reading {
        Reading { steps: self.steps, written: self.files.written }
    }

    /// Notes a step. Beyond the limit, one that is always held.
    pub(super) fn push(&mut self, step: Step) {
        if self.steps.len() < STEPS_MAX {
            if !self.steps.contains(&step) {
                self.steps.push(step);
            }
        } else if self.steps.len() == STEPS_MAX {
            self.steps.push(Step::opaque("shell:too_much", true));
        }
    }

    /// How many steps are noted.
    pub(super) fn noted(&self) -> usize {
        self.steps.len()
    }

    /// Drops the steps that came behind so many.
    pub(super) fn forget(&mut self, noted: usize) {
        self.steps.truncate(noted);
    }

    /// Keeps of the steps that came behind so many those that count.
    pub(super) fn keep(&mut self, noted: usize, counts: impl Fn(&Step) -> bool) {
        let later = self.steps.split_off(noted.min(self.steps.len()));
        self.steps.extend(later.into_iter().filter(counts));
    }

    /// Reads a script, and answers what it prints.
    pub(super) fn script(
        &mut self,
        scope: &mut Scope,
        text: &str,
        pipe: &Pipe,
    ) -> Result<String, Unreadable> {
        if text.contains(UNKNOWN) && text.trim().chars().all(|letter| letter == UNKNOWN) {
            self.push(Step::opaque("shell:unknown_script", true));
            return Ok(UNKNOWN.to_string());
        }
        if self.depth >= DEPTH_MAX || nesting(text) > NESTING_MAX {
            self.push(Step::opaque("shell:too_deep", true));
            return Ok(UNKNOWN.to_string());
        }
        let program = parse(text)?;
        self.depth += 1;
        let mut output = String::new();
        for list in &program.complete_commands {
            let printed = self.list(scope, list, pipe);
            if printed.is_err() {
                self.depth -= 1;
            }
            add(&mut output, &printed?);
        }
        self.depth -= 1;
        Ok(output)
    }

    /// What `$(…)` becomes.
    pub(super) fn substitution(
        &mut self,
        scope: &mut Scope,
        script: &str,
    ) -> Result<String, Unreadable> {
        let mut inner = scope.clone();
        let output = self.script(&mut inner, script, &Pipe::captured(None))?;
        Ok(output.trim_end_matches('\n').to_owned())
    }

    pub(super) fn list(
        &mut self,
        scope: &mut Scope,
        list: &CompoundList,
        pipe: &Pipe,
    ) -> Result<String, Unreadable> {
        let mut output = String::new();
        for item in &list.0 {
            add(&mut output, &self.and_or(scope, &item.0, pipe)?);
        }
        Ok(output)
    }

    fn and_or(
        &mut self,
        scope: &mut Scope,
        list: &AndOrList,
        pipe: &Pipe,
    ) -> Result<String, Unreadable> {
        scope.arrived = None;
        let mut output = self.pipeline(scope, &list.first, pipe)?;
        for next in &list.additional {
            let before = scope.directories.clone();
            let pipeline = match next {
                AndOr::And(pipeline) => {
                    if let Some(arrived) = scope.arrived.take() {
                        scope.directories = arrived;
                    }
                    pipeline
                }
                AndOr::Or(pipeline) => pipeline,
            };
            add(&mut output, &self.pipeline(scope, pipeline, pipe)?);
            // If what came before failed, this did not run.
            for directory in before {
                if !scope.directories.contains(&directory) {
                    scope.directories.push(directory);
                }
            }
        }
        Ok(output)
    }

    fn pipeline(
        &mut self,
        scope: &mut Scope,
        pipeline: &Pipeline,
        pipe: &Pipe,
    ) -> Result<String, Unreadable> {
        if let [command] = pipeline.seq.as_slice() {
            return self.command(scope, command, pipe);
        }
        let mut carried = pipe.stdin.clone();
        let last = pipeline.seq.len().saturating_sub(1);
        for (at, command) in pipeline.seq.iter().enumerate() {
            let captured = pipe.captured || at < last;
            let stage = Pipe { stdin: carried, captured, piped: at < last };
            let mut inner = scope.clone();
            carried = Some(self.command(&mut inner, command, &stage)?);
        }
        Ok(carried.unwrap_or_default())
    }

    fn command(
        &mut self,
        scope: &mut Scope,
        command: &Command,
        pipe: &Pipe,
    ) -> Result<String, Unreadable> {
        self.commands += 1;
        if self.commands > COMMANDS_MAX {
            self.push(Step::opaque("shell:too_many", true));
            return Ok(UNKNOWN.to_string());
        }
        match command {
            Command::Simple(simple) => self.simple(scope, simple, pipe),
            Command::Compound(compound, redirects) => {
                let streams = self.redirected(scope, redirects.as_ref(), pipe)?;
                let output = self.compound(scope, compound, &streams.pipe)?;
                self.sink(scope, &streams, output)
            }
            Command::Function(function) => {
                let name = self.text(scope, &function.fname.value)?;
                scope.functions.insert(name, Rc::new(function.body.0.clone()));
                Ok(String::new())
            }
            Command::ExtendedTest(test, _) => {
                self.test(scope, &test.expr)?;
                Ok(String::new())
            }
        }
    }

    /// The words of a test, for what they substitute.
    fn test(&mut self, scope: &mut Scope, test: &ExtendedTestExpr) -> Result<(), Unreadable> {
        match test {
            ExtendedTestExpr::And(left, right) | ExtendedTestExpr::Or(left, right) => {
                self.test(scope, left)?;
                self.test(scope, right)
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => {
                self.test(scope, inner)
            }
            ExtendedTestExpr::UnaryTest(_, word) => self.text(scope, &word.value).map(drop),
            ExtendedTestExpr::BinaryTest(_, left, right) => {
                self.text(scope, &left.value)?;
                self.text(scope, &right.value).map(drop)
            }
        }
    }

    pub(super) fn compound(
        &mut self,
        scope: &mut Scope,
        compound: &CompoundCommand,
        pipe: &Pipe,
    ) -> Result<String, Unreadable> {
        match compound {
            CompoundCommand::BraceGroup(group) => self.list(scope, &group.list, pipe),
            CompoundCommand::Subshell(subshell) => {
                self.list(&mut scope.clone(), &subshell.list, pipe)
            }
            CompoundCommand::ForClause(clause) => {
                let values = match &clause.values {
                    Some(words) => {
                        let mut values = Vec::new();
                        for word in words {
                            values.extend(self.words(scope, &word.value)?);
                        }
                        values
                    }
                    None => scope.positional.clone(),
                };
                self.rounds(scope, &clause.variable_name, &values, &clause.body.list, pipe)
            }
            CompoundCommand::ArithmeticForClause(clause) => {
                self.branch(scope, &[&clause.body.list], pipe)
            }
            CompoundCommand::IfClause(clause) => {
                let mut output = self.list(scope, &clause.condition, pipe)?;
                let mut ways = vec![&clause.then];
                for other in clause.elses.iter().flatten() {
                    ways.extend(&other.condition);
                    ways.push(&other.body);
                }
                add(&mut output, &self.branch(scope, &ways, pipe)?);
                Ok(output)
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.looped(scope, &clause.0, &clause.1.list, pipe)
            }
            CompoundCommand::CaseClause(clause) => {
                let value = self.text(scope, &clause.value.value)?;
                let mut ways = Vec::new();
                for case in &clause.cases {
                    let Some(body) = &case.cmd else { continue };
                    let mut fits = value.contains(UNKNOWN);
                    for glob in &case.patterns {
                        let glob = self.pattern(scope, &glob.value)?;
                        fits |= glob.contains(UNKNOWN) || pattern::matches(&glob, &value);
                    }
                    if fits {
                        ways.push(body);
                    }
                }
                self.branch(scope, &ways, pipe)
            }
            CompoundCommand::Coprocess(process) => self.command(scope, &process.body, pipe),
            CompoundCommand::Arithmetic(arithmetic) => {
                super::parameter::arithmetic(self, scope, &arithmetic.expr.value)?;
                Ok(String::new())
            }
        }
    }

    /// Each of several ways from the same state; afterwards it may have been any, or none.
    fn branch(
        &mut self,
        scope: &mut Scope,
        ways: &[&CompoundList],
        pipe: &Pipe,
    ) -> Result<String, Unreadable> {
        let mut output = String::new();
        let start = scope.clone();
        for way in ways {
            let mut inner = start.clone();
            add(&mut output, &self.list(&mut inner, way, pipe)?);
            *scope = scope.clone().joined(inner);
        }
        Ok(output)
    }

    fn rounds(
        &mut self,
        scope: &mut Scope,
        variable: &str,
        values: &[String],
        body: &CompoundList,
        pipe: &Pipe,
    ) -> Result<String, Unreadable> {
        let mut output = String::new();
        for value in values.iter().take(ROUNDS_MAX) {
            scope.assign(variable, vec![value.clone()]);
            add(&mut output, &self.list(scope, body, pipe)?);
        }
        if values.len() > ROUNDS_MAX {
            scope.assign(variable, vec![UNKNOWN.to_string()]);
            add(&mut output, &self.list(scope, body, pipe)?);
        }
        Ok(output)
    }

    /// A loop: over the lines that are read, where they are known; else once, with whatever.
    fn looped(
        &mut self,
        scope: &mut Scope,
        condition: &CompoundList,
        body: &CompoundList,
        pipe: &Pipe,
    ) -> Result<String, Unreadable> {
        let lines: Vec<&str> = pipe.stdin.as_deref().unwrap_or_default().lines().collect();
        if lines.is_empty() || lines.len() > ROUNDS_MAX {
            let pipe = match &pipe.stdin {
                Some(_) => Pipe { stdin: Some(UNKNOWN.to_string()), ..pipe.clone() },
                None => pipe.clone(),
            };
            let mut output = self.list(scope, condition, &pipe)?;
            add(&mut output, &self.branch(scope, &[body], &pipe)?);
            return Ok(output);
        }
        let mut output = String::new();
        for line in lines {
            let pipe = Pipe { stdin: Some(line.to_owned()), ..pipe.clone() };
            self.list(scope, condition, &pipe)?;
            add(&mut output, &self.list(scope, body, &pipe)?);
        }
        Ok(output)
    }

    fn simple(
        &mut self,
        scope: &mut Scope,
        simple: &SimpleCommand,
        pipe: &Pipe,
    ) -> Result<String, Unreadable> {
        let mut streams = Streams { pipe: pipe.clone(), sinks: Vec::new() };
        let mut assigned: Vec<(String, Vec<String>)> = Vec::new();
        let mut words: Vec<String> = Vec::new();
        let name = simple.word_or_name.as_ref().map(|word| Item::Word(word.clone()));
        let prefix = simple.prefix.iter().flat_map(|prefix| &prefix.0);
        let suffix = simple.suffix.iter().flat_map(|suffix| &suffix.0);
        for item in prefix.chain(name.iter()).chain(suffix) {
            match item {
                Item::IoRedirect(redirect) => self.redirect(scope, redirect, &mut streams)?,
                Item::Word(word) => words.extend(self.words(scope, &word.value)?),
                Item::AssignmentWord(assignment, word) if words.is_empty() => {
                    let _ = word;
                    assigned.push(self.assignment(scope, assignment)?);
                }
                Item::AssignmentWord(assignment, _) => {
                    let (name, values) = self.assignment(scope, assignment)?;
                    words.push(format!("{name}={}", values.join(" ")));
                }
                Item::ProcessSubstitution(_, subshell) => {
                    let inner = Pipe::captured(None);
                    let output = self.list(&mut scope.clone(), &subshell.list, &inner)?;
                    let path = format!("/tmp/substitution.{}", self.commands);
                    self.files.write(&path, &output);
                    words.push(path);
                }
            }
        }
        if words.is_empty() {
            for (name, values) in assigned {
                scope.assign(&name, values);
            }
            return self.sink(scope, &streams, String::new());
        }
        let output = if assigned.is_empty() {
            self.call(scope, &words, &streams.pipe)?
        } else {
            let mut inner = scope.clone();
            self.ridden(&mut inner, &assigned)?;
            for (name, values) in assigned {
                inner.export(&name, None);
                inner.assign(&name, values);
            }
            self.call(&mut inner, &words, &streams.pipe)?
        };
        self.sink(scope, &streams, output)
    }

    fn assignment(
        &mut self,
        scope: &mut Scope,
        assignment: &brush_parser::ast::Assignment,
    ) -> Result<(String, Vec<String>), Unreadable> {
        use brush_parser::ast::{AssignmentName, AssignmentValue};
        let name = match &assignment.name {
            AssignmentName::VariableName(name) | AssignmentName::ArrayElementName(name, _) => name,
        };
        let mut values = match &assignment.value {
            AssignmentValue::Scalar(word) => vec![self.text(scope, &word.value)?],
            AssignmentValue::Array(elements) => {
                let mut values = Vec::new();
                for (_, word) in elements {
                    values.extend(self.words(scope, &word.value)?);
                }
                values
            }
        };
        if let (true, Some(own)) = (assignment.append, scope.variables.get(name)) {
            values = match (&assignment.value, own.as_slice(), values.as_slice()) {
                (AssignmentValue::Scalar(_), [own], [more]) => vec![format!("{own}{more}")],
                (_, own, more) => own.iter().chain(more).cloned().collect(),
            };
        }
        Ok((name.clone(), values))
    }
}

fn add(output: &mut String, more: &str) {
    if output.len() + more.len() <= OUTPUT_MAX {
        output.push_str(more);
    } else if !output.ends_with(UNKNOWN) {
        output.push(UNKNOWN);
    }
}

/// The tree of a script.
fn parse(text: &str) -> Result<Program, Unreadable> {
    let text = text.replace("\r\n", "\n");
    Parser::new(text.as_bytes(), &options()).parse_program().map_err(|error| {
        Unreadable::new(format!("this cannot be read as bash ({error}); write it more plainly"))
    })
}

/// How deep brackets and keywords are nested in a text, roughly and rather too deep.
fn nesting(text: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let mut word = String::new();
    for letter in text.chars().chain(['\n']) {
        match letter {
            '(' | '{' => open += 1,
            ')' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        if letter.is_ascii_alphabetic() {
            word.push(letter);
            continue;
        }
        match word.as_str() {
            "if" | "while" | "until" | "for" | "case" | "select" => open += 1,
            "fi" | "done" | "esac" => open = open.saturating_sub(1),
            _ => {}
        }
        word.clear();
        deepest = deepest.max(open);
    }
    deepest
}
