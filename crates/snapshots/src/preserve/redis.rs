//! A Redis server on this machine, by what every key serializes to (redis.io, `DUMP` and
//! `RESTORE`): what is kept is the conversation that brings all of it back.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use super::{Login, MARK_MAX, Preserve, fresh, is_here};
use crate::error::{Result, SnapshotError};

/// The name of what is written out.
const FILE: &str = "commands.resp";
/// How long the server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of one answer with all that is in it: a string may have half as many (redis.io, "Strings").
const BYTES_MAX: u64 = 1 << 30;
/// What an answer takes that says nothing.
const ANSWER_BYTES: u64 = 64;
/// Answers within one.
const ELEMENTS_MAX: u64 = 1 << 20;
/// Lines that say how long an answer is, and what one may be.
const LINE_BYTES_MAX: u64 = 64 << 10;
/// Keys that are asked for at a time.
const KEYS: &str = "1000";

/// A server.
#[derive(Debug, Clone)]
pub struct Redis {
    /// A host of this machine.
    pub host: String,
    /// The port.
    pub port: u16,
    /// As whom; empty for whoever needs no name.
    pub user: String,
    /// The password, where one is needed.
    pub password: Option<String>,
}

/// An answer (redis.io, "RESP2").
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Nothing,
    Text(Vec<u8>),
    Number(i64),
    Several(Vec<Answer>),
}

struct Connection {
    to: TcpStream,
    from: BufReader<TcpStream>,
}

impl Connection {
    fn ask(&mut self, words: &[&[u8]]) -> io::Result<Answer> {
        self.to.write_all(&command(words))?;
        answer(&mut self.from, 0)
    }

