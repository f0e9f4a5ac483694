//! JavaScript and TypeScript: `tree-sitter-typescript`, and the calls of Node, Deno and Bun.

use super::{Does, Gives, Grammar, Role};

pub(super) const GRAMMAR: Grammar = Grammar { tongues, role, calls: CALLS };

/// What is marked up as in React is read by the second only.
fn tongues(_: &str) -> Vec<tree_sitter::Language> {
    vec![
        tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        tree_sitter_typescript::LANGUAGE_TSX.into(),
    ]
}

fn role(kind: &str) -> Role {
    match kind {
        "comment"
        | "type_annotation"
        | "type_arguments"
        | "type_parameters"
        | "interface_declaration"
        | "type_alias_declaration"
        | "predefined_type"
        | "ambient_declaration"
        | "hash_bang_line"
        | "type_identifier"
        | "generic_type"
        | "union_type"
        | "empty_statement" => Role::Nothing,
        "string" | "template_string" => Role::Text,
        "number" | "true" | "false" | "null" | "undefined" => Role::Plain,
        "regex" => Role::Regex,
        "identifier"
        | "this"
        | "shorthand_property_identifier_pattern"
        | "shorthand_property_identifier" => Role::Name,
        "member_expression" => Role::Member,
        "subscript_expression" => Role::Index,
        "call_expression" | "new_expression" => Role::Call,
        "binary_expression" => Role::Join,
        "ternary_expression" => Role::Otherwise,
        "array" => Role::List,
        "object" => Role::Table,
        "variable_declarator"
        | "assignment_expression"
        | "augmented_assignment_expression"
        | "public_field_definition" => Role::Assign,
        "function_declaration" | "generator_function_declaration" | "method_definition" => {
            Role::Function
        }
        "arrow_function" | "function_expression" | "generator_function" => Role::Lambda,
        "class_declaration" | "class" => Role::Class,
        "for_in_statement" => Role::Loop,
        "if_statement" | "while_statement" | "do_statement" | "for_statement" | "try_statement"
        | "switch_statement" | "catch_clause" | "else_clause" => Role::Branch,
        "return_statement" => Role::Return,
        "unary_expression" => Role::Sign,
        "import_statement" => Role::Import,
        "export_statement" => Role::Export,
        "parenthesized_expression"
        | "await_expression"
        | "as_expression"
        | "non_null_expression"
        | "satisfies_expression"
        | "template_substitution"
        | "spread_element"
        | "computed_property_name" => Role::First,
        _ => Role::Last,
    }
}

