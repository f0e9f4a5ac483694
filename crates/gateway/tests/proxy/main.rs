//! The gateway's plumbing with real sockets on loopback and a real client (curl).

#[cfg(test)]
mod closing;
#[cfg(test)]
mod curl;
#[cfg(test)]
mod framing;
#[cfg(test)]
mod http2;
mod lying;
#[cfg(test)]
mod once;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod scrubbed;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod strict;
#[cfg(test)]
mod support;
