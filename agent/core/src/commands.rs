//! What a person can order the agent itself to do, instead of talking to the model.

use std::fmt::Write;

use rivetos_types::message::{Authority, ContentPart, text_of};
use rivetos_types::store::{Decision, Thinking};

/// A command of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its word, with the slash.
    pub word: &'static str,
    /// What follows the word, for the help; empty for nothing.
    pub arguments: &'static str,
    /// What it does, for the help.
    pub meaning: &'static str,
    /// Who may use it.
    pub access: Authority,
    read: fn(&str) -> Option<Command>,
}

/// Every command, in the order of the help.
pub const COMMANDS: [Entry; 15] = [
    open("/help", "", "lists the commands", |_| Some(Command::Help)),
    open("/start", "", "says hello", |_| Some(Command::Start)),
    open(
        "/stop",
        "",
        "stops what is running and drops what is waiting",
        |_| Some(Command::Stop),
    ),
    open(
        "/interrupt",
        "[TEXT]",
        "stops what is running, keeps the rest, and goes on with TEXT",
        |rest| Some(Command::Interrupt(rest.to_owned())),
    ),
    open(
        "/steer",
        "TEXT",
        "says something to the running turn",
        |rest| (!rest.is_empty()).then(|| Command::Steer(rest.to_owned())),
    ),
    open(
        "/new",
        "",
        "stops, then starts the conversation afresh",
        |_| Some(Command::New),
    ),
    open(
        "/status",
        "",
        "says how the agent and the session stand",
        |_| Some(Command::Status),
    ),
    open(
        "/reasoning",
        "",
        "shows or hides the model's reasoning",
        |_| Some(Command::Reasoning),
    ),
    open("/tools", "", "shows or hides tool calls", |_| {
        Some(Command::Tools)
    }),
    owner(
        "/think",
        "off|low|medium|high",
        "sets how much the model thinks",
        |rest| thinking(rest).map(Command::Think),
    ),
    owner(
        "/model",
        "[PROVIDER] [MODEL] | default",
        "says which model answers, or sets it for this session",
        |rest| model(rest).map(Command::Model),
    ),
    owner(
        "/context",
        "list | add FILE | remove FILE | clear",
        "pins files of the workspace to the prompt",
        |rest| pins(rest).map(Command::Context),
    ),
    owner(
        "/approve",
        "[CALL]",
        "lets a tool call run that waits for it",
        |rest| Some(Command::Decide(Decision::Approved, rest.to_owned())),
    ),
    owner("/deny", "[CALL]", "does not let it run", |rest| {
        Some(Command::Decide(Decision::Denied, rest.to_owned()))
    }),
    owner("/cost", "", "says what was spent", |_| Some(Command::Cost)),
];

const fn open(
    word: &'static str,
    arguments: &'static str,
    meaning: &'static str,
    read: fn(&str) -> Option<Command>,
) -> Entry {
    Entry {
        word,
        arguments,
        meaning,
        access: Authority::Guest,
        read,
    }
}

const fn owner(
    word: &'static str,
    arguments: &'static str,
    meaning: &'static str,
    read: fn(&str) -> Option<Command>,
) -> Entry {
    Entry {
        access: Authority::Owner,
        ..open(word, arguments, meaning, read)
    }
}

/// What was ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table says what each does")]
pub enum Command {
    Help,
    Start,
    Stop,
    Interrupt(String),
    Steer(String),
    New,
    Status,
    Reasoning,
    Tools,
    Think(Thinking),
    Model(ModelWish),
    Context(Pins),
    /// The start of the call's name, or nothing for the only one.
    Decide(Decision, String),
    Cost,
}

/// Which model is to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelWish {
    /// It is only asked which one does.
    Tell,
    /// A provider, a model of the present one, or `default`.
    One(String),
    /// This model of this provider.
    #[expect(missing_docs, reason = "the words are the documentation")]
    Both { provider: String, model: String },
}

/// What to do with the files that are pinned to the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words are the documentation")]
pub enum Pins {
    List,
    Add(String),
    Remove(String),
    Clear,
}

/// What a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To the model, behind what the session has waiting.
    Turn,
    /// Handled at once, past the queue.
    Command(Command),
    /// It looks like a command and is none; the answer.
    Refused(String),
    /// It is a command that this person may not give; the answer.
    Forbidden(String),
}

/// Tells commands from messages. A command is a message of which the first word is a slash and
/// ASCII letters, so a message that begins with a path stays a message.
pub fn route(content: &[ContentPart], authority: Authority) -> Route {
    let text = text_of(content);
    let text = text.trim_start();
    let word = text.split_whitespace().next().unwrap_or_default();
    let is_command = word.strip_prefix('/').is_some_and(|name| {
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphabetic())
    });
    if !is_command {
        return Route::Turn;
    }
    let Some(entry) = COMMANDS.iter().find(|entry| entry.word == word) else {
        let answer = format!(
            "There is no command {word}. The commands are:{}",
            table(authority)
        );
        return Route::Refused(without_files(answer, content));
    };
    if authority < entry.access {
        let answer = format!("Only the agent's owner can use {word}.");
        return Route::Forbidden(without_files(answer, content));
    }
    let rest = text.get(word.len()..).unwrap_or_default().trim();
    let Some(command) = (entry.read)(rest) else {
        let answer = format!("How to use it: {word} {}", entry.arguments);
        return Route::Refused(without_files(answer, content));
    };
    Route::Command(command)
}

