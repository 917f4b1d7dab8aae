//! The tool with a real shell.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use rivetos_tool_shell::{Shell, ShellArgs, available};
use rivetos_types::settings;
use rivetos_types::tool::{Effect, Tool, ToolContext, ToolError};
use tokio::task::{JoinHandle, spawn_blocking};

const LONG: Duration = Duration::from_mins(1);

fn shell(timeout: Duration) -> Shell {
    Shell::new(&settings::Shell { timeout })
}

fn context(workspace: &Path) -> ToolContext {
    ToolContext {
        workspace: workspace.to_owned(),
        output_bytes_max: 2000,
        idempotency_key: "t/1/1".into(),
    }
}

async fn run_in(
    workspace: &Path,
    command: &str,
    cwd: Option<&str>,
    timeout: Duration,
) -> Result<String, ToolError> {
    let args = ShellArgs {
        command: command.into(),
        cwd: cwd.map(str::to_owned),
    };
    Ok(shell(timeout).call(args, &context(workspace)).await?.text)
}

async fn run(command: &str) -> String {
    let workspace = tempfile::tempdir().unwrap();
    run_in(workspace.path(), command, None, LONG).await.unwrap()
}

#[tokio::test]
async fn output_comes_in_order_with_the_exit_code() {
    assert!(available());
    assert_eq!(shell(LONG).effect(), Effect::Mutating);
    assert_eq!(
        run("echo one; echo two >&2; echo three").await,
        "one\ntwo\nthree\n[exit code 0]"
    );
    assert_eq!(run("exit 7").await, "[exit code 7]");
    assert_eq!(run("printf x; kill -9 $$").await, "x\n[killed by signal 9]");
    assert_eq!(
        run("cat; echo end").await,
        "end\n[exit code 0]",
        "there is no input"
    );
    assert_eq!(
        run("exec >&- 2>&-; exit 3").await,
        "[exit code 3]",
        "output closed early"
    );
}

#[tokio::test]
async fn nothing_of_our_environment_is_seen() {
    // Cargo sets variables for its tests: they stand for the secrets.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let seen = run("env").await;
    let mut names: Vec<&str> = seen
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(n, _)| n)
        .collect();
    names.sort_unstable();
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
    assert_eq!(names, ["HOME", "LANG", "PATH", "TERM"], "{seen}");
}

#[tokio::test]
async fn it_runs_in_the_workspace_only() {
    let root = tempfile::tempdir().unwrap();
    let workspace = root.path().join("work");
    fs::create_dir_all(workspace.join("sub")).unwrap();
    fs::create_dir_all(root.path().join("work-not")).unwrap();
    fs::write(workspace.join("file"), "").unwrap();
    symlink("..", workspace.join("out")).unwrap();
    let real = workspace.canonicalize().unwrap();
    let pwd = |cwd| run_in(&workspace, "pwd", cwd, LONG);
    let at = |path: &Path| Ok(format!("{}\n[exit code 0]", path.display()));
    assert_eq!(pwd(None).await, at(&real));
    assert_eq!(pwd(Some("sub")).await, at(&real.join("sub")));
    for cwd in ["..", "out", "../work-not", "/", "none", "file"] {
        let refused = pwd(Some(cwd)).await;
        assert!(
            matches!(refused, Err(ToolError::ForModel(_))),
            "{cwd}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn endless_output_is_bounded_while_it_runs() {
    let text = run("echo begin; head -c 30000000 /dev/zero | tr '\\0' x; echo; echo finish").await;
    assert!(text.len() <= 2000, "{}", text.len());
    assert!(text.starts_with("begin\nxxx") && text.ends_with("xxx\nfinish\n[exit code 0]"));
    assert!(text.contains("bytes left out]"));
}

/// A pipe in the workspace. The task is over when everybody who had it open for writing is gone.
fn witness(workspace: &Path) -> (std::path::PathBuf, impl FnOnce() -> JoinHandle<()> + use<>) {
    let pipe = workspace.join("pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let path = pipe.clone();
    (pipe, move || {
        spawn_blocking(move || {
            let mut text = String::new();
            File::open(path).unwrap().read_to_string(&mut text).unwrap();
        })
    })
}

/// Two generations below the shell, each holding the pipe.
const FAMILY: &str = "(sleep 300 > pipe & sleep 300 > pipe & wait) & ";

#[tokio::test]
async fn a_timeout_ends_the_whole_family() {
    let workspace = tempfile::tempdir().unwrap();
    let (_, watch) = witness(workspace.path());
    let gone = watch();
    let command = format!("echo before; {FAMILY} wait");
    let ended = run_in(workspace.path(), &command, None, Duration::from_secs(1)).await;
    let expected = "before\n[killed: it was not done after 1 s]".to_owned();
    assert_eq!(ended, Err(ToolError::ForModel(expected)));
    gone.await.unwrap();
}

#[tokio::test]
async fn what_is_left_in_the_background_ends_with_the_command() {
    let workspace = tempfile::tempdir().unwrap();
    let (_, watch) = witness(workspace.path());
    let gone = watch();
    // The shell leaves once the pipe was opened, which needs both sides.
    let command = format!("{FAMILY} : > pipe; echo done");
    let ended = run_in(workspace.path(), &command, None, LONG).await;
    assert_eq!(ended, Ok("done\n[exit code 0]".to_owned()));
    gone.await.unwrap();
}

#[tokio::test]
async fn dropping_the_call_ends_the_whole_family() {
    let workspace = tempfile::tempdir().unwrap();
    let (pipe, watch) = witness(workspace.path());
    let path = workspace.path().to_owned();
    let command = format!("{FAMILY} wait");
    let call = tokio::spawn(async move { run_in(&path, &command, None, LONG).await });
    // Opening the pipe waits for a writer: from here on the family is there.
    let opened = spawn_blocking(move || File::open(pipe).unwrap())
        .await
        .unwrap();
    let gone = spawn_blocking(move || {
        let mut opened = opened;
        opened.read_to_string(&mut String::new()).unwrap();
    });
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    gone.await.unwrap();
    drop(watch);
}
