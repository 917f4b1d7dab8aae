//! What a disk, a model or a person gives never breaks the domain.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../protocol/tests/fuzzing/mod.rs"]
mod fuzzing;
mod support;

use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use fuzzing::fuzz;
use rivetos_core::commands::{COMMANDS, Route, route};
use rivetos_core::redact::{Pieces, Redactor};
use rivetos_core::tools::Toolset;
use rivetos_core::turn::{Abort, Turn, TurnAction, TurnInput, check_conversation, decode, encode};
use rivetos_types::message::{Authority, ContentPart, Message, ToolCall};
use rivetos_types::secret::Secret;
use rivetos_types::store::{Checkpoint, CheckpointKind};
use rivetos_types::tool::{Effect, Tool, ToolContext, ToolError, ToolOutput};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use support::opening;

fn read(body: &str) -> Option<TurnInput> {
    let (kind, body) = (CheckpointKind::BeforeModel, body.to_owned());
    decode(&Checkpoint { kind, body }).ok()
}

/// A turn is sound wherever a journal leaves it: it goes on, and it can be stopped.
fn is_sound(turn: &Turn) {
    if turn.next() == TurnAction::CallModel {
        let conversation = turn.conversation().unwrap();
        assert_eq!(check_conversation(&conversation), Ok(()));
    }
    let mut stopped = turn.clone();
    stopped.on(TurnInput::Aborted {
        by: Abort::Person,
        partial: String::new(),
    });
    assert!(matches!(stopped.next(), TurnAction::Finish { .. }));
    let mut transcript = stopped.into_transcript();
    transcript.push(Message::user("next"));
    assert_eq!(check_conversation(&transcript), Ok(()));
}

#[test]
fn any_journal_leaves_a_turn_that_goes_on() {
    let words = [
        "\"v\":2",
        "\"v\":3",
        "\"id\":\"a\"",
        "\"name\":\"look\"",
        "\"name\":\"send\"",
        "\n{\"v\":2,\"input\":\"restored\"}\n",
        "\"kept_messages\":",
    ];
    fuzz("journal", &words, |bytes| {
        let mut turn = Turn::new(opening());
        for input in String::from_utf8_lossy(bytes).lines().filter_map(read) {
            let again = read(&encode(&input).unwrap());
            assert_eq!(again.as_ref(), Some(&input));
            turn.on(input);
            is_sound(&turn);
        }
    });
}

/// Says with what it was called.
struct Echo;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EchoArgs {
    text: String,
    #[serde(default)]
    count: Option<u32>,
    #[serde(default)]
    lines: Vec<String>,
    #[serde(default)]
    place: BTreeMap<String, i8>,
}

impl Tool for Echo {
    type Args = EchoArgs;

    fn name(&self) -> &'static str {
        "echo"
    }

    fn description(&self) -> &'static str {
        "Says it again."
    }

    fn effect(&self) -> Effect {
        Effect::ReadOnly
    }

    async fn call(&self, args: EchoArgs, _: &ToolContext) -> Result<ToolOutput, ToolError> {
        Ok(serde_json::to_string(&args).unwrap().into())
    }
}

fn echo(tools: &Toolset, arguments: &str) -> Result<String, ToolError> {
    let call = ToolCall {
        id: "a".to_owned(),
        name: "echo".to_owned(),
        arguments: arguments.to_owned(),
    };
    let context = ToolContext {
        workspace: "/".into(),
        output_bytes_max: 100,
        idempotency_key: String::new(),
    };
    let mut running = tools.call(&call, &context);
    match running
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output.map(|output| output.text),
        Poll::Pending => panic!("the tool waits"),
    }
}

/// The longest complaint about arguments, in bytes: a model pays for every word of it.
const COMPLAINT_BYTES_MAX: usize = 600;

