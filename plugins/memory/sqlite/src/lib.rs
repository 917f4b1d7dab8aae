//! Turn store in embedded SQLite.
