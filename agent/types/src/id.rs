//! Identifiers. Each is its own type, so that two of them cannot be swapped.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Names that fleets use for themselves and no agent may take.
pub const RESERVED_AGENT_NAMES: [&str; 3] = ["datahub", "fleet", "rivetos"];

/// The longest DNS label (RFC 1035 §2.3.4), in characters.
pub const DNS_LABEL_CHARS_MAX: usize = 63;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// The text is empty.
    #[error("the name is empty")]
    Empty,
    /// The text is longer than [`DNS_LABEL_CHARS_MAX`].
    #[error("the name has {0} characters, at most {DNS_LABEL_CHARS_MAX} are possible")]
    TooLong(usize),
    /// A character that a DNS label does not have.
    #[error("`{0}` is not possible in a name: use lower-case letters, digits and hyphens")]
    Character(char),
    /// A hyphen at one of the ends.
    #[error("a name starts and ends with a letter or a digit")]
    Hyphen,
    /// One of [`RESERVED_AGENT_NAMES`].
    #[error("`{0}` is the name of a part of the fleet itself")]
    Reserved(String),
}

/// Whether `text` is a DNS label in lower case: the rule for everything that becomes part of a
/// host's, container's or file's name.
pub fn check_dns_label(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    let length = text.chars().count();
    if length > DNS_LABEL_CHARS_MAX {
        return Err(NameError::TooLong(length));
    }
    if let Some(other) = text
        .chars()
        .find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-'))
    {
        return Err(NameError::Character(other));
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err(NameError::Hyphen);
    }
    Ok(())
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $reserved:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check_dns_label(text)?;
                let reserved: &[&str] = &$reserved;
                if reserved.contains(&text) {
                    return Err(NameError::Reserved(text.to_owned()));
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

name_type!(
    /// The name of an agent: a DNS label, because it becomes part of host and container names.
    AgentName,
    RESERVED_AGENT_NAMES
);
name_type!(
    /// The name that a fleet's file gives an engine on another host: a DNS label.
    HostName,
    []
);
name_type!(
    /// The name of a fleet: a DNS label.
    FleetId,
    []
);

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text_id!(
    /// A channel of this agent, for example `http`.
    ChannelId
);
text_id!(
    /// The identifier that a channel's other side gave a message; unique within the channel.
    ExternalId
);
text_id!(
    /// The identifier that a chat service gave a message; unique within its chat.
    MessageId
);
text_id!(
    /// A sequence of turns of one user on one channel.
    SessionId
);
text_id!(
    /// One user message to one reply: `<channel>/<external id>`, so it is known before the store.
    TurnId
);

impl TurnId {
    /// The turn that answers message `id` of `channel`.
    pub fn of(channel: &ChannelId, id: &ExternalId) -> Self {
        Self(format!("{channel}/{id}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agent_names_are_dns_labels() {
        for good in ["opus", "a", "agent-2", "0"] {
            assert_eq!(good.parse::<AgentName>().unwrap().as_str(), good);
        }
        for (bad, error) in [
            ("", NameError::Empty),
            ("Opus", NameError::Character('O')),
            ("a_b", NameError::Character('_')),
            ("-a", NameError::Hyphen),
            ("a-", NameError::Hyphen),
            ("datahub", NameError::Reserved("datahub".into())),
        ] {
            assert_eq!(bad.parse::<AgentName>(), Err(error), "{bad:?}");
        }
        assert_eq!(
            "x".repeat(64).parse::<AgentName>(),
            Err(NameError::TooLong(64))
        );
    }
}
