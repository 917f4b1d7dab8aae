//! Files that come with messages.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use futures_util::StreamExt;
use rivetos_types::intake::{Intake, KeepError, Submitted, TurnEvent};
use rivetos_types::media::SentFile;
use rivetos_types::message::{ContentPart, InboundMessage, Message, TurnOutcome};
use rivetos_types::model::{ModelError, ModelRequest};
use support::{Bench, message, turn, within};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x03\x20\0\0\x02\x58\x08\x06\0\0\0";

/// A page, and nothing on it.
const PDF: &[u8] = b"%PDF-1.4\n1 0 obj <</Type/Page>> endobj\n";

/// Sends a message with a file, as a channel does.
async fn send(bench: &Bench, id: &str, text: &str, file: &[u8]) -> Submitted {
    send_all(bench, id, text, &[file]).await
}

async fn send_all(bench: &Bench, id: &str, text: &str, files: &[&[u8]]) -> Submitted {
    let said = message(id, text);
    let file = |content: &&[u8]| SentFile {
        name: "beach.png".into(),
        content: content.to_vec(),
    };
    let files = files.iter().map(file).collect();
    let kept = within(bench.app.keep(said.session.clone(), files)).await;
    let mut content = said.content.clone();
    content.extend(kept.unwrap().into_iter().map(ContentPart::Attachment));
    let said = InboundMessage { content, ..said };
    within(bench.app.submit(said)).await.unwrap()
}

/// What the model sees in a request.
fn seen(request: &ModelRequest) -> Vec<&[u8]> {
    request.images.values().map(AsRef::as_ref).collect()
}

fn words(message: &Message) -> String {
    let Message::User { content } = message else {
        panic!("{message:?}")
    };
    rivetos_types::message::words_of(content)
}

#[tokio::test]
async fn an_image_survives_the_process_that_took_it() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    send(&bench, "1", "what is this?", PNG).await;
    let asked = bench.asked().await;
    assert_eq!(seen(&asked.request), [PNG]);
    drop(asked);
    bench.crash().await;

    let bench = Bench::start(folder.path());
    let asked = bench.asked().await;
    assert_eq!(seen(&asked.request), [PNG]);
    asked.say("a beach").done();
    assert_eq!(bench.reply("1").await.text, "a beach");
    bench.crash().await;

    // It is a part of the session, too.
    let bench = Bench::start(folder.path());
    bench.send("2", "and where?").await;
    let asked = bench.asked().await;
    assert_eq!(seen(&asked.request), [PNG]);
    let said = words(&asked.request.messages[0]);
    assert!(
        said.starts_with(
            "what is this?\n\n[attachment beach.png: image/png, 800 x 600 pixels, 29 bytes, kept at .media/"
        ),
        "{said}"
    );
}

#[tokio::test]
async fn a_model_that_sees_nothing_reads_about_the_image() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    send(&bench, "1", "what is this?", PNG).await;
    let mut events = bench.watch("1").await;
    let blind = bench.asked().await;
    let message = "no endpoint sees".to_owned();
    blind.send(Err(ModelError::ImagesRefused { message }));
    let again = bench.asked().await;
    assert!(seen(&again.request).is_empty());
    assert_eq!(again.request.messages, blind.request.messages);
    again.say("a file").done();
    assert_eq!(bench.reply("1").await.outcome, TurnOutcome::Completed);
    let told =
        |event: &TurnEvent| matches!(event, TurnEvent::Status { text } if text.contains("images"));
    assert!(
        within(
            events
                .by_ref()
                .any(|event| std::future::ready(told(&event)))
        )
        .await
    );

    bench.send("2", "thanks").await;
    let later = bench.asked().await;
    assert!(seen(&later.request).is_empty(), "it is not asked again");
    // Without images there is nothing that could be left out.
    let message = "still".to_owned();
    later.send(Err(ModelError::ImagesRefused { message }));
    let failed = bench.reply("2").await.outcome;
    assert!(matches!(failed, TurnOutcome::Failed { .. }), "{failed:?}");
}

#[tokio::test]
async fn a_document_reaches_the_model_until_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    send_all(&bench, "1", "what is this?", &[PDF, PNG]).await;
    let asked = bench.asked().await;
    let mut shown = seen(&asked.request);
    shown.sort_unstable();
    assert_eq!(shown, [PDF, PNG]);
    let said = words(&asked.request.messages[0]);
    assert!(said.contains("application/pdf, 1 page, "), "{said}");

    // Who takes no documents may see nevertheless.
    let refused = || {
        let message = "expected `text` or `image_url`".to_owned();
        Err(ModelError::ImagesRefused { message })
    };
    asked.send(refused());
    let again = bench.asked().await;
    assert_eq!(seen(&again.request), [PNG]);
    assert_eq!(again.request.messages, asked.request.messages);
    again.send(refused());
    let last = bench.asked().await;
    assert!(seen(&last.request).is_empty());
    last.say("two files").done();
    assert_eq!(bench.reply("1").await.outcome, TurnOutcome::Completed);

    send(&bench, "2", "and this?", b"%PDF-1.4 another").await;
    let asked = bench.asked().await;
    assert_eq!(seen(&asked.request), [b"%PDF-1.4 another"]);
}

