//! Asking a human: at the terminal if there is one, else line by line from standard input.

use std::{
    fs::OpenOptions,
    io::{self, BufRead, Write},
};

use secrecy::SecretString;

use crate::status::CommandError;

/// Asks for one line of text.
pub fn ask(question: &str) -> Result<String, CommandError> {
    eprint!("{question}");
    io::stderr().flush().map_err(CommandError::unable)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(CommandError::unable)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asks for a passphrase: unseen at a terminal. A file named by `--passphrase-file` is for
/// scripts that a human wrote.
pub fn passphrase(question: &str) -> Result<SecretString, CommandError> {
    let at_terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").is_ok();
    let text = match at_terminal {
        true => rpassword::prompt_password(question).map_err(CommandError::unable)?,
        false => ask(question)?,
    };
    Ok(SecretString::from(text))
}
