//! Names of calls that another vendor gave.

use std::borrow::Cow;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

/// The bytes of a digest that are enough to tell the calls of a conversation apart.
const DIGEST_BYTES: usize = 15;

/// The name, or where it is longer than `bytes_max`, which is at least 29, one that stands for it:
/// `OpenAI` refuses long ones, and others give them.
pub fn short_id(id: &str, bytes_max: usize) -> Cow<'_, str> {
    if id.len() <= bytes_max {
        return id.into();
    }
    let digest = Sha256::digest(id);
    let digest = BASE32_NOPAD.encode(&digest[..DIGEST_BYTES]);
    format!("call_{}", digest.to_ascii_lowercase()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_names_are_replaced() {
        assert_eq!(short_id("call_1", 29), "call_1");
        let long = |letter: &str| letter.repeat(30);
        let (one, other) = (long("a"), long("b"));
        let short = short_id(&one, 29);
        assert_eq!(short.len(), 29);
        assert_eq!(short, short_id(&one, 29));
        assert_ne!(short, short_id(&other, 29));
    }
}
