//! `rivetos-agent version`

use std::io::Write;

use crate::error::BootError;

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The source commit of this program, 12 hex digits, or `unknown`.
pub(crate) const COMMIT: &str = env!("RIVETOS_COMMIT");

/// Prints what this program is.
pub(crate) fn print(json: bool) -> Result<(), BootError> {
    let text = if json {
        let report = serde_json::json!({
            "schema_version": 1,
            "version": VERSION,
            "commit": COMMIT,
            "protocol": rivetos_protocol::PROTOCOL_VERSION,
        });
        format!("{report}\n")
    } else {
        format!("rivetos-agent {VERSION} ({COMMIT})\n")
    };
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(BootError::Output)
}
