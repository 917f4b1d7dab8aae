//! Files that come with a message.

mod pages;
mod pixels;
mod sniff;

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most attachments of one message.
pub const ATTACHMENTS_MAX: usize = 8;

/// The longest attachment, in bytes.
pub const ATTACHMENT_BYTES_MAX: usize = 10 * 1024 * 1024;

/// The most that the attachments of one message have together, in bytes.
pub const ATTACHMENTS_BYTES_MAX: usize = 20 * 1024 * 1024;

/// How much of a text document stands in the message itself, in bytes.
pub const EXCERPT_BYTES_MAX: usize = 16 * 1024;

/// What is kept of a name, in bytes.
const NAME_BYTES_MAX: usize = 120;

/// A file on its way, with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentFile {
    /// What the sender calls it.
    pub name: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// A file that came with a message, or goes with a reply, and is kept in the agent's workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// As the sender called it, without folders and unprintable characters.
    pub name: String,
    /// What it is, by its own bytes.
    pub media: MediaType,
    /// Its length.
    pub bytes: u64,
    /// What it is known by.
    pub digest: FileDigest,
    /// Where it is, from the workspace on.
    pub path: String,
    /// Its size, when it is an image that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<Pixels>,
    /// Its pages, when it is a PDF that says how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// The beginning of a text document, at most [`EXCERPT_BYTES_MAX`] long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Attachment {
    /// What `file` is, which is a `media` and will be at `path`.
    pub fn new(file: &SentFile, media: MediaType, digest: FileDigest, path: String) -> Self {
        let SentFile { name, content } = file;
        let excerpt = || {
            let text = std::str::from_utf8(content).ok()?;
            let end = text.floor_char_boundary(EXCERPT_BYTES_MAX);
            text.get(..end).map(str::to_owned)
        };
        Self {
            name: printable(name),
            media,
            bytes: u64::try_from(content.len()).unwrap_or(u64::MAX),
            digest,
            path,
            pixels: media.is_image().then(|| Pixels::of(content)).flatten(),
            pages: (media == MediaType::Pdf)
                .then(|| pages::count(content))
                .flatten(),
            text: (media == MediaType::Text).then(excerpt).flatten(),
        }
    }

    /// The file in a line: what it is and where it is.
    pub fn line(&self) -> String {
        let Self {
            name,
            media,
            bytes,
            path,
            ..
        } = self;
        let pixels = self
            .pixels
            .map_or(String::new(), |Pixels { width, height }| {
                format!(", {width} x {height} pixels")
            });
        let pages = self.pages.map_or(String::new(), |pages| match pages {
            1 => ", 1 page".to_owned(),
            pages => format!(", {pages} pages"),
        });
        format!("[attachment {name}: {media}{pixels}{pages}, {bytes} bytes, kept at {path}]")
    }

    /// The file in words, for a model: what it is, where it is, and what it says if it is a text.
    pub fn described(&self) -> String {
        let (line, name) = (self.line(), &self.name);
        let Some(text) = &self.text else {
            return line;
        };
        let whole = u64::try_from(text.len()).is_ok_and(|length| length == self.bytes);
        let end = if whole { "end of" } else { "cut here:" };
        let gap = if text.ends_with('\n') { "" } else { "\n" };
        format!("{line}\n{text}{gap}[{end} {name}]")
    }
}

/// The last component of a name, on one line and not too long.
fn printable(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let name = name.trim();
    let end = name.floor_char_boundary(NAME_BYTES_MAX);
    match name.get(..end).unwrap_or_default() {
        "" => "unnamed".to_owned(),
        name => name.to_owned(),
    }
}

/// Lower-case hexadecimal SHA-256 of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileDigest(pub String);

/// The size of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words are the documentation")]
pub struct Pixels {
    pub width: u32,
    pub height: u32,
}

impl Pixels {
    /// What the head of an image says. Nothing is decoded.
    pub fn of(content: &[u8]) -> Option<Self> {
        pixels::read(content, MediaType::of(content)?)
    }
}

/// The kinds of files that an agent takes. What a file is, its bytes say; the words of whoever
/// sends it count nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words are the documentation")]
pub enum MediaType {
    #[serde(rename = "image/png")]
    Png,
    #[serde(rename = "image/jpeg")]
    Jpeg,
    #[serde(rename = "image/gif")]
    Gif,
    #[serde(rename = "image/webp")]
    Webp,
    #[serde(rename = "application/pdf")]
    Pdf,
    #[serde(rename = "audio/ogg")]
    Ogg,
    #[serde(rename = "audio/mpeg")]
    Mp3,
    #[serde(rename = "audio/wav")]
    Wav,
    #[serde(rename = "audio/mp4")]
    M4a,
    #[serde(rename = "text/plain")]
    Text,
    /// Anything else; only an agent itself sends it.
    #[serde(rename = "application/octet-stream")]
    Other,
}

impl MediaType {
    /// The kinds, for people.
    pub const WORDS: &str = "PNG, JPEG, GIF and WebP images, PDF and UTF-8 text, \
                             Ogg, MP3, WAV and M4A sound";

    /// What `content` is; `None` when it is nothing that an agent takes.
    pub fn of(content: &[u8]) -> Option<Self> {
        sniff::sniff(content)
    }

    /// The name that the Internet has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
            Self::Ogg => "audio/ogg",
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/wav",
            Self::M4a => "audio/mp4",
            Self::Text => "text/plain",
            Self::Other => "application/octet-stream",
        }
    }

    /// The end of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Pdf => "pdf",
            Self::Ogg => "ogg",
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
            Self::M4a => "m4a",
            Self::Text => "txt",
            Self::Other => "bin",
        }
    }

    /// Whether a model with eyes can see it.
    pub fn is_image(self) -> bool {
        matches!(self, Self::Png | Self::Jpeg | Self::Gif | Self::Webp)
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
