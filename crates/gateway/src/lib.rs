//! The enforcement point on the network: what agents send arrives here, and leaves here or not.
//!
//! In the order of a request:
//!
//! - [`tls`]: the authority whose certificates agents trust, and what we trust upstream
//! - [`listen`]: bytes in, until a whole message has arrived
//! - [`serve`]: the conversation with the agent: outcomes, refusals, holds that are waited for
//! - `internal`: what an agent may know of itself, and ask for
//! - `explain`: what a hook inside of a run is told
//! - `kills`: what is open of a run is closed when it is killed
//! - [`point`]: the enforcement point: what HTTP brings to the walk
//! - `resolve`: from operations to questions for policy, by what is [`known`]
//! - `learning`: what a run that learns may read of hosts that nobody has listed
//! - [`lookup`]: what only a provider can tell about it
//! - `branches`, `commits`: which branches are protected, and which go forward
//! - `fulfil`: a human's release, asked for or consumed; time that has to go by besides
//! - `inject`: phantoms become secrets, and the message leaves
//! - `aws`: what a phantom signed is signed anew
//! - `issued`: what an answer gives out, remembered or captured
//! - [`owner`]: who listens on this machine where a message to it goes
//! - `spelling`: how a secret may be written when it comes back
//! - [`websocket`]: connections that a message opened, from the handshake to their end
//! - [`stream`]: raw streams, which nobody reads
//! - [`forward`]: a message out, to exactly the address that was checked
//! - [`postgres`]: databases, judged by what a transaction changed, before COMMIT
//! - `made`, `overheard`: what answers teach about what a run has made
//! - [`release`]: what humans released is executed, once
//! - [`body`]: bodies that stream in either direction
//! - [`metrics`]: what is counted, and told to whoever monitors
//! - `withheld`: bytes that wait for what follows them to be judged

mod aws;
pub mod body;
mod branches;
mod commits;
mod explain;
pub mod forward;
mod fulfil;
mod inject;
mod internal;
mod issued;
mod kills;
pub mod known;
mod learning;
pub mod listen;
pub mod lookup;
mod made;
pub mod metrics;
mod overheard;
pub mod owner;
pub mod point;
pub mod postgres;
pub mod release;
mod resolve;
pub mod serve;
mod spelling;
pub mod stored;
pub mod stream;
pub mod tls;
pub mod websocket;
mod withheld;
