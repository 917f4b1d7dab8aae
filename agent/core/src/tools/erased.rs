//! The private twin of [`Tool`] that can stand behind `dyn`.

use rivetos_types::BoxFuture;
use rivetos_types::tool::{Effect, Tool, ToolContext, ToolError, ToolOutput, ToolSpec};

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

/// Models send an empty text where a tool needs no arguments.
fn parse<A: serde::de::DeserializeOwned>(tool: &str, arguments: &str) -> Result<A, ToolError> {
    let text = if arguments.trim().is_empty() {
        "{}"
    } else {
        arguments
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    let args: A = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        ToolError::ForModel(format!(
            "the arguments of `{tool}` do not fit its schema at `{}`: {}",
            error.path(),
            error.inner()
        ))
    })?;
    reader.end().map_err(|error| {
        ToolError::ForModel(format!(
            "the arguments of `{tool}` are not one JSON object: {error}"
        ))
    })?;
    Ok(args)
}
