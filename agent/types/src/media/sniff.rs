//! What a file is, by its first bytes.

use super::MediaType;

/// Signatures at the very beginning.
const SIGNATURES: [(&[u8], MediaType); 7] = [
    (b"\x89PNG\r\n\x1a\n", MediaType::Png),
    (b"\xff\xd8\xff", MediaType::Jpeg),
    (b"GIF87a", MediaType::Gif),
    (b"GIF89a", MediaType::Gif),
    (b"%PDF-", MediaType::Pdf),
    (b"OggS", MediaType::Ogg),
    (b"ID3", MediaType::Mp3),
];

pub(super) fn sniff(content: &[u8]) -> Option<MediaType> {
    let signed = SIGNATURES
        .iter()
        .find(|(signature, _)| content.starts_with(signature));
    if let Some((_, media)) = signed {
        return Some(*media);
    }
    if content.starts_with(b"RIFF") {
        return match content.get(8..12)? {
            b"WEBP" => Some(MediaType::Webp),
            b"WAVE" => Some(MediaType::Wav),
            _ => None,
        };
    }
    // The length of the first box comes before its name, and a brand behind it.
    if content.get(4..8) == Some(b"ftyp") {
        let sound = matches!(content.get(8..12)?, b"M4A " | b"M4B ");
        return sound.then_some(MediaType::M4a);
    }
    if is_mp3_frame(content) {
        return Some(MediaType::Mp3);
    }
    is_text(content).then_some(MediaType::Text)
}

/// Whether the header of an MPEG audio frame of layer III starts here, with a bit rate and a
/// sampling rate that there are (ISO/IEC 11172-3, 2.4.1.3).
fn is_mp3_frame(content: &[u8]) -> bool {
    let &[0xff, second, third, ..] = content else {
        return false;
    };
    let synchronised = second & 0xe0 == 0xe0;
    let version = second >> 3 & 0b11;
    let layer = second >> 1 & 0b11;
    let (bit_rate, sampling) = (third >> 4, third >> 2 & 0b11);
    synchronised && version != 1 && layer == 1 && !matches!(bit_rate, 0 | 15) && sampling != 3
}

/// Whether it is something that a person reads. Escape is what terminals colour their output with.
fn is_text(content: &[u8]) -> bool {
    let plain = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\x0c' | '\x1b');
    let text = std::str::from_utf8(content);
    text.is_ok_and(|text| !text.trim().is_empty() && text.chars().all(plain))
}
