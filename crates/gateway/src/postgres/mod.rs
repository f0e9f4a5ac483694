//! PostgreSQL: an address that stands for one database and one role in it.
//!
//! What only looks is tried where nothing can be written. What changes something is run in a
//! transaction whose end the gateway holds: before COMMIT it is counted what has changed, whatever
//! changed it, and only that is judged.
//!
//! - `listen`: encryption, the first packet, the login with the phantom
//! - `connect`: the same towards the server, with the real password; `binding`: what ties a login to its channel
//! - `frame`, `upstream`: messages on both sides; only what was judged reaches the server
//! - `begin`: who asks; `role`: what their role could do; `session`: message by message; `simple` and `extended`: the two protocols; `batch`: what waits for a Sync
//! - `script`: the message of the walk; `ran`: what was run in the open transaction; `reading`: what its texts mean
//! - `point`, `resolve`, `fulfil`: what PostgreSQL brings to the walk
//! - `commit`: the end of a transaction; `meter`, `rights` and `meaning`: what it changed
//! - `sides`: an open transaction, and one who looks on; `changed`: what only one of them sees; `sought`: where it likely lies
//! - `preimage`, `saved`, `spool`, `definitions`, `sequences`, `columns`, `dump`: things as they were; `restore`: what
//!   stands for them where they are too large; `undo`: the way back to them, `back` table by table, `back_columns` into
//!   tables that stay
//! - `release`: what humans released is run, once; `which` and `written`: the rows and values that they released it for
//! - `own`: the gateway's own statements; `cancel`, `password`: what they say

mod back;
mod back_columns;
mod batch;
mod begin;
mod binding;
mod cancel;
mod changed;
mod columns;
mod commit;
mod connect;
mod definitions;
mod dump;
mod extended;
mod frame;
mod fulfil;
mod listen;
mod meaning;
mod meter;
mod own;
mod password;
mod point;
mod preimage;
mod ran;
mod reading;
mod release;
mod resolve;
mod restore;
mod rights;
mod role;
mod saved;
mod script;
mod sequences;
mod session;
mod sides;
mod simple;
mod sought;
mod spool;
mod undo;
mod upstream;
mod which;
mod written;

pub use columns::{LostColumn, LostColumns, WithColumns};
pub use listen::Front;
pub use point::Served;
pub use preimage::{Preimage, Rows};
pub(crate) use release::is_ours;
pub use release::run_released;
pub use restore::RestorePoint;
pub use script::kept_with;
pub(crate) use script::shown;
pub use spool::{Kept, RowPieces};
pub use undo::{UndoError, Undone, UndoneTable, undo};
