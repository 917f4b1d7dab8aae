//! One module per command. Commands receive settings, write through the printer and return how
//! the program ends.

pub(crate) mod against;
pub(crate) mod ask_agent;
pub(crate) mod build;
pub(crate) mod chat;
pub(crate) mod claim;
pub(crate) mod config;
pub(crate) mod datahub;
pub(crate) mod destroy;
pub(crate) mod forget;
pub(crate) mod graph;
pub(crate) mod history;
pub(crate) mod logs;
pub(crate) mod model;
pub(crate) mod preview;
pub(crate) mod providers;
pub(crate) mod quickstart;
pub(crate) mod render;
pub(crate) mod saved;
pub(crate) mod status;
pub(crate) mod supervise;
pub(crate) mod unlock;
pub(crate) mod up;
pub(crate) mod version;