    fn text(&mut self, words: &[&[u8]]) -> io::Result<String> {
        match self.ask(words)? {
            Answer::Text(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
            other => Err(io::Error::other(format!("it says {other:?}"))),
        }
    }
}

/// A command as it goes over the wire.
fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn answer(from: &mut impl io::BufRead, depth: u32) -> io::Result<Answer> {
    part(from, depth, &mut { BYTES_MAX })
}

/// The same as a part of another one, of whose bytes so many are `left`.
fn part(from: &mut impl io::BufRead, depth: u32, left: &mut u64) -> io::Result<Answer> {
    let mut line = Vec::new();
    from.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    let mut take = |bytes: u64| {
        *left = left.checked_sub(bytes).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok::<_, io::Error>(())
    };
    // What is held of it, however short it is.
    take(ANSWER_BYTES + line.len() as u64)?;
    let line = line.strip_suffix(b"\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let (kind, rest) = line.split_first().ok_or(io::ErrorKind::InvalidData)?;
    let text = String::from_utf8_lossy(rest);
    let length = || text.parse::<i64>().map_err(io::Error::other);
    match kind {
        b'+' => Ok(Answer::Text(rest.to_vec())),
        b'-' => Err(io::Error::other(text.into_owned())),
        b':' => length().map(Answer::Number),
        b'$' | b'*' if length()? < 0 => Ok(Answer::Nothing),
        b'$' => {
            let length = length()?.unsigned_abs();
            take(length)?;
            let mut bytes = Vec::new();
            from.take(length + 2).read_to_end(&mut bytes)?;
            let bytes = bytes.strip_suffix(b"\r\n").filter(|it| it.len() as u64 == length);
            bytes.map(|it| Answer::Text(it.to_vec())).ok_or(io::ErrorKind::UnexpectedEof.into())
        }
        b'*' if depth < 4 => {
            let length = length()?.unsigned_abs();
            if length > ELEMENTS_MAX {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            (0..length)
                .map(|_| part(from, depth + 1, left))
                .collect::<io::Result<_>>()
                .map(Answer::Several)
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

impl Redis {
    fn connect(&self) -> Result<Connection> {
        self.connect_for(PATIENCE)
    }

    /// A connection at which nothing is waited for longer than `patience`.
    fn connect_for(&self, patience: Duration) -> Result<Connection> {
        if !is_here(&self.host) {
            let text = format!("is not asked: {} is not on this machine", self.host);
            return Err(SnapshotError::Program { program: "Redis", text });
        }
        let connect = || -> io::Result<Connection> {
            let to = TcpStream::connect((self.host.as_str(), self.port))?;
            to.set_read_timeout(Some(patience))?;
            to.set_write_timeout(Some(patience))?;
            let from = BufReader::new(to.try_clone()?);
            let mut connection = Connection { to, from };
            if let Some(password) = &self.password {
                let login = [b"AUTH", self.user.as_bytes(), password.as_bytes()];
                let login: Vec<&[u8]> = login.into_iter().filter(|it| !it.is_empty()).collect();
                connection.ask(&login)?;
            }
            Ok(connection)
        };
        connect().map_err(failed)
    }

    /// Writes the commands that bring everything back.
    fn save(connection: &mut Connection, into: &mut impl io::Write) -> io::Result<()> {
        let keyspace = connection.text(&[b"INFO", b"keyspace"])?;
        let numbers = keyspace.lines().filter_map(|line| {
            let (number, _) = line.strip_prefix("db")?.split_once(':')?;
            Some(number.to_owned())
        });
        for number in numbers.collect::<Vec<_>>() {
            let select: [&[u8]; 2] = [b"SELECT", number.as_bytes()];
            connection.ask(&select)?;
            into.write_all(&command(&select))?;
            let mut cursor = "0".to_owned();
            loop {
                let scan: [&[u8]; 4] = [b"SCAN", cursor.as_bytes(), b"COUNT", KEYS.as_bytes()];
                let Answer::Several(page) = connection.ask(&scan)? else {
                    return Err(io::ErrorKind::InvalidData.into());
                };
                let [Answer::Text(next), Answer::Several(keys)] = page.as_slice() else {
                    return Err(io::ErrorKind::InvalidData.into());
                };
                for key in keys {
                    let Answer::Text(key) = key else { continue };
                    Self::save_key(connection, key, into)?;
                }
                cursor = String::from_utf8_lossy(next).into_owned();
                if cursor == "0" {
                    break;
                }
            }
        }
        Ok(())
    }

    /// A key that is gone meanwhile is not there.
    fn save_key(
        connection: &mut Connection,
        key: &[u8],
        into: &mut impl io::Write,
    ) -> io::Result<()> {
        let until = match connection.ask(&[b"PTTL", key])? {
            Answer::Number(left) if left > 0 => {
                let Answer::Several(now) = connection.ask(&[b"TIME"])? else {
                    return Err(io::ErrorKind::InvalidData.into());
                };
                let now = now.first().and_then(|it| match it {
                    Answer::Text(seconds) => String::from_utf8_lossy(seconds).parse::<i64>().ok(),
                    _ => None,
                });
                now.unwrap_or_default().saturating_mul(1000).saturating_add(left)
            }
            Answer::Number(-1) => 0,
            _ => return Ok(()),
        };
        let Answer::Text(dump) = connection.ask(&[b"DUMP", key])? else { return Ok(()) };
        let until = until.to_string();
        let absolute: &[u8] = b"ABSTTL";
        let restore = [b"RESTORE", key, until.as_bytes(), &dump, b"REPLACE", absolute];
        into.write_all(&command(&restore))
    }

    /// Carries out what was kept, as one transaction in which everything else goes.
    fn restore(connection: &mut Connection, kept: &mut impl io::BufRead) -> io::Result<()> {
        connection.ask(&[b"MULTI"])?;
        connection.ask(&[b"FLUSHALL"])?;
        each(kept, |words| connection.ask(words).map(drop))?;
        connection.ask(&[b"EXEC"]).map(drop)
    }

    /// Whether the server takes each value: in a transaction, what it does not take is only left
    /// out. They are put under a name that nobody has, one after the other.
    fn try_out(connection: &mut Connection, kept: &mut impl io::BufRead) -> Result<()> {
        let name = format!("holdpoint:undo:{}", fresh()?);
        let tried = each(kept, |words| match words {
            [b"RESTORE", _, _, value, ..] => {
                let words = [b"RESTORE", name.as_bytes(), b"0", value, b"REPLACE"];
                connection.ask(&words)?;
                connection.ask(&[b"DEL", name.as_bytes()]).map(drop)
            }
            _ => Ok(()),
        });
        tried.map_err(failed)
    }
}

impl Preserve for Redis {
    fn kind(&self) -> &'static str {
        "redis"
    }

    fn what(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What the server counts of changes, and since when.
    fn mark(&self) -> Result<String> {
        let mut connection = self.connect_for(MARK_MAX)?;
        let mut mark = String::new();
        for section in ["server", "persistence", "keyspace"] {
            let text = connection.text(&[b"INFO", section.as_bytes()]).map_err(failed)?;
            let counts =
                ["run_id:", "rdb_changes_since_last_save:", "rdb_last_save_time:", "rdb_saves:"];
            for line in text.lines().filter(|line| counts.iter().any(|it| line.starts_with(it))) {
                mark.push_str(line);
                mark.push(' ');
            }
        }
        Ok(mark)
    }

    fn write_out(&self, into: &Path) -> Result<()> {
        Login::keep(into, &self.user, self.password.as_deref())?;
        let path = into.join(FILE);
        let file = File::create_new(&path).map_err(SnapshotError::io("make", &path))?;
        let mut file = io::BufWriter::new(file);
        let before = self.mark()?;
        Self::save(&mut self.connect()?, &mut file).map_err(failed)?;
        file.flush().map_err(SnapshotError::io("write", &path))?;
        // Keys are read one after the other: what changed meanwhile never was so.
        match self.mark()? == before {
            true => Ok(()),
            false => Err(failed(io::Error::other("changed while it was being saved"))),
        }
    }

    fn take_in(&self, from: &Path) -> Result<()> {
        let path = from.join(FILE);
        let kept =
            || File::open(&path).map(BufReader::new).map_err(SnapshotError::io("open", &path));
        Self::try_out(&mut self.connect()?, &mut kept()?)?;
        Self::restore(&mut self.connect()?, &mut kept()?).map_err(failed)
    }

    fn with_login(&self, from: &Path) -> Option<Box<dyn Preserve>> {
        let Login { user, password } = Login::kept(from).filter(|_| self.password.is_none())?;
        Some(Box::new(Self { user, password: Some(password), ..self.clone() }))
    }
}

/// Each command that was kept, in its order.
fn each(
    kept: &mut impl io::BufRead,
    mut it: impl FnMut(&[&[u8]]) -> io::Result<()>,
) -> io::Result<()> {
    while !kept.fill_buf()?.is_empty() {
        let Answer::Several(words) = answer(kept, 0)? else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let words = words.iter().map(|word| match word {
            Answer::Text(word) => Some(word.as_slice()),
            _ => None,
        });
        let words: Option<Vec<&[u8]>> = words.collect();
        it(&words.ok_or(io::ErrorKind::InvalidData)?)?;
    }
    Ok(())
}

fn failed(error: io::Error) -> SnapshotError {
    SnapshotError::Program { program: "Redis", text: format!("failed: {error}") }
}

#[cfg(test)]
mod tests {
    use super::{Answer, answer, command};

    #[test]
    fn a_command_is_read_as_it_was_written() {
        let words: [&[u8]; 3] = [b"RESTORE", b"\r\n$5\r\n", b""];
        let read = answer(&mut command(&words).as_slice(), 0).unwrap();
        let texts = words.iter().map(|it| Answer::Text(it.to_vec())).collect();
        assert_eq!(read, Answer::Several(texts));
    }

    #[test]
    fn answers() {
        let check = |text: &str, expect: Option<Answer>| {
            assert_eq!(answer(&mut text.as_bytes(), 0).ok(), expect, "{text}");
        };
        check("+OK\r\n", Some(Answer::Text(b"OK".to_vec())));
        check(":-2\r\n", Some(Answer::Number(-2)));
        check("$-1\r\n", Some(Answer::Nothing));
        check("$2\r\nab\r\n", Some(Answer::Text(b"ab".to_vec())));
        check("*1\r\n:1\r\n", Some(Answer::Several(vec![Answer::Number(1)])));
        for text in ["", "+OK", "-ERR no\r\n", "$3\r\nab\r\n", "$99999999999\r\n", "?\r\n"] {
            check(text, None);
        }
    }
}
