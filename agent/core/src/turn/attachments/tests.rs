use rivetos_types::media::FileDigest;

use super::*;

const ROOM: u64 = 200_000;

fn said(id: usize, media: MediaType, bytes: u64, pages: Option<u32>) -> Message {
    let attachment = Attachment {
        name: "a".into(),
        media,
        bytes,
        digest: FileDigest(id.to_string()),
        path: ".media/a".into(),
        pixels: None,
        pages,
        text: None,
    };
    Message::User {
        content: vec![
            ContentPart::text("see"),
            ContentPart::Attachment(attachment),
        ],
    }
}

fn image(id: usize, bytes: u64) -> Message {
    said(id, MediaType::Png, bytes, None)
}

fn document(id: usize, pages: u32) -> Message {
    said(id, MediaType::Pdf, 9, Some(pages))
}

fn seen(messages: &[Message]) -> Vec<&str> {
    let shown = shown(messages, ROOM).into_iter();
    shown.map(|one| one.digest.0.as_str()).collect()
}

#[test]
fn old_images_go_some_at_a_time() {
    let messages: Vec<Message> = (1..=13).map(|id| image(id, 9)).collect();
    assert_eq!(seen(&messages[..8]).len(), 8);
    assert_eq!(seen(&messages[..9]), ["5", "6", "7", "8", "9"]);
    assert_eq!(seen(&messages[..12])[0], "5");
    assert_eq!(seen(&messages)[0], "9");
}

#[test]
fn many_bytes_are_few_attachments() {
    let large = IMAGE_BYTES_MAX;
    let messages = [image(1, 9), image(2, large), image(3, large)];
    assert_eq!(seen(&messages), ["1", "2", "3"]);
    let messages = [1, 2, 3, 4].map(|id| image(id, large));
    assert_eq!(seen(&messages), ["3", "4"]);
    assert!(seen(&[image(1, large + 1)]).is_empty());
    let report = said(5, MediaType::Pdf, 10 * 1024 * 1024, Some(9));
    assert_eq!(seen(&[image(1, large), report]), ["5"]);
}

#[test]
fn the_newest_documents_are_shown_beside_images() {
    let mut messages: Vec<Message> = (1..=5).map(|id| document(id, 1)).collect();
    messages.insert(0, image(9, 9));
    assert_eq!(seen(&messages[..5]), ["9", "1", "2", "3", "4"]);
    assert_eq!(seen(&messages), ["9", "3", "4", "5"]);
}

#[test]
fn long_documents_leave_room_for_the_conversation() {
    assert_eq!(seen(&[document(1, 33)]), ["1"]);
    assert!(seen(&[document(1, 34)]).is_empty());
    let two = [document(1, 20), image(2, 9), document(3, 20)];
    assert_eq!(seen(&two), ["2", "3"]);
    // Nobody knows how many pages it has, but it is short.
    let silent = |bytes| said(1, MediaType::Pdf, bytes, None);
    assert_eq!(seen(&[silent(33 * PAGE_BYTES)]), ["1"]);
    assert!(seen(&[silent(33 * PAGE_BYTES + 1)]).is_empty());
    // Whoever has a small window reads about it.
    assert!(shown(&[document(1, 3)], 16_000).is_empty());
}

#[test]
fn what_is_shown_is_counted() {
    let messages = [document(1, 2), image(2, 9)];
    let counted = tokens_of_all(&shown(&messages, ROOM));
    assert_eq!(counted, 2 * PAGE_TOKENS + IMAGE_TOKENS);
    let sound = said(1, MediaType::Ogg, 9, None);
    assert!(seen(&[sound]).is_empty());
}
