//! Asking a human: at the terminal if there is one, else line by line from standard input.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use nix::{
    sys::termios::{FlushArg, tcflush},
    unistd::{getpgrp, tcgetpgrp},
};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::status::CommandError;

/// More than this is no credential.
const SECRET_BYTES_MAX: u64 = 16 * 1024;

/// Asks for one line of text.
pub fn ask(question: &str) -> Result<String, CommandError> {
    eprint!("{question}");
    io::stderr().flush().map_err(CommandError::unable)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(CommandError::unable)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Whether a human can be asked: standard input and what is said lead to a terminal, and this is in
/// its foreground.
pub fn is_attended() -> bool {
    let foreground = || tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp());
    io::stdin().is_terminal() && io::stderr().is_terminal() && foreground()
}

/// Asks for one line that is typed now: what was typed before the question answers another one.
pub fn ask_anew(question: &str) -> Result<String, CommandError> {
    if io::stdin().is_terminal() {
        tcflush(io::stdin(), FlushArg::TCIFLUSH).map_err(CommandError::unable)?;
    }
    ask(question)
}

/// Asks whether something is to be done.
pub fn agrees(question: &str) -> Result<bool, CommandError> {
    let answer = ask_anew(&format!("{question} [y/N] "))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
}

/// Asks for a passphrase: unseen at a terminal, else a line of standard input.
pub fn passphrase(question: &str) -> Result<SecretString, CommandError> {
    let text = match io::stdin().is_terminal() {
        true => rpassword::prompt_password(question).map_err(CommandError::unable)?,
        false => ask(question)?,
    };
    Ok(SecretString::from(text))
}

/// All of standard input, for a secret that must not stand in a command line; the line's end is
/// not part of it.
pub fn secret(question: &str) -> Result<SecretString, CommandError> {
    if io::stdin().is_terminal() {
        return passphrase(question);
    }
    let mut text = Zeroizing::new(String::new());
    let mut input = io::stdin().lock().take(SECRET_BYTES_MAX);
    input.read_to_string(&mut text).map_err(CommandError::unable)?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}