/// The answer to a command that has no use for files, with what became of those that it had.
pub fn without_files(mut answer: String, content: &[ContentPart]) -> String {
    let files = content.iter().filter_map(ContentPart::attachment);
    let names: Vec<_> = files.map(|file| format!("`{}`", file.name)).collect();
    if !names.is_empty() {
        answer.extend(["\n\nCommands take no files. Not used: ", &names.join(", ")]);
    }
    answer
}

/// The answer to `/help`.
pub fn help(authority: Authority) -> String {
    format!(
        "Say what you want, or use one of these:{}",
        table(authority)
    )
}

fn table(authority: Authority) -> String {
    let mut text = String::new();
    for entry in COMMANDS.iter().filter(|entry| entry.access <= authority) {
        let Entry {
            word,
            arguments,
            meaning,
            ..
        } = entry;
        let space = if arguments.is_empty() { "" } else { " " };
        // Writing to a `String` cannot fail.
        let _ = write!(text, "\n- {word}{space}{arguments}: {meaning}");
    }
    text
}

fn some(rest: &str) -> Option<String> {
    (!rest.is_empty()).then(|| rest.to_owned())
}

fn thinking(word: &str) -> Option<Thinking> {
    match word {
        "off" => Some(Thinking::Off),
        "low" => Some(Thinking::Low),
        "medium" => Some(Thinking::Medium),
        "high" => Some(Thinking::High),
        _ => None,
    }
}

/// At most a provider and a model.
fn model(rest: &str) -> Option<ModelWish> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    match words.as_slice() {
        [] => Some(ModelWish::Tell),
        [one] => Some(ModelWish::One((*one).to_owned())),
        [provider, model] => Some(ModelWish::Both {
            provider: (*provider).to_owned(),
            model: (*model).to_owned(),
        }),
        _ => None,
    }
}

/// `add` is also written `pin`, and `remove` `unpin`.
fn pins(rest: &str) -> Option<Pins> {
    let (word, file) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let file = some(file.trim());
    match word {
        "list" | "" => Some(Pins::List),
        "clear" => Some(Pins::Clear),
        "add" | "pin" => file.map(Pins::Add),
        "remove" | "unpin" => file.map(Pins::Remove),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &Route) {
        let got = route(&[ContentPart::text(text)], Authority::Owner);
        assert_eq!(got, *expected, "{text:?}");
    }

    #[test]
    fn commands_are_told_from_messages() {
        let is = |text, command| check(text, &Route::Command(command));
        is("/stop", Command::Stop);
        is("  /new\n", Command::New);
        is("/stop it", Command::Stop);
        is(
            " /steer  look \n twice ",
            Command::Steer("look \n twice".into()),
        );
        is("/interrupt", Command::Interrupt(String::new()));
        is("/think high", Command::Think(Thinking::High));
        is("/model", Command::Model(ModelWish::Tell));
        is(
            "/model qwen2.5:32b",
            Command::Model(ModelWish::One("qwen2.5:32b".into())),
        );
        is(
            "/model  far  meta/large:free ",
            Command::Model(ModelWish::Both {
                provider: "far".into(),
                model: "meta/large:free".into(),
            }),
        );
        is("/context", Command::Context(Pins::List));
        is(
            "/context pin a b.md",
            Command::Context(Pins::Add("a b.md".into())),
        );
        is(
            "/approve",
            Command::Decide(Decision::Approved, String::new()),
        );
        is(
            "/deny 3f9a",
            Command::Decide(Decision::Denied, "3f9a".into()),
        );
        for text in ["/etc/hosts is broken", "/", "stop", ""] {
            check(text, &Route::Turn);
        }
    }

    #[test]
    fn what_cannot_be_done_is_explained() {
        let refused = |text: &str, authority| match route(&[ContentPart::text(text)], authority) {
            Route::Refused(answer) | Route::Forbidden(answer) => answer,
            other @ (Route::Turn | Route::Command(_)) => panic!("{other:?}"),
        };
        for (text, expected) in [
            (
                "/dance",
                "There is no command /dance. The commands are:\n- /help: ",
            ),
            ("/think hard", "How to use it: /think off|low|medium|high"),
            ("/steer", "How to use it: /steer TEXT"),
            (
                "/model a b c",
                "How to use it: /model [PROVIDER] [MODEL] | default",
            ),
            ("/context add", "How to use it: /context list | add FILE"),
        ] {
            let answer = refused(text, Authority::Owner);
            assert!(answer.starts_with(expected), "{answer}");
        }
        let answer = refused("/approve", Authority::Guest);
        assert_eq!(answer, "Only the agent's owner can use /approve.");
    }

    #[test]
    fn guests_are_not_told_of_what_they_cannot_do() {
        let whole = help(Authority::Owner);
        assert!(
            COMMANDS.iter().all(|entry| whole.contains(entry.word)),
            "{whole}"
        );
        assert!(!help(Authority::Guest).contains("/approve"));
    }
}
