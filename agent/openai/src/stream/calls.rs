//! Tool calls, put together from their pieces.

use rivetos_http::json::Text;
use rivetos_types::message::ToolCall;
use serde_json::Value;

use super::wire::FunctionCall;

/// Calls in one answer.
const CALLS_MAX: usize = 128;

/// The arguments of all calls of one answer, in bytes.
const ARGUMENTS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Which item of an answer is meant. Some endpoints give no place, some another identifier each
/// time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) index: Option<u64>,
    pub(super) id: String,
}

impl Place {
    pub(super) fn at(index: usize) -> Self {
        Self {
            index: u64::try_from(index).ok(),
            id: String::new(),
        }
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        self.is_at(other.index, &other.id)
    }

    pub(super) fn is_at(&self, index: Option<u64>, id: &str) -> bool {
        match (self.index, index) {
            (Some(one), Some(other)) => one == other,
            (None, _) | (_, None) => self.id == id,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Partial {
    place: Place,
    id: String,
    name: String,
    arguments: String,
}

/// The calls of one answer so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Calls(Vec<Partial>);

impl Calls {
    /// More of the arguments of a call; the error says which bound it broke.
    pub(super) fn add(
        &mut self,
        index: Option<u64>,
        id: &str,
        arguments: Text<'_>,
    ) -> Result<(), &'static str> {
        let known = self.0.iter_mut().find(|call| call.place.is_at(index, id));
        let partial = if let Some(partial) = known {
            partial
        } else {
            let id = id.to_owned();
            self.at(Place { index, id })?
        };
        arguments.append_to(&mut partial.arguments);
        self.check()
    }

    /// What is known of a call at its start or its end; the end knows best.
    pub(super) fn set(&mut self, place: Place, call: FunctionCall) -> Result<(), &'static str> {
        let partial = self.at(place)?;
        let known = [
            (&mut partial.id, call.id),
            (&mut partial.name, call.name),
            (&mut partial.arguments, call.arguments),
        ];
        for (known, new) in known {
            if !new.is_empty() {
                *known = new;
            }
        }
        self.check()
    }

    /// How many calls come before an item.
    pub(super) fn before(&self, place: &Place) -> usize {
        let before = |call: &&Partial| match (call.place.index, place.index) {
            (Some(call), Some(place)) => call < place,
            (None, _) | (_, None) => true,
        };
        self.0.iter().filter(before).count()
    }

    fn at(&mut self, place: Place) -> Result<&mut Partial, &'static str> {
        let found = self.0.iter().position(|call| call.place.is(&place));
        let at = found.unwrap_or_else(|| {
            self.0.push(Partial {
                place,
                ..Partial::default()
            });
            self.0.len() - 1
        });
        if self.0.len() > CALLS_MAX {
            return Err("more tool calls than are possible in one answer");
        }
        Ok(&mut self.0[at])
    }

    fn check(&self) -> Result<(), &'static str> {
        let bytes: usize = self.0.iter().map(|call| call.arguments.len()).sum();
        if bytes > ARGUMENTS_BYTES_MAX {
            return Err("the arguments of a tool call are too long");
        }
        Ok(())
    }

    /// The calls in the vendor's order. Of an answer that was cut off only those whose arguments
    /// are whole: half a command must not run.
    pub(super) fn finish(mut self, cut_off: bool) -> Vec<ToolCall> {
        self.0.sort_by_key(|call| call.place.index);
        let whole = |call: &Partial| serde_json::from_str::<Value>(&call.arguments).is_ok();
        let calls = self.0.into_iter().filter(|call| !cut_off || whole(call));
        let call = |(at, call): (usize, Partial)| ToolCall {
            id: if call.id.is_empty() {
                format!("call_{at}")
            } else {
                call.id
            },
            name: call.name,
            // Calls without arguments often carry no text at all.
            arguments: match call.arguments.trim() {
                "" => "{}".to_owned(),
                _ => call.arguments,
            },
        };
        calls.enumerate().map(call).collect()
    }
}
