//! What each provider's operations do: tables, and the look-up in them. Pure data.
//!
//! - [`effect_of_words`](verbs): the generic floor: what a name says where no table does
//! - [`graphql`]: per provider, what each root field does
//! - [`hosts`]: what well-known hosts speak, and presets for them
//! - [`railway`]: Railway's mutations and secret-reading queries
//! - [`rest`]: per provider, what a method and path do

pub mod graphql;
pub mod hosts;
pub mod railway;
pub mod rest;
pub mod verbs;
