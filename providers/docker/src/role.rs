//! Logins of the datahub, through `psql` in its container: no port and no password needed.

mod ensure;
mod observe;
mod postgres;
mod sql;

pub(crate) use ensure::ensure;
pub(crate) use observe::{Scene, observe};
pub(crate) use postgres::Postgres;
pub(crate) use sql::identifier;
