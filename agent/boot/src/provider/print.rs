//! Answers on standard output.

use std::io::{self, Write};

use serde_json::Value;

use crate::error::BootError;

/// One JSON document, indented.
pub(super) fn document(document: &Value) -> Result<(), BootError> {
    text(&format!("{document:#}\n"))
}

/// Columns that are as wide as they must be; the last one has no end.
pub(super) fn table(rows: &[Vec<String>]) -> Result<(), BootError> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            let gap = width + 2 - cell.chars().count();
            line.push_str(&" ".repeat(gap));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    text(&out)
}

pub(super) fn text(text: &str) -> Result<(), BootError> {
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(BootError::Output)
}

/// To the person, while something is under way.
pub(super) fn talk(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = io::stderr().write_all(text.as_bytes());
}
