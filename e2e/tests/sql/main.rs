//! A real PostgreSQL behind the gateway.

mod postgres;
mod postgres_bites;
mod postgres_cached;
mod postgres_clients;
mod postgres_columns;
mod postgres_corpus;
mod postgres_drivers;
mod postgres_evasions;
mod postgres_guards;
mod postgres_hidden;
mod postgres_inside;
mod postgres_killed;
mod postgres_load;
mod postgres_migrations;
mod postgres_names;
mod postgres_receipts;
mod postgres_released;
mod postgres_restore;
mod postgres_sought;
mod postgres_undone;
mod postgres_wire;
mod statements;
