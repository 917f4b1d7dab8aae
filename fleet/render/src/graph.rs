//! A plan or a fleet as a picture, drawn without any other program.
//!
//! [`Graph`] is what is to be seen: one node for each resource. Texts for other tools (`dot`,
//! `mermaid`) keep these nodes; the picture of our own (`svg`) folds the parts of an agent into
//! one card (`cards`), gives every card its place (`layout`) and paints them.

mod build;
mod cards;
mod dag;
mod dot;
mod layout;
mod mermaid;
mod model;
mod state;
mod svg;

pub use model::{Drawing, Graph};
