//! How the program ends: the engine's table.

pub(crate) use rivetos_engine::Exit;
