//! What PostgreSQL's own tool says of relations: the statements that make them again.

use std::{path::PathBuf, process::Stdio, time::Duration};

use holdpoint_core::{Code, Refusal, refusal::RefusalKind};
use holdpoint_store::config::{Database, Tls};
use secrecy::ExposeSecret as _;
use tokio::{process::Command, time::timeout};

use super::{
    connect::drawn,
    meaning::Gone,
    meter::MeterError,
    password,
    point::{Served, SessionPoint},
    preimage::qualified,
};

/// How long the description of tables may take.
const DUMP_MAX: Duration = Duration::from_secs(60);
/// What the tool sets for the rows that it does not take.
const ROW_SECURITY: &str = "SET row_security = off;";
/// Bytes of it.
const DUMP_BYTES_MAX: usize = 4 << 20;

/// Whom the tool believes, in a file that is there as long as this is.
struct Authorities(PathBuf);

impl Authorities {
    fn written(served: &Served) -> std::io::Result<Self> {
        let name = format!("authorities-{}.pem", hex::encode(drawn::<8>()?));
        let dir = served.http.state.dir().map_or_else(std::env::temp_dir, Into::into);
        let path = dir.join(name);
        std::fs::write(&path, &*served.authorities)?;
        Ok(Self(path))
    }
}

impl Drop for Authorities {
    fn drop(&mut self) {
        // Nothing in it is a secret.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl SessionPoint {
    /// The statements that make dropped relations again. The tool is shown the real password, and
    /// shows it to nobody but the server that the gateway itself would believe.
    pub(super) async fn structure(&self, dropped: &[&Gone]) -> Result<String, MeterError> {
        let failed = |text: &str| {
            let text = format!("pg_dump cannot describe what is dropped: {text}");
            MeterError::Refused(Refusal::new(RefusalKind::Unavailable, Code::NoWayBack, text))
        };
        let Database { host, port, role, name, tls, .. } = &self.served.database;
        let known = self.served.http.known();
        let secret = known.secret_named(&self.served.database.secret);
        let secret = secret.ok_or_else(|| failed("its secret is not kept"))?;
        let believed = Authorities::written(&self.served);
        let believed = believed.map_err(|error| failed(&error.to_string()))?;
        let mut dump = Command::new("pg_dump");
        dump.args(["--schema-only", "--no-password", "-h", host.trim_matches(['[', ']'])])
            .args(["-p", &port.to_string(), "-U", role, "-d", name])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PGPASSWORD", password::real(secret).expose_secret())
            .env("PGSSLMODE", if *tls == Tls::Off { "disable" } else { "verify-full" })
            .env("PGSSLROOTCERT", &believed.0)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        for gone in dropped {
            dump.arg("-t").arg(qualified(&gone.table));
        }
        let output =
            timeout(DUMP_MAX, dump.output()).await.map_err(|_| failed("it took too long"))?;
        let output = output.map_err(|error| failed(&error.to_string()))?;
        if !output.status.success() || output.stdout.len() > DUMP_BYTES_MAX {
            return Err(failed(&String::from_utf8_lossy(&output.stderr)));
        }
        let text = String::from_utf8(output.stdout).map_err(|_| failed("it is no text"))?;
        // Commands of psql's own stand on lines of their own. Rows of other tables are looked at as ever
        // where something refers to them.
        let lines = text.lines().filter(|line| !line.starts_with('\\') && *line != ROW_SECURITY);
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }
}
