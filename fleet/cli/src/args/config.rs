//! `rivetos config …` as clap reads it.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the fleet's file and say everything that is wrong with it
    Validate {
        /// The file [default: the one that the other commands use]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Show what the file says, in canonical form and without secrets
    Show {
        /// Fill in what the file leaves to be decided
        #[arg(long)]
        resolved: bool,
    },
    /// Show which file is used, and why
    Path,
    /// Print the JSON Schema of the file, for editors
    Schema,
    /// Edit the file with `$VISUAL`, `$EDITOR` or vi; only a sound file replaces it
    Edit,
    /// Rewrite the spellings of older files; comments and layout stay
    Migrate,
}
