//! Which images of a conversation the model sees. The others it gets to read about.

use rivetos_types::media::Attachment;
use rivetos_types::message::{ContentPart, Message};

/// The most images of one request.
pub const IMAGES_MAX: usize = 8;

/// How many images go at once when there are more: what vendors have cached then stays valid until
/// so many new ones have come.
const IMAGES_DROPPED: usize = 4;

/// The largest image that is shown, in bytes: what the strictest of the large vendors takes.
pub const IMAGE_BYTES_MAX: u64 = 5 * 1024 * 1024;

/// The most that the images of one request have together, in bytes.
const IMAGES_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// An estimate for one image, never too low by much. Vendors scale a large one down first:
/// Anthropic counts a token for 750 pixels of at most about 1.2 million, OpenAI 85 and 170 for each
/// of at most eight tiles.
const IMAGE_TOKENS: u64 = 1_600;

/// An estimate for so many images.
pub(super) fn image_tokens(images: usize) -> u64 {
    let images = u64::try_from(images).unwrap_or(u64::MAX);
    images.saturating_mul(IMAGE_TOKENS)
}

/// The newest images of a conversation, oldest first, as far as they are few and small.
pub fn shown_images<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Vec<&'a Attachment> {
    let mut images: Vec<&Attachment> = messages.into_iter().flat_map(images_of).collect();
    let surplus = images.len().saturating_sub(IMAGES_MAX);
    images.drain(..surplus.next_multiple_of(IMAGES_DROPPED));
    let mut bytes = 0;
    let fitting = images.iter().rev().take_while(|image| {
        bytes += image.bytes;
        bytes <= IMAGES_BYTES_MAX
    });
    let fitting = fitting.count();
    images.drain(..images.len() - fitting);
    images
}

fn images_of(message: &Message) -> impl Iterator<Item = &Attachment> {
    let content = match message {
        Message::User { content } => content.as_slice(),
        Message::Assistant { .. } | Message::Tool(_) => &[],
    };
    let images = content.iter().filter_map(ContentPart::attachment);
    images.filter(|image| image.media.is_image() && image.bytes <= IMAGE_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use rivetos_types::media::{FileDigest, MediaType};

    use super::*;

    fn said(id: usize, bytes: u64) -> Message {
        let attachment = Attachment {
            name: "a.png".into(),
            media: MediaType::Png,
            bytes,
            digest: FileDigest(id.to_string()),
            path: ".media/a.png".into(),
            pixels: None,
            text: None,
        };
        Message::User {
            content: vec![
                ContentPart::text("see"),
                ContentPart::Attachment(attachment),
            ],
        }
    }

    fn shown(messages: &[Message]) -> Vec<&str> {
        let images = shown_images(messages).into_iter();
        images.map(|image| image.digest.0.as_str()).collect()
    }

    #[test]
    fn old_images_go_some_at_a_time() {
        let messages: Vec<Message> = (1..=13).map(|id| said(id, 9)).collect();
        assert_eq!(shown(&messages[..8]).len(), 8);
        assert_eq!(shown(&messages[..9]), ["5", "6", "7", "8", "9"]);
        assert_eq!(shown(&messages[..12])[0], "5");
        assert_eq!(shown(&messages)[0], "9");
    }

    #[test]
    fn many_bytes_are_few_images() {
        let large = IMAGE_BYTES_MAX;
        let messages = [said(1, 9), said(2, large), said(3, large), said(4, large)];
        assert_eq!(shown(&messages), ["1", "2", "3", "4"]);
        let messages = [
            said(1, large),
            said(2, large),
            said(3, large),
            said(4, large),
        ];
        assert_eq!(shown(&messages), ["2", "3", "4"]);
        assert!(shown(&[said(1, large + 1)]).is_empty());
    }
}
