//! Perl: `ts-parser-perl`, and the calls of its own library.

use super::{Does, Gives, Grammar, Role};

pub(super) const GRAMMAR: Grammar =
    Grammar { tongues: |_| vec![ts_parser_perl::LANGUAGE.into()], role, calls: CALLS };

fn role(kind: &str) -> Role {
    match kind {
        "comment" | "pod" | "eof_marker" | "data_section" | "replacement" | "regexp_content" => {
            Role::Nothing
        }
        "string_literal" | "interpolated_string_literal" => Role::Text,
        "number" | "autoquoted_bareword" | "version" => Role::Plain,
        "match_regexp" | "substitution_regexp" | "transliteration_expression" | "quoted_regexp" => {
            Role::Regex
        }
        "heredoc_token" | "command_heredoc_token" => Role::Heredoc,
        "heredoc_content" => Role::HeredocBody,
        "quoted_word_list" => Role::Words,
        "command_string" => Role::Shell,
        "fileglob_expression" => Role::Glob,
        "scalar" | "array" | "hash" | "bareword" | "package" | "container_variable" | "glob" => {
            Role::Name
        }
        "hash_element_expression" | "array_element_expression" => Role::Index,
        "function_call_expression"
        | "ambiguous_function_call_expression"
        | "func1op_call_expression"
        | "func0op_call_expression"
        | "method_call_expression"
        | "coderef_call_expression"
        | "map_grep_expression"
        | "eval_expression"
        | "require_expression" => Role::Call,
        "binary_expression" => Role::Join,
        "conditional_expression" | "lowprec_logical_expression" => Role::Otherwise,
        "list_expression" | "anonymous_array_expression" => Role::List,
        "anonymous_hash_expression" => Role::Table,
        "assignment_expression" => Role::Assign,
        "subroutine_declaration_statement" | "method_declaration_statement" => Role::Function,
        "anonymous_subroutine_expression" => Role::Lambda,
        "for_statement" | "postfix_for_expression" => Role::Loop,
        "conditional_statement"
        | "loop_statement"
        | "cstyle_for_statement"
        | "postfix_conditional_expression" => Role::Branch,
        "return_expression" => Role::Return,
        "logical_not_expression" => Role::Sign,
        "use_statement" => Role::Import,
        "parenthesized_expression" | "variable_declaration" | "array_deref_expression" => {
            Role::First
        }
        _ => Role::Last,
    }
}

const CALLS: &[(Does, &str)] = &[
    (Does::Goes, "chdir"),
    (
        Does::Deletes,
        "unlink rmdir rmtree POSIX.unlink POSIX.remove POSIX.rmdir path.remove path.remove_tree",
    ),
    (Does::Truncates, "truncate"),
    (Does::Copies, "copy File.Copy.copy cp"),
    (Does::Like("ln -s {0} {1}"), "symlink link POSIX.link POSIX.symlink"),
    (Does::Like("chmod {0} {1*}"), "chmod POSIX.chmod"),
    (Does::Like("chown {0} {2*}"), "chown POSIX.chown"),
    (Does::Moves, "POSIX.rename rename move File.Copy.move mv"),
    (Does::Opens, "open sysopen"),
    (Does::Reads, "read_file path.slurp"),
    (Does::Starts, "system exec POSIX.system"),
    (Does::Asks, "*.do *.prepare *.selectall_arrayref *.selectrow_array"),
    (Does::Evaluates, "eval do"),
    (Does::Imports, "require"),
    (Does::Names, "*.can"),
    (
        Does::Loads,
        "syscall dbmopen open2 open3 IPC.Open2.open2 IPC.Open3.open3 XSLoader.load DynaLoader.bootstrap",
    ),
    (Does::Shifts, "shift"),
    (Does::Prints, "print say"),
    (Does::Gives(Gives::Path), "path Path.Tiny.path"),
    (Does::Gives(Gives::PathJoin), "catfile catdir File.Spec.catfile File.Spec.catdir path.child"),
    (Does::Gives(Gives::Here), "getcwd cwd"),
    (Does::Gives(Gives::Same), "sort abs_path realpath scalar"),
    (Does::Gives(Gives::Lower), "lc"),
    (Does::Gives(Gives::Split), "split"),
    (Does::Gives(Gives::Format), "sprintf"),
    (Does::Gives(Gives::JoinText), "join"),
    (Does::Gives(Gives::Files), "glob bsd_glob"),
    (
        Does::Gives(Gives::Temporary),
        "tempfile tempdir File.Temp.tempfile File.Temp.tempdir File.Temp.new",
    ),
    (Does::Gives(Gives::Json), "encode_json"),
    (Does::Gives(Gives::Base64), "decode_base64 MIME.Base64.decode"),
    (Does::Each, "map grep"),
];
