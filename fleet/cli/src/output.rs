//! What people and programs see: data on standard output, talk on standard error.

mod board;
mod failure;
mod plan_text;
mod printer;
mod report;
mod stream;
mod style;

pub(crate) use board::Board;
pub(crate) use failure::{Edge, Failure};
pub(crate) use plan_text::plan_text;
pub(crate) use printer::{Format, Printer};
pub(crate) use report::PlanDocument;
pub(crate) use stream::{StreamLine, Totals};
pub(crate) use style::Style;
