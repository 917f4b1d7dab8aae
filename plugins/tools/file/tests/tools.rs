//! The tools on a real workspace.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rivetos_tool_file::{FileEdit, FileRead, FileSend, FileWrite};
use rivetos_types::media::{ATTACHMENT_BYTES_MAX, SentFile};
use rivetos_types::tool::{Effect, Tool, ToolContext, ToolError};
use serde_json::{Value, json};

/// A workspace `work` with a secret beside it, and a folder whose name only begins like it.
struct World {
    root: tempfile::TempDir,
    output_bytes_max: usize,
}

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["work/sub", "work-not", "elsewhere"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("secret"), "canary").unwrap();
        fs::write(root.path().join("work-not/secret"), "canary").unwrap();
        Self {
            root,
            output_bytes_max: 10_000,
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    async fn call<T: Tool>(&self, tool: T, args: Value) -> Result<String, ToolError> {
        let context = ToolContext {
            workspace: self.path("work"),
            output_bytes_max: self.output_bytes_max,
            idempotency_key: "t/1/1".into(),
        };
        let args = serde_json::from_value(args).unwrap();
        Ok(tool.call(args, &context).await?.text)
    }

    async fn sent(&self, path: &str) -> Result<Vec<SentFile>, ToolError> {
        let context = ToolContext {
            workspace: self.path("work"),
            output_bytes_max: self.output_bytes_max,
            idempotency_key: "t/1/1".into(),
        };
        let args = serde_json::from_value(json!({ "path": path })).unwrap();
        Ok(FileSend.call(args, &context).await?.files)
    }

    async fn refused<T: Tool>(&self, tool: T, args: Value) -> String {
        match self.call(tool, args.clone()).await {
            Err(ToolError::ForModel(why)) => why,
            other => panic!("{args}: {other:?}"),
        }
    }

    async fn read(&self, path: &str) -> Result<String, ToolError> {
        self.call(FileRead, json!({ "path": path })).await
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_written_is_read() {
    let world = World::new();
    for path in ["a.txt", "sub/deeper/b.txt", "./sub/../c.txt"] {
        let content = format!("{path}\n$& \\1 ä\n");
        let wrote = world
            .call(FileWrite, json!({ "path": path, "content": content }))
            .await
            .unwrap();
        assert_eq!(wrote, format!("wrote {} bytes to `{path}`", content.len()));
        assert_eq!(world.read(path).await.unwrap(), content);
    }
    let inside = world.path("work/a.txt");
    assert!(
        world.read(inside.to_str().unwrap()).await.is_ok(),
        "absolute, but inside"
    );
    assert_eq!(
        names(&world.path("work")),
        ["a.txt", "c.txt", "sub"],
        "nothing is left behind"
    );
}

#[tokio::test]
async fn nothing_outside_is_touched() {
    let world = World::new();
    symlink(world.path("secret"), world.path("work/link")).unwrap();
    symlink("../../elsewhere", world.path("work/sub/door")).unwrap();
    symlink(world.path("elsewhere/new"), world.path("work/dangling")).unwrap();
    symlink("/", world.path("work/root")).unwrap();
    let absolute = world.path("secret");
    let before = names(world.root.path());
    for path in [
        "../secret",
        "sub/../../secret",
        "../work-not/secret",
        "link",
        "sub/door/new",
        "dangling",
        "root/etc/passwd",
        "missing/../../secret",
        absolute.to_str().unwrap(),
        "/etc/passwd",
        "/",
        "..",
        "",
        "a\0b",
    ] {
        world.refused(FileRead, json!({ "path": path })).await;
        world
            .refused(FileWrite, json!({ "path": path, "content": "x" }))
            .await;
        let edit = json!({ "path": path, "old_string": "canary", "new_string": "x" });
        world.refused(FileEdit, edit).await;
    }
    assert_eq!(names(world.root.path()), before);
    assert_eq!(names(&world.path("elsewhere")), [""; 0]);
    assert_eq!(fs::read(absolute).unwrap(), b"canary");
}

#[tokio::test]
async fn links_that_stay_inside_are_followed() {
    let world = World::new();
    fs::write(world.path("work/sub/real"), "old").unwrap();
    symlink("sub/real", world.path("work/alias")).unwrap();
    world
        .call(FileWrite, json!({ "path": "alias", "content": "new" }))
        .await
        .unwrap();
    assert_eq!(fs::read(world.path("work/sub/real")).unwrap(), b"new");
    assert!(
        world
            .path("work/alias")
            .symlink_metadata()
            .unwrap()
            .is_symlink()
    );
}

#[tokio::test]
async fn lines_and_cuts() {
    let mut world = World::new();
    let text: String = (1..=9)
        .map(|n| format!("line {n} äöü\n"))
        .collect::<Vec<_>>()
        .concat();
    fs::write(world.path("work/t"), &text).unwrap();
    let lines = |from: Value, to: Value| json!({ "path": "t", "start_line": from, "end_line": to });
    let middle = world
        .call(FileRead, lines(json!(3), json!(4)))
        .await
        .unwrap();
    assert_eq!(middle, "line 3 äöü\nline 4 äöü\n");
    let tail = world
        .call(FileRead, lines(json!(9), json!(99)))
        .await
        .unwrap();
    assert_eq!(tail, "line 9 äöü\n");
    assert!(
        world
            .refused(FileRead, lines(json!(10), Value::Null))
            .await
            .contains("9 lines")
    );
    world.refused(FileRead, lines(json!(5), json!(4))).await;
    fs::write(world.path("work/t"), text.repeat(20)).unwrap();
    world.output_bytes_max = 400;
    let cut = world.read("t").await.unwrap();
    assert!(cut.len() <= 400, "{}", cut.len());
    assert!(
        cut.ends_with("[cut: go on with start_line 21, the file has 180 lines]"),
        "{cut}"
    );
    fs::write(world.path("work/t"), "ä".repeat(9000)).unwrap();
    let cut = world.read("t").await.unwrap();
    assert!(
        cut.len() <= 400 && cut.contains("[cut: line 1 of 1"),
        "{cut}"
    );
}

#[tokio::test]
async fn what_is_no_text_is_refused() {
    let world = World::new();
    fs::write(world.path("work/binary"), b"\x7fELF\0\0").unwrap();
    fs::File::create(world.path("work/huge"))
        .unwrap()
        .set_len(10 * 1024 * 1024 + 1)
        .unwrap();
    fs::write(world.path("work/empty"), "").unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(world.path("work/pipe"))
        .status();
    assert!(made.unwrap().success());
    let why = |path: &'static str| world.refused(FileRead, json!({ "path": path }));
    assert_eq!(why("binary").await, "`binary` is a binary file of 6 bytes");
    assert_eq!(why("huge").await, "`huge` has more than 10485760 bytes");
    assert_eq!(why("sub").await, "`sub` is not a file");
    assert_eq!(why("pipe").await, "`pipe` is not a file");
    assert_eq!(why("none").await, "`none` does not exist");
    assert_eq!(world.read("empty").await.unwrap(), "(the file is empty)");
    for path in ["sub", "pipe"] {
        world
            .refused(FileWrite, json!({ "path": path, "content": "x" }))
            .await;
    }
}

#[tokio::test]
async fn edits_are_literal_and_unambiguous() {
    let world = World::new();
    let path = world.path("work/t");
    fs::write(&path, "one\ntwo $1\nthree\naaa\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    let edit = |old: &str, new: &str| json!({ "path": "t", "old_string": old, "new_string": new });
    let done = world
        .call(FileEdit, edit("two $1", "$& $1 \\0"))
        .await
        .unwrap();
    assert_eq!(done, "edited `t` at line 2");
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "one\n$& $1 \\0\nthree\naaa\n"
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o750
    );
    for (old, why) in [
        (
            "e",
            "`t` contains `old_string` more than once: add text around it",
        ),
        (
            "aa",
            "`t` contains `old_string` more than once: add text around it",
        ),
        ("zwei", "`t` does not contain `old_string`"),
        ("", "`t` cannot be edited: `old_string` is empty"),
    ] {
        assert_eq!(world.refused(FileEdit, edit(old, "x")).await, why);
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "one\n$& $1 \\0\nthree\naaa\n"
    );
}

#[test]
fn only_reading_is_harmless() {
    assert_eq!(FileRead.effect(), Effect::ReadOnly);
    assert_eq!(FileWrite.effect(), Effect::Mutating);
    assert_eq!(FileEdit.effect(), Effect::Mutating);
}

#[tokio::test]
async fn what_is_sent_is_the_file_as_it_is() {
    let world = World::new();
    fs::write(world.path("work/sub/a.bin"), b"\0\x01").unwrap();
    symlink("sub/a.bin", world.path("work/link")).unwrap();
    let file = SentFile {
        name: "a.bin".into(),
        content: b"\0\x01".to_vec(),
    };
    for path in ["sub/a.bin", "link"] {
        assert_eq!(world.sent(path).await, Ok(vec![file.clone()]), "{path}");
    }
    fs::write(world.path("work/empty"), "").unwrap();
    let large = fs::File::create(world.path("work/large")).unwrap();
    large.set_len(ATTACHMENT_BYTES_MAX as u64 + 1).unwrap();
    symlink("../secret", world.path("work/out")).unwrap();
    for path in ["../secret", "out", "gone", "sub", "empty", "large"] {
        let refused = world.sent(path).await;
        assert!(
            matches!(refused, Err(ToolError::ForModel(_))),
            "{path}: {refused:?}"
        );
    }
}
