//! Snapshots, the hold window, undo.

mod undo_door;
mod undo_explained;
mod undo_kept;
mod undo_killed;
mod undo_stores;
mod undo_volumes;
mod window;
mod workspace;
