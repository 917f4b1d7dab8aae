//! The registry.

use std::collections::BTreeMap;
use std::sync::Arc;

use rivetos_types::BoxFuture;
use rivetos_types::message::ToolCall;
use rivetos_types::tool::{Effect, Tool, ToolContext, ToolError, ToolOutput, ToolSpec};

use super::erased::ErasedTool;

/// The tools that the model may call, by name.
#[derive(Default)]
pub struct Toolset {
    tools: BTreeMap<String, Box<dyn ErasedTool>>,
    specs: Arc<[ToolSpec]>,
}

impl Toolset {
    /// No tools.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tool; one of the same name is replaced.
    #[must_use]
    pub fn with<T: Tool>(mut self, tool: T) -> Self {
        self.tools.insert(tool.name().to_owned(), Box::new(tool));
        self.specs = self.tools.values().map(|tool| tool.spec()).collect();
        self
    }

    /// What the model is told, sorted by name: the same bytes in every request.
    pub fn specs(&self) -> &Arc<[ToolSpec]> {
        &self.specs
    }

    /// What each tool may change.
    pub fn effects(&self) -> Arc<BTreeMap<String, Effect>> {
        Arc::new(
            self.tools
                .iter()
                .map(|(name, tool)| (name.clone(), tool.effect()))
                .collect(),
        )
    }

    /// Runs one call. An unknown tool and arguments that do not fit are told to the model.
    pub fn call<'a>(
        &'a self,
        call: &'a ToolCall,
        context: &'a ToolContext,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        if let Some(tool) = self.tools.get(&call.name) {
            return tool.call(&call.arguments, context);
        }
        let known: Vec<&str> = self.tools.keys().map(String::as_str).collect();
        let error = format!(
            "there is no tool `{}`; there are: {}",
            call.name,
            known.join(", ")
        );
        Box::pin(std::future::ready(Err(ToolError::ForModel(error))))
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, ready};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::*;

    struct Repeat;

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct RepeatArgs {
        /// What to say.
        lines: Vec<String>,
    }

    impl Tool for Repeat {
        type Args = RepeatArgs;

        fn name(&self) -> &'static str {
            "repeat"
        }

        fn description(&self) -> &'static str {
            "Says it again."
        }

        fn effect(&self) -> Effect {
            Effect::ReadOnly
        }

        fn call(
            &self,
            args: RepeatArgs,
            _: &ToolContext,
        ) -> impl Future<Output = Result<ToolOutput, ToolError>> + Send {
            ready(Ok(args.lines.join("\n").into()))
        }
    }

    fn call(name: &str, arguments: &str) -> Result<ToolOutput, ToolError> {
        let context = ToolContext {
            workspace: "/".into(),
            output_bytes_max: 100,
            idempotency_key: String::new(),
        };
        let call = ToolCall {
            id: "1".into(),
            name: name.into(),
            arguments: arguments.into(),
        };
        let toolset = Toolset::new().with(Repeat);
        let mut future = pin!(toolset.call(&call, &context));
        match future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(result) => result,
            Poll::Pending => panic!("the tool waits"),
        }
    }

    fn told(name: &str, arguments: &str) -> String {
        match call(name, arguments) {
            Err(ToolError::ForModel(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_call_reaches_its_tool() {
        assert_eq!(
            call("repeat", r#"{"lines":["a","b"]}"#),
            Ok("a\nb".to_owned().into())
        );
    }

    #[test]
    fn the_model_reads_what_was_wrong_and_where() {
        assert!(told("repeat", r#"{"lines":["a",7]}"#).contains("`lines[1]`"));
        assert!(told("repeat", "").contains("missing field `lines`"));
        assert!(told("repeat", r#"{"lines":[]} x"#).contains("not one JSON object"));
        assert!(told("repeat", r#"{"lines":"#).contains("EOF"));
        assert_eq!(
            told("recite", "{}"),
            "there is no tool `recite`; there are: repeat"
        );
    }

    #[test]
    fn the_schema_is_the_arguments() {
        let toolset = Toolset::new().with(Repeat);
        let specs = serde_json::to_string(&**toolset.specs()).unwrap();
        insta::assert_snapshot!(specs, @r#"[{"name":"repeat","description":"Says it again.","parameters":{"additionalProperties":false,"properties":{"lines":{"description":"What to say.","items":{"type":"string"},"type":"array"}},"required":["lines"],"type":"object"}}]"#);
    }
}
