//! What a program is told to take in: a module, a plug-in or a script, by a variable, an option or
//! a word.

use super::{call::Call, scope::Scope, walk::Walk};

/// Variables that hold options, and those of them that name what is taken in first.
const REQUIRED: &[(&str, &[&str])] = &[
    ("NODE_OPTIONS", &["-r", "--require", "--import", "--loader", "--experimental-loader"]),
    ("RUBYOPT", &["-r"]),
];
/// What Python takes in first, where it finds modules.
const SITE: &[&str] = &["sitecustomize.py", "usercustomize.py"];
/// Variables that name a module of Python.
const MODULES: &[&str] = &["DJANGO_SETTINGS_MODULE", "FLASK_APP", "PYTEST_PLUGINS"];
/// Options that do, by program.
const OPTIONS: &[(&str, &[&str])] = &[
    ("pytest py.test", &["-p"]),
    ("celery flask", &["-A", "--app"]),
    ("python python3 django-admin django", &["--settings"]),
];
/// Programs that start what their words name, as a file or as a module.
const STARTERS: &str = "uvicorn gunicorn hypercorn daphne granian waitress-serve uwsgi dramatiq rq \
                        arq fastapi streamlit chainlit panel bokeh nodemon pm2 forever node-dev";

impl Walk<'_> {
    /// Files that `call` is told to take in, whether they are there or not.
    pub(super) fn named(&self, scope: &Scope, call: &Call<'_>) -> Vec<String> {
        let of = |name: &str| scope.value(name).unwrap_or_default().to_owned();
        let mut named: Vec<String> = Vec::new();
        for (name, options) in REQUIRED {
            let words: Vec<String> = of(name).split_whitespace().map(str::to_owned).collect();
            let own = Call { arguments: &words, ..Call::new(&[], call.pipe) };
            for module in own.values(options) {
                let endings = ["", ".js", ".cjs", ".mjs", ".rb"];
                named.extend(endings.iter().map(|ending| format!("{module}{ending}")));
            }
        }
        for directory in of("PYTHONPATH").split(':').filter(|it| !it.is_empty()) {
            named.extend(SITE.iter().map(|file| format!("{directory}/{file}")));
        }
        named.extend(MODULES.iter().flat_map(|name| module(&of(name))));
        for (programs, options) in OPTIONS {
            if programs.split(' ').any(|it| it == call.name) {
                named.extend(call.values(options).into_iter().flat_map(module));
            }
        }
        if STARTERS.split(' ').any(|it| it == call.name) {
            named.extend(call.parts().1.into_iter().flat_map(module));
        }
        named.iter().flat_map(|file| self.paths(scope, file)).collect()
    }
}

/// Where a module may lie that is called so: `shop.web:app`, or the file itself.
fn module(name: &str) -> Vec<String> {
    let name = name.split(':').next().unwrap_or(name);
    if name.is_empty() {
        return Vec::new();
    }
    let path = name.replace('.', "/");
    vec![name.to_owned(), format!("{path}.py"), format!("{path}/__init__.py")]
}
