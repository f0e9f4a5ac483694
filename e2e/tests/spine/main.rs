//! What every message goes through: who asks, what is decided, held, released, recorded, and what fails around it.

mod agents;
mod alert;
mod asking;
mod attacks;
mod concurrency;
mod configuration;
mod faults;
mod killed;
mod ledger;
mod nine_seconds;
mod refusals;
mod released_later;
mod seams;
mod secrets;
mod tabletop;
