//! The private twin of [`Tool`] that can stand behind `dyn`.

use rivetos_types::BoxFuture;
use rivetos_types::tool::{Effect, Tool, ToolContext, ToolError, ToolOutput, ToolSpec};
use serde::de::DeserializeOwned;

/// The most that is said about arguments that do not fit, in bytes: what is wrong with them is
/// quoted, and may be long.
const COMPLAINT_BYTES_MAX: usize = 500;

pub(super) trait ErasedTool: Send + Sync {
    fn effect(&self) -> Effect;
    fn spec(&self) -> ToolSpec;
    fn call<'a>(
        &'a self,
        arguments: &'a str,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>>;
}

impl<T: Tool> ErasedTool for T {
    fn effect(&self) -> Effect {
        Tool::effect(self)
    }

    fn spec(&self) -> ToolSpec {
        let mut parameters = schemars::schema_for!(T::Args).to_value();
        if let Some(schema) = parameters.as_object_mut() {
            // Vendors refuse the one and have no use for the other.
            schema.remove("$schema");
            schema.remove("title");
        }
        ToolSpec {
            name: self.name().to_owned(),
            description: self.description().to_owned(),
            parameters,
        }
    }

    fn call<'a>(
        &'a self,
        arguments: &'a str,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        match parse(self.name(), arguments) {
            Ok(args) => Box::pin(Tool::call(self, args, context)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

/// Models send an empty text where a tool needs no arguments. A list is refused although it could
/// be read as the fields in their order: the schema says nothing of an order.
fn parse<A: DeserializeOwned>(tool: &str, arguments: &str) -> Result<A, ToolError> {
    let text = match arguments.trim() {
        "" => "{}",
        text => text,
    };
    if !text.starts_with('{') {
        return Err(complaint(tool, "are not one JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let args: A = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let why = format!(
            "do not fit its schema at `{}`: {}",
            error.path(),
            error.inner()
        );
        complaint(tool, &why)
    })?;
    reader
        .end()
        .map_err(|error| complaint(tool, &format!("are not one JSON object: {error}")))?;
    Ok(args)
}

fn complaint(tool: &str, why: &str) -> ToolError {
    let shown = why.get(..why.floor_char_boundary(COMPLAINT_BYTES_MAX));
    let shown = shown.unwrap_or(why);
    let more = if shown.len() < why.len() { "…" } else { "" };
    ToolError::ForModel(format!("the arguments of `{tool}` {shown}{more}"))
}
