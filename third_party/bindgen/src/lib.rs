//! The bindings of one C header, `pg_query.h` of libpg_query for PostgreSQL 18, by the interface
//! of the crate that would generate them. Any other header is an error: its structs may differ.

use std::{fmt, fs, io, path::Path};

/// The declarations that `pg_query` 18.1 calls.
const BINDINGS: &str = include_str!("pg_query.bindings");

/// The headers that the declarations were written from, without the white space between words.
const HEADERS: [(&str, u64); 2] =
    [("pg_query.h", 0x2564_4111_1309_5eef), ("postgres_deparse.h", 0xecb1_ac70_bc9c_384f)];

/// Collects what bindings are asked for.
#[derive(Debug, Default)]
pub struct Builder {
    header: Option<String>,
}

/// Bindings, ready to be written.
#[derive(Debug)]
pub struct Bindings(());

/// Why there are no bindings.
#[derive(Debug)]
pub struct BindgenError(String);

impl fmt::Display for BindgenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BindgenError {}

impl Builder {
    /// Asks for the bindings of a header.
    pub fn header(mut self, path: impl Into<String>) -> Self {
        self.header = Some(path.into());
        self
    }

    /// The bindings, if the header is the one that they were written from.
    pub fn generate(self) -> Result<Bindings, BindgenError> {
        let header = self.header.unwrap_or_default();
        for (name, expected) in HEADERS {
            let path = Path::new(&header).with_file_name(name);
            let text = fs::read_to_string(&path)
                .map_err(|error| BindgenError(format!("{}: {error}", path.display())))?;
            let found = checksum(&text);
            if found != expected {
                return Err(BindgenError(format!(
                    "{name} has changed (checksum {found:#018x}): compare it with \
                     third_party/bindgen/src/pg_query.bindings, and enter the checksum there"
                )));
            }
        }
        Ok(Bindings(()))
    }
}

impl Bindings {
    /// Writes the bindings.
    pub fn write_to_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        fs::write(path, BINDINGS)
    }
}

/// FNV-1a of a text's words.
fn checksum(text: &str) -> u64 {
    let words = text.split_ascii_whitespace().flat_map(|word| word.bytes().chain([b' ']));
    words.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
