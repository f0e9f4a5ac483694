//! Real clients, real protocols, and whoever says the same thing differently.

mod aws;
mod clients;
mod codings;
mod evasions;
mod git;
mod goaway;
mod h2;
mod issued;
mod lookup;
mod reverse;
mod streams;
mod uploads;
mod upstream;
mod websocket;
