//! The fleet key and what it is for: telling whether a secret changed without keeping it.

use std::fmt;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use rivetos_config::Secret;

/// How many hex digits of a digest are kept: enough to notice a change, too few to be worth
/// attacking even with the key.
const DIGEST_HEX_DIGITS: usize = 12;

/// The fleet's own key. When it is lost, secrets compare as unknown, never as changed.
#[derive(Clone, PartialEq, Eq)]
pub struct FleetKey([u8; 32]);

impl FleetKey {
    /// The key with these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A keyed short hash of `value` (HMAC-SHA-256, 12 hex digits), fit to be shown and stored.
    pub fn digest(&self, value: &Secret<String>) -> String {
        let mut hex = HEXLOWER.encode(&self.mac(value.expose().as_bytes()));
        hex.truncate(DIGEST_HEX_DIGITS);
        hex
    }

    /// The whole keyed hash of `bytes`, in hex.
    pub(crate) fn seal(&self, bytes: &[u8]) -> String {
        HEXLOWER.encode(&self.mac(bytes))
    }

    /// Whether `seal` is that of `bytes`; takes as long whether it is or not.
    pub(crate) fn verify(&self, bytes: &[u8], seal: &str) -> bool {
        let mut difference = 1_u8;
        if let Ok(given) = HEXLOWER.decode(seal.as_bytes())
            && given.len() == 32
        {
            let ours = self.mac(bytes);
            difference = ours.iter().zip(&given).fold(0, |all, (a, b)| all | (a ^ b));
        }
        difference == 0
    }

    fn mac(&self, bytes: &[u8]) -> [u8; 32] {
        // HMAC fills a key up to the block size with zeros; doing so here leaves nothing to fail.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for FleetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FleetKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_depends_on_key_and_value_and_shows_neither() {
        let key = FleetKey::new([7; 32]);
        let digest = key.digest(&Secret::from("canary"));
        assert_eq!(digest.len(), 12);
        assert_eq!(digest, key.digest(&Secret::from("canary")));
        assert_ne!(digest, key.digest(&Secret::from("canary2")));
        assert_ne!(
            digest,
            FleetKey::new([8; 32]).digest(&Secret::from("canary"))
        );
        assert_eq!(format!("{key:?}"), "FleetKey(***)");
    }
}
