//! What people and programs see: data on standard output, talk on standard error.

mod failure;
mod printer;
mod style;

pub(crate) use failure::{Edge, Failure};
pub(crate) use printer::{Format, Printer};
pub(crate) use style::Style;
