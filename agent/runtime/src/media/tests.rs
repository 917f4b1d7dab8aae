use std::os::unix::fs::PermissionsExt;

use super::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x03\x20\0\0\x02\x58\x08\x06\0\0\0";

fn sent(name: &str, content: impl Into<Vec<u8>>) -> SentFile {
    SentFile {
        name: name.into(),
        content: content.into(),
    }
}

fn session() -> SessionId {
    SessionId::from("http:test")
}

/// A workspace with what it takes to keep files in it.
fn media() -> (tempfile::TempDir, Media) {
    let workspace = tempfile::tempdir().unwrap();
    let media = Media::new(workspace.path().to_owned());
    (workspace, media)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_kept_is_there_for_its_owner_only() {
    let (workspace, media) = media();
    let files = [sent("a.png", PNG), sent("b.txt", "hello")];
    let kept = media.keep(&session(), &files).unwrap();
    for (file, attachment) in files.iter().zip(&kept) {
        assert_eq!(attachment.name, file.name);
        assert_eq!(media.read(attachment).unwrap(), file.content);
        let path = workspace.path().join(&attachment.path);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }
    // Another process finds it by what stands in the message.
    let later = Media::new(workspace.path().to_owned());
    assert_eq!(later.read(&kept[0]).unwrap(), PNG);
}

#[test]
fn the_same_file_is_kept_once() {
    let (workspace, media) = media();
    let first = media.keep(&session(), &[sent("a.png", PNG)]).unwrap();
    let again = [sent("b.png", PNG), sent("c.png", PNG)];
    let again = media.keep(&session(), &again).unwrap();
    assert_eq!(first[0].path, again[0].path);
    let path = workspace.path().join(&first[0].path);
    assert_eq!(names(path.parent().unwrap()).len(), 1);
    let other = SessionId::from("http:other");
    let other = media.keep(&other, &[sent("a.png", PNG)]).unwrap();
    assert_ne!(first[0].path, other[0].path, "sessions share nothing");
}

#[test]
fn nothing_is_kept_of_a_message_that_is_refused() {
    let (workspace, media) = media();
    let refused = |files: Vec<SentFile>| media.keep(&session(), &files).unwrap_err();
    let many = vec![sent("a.png", PNG); ATTACHMENTS_MAX + 1];
    assert_eq!(refused(many), KeepError::TooMany(ATTACHMENTS_MAX + 1));
    let long = vec![b'x'; ATTACHMENT_BYTES_MAX + 1];
    assert!(matches!(
        refused(vec![sent("a.png", PNG), sent("b.txt", long)]),
        KeepError::TooLarge { name, .. } if name == "b.txt"
    ));
    let large = sent("a.txt", vec![b'x'; ATTACHMENT_BYTES_MAX]);
    assert_eq!(
        refused(vec![large.clone(), large, sent("b.png", PNG)]),
        KeepError::TooMuch(ATTACHMENTS_BYTES_MAX + PNG.len())
    );
    assert_eq!(
        refused(vec![sent("a.png", PNG), sent("b.png", b"MZ\0")]),
        KeepError::Kind {
            name: "b.png".into()
        }
    );
    assert!(names(workspace.path()).is_empty());
}

#[test]
fn what_a_tool_changed_is_not_what_was_sent() {
    let (workspace, media) = media();
    let kept = media.keep(&session(), &[sent("a.png", PNG)]).unwrap();
    let path = workspace.path().join(&kept[0].path);
    fs::write(&path, [PNG, b"more"].concat()).unwrap();
    assert_eq!(
        media.read(&kept[0]).unwrap(),
        PNG,
        "no more is read than was sent"
    );
    fs::write(&path, PNG.to_ascii_lowercase()).unwrap();
    assert!(media.read(&kept[0]).is_err());
    media.keep(&session(), &[sent("a.png", PNG)]).unwrap();
    assert_eq!(
        media.read(&kept[0]).unwrap(),
        PNG,
        "sent again, it is whole again"
    );
    fs::remove_file(&path).unwrap();
    assert!(media.read(&kept[0]).is_err());
}

#[test]
fn a_link_leads_no_file_out_of_the_workspace() {
    let (workspace, media) = media();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), workspace.path().join(FOLDER)).unwrap();
    let refused = media.keep(&session(), &[sent("a.png", PNG)]);
    assert!(matches!(refused, Err(KeepError::Store(_))), "{refused:?}");
}

#[test]
fn the_oldest_files_go_but_not_those_that_may_be_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    let file = |name: &str, age: Duration| {
        let file = File::create(folder.path().join(name)).unwrap();
        // Sparse: it has a length and takes no room.
        file.set_len(SESSION_BYTES_MAX / 2).unwrap();
        file.set_modified(now - age).unwrap();
    };
    file("oldest", 3 * FRESH);
    file("old", 2 * FRESH);
    make_room(folder.path(), now).unwrap();
    assert_eq!(names(folder.path()), ["old"]);
    file("new", Duration::ZERO);
    make_room(folder.path(), now).unwrap();
    assert_eq!(names(folder.path()), ["new"]);
    file("newer", Duration::ZERO);
    let full = make_room(folder.path(), now).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::QuotaExceeded);
    assert_eq!(names(folder.path()), ["new", "newer"]);
}
