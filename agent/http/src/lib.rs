//! Outgoing HTTP of the agent.
//!
//! The one place with a client, trust roots, proxies and timeouts. A model provider is a codec:
//! it makes a [`Request`] and gives an [`AnswerReader`]; [`Http::answer`] does the rest. What is
//! answered as a whole comes from [`Http::fetch`], any other body piece by piece from
//! [`Http::open`]. [`json`] reads the many small pieces of which streams consist.
//!
//! **Invariants**
//! - Redirects are never followed: they would carry secrets along.
//! - No error of this crate contains a secret of the request.

mod answer;
mod body;
mod client;
pub mod json;
mod refusal;
mod tls;

pub use answer::{AnswerReader, End};
pub use body::{Body, Opened};
pub use client::{HeaderText, Http, HttpError, Method, Reply, Request};
pub use refusal::{Refusal, words};
