//! Which attachments of a conversation the model sees: images and documents. It gets to read
//! about the others.

use rivetos_types::media::{Attachment, MediaType};
use rivetos_types::message::{ContentPart, Message};

/// The most images of one request.
const IMAGES_MAX: usize = 8;

/// How many images go at once when there are more: what vendors have cached then stays valid until
/// so many new ones have come.
const IMAGES_DROPPED: usize = 4;

/// The largest image that is shown, in bytes: what the strictest of the large vendors takes.
const IMAGE_BYTES_MAX: u64 = 5 * 1024 * 1024;

/// The most documents of one request, and how many go at once when there are more.
const DOCUMENTS_MAX: usize = 4;
const DOCUMENTS_DROPPED: usize = 2;

/// The most that the attachments of one request have together, in bytes. In Base64 they are a
/// third longer; Anthropic takes 32 MB, OpenAI 50 MB of files, Google 20 MB in the strictest of
/// its limits on what stands in a request itself.
const SHOWN_BYTES_MAX: u64 = 14 * 1024 * 1024;

/// An estimate for one image, never too low by much. Vendors scale a large one down first:
/// Anthropic counts a token for 750 pixels of at most about 1.2 million, OpenAI 85 and 170 for each
/// of at most eight tiles.
const IMAGE_TOKENS: u64 = 1_600;

/// An estimate for one page. Anthropic names 1,500 to 3,000 for its words and shows its picture
/// too, as OpenAI does; Google counts 258 and the words on top.
const PAGE_TOKENS: u64 = 3_000;

/// What is taken for a page of a document that does not say how many it has, in bytes.
const PAGE_BYTES: u64 = 32 * 1024;

/// What documents may take of a request, in percent: beyond it the model reads about them, and the
/// conversation keeps its room. This also keeps them below the pages that vendors take, 100 for a
/// window of 200,000 tokens and 600 for larger ones with Anthropic, 1,000 with Google.
const DOCUMENTS_PERCENT: u64 = 50;

/// An estimate for these.
pub(super) fn tokens_of_all(shown: &[&Attachment]) -> u64 {
    let tokens = shown.iter().map(|one| attachment_tokens(one));
    tokens.fold(0, u64::saturating_add)
}

fn attachment_tokens(attachment: &Attachment) -> u64 {
    if attachment.media.is_image() {
        return IMAGE_TOKENS;
    }
    let pages = attachment.pages.map(u64::from);
    let pages = pages.unwrap_or_else(|| attachment.bytes.div_ceil(PAGE_BYTES));
    pages.saturating_mul(PAGE_TOKENS)
}

/// The newest images and documents of a conversation, oldest first, as far as they are few and
/// small, and fit into a request of `request_tokens`.
pub(super) fn shown<'a>(
    messages: impl IntoIterator<Item = &'a Message>,
    request_tokens: u64,
) -> Vec<&'a Attachment> {
    let mut shown: Vec<&Attachment> = messages.into_iter().flat_map(attachments_of).collect();
    let is_image = |one: &Attachment| one.media.is_image();
    let is_document = |one: &Attachment| one.media == MediaType::Pdf;
    keep_newest(&mut shown, is_image, IMAGES_MAX, IMAGES_DROPPED);
    keep_newest(&mut shown, is_document, DOCUMENTS_MAX, DOCUMENTS_DROPPED);
    let tokens_max = request_tokens.saturating_mul(DOCUMENTS_PERCENT) / 100;
    let (mut tokens, mut bytes) = (0_u64, 0_u64);
    let mut fitting: Vec<&Attachment> = Vec::with_capacity(shown.len());
    for one in shown.into_iter().rev() {
        if is_document(one) {
            let more = tokens.saturating_add(attachment_tokens(one));
            if more > tokens_max {
                continue;
            }
            tokens = more;
        }
        bytes = bytes.saturating_add(one.bytes);
        if bytes > SHOWN_BYTES_MAX {
            break;
        }
        fitting.push(one);
    }
    fitting.reverse();
    fitting
}

/// Drops the oldest of a kind when there are more than `max`, `dropped` at a time.
fn keep_newest(
    shown: &mut Vec<&Attachment>,
    is_kind: impl Fn(&Attachment) -> bool,
    max: usize,
    dropped: usize,
) {
    let count = shown.iter().filter(|one| is_kind(one)).count();
    let mut surplus = count.saturating_sub(max).next_multiple_of(dropped);
    shown.retain(|one| {
        let goes = is_kind(one) && surplus > 0;
        surplus -= usize::from(goes);
        !goes
    });
}

fn attachments_of(message: &Message) -> impl Iterator<Item = &Attachment> {
    let content = match message {
        Message::User { content } => content.as_slice(),
        Message::Assistant { .. } | Message::Tool(_) => &[],
    };
    let attachments = content.iter().filter_map(ContentPart::attachment);
    attachments.filter(|one| match one.media {
        MediaType::Pdf => true,
        media => media.is_image() && one.bytes <= IMAGE_BYTES_MAX,
    })
}

#[cfg(test)]
mod tests;