const CALLS: &[(Does, &str)] = &[
    (Does::Goes, "process.chdir Deno.chdir shelljs.cd"),
    (
        Does::Deletes,
        "fs.rm fs.unlink fs.rmdir promises.rm promises.unlink promises.rmdir fs-extra.remove fse.remove fs-extra.rm Deno.remove Deno.removeSync path.delete path.unlink rm unlink rmdir trash del",
    ),
    (
        Does::Writes,
        "fs.writeFile *.writeFileSync *.outputFile *.outputFileSync promises.writeFile *.writeJson *.writeJsonSync *.writeJSON *.writeJSONSync *.outputJson *.outputJsonSync *.outputJSON *.outputJSONSync path.write path.writer Deno.writeTextFile Deno.writeTextFileSync Deno.writeFile Deno.writeFileSync Bun.write",
    ),
    (Does::Appends, "fs.appendFile *.appendFileSync promises.appendFile"),
    (
        Does::Truncates,
        "fs.truncate fs.ftruncate *.ftruncateSync *.truncateSync promises.truncate Deno.truncate Deno.create Deno.createSync *.createWriteStream",
    ),
    (
        Does::Copies,
        "fs.copyFile *.copyFileSync promises.copyFile fs.cp *.cpSync promises.cp *.copySync fs-extra.copy Deno.copyFile",
    ),
    (
        Does::Like("ln -s {0} {1}"),
        "fs.symlink *.symlinkSync promises.symlink fs.link *.linkSync promises.link Deno.symlink Deno.link *.ensureSymlink *.ensureSymlinkSync *.ensureLink *.ensureLinkSync *.createSymlink *.createSymlinkSync",
    ),
    (
        Does::Like("chmod {1} {0}"),
        "fs.chmod *.chmodSync promises.chmod fs.lchmod *.lchmodSync promises.lchmod fs.fchmod *.fchmodSync Deno.chmod",
    ),
    (
        Does::Like("chown {1} {0}"),
        "fs.chown *.chownSync promises.chown fs.lchown *.lchownSync promises.lchown fs.fchown *.fchownSync Deno.chown",
    ),
    (Does::Moves, "Deno.rename fs.rename *.renameSync promises.rename *.moveSync fs-extra.move"),
    (Does::Opens, "fs.open *.openSync promises.open Deno.open"),
    (
        Does::Reads,
        "fs.readFile *.readFileSync promises.readFile *.createReadStream Deno.readTextFile Deno.readTextFileSync",
    ),
    (
        Does::Starts,
        "child_process.exec child_process.spawn child_process.execFile *.execSync *.spawnSync *.execFileSync exec spawn execFile Bun.spawn Deno.Command Deno.run process.binding.spawn execa execa.execa execa.execaCommand execa.execaSync execa.execaCommandSync execa.command shelljs.exec",
    ),
    (Does::Script, "*.$ execa.$ Bun.$ zx.$"),
    (
        Does::Asks,
        "*.query *.$executeRawUnsafe *.$queryRawUnsafe *.$executeRaw *.$queryRaw *.raw *.unsafe *.execute *.exec *.batch sql *.sql *.prepare",
    ),
    (Does::Wipes, "*.truncate"),
    (Does::Syncs, "*.sync *.synchronize"),
    (
        Does::Evaluates,
        "eval Function vm.runInThisContext vm.runInNewContext vm.runInContext vm.Script",
    ),
    (Does::Imports, "require import *.require process.getBuiltinModule"),
    (
        Does::Loads,
        "process.binding process._linkedBinding process.dlopen *._load *._compile child_process.fork Worker WebAssembly.instantiate",
    ),
    (Does::TakesIn, "dotenv.config dotenv.load dotenv-flow.config"),
    (
        Does::Prints,
        "console.log console.error console.info console.dir console.table process.stdout.write",
    ),
    (Does::Gives(Gives::PathJoin), "path.join path.resolve path.posix.join path.posix.resolve"),
    (Does::Gives(Gives::Home), "os.homedir *.homedir"),
    (Does::Gives(Gives::Here), "process.cwd Deno.cwd"),
    (
        Does::Gives(Gives::Same),
        "String path.normalize util.promisify promisify Array.from Object.freeze text.toString Promise.resolve",
    ),
    (Does::Gives(Gives::Trimmed), "text.trim text.trimStart text.trimEnd"),
    (Does::Gives(Gives::Lower), "text.toLowerCase text.toLocaleLowerCase"),
    (Does::Gives(Gives::Address), "URL url.URL url.fileURLToPath fileURLToPath url.pathToFileURL"),
    (Does::Gives(Gives::One), "table.get list.at list.pop list.shift"),
    (Does::Gives(Gives::Path), "Bun.file"),
    (Does::Gives(Gives::Variable), "Deno.env.get"),
    (Does::Gives(Gives::Split), "text.split"),
    (Does::Gives(Gives::JoinText), "list.join"),
    (Does::Gives(Gives::Format), "util.format"),
    (Does::Gives(Gives::Files), "glob.sync glob.globSync globSync fast-glob.sync fs.globSync"),
    (Does::Gives(Gives::Names), "fs.readdir *.readdirSync promises.readdir"),
    (Does::Gives(Gives::Temporary), "fs.mkdtemp *.mkdtempSync promises.mkdtemp"),
    (Does::Gives(Gives::Json), "JSON.stringify"),
    (Does::Gives(Gives::Base64), "atob Buffer.from"),
];
