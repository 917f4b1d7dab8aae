//! Files inside of messages.

use serde::{Deserialize, Serialize};

/// A file that comes with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentAttachment {
    /// What the sender calls it.
    pub name: String,
    /// Its bytes; in JSON as Base64 (RFC 4648 §4). They alone say of what kind it is.
    #[serde(with = "base64")]
    pub data: Vec<u8>,
}

mod base64 {
    use std::fmt;

    use data_encoding::BASE64;
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(data: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64.encode(data))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        from.deserialize_str(Base64)
    }

    struct Base64;

    impl Visitor<'_> for Base64 {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Base64")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
            let wrong = |error| E::custom(format_args!("not Base64: {error}"));
            BASE64.decode(text.as_bytes()).map_err(wrong)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_base64_in_json() {
        let file = SentAttachment {
            name: "a.png".into(),
            data: b"\x89PNG".to_vec(),
        };
        let text = r#"{"name":"a.png","data":"iVBORw=="}"#;
        assert_eq!(serde_json::to_string(&file).unwrap(), text);
        assert_eq!(serde_json::from_str::<SentAttachment>(text).unwrap(), file);
        let wrong = serde_json::from_str::<SentAttachment>(r#"{"name":"a","data":"iVBORw"}"#);
        assert!(wrong.unwrap_err().to_string().contains("not Base64"));
    }
}
