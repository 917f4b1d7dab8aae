//! How xAI is asked.

use rivetos_openai::{Documents, Endpoint};
use rivetos_types::model::ModelRequest;
use rivetos_types::settings::{History, Xai, XaiTool};
use rivetos_types::store::Thinking;
use serde_json::{Value, json};

use crate::models::takes_effort;

/// The kind of this provider, on the blocks that it wrote.
const VENDOR: &str = "xai";

/// What is said about one request.
pub fn endpoint<'a>(settings: &'a Xai, request: &'a ModelRequest) -> Endpoint<'a> {
    let model = request.model.as_deref().unwrap_or(&settings.model);
    // The vendor advises against keeping images, and says that such requests may fail; documents
    // are no smaller.
    let history = if request.images.is_empty() {
        settings.history
    } else {
        History::Stateless
    };
    let include: &[&str] = match history {
        History::Stored => &[],
        History::Stateless => &["reasoning.encrypted_content"],
    };
    let effort = request.thinking.map(effort);
    Endpoint {
        vendor: VENDOR,
        model,
        history,
        effort: effort.filter(|effort| takes_effort(model, effort)),
        include,
        tool_calls: settings.tool_calls,
        documents: Documents::Taken,
        server_tools: settings.search.iter().copied().map(server_tool).collect(),
        max_tokens: settings.max_tokens,
        temperature: settings.temperature,
        top_p: settings.top_p,
        extra_body: &settings.extra_body,
    }
}

fn effort(thinking: Thinking) -> &'static str {
    match thinking {
        Thinking::Off => "none",
        Thinking::Low => "low",
        Thinking::Medium => "medium",
        Thinking::High => "high",
    }
}

fn server_tool(tool: XaiTool) -> Value {
    let kind = match tool {
        XaiTool::WebSearch => "web_search",
        XaiTool::XSearch => "x_search",
        XaiTool::CodeInterpreter => "code_interpreter",
    };
    json!({ "type": kind })
}
