//! The program that goes into an image.

use std::path::Path;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::BuildError;

/// A program that was read.
pub(super) struct Program {
    pub(super) bytes: Vec<u8>,
    /// As images name it.
    pub(super) architecture: &'static str,
    /// Hex.
    pub(super) sha256: String,
}

/// Reads a program and tells what machine it is for.
pub(super) async fn read(path: &Path) -> Result<Program, BuildError> {
    let bytes = tokio::fs::read(path)
        .await
        .map_err(|source| BuildError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
    let architecture = architecture(&bytes).ok_or_else(|| BuildError::NotAProgram {
        path: path.to_owned(),
    })?;
    let sha256 = HEXLOWER.encode(&Sha256::digest(&bytes));
    Ok(Program {
        bytes,
        architecture,
        sha256,
    })
}

/// The machine in an ELF header, if it is little-endian as all that engines run on are.
fn architecture(bytes: &[u8]) -> Option<&'static str> {
    const LITTLE_ENDIAN: u8 = 1;
    let header = bytes.get(..20)?;
    if !header.starts_with(b"\x7fELF") || header[5] != LITTLE_ENDIAN {
        return None;
    }
    match u16::from_le_bytes([header[18], header[19]]) {
        0x03 => Some("386"),
        0x28 => Some("arm"),
        0x3e => Some("amd64"),
        0xb7 => Some("arm64"),
        0xf3 => Some("riscv64"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::architecture;

    fn header(machine: u16) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(18, 0);
        bytes.extend(machine.to_le_bytes());
        bytes
    }

    #[test]
    fn the_machine_is_read_from_the_header() {
        assert_eq!(architecture(&header(0x3e)), Some("amd64"));
        assert_eq!(architecture(&header(0xb7)), Some("arm64"));
        assert_eq!(architecture(&header(0x1234)), None);
        assert_eq!(architecture(b"#!/bin/sh\nexec true and more\n"), None);
        assert_eq!(architecture(b""), None);
    }
}
