//! What is answered to what. A pure function of the request.

use serde_json::json;

use crate::wire::{ChatMessage, ChatRequest, Role};

/// The first line of every answer.
pub const FIRST_LINE: &str =
    "This is `rehearsal`, the offline stand-in. It is not a language model.";

/// What the stand-in does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Its last word.
    Text(String),
    /// It wants a tool called.
    Call {
        name: &'static str,
        arguments: String,
    },
}

/// A word at the start of a line or after a space, and the tool that it stands for.
struct Order {
    word: &'static str,
    tool: &'static str,
    argument: &'static str,
    use_it: &'static str,
}

const ORDERS: [Order; 2] = [
    Order {
        word: "run:",
        tool: "shell",
        argument: "command",
        use_it: "`run: COMMAND` runs a command",
    },
    Order {
        word: "read:",
        tool: "file_read",
        argument: "path",
        use_it: "`read: PATH` reads a file of the workspace",
    },
];

/// The answer to `request`.
pub(crate) fn answer(request: &ChatRequest) -> Answer {
    let results = tool_results(request);
    if !results.is_empty() {
        return say(&format!("The tool answered:\n\n{}", results.join("\n\n")));
    }
    let said = last_words(request);
    let Some((order, what)) = ORDERS
        .iter()
        .find_map(|order| Some((order, find(&said, order.word)?)))
    else {
        return say(&format!("You said: {said}\n\n{}", abilities(request)));
    };
    if !request.offers(order.tool) {
        return say(&format!(
            "The tool `{}` is not there, so I cannot do that.",
            order.tool
        ));
    }
    let arguments = json!({ order.argument: what }).to_string();
    Answer::Call {
        name: order.tool,
        arguments,
    }
}

fn say(text: &str) -> Answer {
    Answer::Text(format!("{FIRST_LINE}\n\n{text}"))
}

/// What the tools said since the stand-in called them last.
fn tool_results(request: &ChatRequest) -> Vec<String> {
    let mut results: Vec<String> = request
        .messages
        .iter()
        .rev()
        .take_while(|message| message.role == Role::Tool)
        .map(ChatMessage::text)
        .collect();
    results.reverse();
    results
}

/// The newest message of the person that is not yet answered.
fn last_words(request: &ChatRequest) -> String {
    let unanswered = request
        .messages
        .iter()
        .rev()
        .take_while(|message| message.role != Role::Assistant || message.text().is_empty());
    let mut said = unanswered.filter(|message| message.role == Role::User);
    said.next().map(ChatMessage::text).unwrap_or_default()
}

/// The rest of the line behind `word`.
fn find<'a>(said: &'a str, word: &str) -> Option<&'a str> {
    said.lines().find_map(|line| {
        let at = line.find(word)?;
        let begins = line[..at]
            .chars()
            .next_back()
            .is_none_or(char::is_whitespace);
        let what = line[at + word.len()..].trim();
        (begins && !what.is_empty()).then_some(what)
    })
}

fn abilities(request: &ChatRequest) -> String {
    let offered = ORDERS.iter().filter(|order| request.offers(order.tool));
    let offered: Vec<&str> = offered.map(|order| order.use_it).collect();
    let tools = match offered.as_slice() {
        [] => "No tool that I know is there.".to_owned(),
        some => format!("With real tools: {}.", some.join(", ")),
    };
    format!("I say the same every time. {tools} For real answers, configure a provider.")
}

#[cfg(test)]
mod tests;
