//! No file that somebody sends breaks what looks at it, or says more of itself than one line.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../protocol/tests/fuzzing/mod.rs"]
mod fuzzing;

use fuzzing::fuzz;
use rivetos_types::media::{
    Attachment, EXCERPT_BYTES_MAX, FileDigest, MediaType, Pixels, SentFile,
};

/// The longest description of a file, beside what the file says itself, in bytes.
const WORDS_BYTES_MAX: usize = 600;

#[test]
fn a_file_is_what_its_bytes_say() {
    let words = [
        "IHDR",
        "GIF89a",
        "RIFF",
        "WEBPVP8 ",
        "WEBPVP8L",
        "WEBPVP8X",
        "JFIF",
        "%PDF-1.7",
        "OggS",
        "ID3",
        "ftyp",
        "/Type /Page ",
        "/Linearized 1 /N 7 ",
    ];
    fuzz("media", &words, |bytes| {
        let Some(media) = MediaType::of(bytes) else {
            assert_eq!(Pixels::of(bytes), None);
            return;
        };
        let sent = SentFile {
            name: String::from_utf8_lossy(bytes).into_owned(),
            content: bytes.to_vec(),
        };
        let digest = FileDigest("0".repeat(64));
        let file = Attachment::new(&sent, media, digest, "media/0".to_owned());
        assert!(!file.name.is_empty() && !file.name.contains(char::is_control));
        assert!(!file.name.contains(['/', '\\']));
        let described = file.described();
        assert!(described.len() <= WORDS_BYTES_MAX + EXCERPT_BYTES_MAX);
        assert!(file.text.is_some() || described.lines().count() == 1);
        let written = serde_json::to_string(&file).unwrap();
        assert_eq!(serde_json::from_str::<Attachment>(&written).unwrap(), file);
    });
}
