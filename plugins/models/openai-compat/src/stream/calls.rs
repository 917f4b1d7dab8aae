//! Tool calls, put together from their fragments.

use rivetos_http::json::{Text, Word};
use rivetos_types::message::ToolCall;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Calls in one answer.
const CALLS_MAX: usize = 128;

/// The arguments of all calls of one answer, in bytes.
const ARGUMENTS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A piece of a call as it stands in a chunk.
#[derive(Debug, Deserialize)]
pub(super) struct CallFragment<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    id: Option<Word<'a>>,
    #[serde(borrow)]
    function: Option<FunctionFragment<'a>>,
}

#[derive(Debug, Deserialize)]
struct FunctionFragment<'a> {
    #[serde(borrow)]
    name: Option<Word<'a>>,
    /// Text, but some servers send the finished object instead.
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Partial {
    index: u64,
    id: String,
    name: String,
    arguments: String,
}

impl Partial {
    fn is_whole(&self) -> bool {
        serde_json::from_str::<Value>(&self.arguments).is_ok()
    }
}

/// The calls of one answer so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Calls {
    calls: Vec<Partial>,
    arguments_bytes: usize,
}

impl Calls {
    /// Adds a fragment; the error says which bound it broke.
    pub(super) fn add(&mut self, fragment: CallFragment<'_>) -> Result<(), &'static str> {
        let id = fragment.id.unwrap_or_default().0;
        let at = self.place(fragment.index, &id);
        if self.calls.len() > CALLS_MAX {
            return Err("more tool calls than are possible in one answer");
        }
        let call = &mut self.calls[at];
        if call.id.is_empty() {
            call.id = id.into_owned();
        }
        let Some(function) = fragment.function else {
            return Ok(());
        };
        if call.name.is_empty() {
            call.name = function.name.unwrap_or_default().0.into_owned();
        }
        let Some(arguments) = function.arguments else {
            return Ok(());
        };
        self.arguments_bytes += arguments.get().len();
        if self.arguments_bytes > ARGUMENTS_BYTES_MAX {
            return Err("the arguments of a tool call are too long");
        }
        match Text::of(arguments) {
            Some(text) => text.append_to(&mut call.arguments),
            None => call.arguments.push_str(arguments.get()),
        }
        Ok(())
    }

    /// Where a fragment belongs: by its index; without one, a new identifier starts a new call.
    fn place(&mut self, index: Option<u64>, id: &str) -> usize {
        let found = match index {
            Some(index) => self.calls.iter().position(|call| call.index == index),
            None if id.is_empty() => self.calls.len().checked_sub(1),
            None => self.calls.iter().position(|call| call.id == id),
        };
        found.unwrap_or_else(|| {
            let next = self
                .calls
                .iter()
                .map(|call| call.index + 1)
                .max()
                .unwrap_or(0);
            let index = index.unwrap_or(next);
            self.calls.push(Partial {
                index,
                id: id.to_owned(),
                ..Partial::default()
            });
            self.calls.len() - 1
        })
    }

    /// Whether the arguments of all of them are whole.
    pub(super) fn are_whole(&self) -> bool {
        self.calls.iter().all(Partial::is_whole)
    }

    /// The calls in the vendor's order. Of an answer that was cut off only those whose arguments
    /// are whole: half a command must not run.
    pub(super) fn finish(mut self, cut_off: bool) -> Vec<ToolCall> {
        self.calls.sort_by_key(|call| call.index);
        self.calls
            .into_iter()
            .filter(|call| !cut_off || call.is_whole())
            .map(|call| ToolCall {
                id: if call.id.is_empty() {
                    format!("call_{}", call.index)
                } else {
                    call.id
                },
                name: call.name,
                // Calls without arguments often carry no text at all.
                arguments: match call.arguments.trim() {
                    "" => "{}".to_owned(),
                    _ => call.arguments,
                },
            })
            .collect()
    }
}
