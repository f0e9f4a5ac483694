//! What is scheduled is cancelled before its time, for good.

use holdpoint_store::holds::CancelError;

use crate::{
    commands::{Here, holds, now},
    status::{CommandError, Ended, Status},
};

/// Cancels the schedule of the hold `id`.
pub(super) fn cancel(id: &str, here: &Here) -> Ended {
    match here.holds().cancel(id, now()) {
        Ok(hold) => {
            here.print(&holds::fact(&hold), "cancelled; nothing was sent, and nothing will be")?;
            Ok(Status::Done)
        }
        Err(CancelError::Store(error)) => Err(CommandError::unable(error)),
        Err(error) => {
            eprintln!("holdpoint: {error}");
            Ok(Status::Wanting)
        }
    }
}
