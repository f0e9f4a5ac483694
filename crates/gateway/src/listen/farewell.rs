//! A "no" to a raw stream, where its client begins as one of a protocol that has words for it:
//! PostgreSQL's.

use std::{io, time::Duration};

use holdpoint_core::Refusal;
use holdpoint_wire::sql::protocol::{
    refusal::error_response,
    startup::{self, STARTUP_BYTES_MAX, Startup},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

/// How long a client has to begin; one that waits for its server is closed then.
const BEGINS_MAX: Duration = Duration::from_millis(300);
/// How long it has for the rest.
const REST_MAX: Duration = Duration::from_secs(5);
/// Packets before the one that says who connects: one for each kind of encryption.
const PACKETS_MAX: usize = 3;
/// The versions of the protocol, in the place where other codes may stand.
const MAJOR_VERSION: u16 = 3;
/// What other codes begin with.
const CODES: u16 = 1234;

/// Says `refusal` to a client that would hear it, before the connection is closed.
pub(super) async fn say<I: AsyncRead + AsyncWrite>(io: I, refusal: &Refusal) {
    let mut io = Box::pin(io);
    let mut first = [0; 8];
    let begun = timeout(BEGINS_MAX, io.read_exact(&mut first)).await;
    if !matches!(begun, Ok(Ok(_))) {
        return;
    }
    let ended = timeout(REST_MAX, answer(&mut io, first, refusal)).await;
    if let Ok(Err(error)) = ended {
        tracing::debug!(%error, "a client did not wait for its refusal");
    }
}

async fn answer<I>(io: &mut I, mut first: [u8; 8], refusal: &Refusal) -> io::Result<()>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    for _ in 0..PACKETS_MAX {
        let [a, b, c, d, high, low, ..] = first;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let code = u16::from_be_bytes([high, low]);
        if !(8..=STARTUP_BYTES_MAX).contains(&length) || ![MAJOR_VERSION, CODES].contains(&code) {
            return Ok(());
        }
        let mut packet = vec![0; length.saturating_sub(8)];
        io.read_exact(&mut packet).await?;
        let code = first.get(4..).unwrap_or_default();
        match startup::read([code, &packet].concat().into()) {
            // There is nothing to be encrypted but what follows.
            Ok(Startup::Ssl | Startup::Gss) => {
                io.write_all(b"N").await?;
                io.flush().await?;
                io.read_exact(&mut first).await?;
            }
            Ok(Startup::Cancel { .. }) => return Ok(()),
            // Whatever it begins with, it is refused.
            Ok(Startup::Session { .. }) | Err(_) => {
                io.write_all(&error_response(refusal)).await?;
                io.flush().await?;
                return io.shutdown().await;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use holdpoint_core::{Code, Refusal, refusal::RefusalKind};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::say;

    fn session() -> Vec<u8> {
        let body = [&[0, 3, 0, 0][..], b"user\0app\0\0"].concat();
        let length = u32::try_from(body.len() + 4).unwrap();
        [&length.to_be_bytes()[..], &body].concat()
    }

    /// What a client hears that sends `packets`, each after an answer to the one before.
    async fn heard(packets: &[Vec<u8>]) -> Vec<u8> {
        let (mut client, gateway) = duplex(4096);
        let text = "the stream waits for a human";
        let refusal = Refusal::new(RefusalKind::Deny, Code::NeedsApproval, text);
        let said = tokio::spawn(async move { say(gateway, &refusal).await });
        let mut heard = Vec::new();
        for (number, packet) in packets.iter().enumerate() {
            client.write_all(packet).await.unwrap();
            if number + 1 < packets.len() {
                heard.push(client.read_u8().await.unwrap());
            }
        }
        client.read_to_end(&mut heard).await.unwrap();
        said.await.unwrap();
        heard
    }

    #[tokio::test]
    async fn who_begins_as_postgresqls_clients_do_hears_why() {
        let ssl = vec![0, 0, 0, 8, 4, 210, 22, 47];
        for packets in [vec![session()], vec![ssl.clone(), session()]] {
            let heard = heard(&packets).await;
            let (encryption, said) = heard.split_at(packets.len() - 1);
            assert_eq!(encryption, vec![b'N'; packets.len() - 1]);
            assert_eq!(said.first(), Some(&b'E'));
            let text = String::from_utf8_lossy(said);
            assert!(text.contains("stream waits for a human"), "{text}");
        }
        for other in [b"SSH-2.0-x\r\n".to_vec(), vec![0, 0, 0, 9, 0, 9, 0, 0, 0], vec![1], vec![]] {
            assert_eq!(heard(std::slice::from_ref(&other)).await, b"", "{other:?}");
        }
    }
}
