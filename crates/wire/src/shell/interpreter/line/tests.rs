//! What interpreters make of their command lines.

use super::{Language, Line};

/// What is run, and how many words it is handed.
fn check(line: &str, expect: &str) {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let (name, words) = words.split_first().expect("a name");
    let language = Language::of(name).expect("a language");
    let line_read = Line::read(language, name, words);
    let Line { inline, taken_in, module, file, in_place, only_checked, serves, handed } = line_read;
    let mut found: Vec<String> = Vec::new();
    found.extend(taken_in.iter().map(|it| format!("first {it}")));
    found.extend(inline.iter().map(|it| format!("code {it}")));
    found.extend(module.map(|it| format!("module {it}")));
    found.extend(file.map(|it| format!("file {it}")));
    let flags = [(in_place, "in place"), (only_checked, "checked"), (serves, "serves")];
    found.extend(flags.iter().filter(|it| it.0).map(|it| it.1.to_owned()));
    found.push(handed.len().to_string());
    assert_eq!(found.join(", "), expect, "{line}");
}

#[test]
fn options_end_where_the_program_begins() {
    for (line, expect) in [
        ("python3 wipe.py -m json.tool", "file wipe.py, 2"),
        ("python3 -u -W ignore wipe.py -c x", "file wipe.py, 2"),
        ("python3 -c a -c b", "code a, 2"),
        ("python3 -Ic a -m b", "code a, 2"),
        ("python3 -m pytest -c x", "module pytest, 2"),
        ("python3 -Bmvenv x", "module venv, 1"),
        ("python3 - x", "file -, 1"),
        ("node wipe.js -p 3000", "file wipe.js, 2"),
        ("node wipe.js --check", "file wipe.js, 1"),
        ("node --check wipe.js", "file wipe.js, checked, 0"),
        ("node -r ./a --env-file .env wipe.js -e x", "first ./a, file wipe.js, 2"),
        ("node -pe a", "code a, 0"),
        ("node -p -e a b", "code a, 1"),
        ("node --eval=a", "code a, 0"),
        ("deno run -A --config c.json wipe.ts -e x", "file wipe.ts, 2"),
        ("deno eval -p a", "code a, 0"),
        ("tsx watch wipe.ts -p x", "file wipe.ts, 2"),
        ("ruby wipe.rb -e x", "file wipe.rb, 2"),
        ("ruby -rfileutils -e a -e b c", "first fileutils, code a, code b, 1"),
        ("perl wipe.pl -c", "file wipe.pl, 1"),
        ("perl -MFile::Path -ne a b", "first MFile::Path, code a, 1"),
        ("perl -i.bak -pe a b c", "code a, in place, 2"),
        ("perl -0777 -i -pe a b", "code a, in place, 1"),
        ("perl -lane a b", "code a, 1"),
        ("php wipe.php -l", "file wipe.php, 1"),
        ("php -l wipe.php", "file wipe.php, checked, 0"),
        ("php -d a=b -f wipe.php -- -l", "file wipe.php, 1"),
        ("php -S localhost:80 -t public", "serves, 0"),
    ] {
        check(line, expect);
    }
}
