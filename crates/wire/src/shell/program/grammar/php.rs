//! PHP: `tree-sitter-php`, and the calls of its own library and of Laravel.

use super::{Does, Gives, Grammar, Role};

pub(super) const GRAMMAR: Grammar = Grammar {
    tongues: |code| match code.contains("<?") {
        true => {
            vec![tree_sitter_php::LANGUAGE_PHP.into(), tree_sitter_php::LANGUAGE_PHP_ONLY.into()]
        }
        false => vec![tree_sitter_php::LANGUAGE_PHP_ONLY.into()],
    },
    role,
    calls: CALLS,
};

fn role(kind: &str) -> Role {
    match kind {
        "comment"
        | "php_tag"
        | "text"
        | "text_interpolation"
        | "primitive_type"
        | "named_type"
        | "visibility_modifier"
        | "php_end_tag" => Role::Nothing,
        "string" | "encapsed_string" | "heredoc" | "nowdoc" | "heredoc_body" | "nowdoc_body" => {
            Role::Text
        }
        "integer" | "float" | "boolean" | "null" => Role::Plain,
        "shell_command_expression" => Role::Shell,
        "variable_name" | "name" | "qualified_name" => Role::Name,
        "member_access_expression"
        | "nullsafe_member_access_expression"
        | "scoped_property_access_expression"
        | "class_constant_access_expression" => Role::Member,
        "subscript_expression" => Role::Index,
        "function_call_expression"
        | "member_call_expression"
        | "nullsafe_member_call_expression"
        | "scoped_call_expression"
        | "object_creation_expression"
        | "print_intrinsic"
        | "echo_statement" => Role::Call,
        "binary_expression" => Role::Join,
        "conditional_expression" => Role::Otherwise,
        "array_creation_expression" => Role::Table,
        "assignment_expression"
        | "augmented_assignment_expression"
        | "reference_assignment_expression"
        | "property_element" => Role::Assign,
        "function_definition" | "method_declaration" => Role::Function,
        "arrow_function" | "anonymous_function" => Role::Lambda,
        "class_declaration" => Role::Class,
        "foreach_statement" => Role::Loop,
        "if_statement" | "while_statement" | "do_statement" | "for_statement" | "try_statement"
        | "switch_statement" | "catch_clause" => Role::Branch,
        "return_statement" => Role::Return,
        "unary_op_expression" => Role::Sign,
        "namespace_use_clause"
        | "include_expression"
        | "include_once_expression"
        | "require_expression"
        | "require_once_expression" => Role::Import,
        "parenthesized_expression"
        | "error_suppression_expression"
        | "argument"
        | "array_element_initializer"
        | "cast_expression"
        | "clone_expression" => Role::First,
        _ => Role::Last,
    }
}

const CALLS: &[(Does, &str)] = &[
    (Does::Goes, "chdir"),
    (
        Does::Deletes,
        "unlink rmdir Filesystem.remove File.delete Storage.delete File.deleteDirectories",
    ),
    (Does::Writes, "file_put_contents File.put Storage.put"),
    (Does::Truncates, "ftruncate"),
    (Does::Copies, "copy File.copy"),
    (Does::Like("ln -s {0} {1}"), "symlink link"),
    (Does::Like("chmod {1} {0}"), "chmod lchmod *.chmod"),
    (Does::Like("chown {1} {0}"), "chown lchown chgrp lchgrp *.chown *.chgrp"),
    (
        Does::Like("tee {1}"),
        "imagepng imagejpeg imagegif imagewebp imageavif imagebmp imagewbmp imagexbm imagegd imagegd2",
    ),
    (Does::Like("tee {2}"), "error_log"),
    (Does::Unpacks, "*.extractTo"),
    (Does::Moves, "rename move_uploaded_file File.move"),
    (Does::Opens, "fopen SplFileObject"),
    (Does::Reads, "file_get_contents file readfile File.get"),
    (
        Does::Starts,
        "exec system shell_exec passthru popen proc_open pcntl_exec Process.fromShellCommandline Symfony.Component.Process.Process",
    ),
    (
        Does::Asks,
        "*.exec *.query *.prepare *.execute *.statement *.unprepared *.multi_query mysqli_query mysqli_multi_query mysqli_real_query mysqli_prepare mysqli_execute_query pg_query_params pg_send_query pg_prepare pg_query *.executeStatement *.executeQuery",
    ),
    (Does::Wipes, "*.truncate"),
    (Does::Artisan, "Artisan.call"),
    (Does::Evaluates, "eval assert create_function"),
    (
        Does::Loads,
        "mail dl fsockopen pfsockopen stream_socket_client unserialize FFI.cdef FFI.load ReflectionFunction ReflectionMethod",
    ),
    (Does::Names, "call_user_func call_user_func_array"),
    (Does::Prints, "echo print print_r var_dump var_export printf"),
    (Does::Sets, "curl_setopt"),
    (Does::Gives(Gives::Home), "posix_getpwuid"),
    (Does::Gives(Gives::Here), "getcwd"),
    (Does::Gives(Gives::Same), "escapeshellcmd realpath strval array_values array_merge"),
    (Does::Gives(Gives::Trimmed), "trim rtrim ltrim chop"),
    (Does::Gives(Gives::Lower), "strtolower mb_strtolower"),
    (Does::Gives(Gives::Quoted), "escapeshellarg"),
    (Does::Gives(Gives::Variable), "getenv env"),
    (Does::Gives(Gives::Split), "explode"),
    (Does::Gives(Gives::Format), "sprintf vsprintf"),
    (Does::Gives(Gives::JoinText), "implode join"),
    (Does::Gives(Gives::Files), "glob"),
    (Does::Gives(Gives::Names), "scandir"),
    (Does::Gives(Gives::Temporary), "tempnam tmpfile"),
    (Does::Gives(Gives::Json), "json_encode"),
    (Does::Gives(Gives::Base64), "base64_decode"),
    (
        Does::Each,
        "array_map array_walk array_filter usort uasort uksort array_walk_recursive array_reduce preg_replace_callback register_shutdown_function iterator_apply ob_start forward_static_call forward_static_call_array",
    ),
];
