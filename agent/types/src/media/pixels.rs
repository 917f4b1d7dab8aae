//! How large an image is, by its head.

use super::{MediaType, Pixels};

/// The most segments of a JPEG that are looked at before its frame header.
const SEGMENTS_MAX: usize = 256;

pub(super) fn read(content: &[u8], media: MediaType) -> Option<Pixels> {
    let pixels = match media {
        MediaType::Png => png(content),
        MediaType::Jpeg => jpeg(content),
        MediaType::Gif => gif(content),
        MediaType::Webp => webp(content),
        MediaType::Pdf
        | MediaType::Ogg
        | MediaType::Mp3
        | MediaType::Wav
        | MediaType::M4a
        | MediaType::Text
        | MediaType::Other => None,
    };
    pixels.filter(|pixels| pixels.width > 0 && pixels.height > 0)
}

fn bytes<const N: usize>(content: &[u8], at: usize) -> Option<[u8; N]> {
    content.get(at..)?.first_chunk().copied()
}

fn be16(content: &[u8], at: usize) -> Option<u32> {
    Some(u16::from_be_bytes(bytes(content, at)?).into())
}

fn le16(content: &[u8], at: usize) -> Option<u32> {
    Some(u16::from_le_bytes(bytes(content, at)?).into())
}

fn le24(content: &[u8], at: usize) -> Option<u32> {
    let [a, b, c] = bytes(content, at)?;
    Some(u32::from_le_bytes([a, b, c, 0]))
}

fn png(content: &[u8]) -> Option<Pixels> {
    (content.get(12..16)? == b"IHDR").then_some(())?;
    Some(Pixels {
        width: u32::from_be_bytes(bytes(content, 16)?),
        height: u32::from_be_bytes(bytes(content, 20)?),
    })
}

fn gif(content: &[u8]) -> Option<Pixels> {
    Some(Pixels {
        width: le16(content, 6)?,
        height: le16(content, 8)?,
    })
}

/// Walks from segment to segment to the first frame header.
fn jpeg(content: &[u8]) -> Option<Pixels> {
    let mut at = 2;
    for _ in 0..SEGMENTS_MAX {
        let [0xff, marker] = bytes(content, at)? else {
            return None;
        };
        match marker {
            // Filling before a marker.
            0xff => at += 1,
            // Frame headers, beside tables that have numbers in their midst.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                return Some(Pixels {
                    height: be16(content, at + 5)?,
                    width: be16(content, at + 7)?,
                });
            }
            _ => at += 2 + usize::try_from(be16(content, at + 2)?).ok()?,
        }
    }
    None
}

/// Lossy, lossless, or with an extended header.
fn webp(content: &[u8]) -> Option<Pixels> {
    match content.get(12..16)? {
        b"VP8 " => Some(Pixels {
            width: le16(content, 26)? & 0x3fff,
            height: le16(content, 28)? & 0x3fff,
        }),
        b"VP8L" => {
            let packed = u32::from_le_bytes(bytes(content, 21)?);
            Some(Pixels {
                width: (packed & 0x3fff) + 1,
                height: (packed >> 14 & 0x3fff) + 1,
            })
        }
        b"VP8X" => Some(Pixels {
            width: le24(content, 24)? + 1,
            height: le24(content, 27)? + 1,
        }),
        _ => None,
    }
}
