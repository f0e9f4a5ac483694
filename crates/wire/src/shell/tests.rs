//! What commands would do, in one table each.