#[tokio::test]
async fn a_document_that_fills_the_window_is_read_about() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    let book = b"/Type/Page ".repeat(100);
    let book = [b"%PDF-1.4\n".as_slice(), &book].concat();
    send(&bench, "1", "sum it up", &book).await;
    let asked = bench.asked().await;
    assert!(seen(&asked.request).is_empty());
    let said = words(&asked.request.messages[0]);
    assert!(said.contains("application/pdf, 100 pages, "), "{said}");
}

#[tokio::test]
async fn a_text_is_read_in_the_message_and_a_lost_file_in_words_only() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    send(&bench, "1", "sum it up", b"one\ntwo\n").await;
    let asked = bench.asked().await;
    assert!(seen(&asked.request).is_empty());
    let said = words(&asked.request.messages[0]);
    assert!(said.ends_with("\none\ntwo\n[end of beach.png]"), "{said}");
    asked.say("three").done();
    bench.reply("1").await;

    send(&bench, "2", "look", PNG).await;
    bench.asked().await.say("nice").done();
    bench.reply("2").await;
    std::fs::remove_dir_all(folder.path().join(".media")).unwrap();
    bench.send("3", "again").await;
    let asked = bench.asked().await;
    assert!(seen(&asked.request).is_empty(), "the file is gone");
    assert!(words(&asked.request.messages[2]).contains("image/png"));
}

#[tokio::test]
async fn files_that_are_not_taken_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    let files = vec![SentFile {
        name: "a.exe".into(),
        content: b"MZ\0".to_vec(),
    }];
    let refused = within(bench.app.keep("s".into(), files)).await;
    let name = "a.exe".to_owned();
    assert_eq!(refused, Err(KeepError::Kind { name }));
}

#[tokio::test]
async fn a_file_of_a_tool_goes_with_the_reply_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    bench.send("1", "make it").await;
    bench
        .asked()
        .await
        .call("a", "hand", r#"{"text":"one"}"#)
        .call("b", "hand", r#"{"text":"two"}"#)
        .call("c", "hand", r#"{"text":"one"}"#)
        .done();
    let asked = bench.asked().await;
    let Some(Message::Tool(result)) = asked.request.messages.get(2) else {
        panic!("{:?}", asked.request.messages)
    };
    assert_eq!(result.content, "handed");
    asked.say("there").done();
    let reply = bench.reply("1").await;
    let names: Vec<_> = reply.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["two.txt", "one.txt"], "each once");
    bench.crash().await;

    let bench = Bench::start(folder.path());
    assert_eq!(bench.reply("1").await.files, reply.files);
    let (file, content) = within(bench.app.file(turn("1"), 1)).await.unwrap();
    assert_eq!(
        (file, content.as_slice()),
        (reply.files[1].clone(), &b"one"[..])
    );
    assert_eq!(within(bench.app.file(turn("1"), 2)).await, None);
    assert_eq!(within(bench.app.file(turn("2"), 0)).await, None);
    std::fs::remove_file(folder.path().join(&reply.files[0].path)).unwrap();
    assert_eq!(
        within(bench.app.file(turn("1"), 0)).await,
        None,
        "it is gone"
    );
}

#[tokio::test]
async fn a_reply_has_so_many_files_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start_with(folder.path(), |parts| parts.limits.step_calls_max = 9);
    bench.send("1", "make them").await;
    let asked = bench.asked().await;
    for id in 0..9 {
        asked.call(&id.to_string(), "hand", &format!(r#"{{"text":"{id}"}}"#));
    }
    asked.done();
    let asked = bench.asked().await;
    let Some(Message::Tool(last)) = asked.request.messages.last() else {
        panic!("{:?}", asked.request.messages)
    };
    assert_eq!(last.content, "not sent: a reply has at most 8 files");
    asked.say("eight").done();
    assert_eq!(bench.reply("1").await.files.len(), 8);
}

#[tokio::test]
async fn a_command_says_that_it_has_no_use_for_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    for text in ["/status", "/dance", "/think hard", "/interrupt"] {
        let Submitted::Command(answer) = send(&bench, "1", text, PNG).await else {
            panic!("{text} became a turn")
        };
        let (said, unused) = answer.rsplit_once("\n\n").unwrap();
        assert!(!said.is_empty(), "{text}");
        assert_eq!(unused, "Commands take no files. Not used: `beach.png`");
    }
    send(&bench, "2", "wait", PNG).await;
    let _asked = bench.asked().await;
    let steered = send(&bench, "3", "/steer like this", PNG).await;
    let expected = "It will be read with the next step.".to_owned();
    assert_eq!(steered, Submitted::Command(expected));
}
