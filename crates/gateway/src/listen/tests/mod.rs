//! What arrives, before there is a handler.

mod evidence;
mod message;
mod stop;
