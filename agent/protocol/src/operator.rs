//! How the operator's byte stream to an agent authenticates itself.
//!
//! Whoever bridges a byte stream to the agent's loopback port (in the container:
//! `rivetos-agent connect`; on the same host: the operator's tool) first sends an HTTP upgrade
//! request with the agent's own bearer token. After the agent's `101` the same connection is an
//! HTTP connection again, and every request on it counts as the operator's. So no token leaves
//! the target, and the bridge needs no HTTP beyond these two texts.

use thiserror::Error;

/// The path of the upgrade request.
pub const OPERATOR_PATH: &str = "/api/operator";

/// The name of the upgraded protocol.
pub const OPERATOR_UPGRADE: &str = "rivetos-operator/1";

/// The longest answer to the handshake, in bytes.
const ANSWER_BYTES_MAX: usize = 4096;

/// The bytes to send first. Contains the token: never log it.
pub fn operator_handshake(bearer: &str) -> String {
    format!(
        "GET {OPERATOR_PATH} HTTP/1.1\r\nHost: agent\r\nConnection: upgrade\r\n\
         Upgrade: {OPERATOR_UPGRADE}\r\nAuthorization: Bearer {bearer}\r\n\r\n"
    )
}

/// Looks at what the agent answered so far.
///
/// `Ok(None)`: more bytes are needed. `Ok(Some(n))`: accepted; the first `n` bytes were the
/// answer, what follows already belongs to the upgraded connection.
pub fn check_handshake(received: &[u8]) -> Result<Option<usize>, HandshakeError> {
    let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
        if received.len() > ANSWER_BYTES_MAX {
            return Err(HandshakeError::NotAnAgent);
        }
        return Ok(None);
    };
    let line = received
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let status = line
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    match status {
        Some(b"101") => Ok(Some(end + 4)),
        Some(b"401" | b"403") => Err(HandshakeError::Unauthorized),
        _ => Err(HandshakeError::NotAnAgent),
    }
}

/// Why the agent did not take the operator's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// The token is not the agent's.
    #[error("the agent refused the operator's token")]
    Unauthorized,
    /// Whatever listens there speaks something else.
    #[error("what answers on the agent's port is not an agent of this version")]
    NotAnAgent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_taken_at_any_split() {
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\nrest";
        for end in 0..answer.len() {
            let expected = if end < answer.len() - 4 {
                None
            } else {
                Some(answer.len() - 4)
            };
            assert_eq!(check_handshake(&answer[..end]), Ok(expected), "at {end}");
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        let check = |text: &str| check_handshake(text.as_bytes());
        assert_eq!(
            check("HTTP/1.1 401 U\r\n\r\n"),
            Err(HandshakeError::Unauthorized)
        );
        assert_eq!(
            check("HTTP/1.1 404 N\r\n\r\n"),
            Err(HandshakeError::NotAnAgent)
        );
        assert_eq!(check(&"x".repeat(5000)), Err(HandshakeError::NotAnAgent));
    }
}
