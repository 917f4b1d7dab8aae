//! Files inside of messages.

use data_encoding::HEXUPPER;
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

/// A file that goes with a reply. Its bytes are at [`attachment_path`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplyAttachment {
    /// What the agent calls it.
    pub name: String,
    /// What it is, by its own bytes.
    pub media_type: String,
    /// Its length.
    pub bytes: u64,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Where the agent keeps it, from its workspace on.
    pub path: String,
}

/// Where the file `index`, counted from 0, of the reply to the message `id` is fetched. Every
/// character of `id` that has a meaning in a path is escaped.
pub fn attachment_path(id: &str, index: usize) -> String {
    const PLAIN: [u8; 4] = *b"-._~";
    let mut path = "/api/message/".to_owned();
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) {
            path.push(byte.into());
        } else {
            path.push('%');
            path.push_str(&HEXUPPER.encode(&[byte]));
        }
    }
    format!("{path}/attachments/{index}")
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
    fn an_id_is_one_part_of_a_path() {
        assert_eq!(
            attachment_path("a/b ü?1", 0),
            "/api/message/a%2Fb%20%C3%BC%3F1/attachments/0"
        );
        assert_eq!(
            attachment_path("cli-1f", 3),
            "/api/message/cli-1f/attachments/3"
        );
    }

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
