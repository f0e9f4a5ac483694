//! The enforcement point on the network: what agents send arrives here, and leaves here or not.
//!
//! In the order of a request:
//!
//! - [`tls`]: the authority whose certificates agents trust, and what we trust upstream
//! - [`listen`]: bytes in, until a whole message has arrived
//! - [`serve`]: the conversation with the agent: outcomes, refusals, holds that are waited for
//! - `kills`: what is open of a run is closed when it is killed
//! - [`point`]: the enforcement point: what HTTP brings to the walk
//! - `resolve`: from operations to questions for policy, by what is [`known`]
//! - `fulfil`: a human's release, asked for or consumed
//! - `inject`: phantoms become secrets, and the message leaves
//! - `spelling`: how a secret may be written when it comes back
//! - [`forward`]: a message out, to exactly the address that was checked
//! - [`release`]: what humans released is executed, once
//! - [`body`]: bodies that stream in either direction
//! - `withheld`: bytes that wait for what follows them to be judged

pub mod body;
pub mod forward;
mod fulfil;
mod inject;
mod kills;
pub mod known;
pub mod listen;
pub mod point;
pub mod release;
mod resolve;
pub mod serve;
mod spelling;
pub mod stored;
pub mod tls;
mod withheld;
