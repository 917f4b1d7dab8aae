//! Contracts and value objects of the agent.
//!
//! The leaf crate: it knows no runtime, no wire and no store. Everything else points here.
//!
//! - [`message`], [`model`], [`tool`]: what a turn is made of and the ports to models and tools.
//! - [`media`]: files that come with a message.
//! - [`store`]: the durable side of a turn, one port because its writes are one transaction.
//! - [`intake`], [`channel`]: what a channel may ask of the runtime, and the port to those that push.
//! - [`secret`], [`settings`]: how plugins get their configuration and their secrets.

pub mod channel;
pub mod error;
pub mod id;
pub mod intake;
pub mod media;
pub mod message;
pub mod model;
pub mod secret;
pub mod settings;
pub mod store;
pub mod time;
pub mod tool;

use std::future::Future;
use std::pin::Pin;

/// An owned future, for ports that are stored behind `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// An owned stream, for ports that are stored behind `dyn`.
pub type BoxStream<'a, T> = Pin<Box<dyn futures_core::Stream<Item = T> + Send + 'a>>;
