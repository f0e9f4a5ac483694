//! Ruby: `tree-sitter-ruby`, and the calls of its own library.

use super::{Does, Gives, Grammar, Role};

pub(super) const GRAMMAR: Grammar =
    Grammar { tongues: |_| vec![tree_sitter_ruby::LANGUAGE.into()], role, calls: CALLS };

fn role(kind: &str) -> Role {
    match kind {
        "comment" | "uninterpreted" => Role::Nothing,
        "string" => Role::Text,
        "integer" | "float" | "simple_symbol" | "hash_key_symbol" | "true" | "false" | "nil" => {
            Role::Plain
        }
        "regex" => Role::Regex,
        "heredoc_beginning" => Role::Heredoc,
        "heredoc_body" => Role::HeredocBody,
        "string_array" | "symbol_array" => Role::Words,
        "subshell" => Role::Shell,
        "identifier" | "constant" | "instance_variable" | "class_variable" | "global_variable"
        | "self" => Role::Name,
        "scope_resolution" => Role::Member,
        "element_reference" => Role::Index,
        "call" => Role::Call,
        "binary" | "chained_string" => Role::Join,
        "conditional" => Role::Otherwise,
        "array" | "right_assignment_list" => Role::List,
        "hash" => Role::Table,
        "assignment" | "operator_assignment" => Role::Assign,
        "method" | "singleton_method" => Role::Function,
        "lambda" | "block" | "do_block" => Role::Lambda,
        "class" | "module" => Role::Class,
        "for" => Role::Loop,
        "begin" | "if" | "unless" | "while" | "until" | "case" | "rescue" | "if_modifier"
        | "unless_modifier" => Role::Branch,
        "return" => Role::Return,
        "unary" => Role::Sign,
        "interpolation" | "parenthesized_statements" | "splat_argument" => Role::First,
        _ => Role::Last,
    }
}

const CALLS: &[(Does, &str)] = &[
    (Does::Goes, "Dir.chdir FileUtils.cd FileUtils.chdir cd chdir"),
    (
        Does::Deletes,
        "File.delete File.unlink Dir.rmdir Dir.delete Dir.unlink FileUtils.rm FileUtils.rmdir FileUtils.remove FileUtils.safe_unlink FileUtils.remove_file path.delete path.unlink path.rmtree path.rmdir rm rmdir",
    ),
    (Does::Writes, "File.write IO.write IO.binwrite File.binwrite path.write path.binwrite"),
    (Does::Truncates, "File.truncate path.truncate"),
    (
        Does::Copies,
        "FileUtils.cp FileUtils.cp_r FileUtils.copy FileUtils.copy_file IO.copy_stream FileUtils.install FileUtils.copy_entry FileUtils.cp_lr cp cp_r copy_entry install",
    ),
    (Does::Moves, "FileUtils.mv FileUtils.move File.rename path.rename mv"),
    (
        Does::Like("ln -s {0} {1}"),
        "File.symlink File.link FileUtils.ln_sf FileUtils.ln_s FileUtils.ln FileUtils.link FileUtils.symlink FileUtils.ln_sr FileUtils.link_entry ln_s ln_sf ln",
    ),
    (Does::Like("ln -s {1} {0}"), "path.make_symlink path.make_link"),
    (Does::Like("chmod {0} {1*}"), "File.chmod File.lchmod FileUtils.chmod chmod"),
    (Does::Like("chmod -R {0} {1*}"), "FileUtils.chmod_R chmod_R"),
    (Does::Like("chmod {1} {0}"), "path.chmod path.lchmod"),
    (Does::Like("chown {0} {2*}"), "File.chown File.lchown FileUtils.chown chown"),
    (Does::Like("chown -R {0} {2*}"), "FileUtils.chown_R chown_R"),
    (Does::Like("chown {1} {0}"), "path.chown path.lchown"),
    (Does::Opens, "open File.open File.new File.sysopen IO.sysopen path.open Kernel.open"),
    (Does::Reads, "File.read IO.read File.readlines File.foreach File.binread path.read"),
    (Does::Defines, "task multitask file namespace"),
    (
        Does::Starts,
        "sh ruby system exec spawn Kernel.system Kernel.exec Kernel.spawn Process.spawn Process.exec Open3.capture2 Open3.capture2e Open3.capture3 Open3.popen2 Open3.popen2e Open3.popen3 Open3.pipeline IO.popen PTY.spawn",
    ),
    (
        Does::Asks,
        "*.execute *.exec *.exec_query *.exec_update *.exec_delete *.exec_params *.execute_batch *.async_exec *.select_all *.query *.prepare",
    ),
    (Does::Evaluates, "eval *.eval *.instance_eval *.class_eval *.module_eval instance_eval load"),
    (Does::Loads, "Marshal.load Fiddle.dlopen"),
    (Does::Template, "ERB.new"),
    (Does::Wipes, "*.truncate *.truncate_tables"),
    (Does::Names, "*.send *.public_send *.__send__ *.const_get *.method"),
    (Does::Imports, "require require_relative"),
    (Does::Prints, "puts print p pp STDOUT.puts STDOUT.write"),
    (Does::Gives(Gives::Path), "Pathname Pathname.new"),
    (Does::Gives(Gives::PathJoin), "File.join path.join File.expand_path"),
    (Does::Gives(Gives::Home), "Dir.home"),
    (Does::Gives(Gives::Here), "Dir.pwd Dir.getwd Pathname.pwd"),
    (
        Does::Gives(Gives::Same),
        "File.realpath String Array URI URI.parse text.to_s path.to_s path.expand_path text.freeze list.sort list.uniq list.flatten list.to_a",
    ),
    (Does::Gives(Gives::Trimmed), "text.strip text.chomp text.lstrip text.rstrip"),
    (Does::Gives(Gives::Lower), "text.downcase"),
    (Does::Gives(Gives::Quoted), "Shellwords.escape Shellwords.shellescape text.shellescape"),
    (
        Does::Gives(Gives::One),
        "table.fetch table.dig list.first list.last list.pop list.shift list.sample",
    ),
    (Does::Gives(Gives::Variable), "ENV.fetch"),
    (Does::Gives(Gives::Split), "text.split Shellwords.split text.shellsplit"),
    (Does::Gives(Gives::Format), "format sprintf"),
    (Does::Gives(Gives::JoinText), "list.join"),
    (Does::Gives(Gives::Files), "Dir.glob path.glob"),
    (
        Does::Gives(Gives::Names),
        "Dir.children Dir.entries Dir.each_child path.children path.each_child",
    ),
    (Does::Gives(Gives::Temporary), "Dir.mktmpdir Tempfile.new Tempfile.create Dir.tmpdir"),
    (Does::Gives(Gives::Json), "JSON.generate JSON.dump *.to_json"),
    (Does::Gives(Gives::Base64), "Base64.decode64 Base64.strict_decode64"),
];
