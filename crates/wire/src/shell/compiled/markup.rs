//! Files of builds that are no code: the commands that Maven, Ant, MSBuild and CMake are told to
//! run, and what they are told to take away.

use crate::shell::{call::quoted, expand::UNKNOWN};

/// Elements that are read of one file, at most.
const ELEMENTS_MAX: usize = 10_000;
/// Attributes that name what an element of these takes away.
const TAKEN_AWAY: [&str; 5] = ["dir", "file", "Directories", "Files", "includes"];
/// Words of CMake that end what stands before them.
const ENDS: [&str; 12] = [
    "COMMAND",
    "WORKING_DIRECTORY",
    "DEPENDS",
    "COMMENT",
    "VERBATIM",
    "OUTPUT_VARIABLE",
    "BYPRODUCTS",
    "RESULT_VARIABLE",
    "ERROR_VARIABLE",
    "OUTPUT_QUIET",
    "ERROR_QUIET",
    "USES_TERMINAL",
];

/// One element: its name, its attributes, the text up to the next one.
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
}

impl Element {
    fn value(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// The commands of a file in XML, each as a line for a shell.
pub(in super::super) fn xml(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    // What is started, and the words that the elements behind it add.
    let mut started: Option<Vec<String>> = None;
    let line = |words: Vec<String>| words.iter().map(|it| quoted(it)).collect::<Vec<_>>().join(" ");
    for element in elements(text) {
        match element.name.as_str() {
            "exec" | "apply" | "executable" => {
                commands.extend(started.take().map(line));
                let told = element.value("executable").unwrap_or(element.text.trim());
                started = Some(vec![told.to_owned()]).filter(|_| !told.is_empty());
            }
            "arg" | "argument" | "commandlineArgs" => {
                if let Some(words) = &mut started {
                    let one = element.value("value").or_else(|| element.value("file"));
                    let more = element.value("line").or(Some(element.text.as_str()));
                    match (one, more) {
                        (Some(one), _) => words.push(one.to_owned()),
                        (None, Some(text)) if element.name == "argument" => {
                            words.push(text.trim().to_owned());
                        }
                        (None, line) => words
                            .extend(line.unwrap_or_default().split_whitespace().map(str::to_owned)),
                    }
                }
            }
            // MSBuild has a shell run it.
            "Exec" => commands.extend(element.value("Command").map(str::to_owned)),
            "PreBuildEvent" | "PostBuildEvent" => commands.push(element.text.clone()),
            "delete" | "Delete" | "RemoveDir" => {
                let all = TAKEN_AWAY.iter().filter_map(|it| element.value(it));
                commands.extend(all.map(|it| format!("rm -rf {}", quoted(it))));
            }
            "/exec" | "/apply" | "/arguments" => commands.extend(started.take().map(line)),
            _ => {}
        }
    }
    commands.extend(started.map(line));
    commands
}

fn elements(text: &str) -> Vec<Element> {
    let (mut elements, mut rest) = (Vec::new(), text);
    while let Some((_, behind)) = rest.split_once('<').filter(|_| elements.len() < ELEMENTS_MAX) {
        if let Some(comment) = behind.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let Some((tag, after)) = tag(behind) else { break };
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        let text = plain(after.split('<').next().unwrap_or_default());
        let name = name.trim_end_matches('/').to_owned();
        // `<exec …/>` has nothing within it.
        let ends = tag.ends_with('/').then(|| format!("/{name}"));
        elements.push(Element { name, attributes: pairs(attributes), text });
        let close = |name| Element { name, attributes: Vec::new(), text: String::new() };
        elements.extend(ends.map(close));
        rest = after;
    }
    elements
}

/// A tag up to the sign that closes it, which may stand in quotes before.
fn tag(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let end = text.char_indices().find(|(_, letter)| match (quote, letter) {
        (Some(own), letter) if own == *letter => {
            quote = None;
            false
        }
        (None, '"' | '\'') => {
            quote = Some(*letter);
            false
        }
        (quote, letter) => quote.is_none() && *letter == '>',
    });
    let (end, _) = end?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let (mut pairs, mut rest) = (Vec::new(), text);
    while let Some((name, behind)) = rest.split_once('=') {
        let behind = behind.trim_start();
        let Some(quote) = behind.chars().next().filter(|it| matches!(it, '"' | '\'')) else {
            break;
        };
        let value = behind.get(1..).and_then(|it| it.split_once(quote));
        let Some((value, after)) = value else { break };
        pairs.push((name.trim().to_owned(), plain(value)));
        rest = after;
    }
    pairs
}

/// A text as it is meant; what a property puts into it, nobody knows.
fn plain(text: &str) -> String {
    let text = [("&quot;", "\""), ("&apos;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    without(&without(&text, "${", '}'), "$(", ')')
}

/// A text with what stands between `open` and `close` unknown.
fn without(text: &str, open: &str, close: char) -> String {
    let mut parts = text.split(open);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        let rest = part.split_once(close).map_or("", |(_, rest)| rest);
        format!("{all}{UNKNOWN}{rest}")
    })
}

/// The commands of a file of CMake.
pub(in super::super) fn cmake(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let text = without(&lines.collect::<Vec<_>>().join("\n"), "${", '}');
    let mut commands = Vec::new();
    for (at, open) in text.match_indices('(').take(ELEMENTS_MAX) {
        let before = text.get(..at).unwrap_or_default().trim_end();
        let name = before.rsplit(|it: char| !it.is_alphanumeric() && it != '_').next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let words = words(text.get(at + open.len()..).unwrap_or_default());
        match name.as_str() {
            "execute_process" | "add_custom_command" | "add_custom_target" | "add_test" => {
                for command in words.split(|it| it == "COMMAND").skip(1) {
                    let own = command.iter().take_while(|it| !ENDS.contains(&it.as_str()));
                    let own: Vec<String> = own.map(|it| quoted(it)).collect();
                    commands.push(own.join(" "));
                }
            }
            "file"
                if matches!(
                    words.first().map(String::as_str),
                    Some("REMOVE" | "REMOVE_RECURSE")
                ) =>
            {
                let all = words.iter().skip(1).map(|it| quoted(it)).collect::<Vec<_>>();
                commands.push(format!("rm -rf {}", all.join(" ")));
            }
            _ => {}
        }
    }
    commands
}

/// The words up to the bracket that closes them.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut own, mut quoted) = (Vec::new(), None::<String>, false);
    for letter in text.chars() {
        match letter {
            '"' => {
                quoted = !quoted;
                own.get_or_insert_default();
            }
            ')' if !quoted => break,
            letter if letter.is_whitespace() && !quoted => words.extend(own.take()),
            letter => own.get_or_insert_default().push(letter),
        }
    }
    words.extend(own);
    words
}