#[test]
fn arguments_are_one_object_that_fits_or_the_model_is_told() {
    let tools = Toolset::new().with(Echo);
    let words = [
        "\"text\":\"a\"",
        "\"count\":",
        "\"lines\":[",
        "\"place\":{\"x\":",
    ];
    fuzz("arguments", &words, |bytes| {
        let arguments = String::from_utf8_lossy(bytes);
        match echo(&tools, &arguments) {
            Ok(args) => {
                let object = serde_json::from_str::<Map<String, Value>>(&arguments);
                assert!(object.is_ok(), "{arguments} is no object");
                assert_eq!(echo(&tools, &args), Ok(args.clone()));
            }
            Err(ToolError::ForModel(told)) => {
                assert!(told.starts_with("the arguments of `echo` "), "{told}");
                assert!(told.len() <= COMPLAINT_BYTES_MAX, "{told}");
            }
            Err(ToolError::Fatal(reason)) => panic!("{reason}"),
        }
    });
}

#[test]
fn no_text_makes_a_command_that_the_table_does_not_have() {
    let words: Vec<&str> = COMMANDS.iter().map(|entry| entry.word).collect();
    fuzz("commands", &words, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let content = [ContentPart::text(text.as_ref())];
        let word = text.split_whitespace().next().unwrap_or_default();
        let entry = COMMANDS.iter().find(|entry| entry.word == word);
        for authority in [Authority::Guest, Authority::Owner] {
            match route(&content, authority) {
                Route::Turn => assert!(entry.is_none(), "{word} reaches the model"),
                Route::Command(_) => assert!(entry.unwrap().access <= authority),
                Route::Refused(answer) => assert!(!answer.is_empty() && word.starts_with('/')),
                Route::Forbidden(_) => assert!(entry.unwrap().access > authority),
            }
        }
    });
}

/// Of different lengths, one the beginning of another, one like a key, and one of two bytes a
/// letter.
const SECRETS: [&str; 5] = [
    "hunter2-hunter2",
    "hunter2-hunter2-of-old",
    "sk-ant-short",
    "geheimnisträger",
    "p4ss:w0rd@home",
];

/// Not in the corpus, so a text that holds one has it from the test.
const KEYS: [&str; 4] = [
    "sk-ant-Seededabcdefghijklmnop",
    "AKIASEEDEDABCDEFGHIJ",
    "987654321:Seededghijklmnopqrstuvwxyz012345678",
    "ghp_Seededghijklmnopqrstuvwxyz0123456789",
];

/// The shortest text that is taken out is a password of one byte in its address, with 5 bytes
/// around it.
const NOTE_BYTES_PER_BYTE_MAX: usize = 5;

#[test]
fn secrets_do_not_pass_the_redactor() {
    let redactor = Redactor::default();
    for secret in SECRETS {
        redactor.learn(&Secret::from(secret));
    }
    let words = [
        SECRETS.as_slice(),
        &[
            "sk-ant-abcdefghijklmnopqrstuvwx",
            "AKIAABCDEFGHIJKLMNOP",
            "123456789:abcdefghijklmnopqrstuvwxyz012345678",
            "Bearer abcdefghijklmnop",
            "://u:p@",
            "-----BEGIN RSA PRIVATE KEY-----",
            "-----END RSA PRIVATE KEY-----",
            "op://a/b/c",
        ],
    ];
    fuzz("redactor", &words.concat(), |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let clean = redactor.redact(&text);
        for secret in SECRETS {
            assert!(!clean.contains(secret), "{secret} in {clean}");
        }
        assert!(clean.len() <= text.len() * NOTE_BYTES_PER_BYTE_MAX);
        for chars in [1, 3, 17] {
            let mut pieces = Pieces::default();
            let mut shown = String::new();
            let letters: Vec<char> = text.chars().collect();
            for piece in letters.chunks(chars) {
                shown += &pieces.push(&redactor, &String::from_iter(piece));
                assert!(clean.starts_with(&shown), "{shown} is not shown at once");
            }
            assert_eq!(
                shown + &pieces.end(&redactor),
                clean,
                "in pieces of {chars}"
            );
        }
        for key in KEYS {
            let longer = format!("{text} {key} {text}");
            assert!(
                !redactor.redact(&longer).contains(key),
                "{key} passes in {longer}"
            );
        }
    });
}
