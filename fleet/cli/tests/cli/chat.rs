//! Replies that do not come in one go.

use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;

use serde_json::json;

use crate::model::{self, Model};
use crate::talk::Talk;
use crate::world::World;

const KEY: &str = "canary-4711";

/// A fleet of one agent on `model`.
fn world_on(model: &Model) -> World {
    let world = World::new();
    world.write_agents(&[("ada", model::NAME)]);
    let text = fs::read_to_string(world.path().join("rivet.config.yaml")).unwrap();
    let provider = format!(
        "rehearsal: {{ kind: openai-compat, model: {}, base_url: \"{}\", api_key: \
         \"${{LLM_API_KEY}}\" }}",
        model::NAME,
        model.base_url
    );
    world.write(&text.replace("rehearsal: {}", &provider));
    world.comes_up();
    world
}

/// The process of the agent itself.
fn agent_process(world: &World) -> String {
    let path = world.fleet().join("agents/ada/state.json");
    let state: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    state["agent"]["pid"].to_string()
}

#[test]
fn a_reply_outlives_the_agent_that_began_it() {
    let model = Model::start(Ipv4Addr::LOCALHOST.into(), &[KEY]);
    let world = world_on(&model);
    let mut talk = Talk::begin(&world, "ada", "hello");
    let asked = model.asked();
    asked.say("Good mor");
    talk.shows("Good mor");
    let killed = Command::new("kill")
        .args(["-KILL", &agent_process(&world)])
        .status();
    assert!(killed.unwrap().success());

    // The supervisor starts another one, which asks again for what was not yet said.
    let again = model.asked();
    assert_eq!(again.last(), "hello");
    again.say("Good morning").say(" to you.").done("stop");
    let ended = talk.end();
    assert_eq!(ended.code, Some(0), "{}", ended.snapshot());
    assert!(
        ended.stderr.contains("attaching to the turn again"),
        "{}",
        ended.snapshot()
    );
    assert_eq!(
        ended.stdout.matches("Good morning to you.").count(),
        1,
        "{}",
        ended.snapshot()
    );
    assert!(
        ended.stdout.ends_with("Good morning to you.\n"),
        "{}",
        ended.snapshot()
    );
    model.all_was_well();
}

#[test]
fn ctrl_c_stops_the_reply_and_nothing_else() {
    let model = Model::start(Ipv4Addr::LOCALHOST.into(), &[KEY]);
    let world = world_on(&model);
    let mut talk = Talk::begin(&world, "ada", "tell me a story");
    let asked = model.asked();
    asked.say("Once upon");
    talk.shows("Once upon");
    talk.interrupt();
    asked.dropped();
    let ended = talk.end();
    assert_eq!(ended.code, Some(130), "{}", ended.snapshot());
    assert!(ended.stderr.contains("stopped"), "{}", ended.snapshot());

    // The agent goes on with the next message.
    let talk = Talk::begin(&world, "ada", "another one");
    let asked = model.asked();
    assert_eq!(asked.last(), "another one");
    asked.say("The end.").done("stop");
    let ended = talk.end();
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "The end.\n"),
        "{}",
        ended.stderr
    );
    model.all_was_well();
}

#[test]
fn an_attached_image_is_seen_by_the_model() {
    let model = Model::start(Ipv4Addr::LOCALHOST.into(), &[KEY]);
    let world = world_on(&model);
    let file = |name: &str, content: &[u8]| {
        let path = world.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let image = file(
        "beach.png",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x03\x20\0\0\x02\x58",
    );
    // More than a message without files may have.
    let text = file("log.txt", "so it goes\n".repeat(200_000).as_bytes());
    let files = ["--attach", &image, "--attach", &text];
    let talk = Talk::begin_with(&world, "ada", "what is this?", &files);
    let asked = model.asked();
    let content = asked.last();
    for part in [
        "what is this?",
        "[attachment beach.png: image/png, 800 x 600 pixels, 24 bytes, kept at .media/",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAyAAAAJY",
        "[attachment log.txt: text/plain, 2200000 bytes, kept at .media/",
        "[cut here: log.txt]",
    ] {
        assert!(content.contains(part), "{part}: {content}");
    }
    asked.say("A beach.").done("stop");
    let ended = talk.end();
    assert_eq!(ended.code, Some(0), "{}", ended.snapshot());
    assert_eq!(ended.stdout, "A beach.\n");

    // What no agent takes is not sent.
    let program = file("a.out", b"\x7fELF\0");
    let missing = world.path().join("gone.png").display().to_string();
    for (path, said) in [
        (&program, "is of no kind that an agent takes"),
        (&missing, "cannot be read"),
    ] {
        let ended = world.rivetos(&["chat", "ada", "-m", "look", "--attach", path]);
        assert_eq!(ended.code, Some(64), "{}", ended.snapshot());
        assert!(ended.stderr.contains(said), "{}", ended.snapshot());
    }
    model.all_was_well();
}

#[test]
fn files_of_a_reply_are_kept_and_nothing_is_overwritten() {
    let model = Model::start(Ipv4Addr::LOCALHOST.into(), &[KEY]);
    let world = world_on(&model);
    let folder = world.path().join("kept");
    fs::create_dir(&folder).unwrap();
    let kept = |name: &str| fs::read_to_string(folder.join(name));
    fs::write(folder.join("list.txt"), "mine").unwrap();
    let save = ["--save", folder.to_str().unwrap()];

    let talk = Talk::begin_with(&world, "ada", "send me the list", &save);
    let write = json!({"path": "drafts/list.txt", "content": "milk\n"});
    let asked = model.asked();
    asked.call("a", "file_write", &write).done("tool_calls");
    let send = json!({"path": "drafts/list.txt"});
    let asked = model.asked();
    asked.call("b", "file_send", &send).done("tool_calls");
    model.asked().say("Here it is.").done("stop");
    let ended = talk.end();
    assert_eq!(ended.code, Some(0), "{}", ended.snapshot());
    assert!(ended.stdout.ends_with("Here it is.\n"), "{}", ended.stdout);
    assert_eq!(kept("list.txt").unwrap(), "mine");
    assert_eq!(kept("1-list.txt").unwrap(), "milk\n");
    assert!(ended.stderr.contains("1-list.txt"), "{}", ended.stderr);

    // A reply that cannot be kept is told, and is no success.
    let gone = world.path().join("gone");
    let save = ["--save", gone.to_str().unwrap()];
    let talk = Talk::begin_with(&world, "ada", "again", &save);
    let asked = model.asked();
    asked.call("c", "file_send", &send).done("tool_calls");
    model.asked().say("Again.").done("stop");
    let ended = talk.end();
    assert_eq!(ended.code, Some(1), "{}", ended.snapshot());
    assert!(
        ended.stderr.contains("cannot be written"),
        "{}",
        ended.stderr
    );
    model.all_was_well();
}
