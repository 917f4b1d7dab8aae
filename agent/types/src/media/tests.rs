use super::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x03\x20\0\0\x02\x58\x08\x06\0\0\0";

fn attachment(name: &str, content: &[u8]) -> Option<Attachment> {
    let file = SentFile {
        name: name.into(),
        content: content.into(),
    };
    let path = ".media/s/d.bin".to_owned();
    let media = MediaType::of(content)?;
    Some(Attachment::new(&file, media, FileDigest("d".into()), path))
}

#[test]
fn bytes_say_what_a_file_is() {
    let mp3_frame = [0xff, 0xfb, 0x90, 0x64, 0];
    let cases: [(&[u8], Option<MediaType>); 20] = [
        (PNG, Some(MediaType::Png)),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", Some(MediaType::Jpeg)),
        (b"GIF89a\x01\0\x01\0", Some(MediaType::Gif)),
        (b"RIFF\x10\0\0\0WEBPVP8 ", Some(MediaType::Webp)),
        (b"RIFF\x10\0\0\0WAVEfmt ", Some(MediaType::Wav)),
        (b"RIFF\x10\0\0\0AVI LIST", None),
        (b"RIFF", None),
        (b"%PDF-1.7\n", Some(MediaType::Pdf)),
        (b"OggS\0\x02", Some(MediaType::Ogg)),
        (b"ID3\x04\0", Some(MediaType::Mp3)),
        (&mp3_frame, Some(MediaType::Mp3)),
        (b"\0\0\0\x1cftypM4A \0\0", Some(MediaType::M4a)),
        (b"\0\0\0\x1cftypisom\0\0", None),
        ("Grüße\n\tan alle".as_bytes(), Some(MediaType::Text)),
        (b"", None),
        (b" \n", None),
        (b"a\0b", None),
        (b"\x7fELF\x02\x01", None),
        // A text in UTF-16, with its mark, is neither sound nor text.
        (b"\xff\xfeh\0i\0", None),
        (b"PK\x03\x04", None),
    ];
    for (content, expected) in cases {
        assert_eq!(MediaType::of(content), expected, "{content:?}");
    }
}

#[test]
fn images_say_how_large_they_are() {
    let size = |content: &[u8]| Pixels::of(content).map(|size| (size.width, size.height));
    assert_eq!(size(PNG), Some((800, 600)));
    assert_eq!(size(b"GIF89a\x20\x03\x58\x02"), Some((800, 600)));
    let jpeg = b"\xff\xd8\xff\xe0\0\x04JF\xff\xff\xc4\0\x02\xff\xc2\0\x11\x08\x02\x58\x03\x20\x03";
    assert_eq!(size(jpeg), Some((800, 600)));
    let lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x20\x03\x58\x02";
    assert_eq!(size(lossy), Some((800, 600)));
    let lossless = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x1f\xc3\x95\0";
    assert_eq!(size(lossless), Some((800, 600)));
    let extended = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x1f\x03\0\x57\x02\0";
    assert_eq!(size(extended), Some((800, 600)));
    assert_eq!(size(b"GIF89a\0\0\0\0"), None, "no image at all");
    assert_eq!(size(b"%PDF-1.7"), None);
}

#[test]
fn a_head_that_breaks_off_is_no_size() {
    for whole in [
        PNG,
        b"\xff\xd8\xff\xe0\0\x04JF\xff\xc0\0\x11\x08\x02\x58\x03\x20",
        b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x1f\x03\0\x57\x02\0",
    ] {
        for end in 0..whole.len().min(23) {
            assert_eq!(Pixels::of(&whole[..end]), None, "{end} of {whole:?}");
        }
    }
    // Segments that say they are empty never end.
    assert_eq!(Pixels::of(b"\xff\xd8\xff\xe0\0\0\xff\xe0\0\0"), None);
}

#[test]
fn documents_say_how_many_pages_they_have() {
    let pages = |content: &[u8]| attachment("a.pdf", content).unwrap().pages;
    let plain = b"%PDF-1.4\n<< /Type /Pages /Kids [3 0 R] /Count 2 >><</Type/Page/Parent 1 0 R>>\
        <</Type /Page>> <</Type /PageLabel>> /Page";
    assert_eq!(pages(plain), Some(2));
    let linearized =
        b"%PDF-1.5\n1 0 obj\n<</Linearized 1/L 9/H [1 2]/O 3/E 4/N 23/T 5>>/Type/Page ";
    assert_eq!(pages(linearized), Some(23));
    for silent in [
        &b"%PDF-1.5\n/Type/ObjStm"[..],
        b"%PDF-1.5",
        b"%PDF-/Linearized/N x",
    ] {
        assert_eq!(pages(silent), None, "{silent:?}");
    }
    assert_eq!(
        attachment("a.pdf", plain).unwrap().described(),
        "[attachment a.pdf: application/pdf, 2 pages, 119 bytes, kept at .media/s/d.bin]"
    );
}

#[test]
fn an_image_is_described_in_a_line() {
    let image = attachment("../holiday\n/be ach.png", PNG).unwrap();
    assert_eq!(
        image.described(),
        "[attachment be ach.png: image/png, 800 x 600 pixels, 29 bytes, kept at .media/s/d.bin]"
    );
    assert_eq!(attachment("\n/", PNG).unwrap().name, "unnamed");
    assert_eq!(attachment("a.exe", b"MZ\x90\0"), None);
}

#[test]
fn a_text_stands_in_the_message_as_far_as_it_is_short() {
    let short = attachment("a.txt", b"one\ntwo").unwrap();
    assert_eq!(
        short.described(),
        "[attachment a.txt: text/plain, 7 bytes, kept at .media/s/d.bin]\none\ntwo\n[end of a.txt]"
    );
    let long = "ü".repeat(EXCERPT_BYTES_MAX);
    let long = attachment("a.txt", long.as_bytes()).unwrap();
    assert_eq!(long.text.as_ref().unwrap().len(), EXCERPT_BYTES_MAX);
    assert!(long.described().ends_with("ü\n[cut here: a.txt]"));
}

#[test]
fn the_stored_form_is_stable() {
    let image = attachment("a.png", PNG).unwrap();
    let text = serde_json::to_string(&image).unwrap();
    assert_eq!(
        text,
        r#"{"name":"a.png","media":"image/png","bytes":29,"digest":"d","path":".media/s/d.bin","pixels":{"width":800,"height":600}}"#
    );
    assert_eq!(serde_json::from_str::<Attachment>(&text).unwrap(), image);
}
