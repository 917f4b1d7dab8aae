//! What an incoming message is.

use rivetos_types::message::{ContentPart, text_of};
use rivetos_types::store::Decision;

/// Every command with its meaning, in the order of the help text.
pub const COMMANDS: [(&str, &str); 5] = [
    ("/stop", "stops what is running and drops what is waiting"),
    ("/new", "stops, then starts the conversation afresh"),
    ("/steer", "says something to the running turn: /steer TEXT"),
    (
        "/approve",
        "lets a tool call run that waits for it: /approve [CALL]",
    ),
    ("/deny", "does not let it run: /deny [CALL]"),
];

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To the model, behind what the session has waiting.
    Turn,
    /// Handled at once, past the queue.
    Command(Command),
}

/// What a person can order the agent itself to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Stop the session's turns.
    Stop,
    /// Stop the session's turns and forget its history.
    New,
    /// Say something to the running turn.
    Steer(String),
    /// Decide about a call that waits: the start of its name, or nothing for the only one.
    Decide(Decision, String),
    /// No such command; the word that was used.
    Unknown(String),
}

/// Tells commands from messages. A command is a message of which the first word is a slash and
/// ASCII letters, so a message that begins with a path stays a message.
pub fn route(content: &[ContentPart]) -> Route {
    let text = text_of(content);
    let word = text.split_whitespace().next().unwrap_or_default();
    let is_command = word.strip_prefix('/').is_some_and(|name| {
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphabetic())
    });
    if !is_command {
        return Route::Turn;
    }
    let rest = || text.trim_start()[word.len()..].trim().to_owned();
    Route::Command(match word {
        "/stop" => Command::Stop,
        "/new" => Command::New,
        "/steer" => Command::Steer(rest()),
        "/approve" => Command::Decide(Decision::Approved, rest()),
        "/deny" => Command::Decide(Decision::Denied, rest()),
        other => Command::Unknown(other.to_owned()),
    })
}

/// The answer to a command that does not exist.
pub fn unknown_command(word: &str) -> String {
    let mut answer = format!("There is no command {word}. The commands are:");
    for (name, meaning) in COMMANDS {
        answer.push_str("\n- ");
        answer.push_str(name);
        answer.push_str(": ");
        answer.push_str(meaning);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_messages() {
        let command = |command| Route::Command(command);
        for (text, expected) in [
            ("/stop", command(Command::Stop)),
            ("  /new\n", command(Command::New)),
            ("/stop it", command(Command::Stop)),
            (
                " /steer  look \n twice ",
                command(Command::Steer("look \n twice".into())),
            ),
            (
                "/approve",
                command(Command::Decide(Decision::Approved, String::new())),
            ),
            (
                "/deny 3f9a",
                command(Command::Decide(Decision::Denied, "3f9a".into())),
            ),
            ("/help", command(Command::Unknown("/help".into()))),
            ("/etc/hosts is broken", Route::Turn),
            ("/", Route::Turn),
            ("stop", Route::Turn),
            ("", Route::Turn),
        ] {
            assert_eq!(route(&[ContentPart::text(text)]), expected, "{text:?}");
        }
    }

    #[test]
    fn the_help_names_every_command() {
        let help = unknown_command("/help");
        assert!(
            COMMANDS.iter().all(|(name, _)| help.contains(name)),
            "{help}"
        );
    }
}
