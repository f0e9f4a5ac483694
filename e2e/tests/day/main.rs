//! The first five minutes and the whole day.

mod a_day;
mod documents;
mod first_five_minutes;
mod first_run;
mod install;
mod metrics;
mod modes;
mod otlp;
mod service;
mod two_weeks;
mod words;
mod wrong;
