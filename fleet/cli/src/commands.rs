//! One module per command. Commands receive settings, write through the printer and return how
//! the program ends.

pub(crate) mod version;
