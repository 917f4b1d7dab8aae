//! Reading JSON of streams, of which there are many small pieces, without more allocations than
//! what is kept.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::{iter, option, vec};

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use serde_json::value::RawValue;

/// A word that is not copied when it stands there as it is meant, as names do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Word<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// A text as it stands in JSON, of which nothing is made before it is known where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    /// Without the quotation marks.
    written: &'a str,
}

impl<'a> Text<'a> {
    /// The text, if the value is one.
    pub fn of(value: &'a RawValue) -> Option<Self> {
        let written = value.get().strip_prefix('"')?.strip_suffix('"')?;
        Some(Self { written })
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// Puts the text behind another one.
    pub fn append_to(&self, text: &mut String) {
        let mut rest = self.written;
        while let Some((plain, escaped)) = rest.split_once('\\') {
            text.push_str(plain);
            let mut letters = escaped.chars();
            let letter = letters.next();
            rest = letters.as_str();
            match letter {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some('b') => text.push('\u{8}'),
                Some('f') => text.push('\u{c}'),
                Some('u') => rest = append_unicode(rest, text),
                // Quotation marks and slashes stand for themselves.
                Some(letter) => text.push(letter),
                None => {}
            }
        }
        text.push_str(rest);
    }
}

impl From<Text<'_>> for String {
    fn from(said: Text<'_>) -> Self {
        let mut text = Self::with_capacity(said.written.len());
        said.append_to(&mut text);
        text
    }
}

/// Half of a pair, of which vendors sometimes cut the other off, is no letter.
fn append_unicode<'a>(rest: &'a str, text: &mut String) -> &'a str {
    let Some((first, rest)) = unit(rest) else {
        return rest;
    };
    if let Some(letter) = char::from_u32(first.into()) {
        text.push(letter);
        return rest;
    }
    let pair = rest.strip_prefix("\\u").and_then(unit);
    let pair = pair.and_then(|(second, rest)| {
        let mut letters = char::decode_utf16([first, second]);
        Some((letters.next()?.ok()?, rest))
    });
    let (letter, rest) = pair.unwrap_or((char::REPLACEMENT_CHARACTER, rest));
    text.push(letter);
    rest
}

fn unit(text: &str) -> Option<(u16, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = <&'de RawValue>::deserialize(deserializer)?;
        Self::of(value).ok_or_else(|| D::Error::custom("expected a text"))
    }
}

/// A text that may be absent, for `deserialize_with`: one allocation, whatever is escaped in it.
///
/// # Errors
/// It is something else.
pub fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<Text<'de>>::deserialize(deserializer)?;
    Ok(text.map(String::from))
}

/// A list that has one member nearly always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Few<T> {
    first: Option<T>,
    more: Vec<T>,
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = iter::Chain<option::IntoIter<T>, vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.more)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Few<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Few<T>, A::Error> {
        let first = members.next_element()?;
        let mut more = Vec::new();
        while let Some(member) = members.next_element()? {
            more.push(member);
        }
        Ok(Few { first, more })
    }
}

/// A list of flat objects that nobody reads. What else is skipped in a list of objects costs an
/// allocation in each event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Skip)
    }
}

struct Skip;

impl<'de> Visitor<'de> for Skip {
    type Value = Skipped;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Skipped, A::Error> {
        while members.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<String, serde_json::Error> {
        serde_json::from_str::<Text<'_>>(json).map(String::from)
    }

    #[test]
    fn texts_are_read_as_by_everybody() {
        for json in [
            r#""""#,
            r#""plain""#,
            r#""a\"b\\c\/d\n\t\r\b\fe""#,
            r#""\u00e4\u20ac \ud834\udd1e!""#,
            "\"ä 𝄞 \\u0000\"",
        ] {
            let expected: String = serde_json::from_str(json).unwrap();
            assert_eq!(read(json).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn half_a_pair_is_no_letter() {
        assert_eq!(read(r#""a\ud834b""#).unwrap(), "a\u{fffd}b");
        assert_eq!(read(r#""\ud834\u0041""#).unwrap(), "\u{fffd}A");
        assert_eq!(read(r#""\udd1e""#).unwrap(), "\u{fffd}");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for json in ["1", "{}", "null", r#""\x""#, r#""\u12g4""#, "\"\n\"", "\"a"] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_list_is_read_whole() {
        let read = |json| {
            let few: Few<u8> = serde_json::from_str(json).unwrap();
            few.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(read("[]"), Vec::<u8>::new());
        assert_eq!(read("[1]"), [1]);
        assert_eq!(read("[1,2,3]"), [1, 2, 3]);
    }
}
