//! The vendors: how their answers are read, how they are asked, and what they then accept.

#[path = "../../../../plugins/models/anthropic/tests/vendor/rules.rs"]
#[expect(dead_code, reason = "what is signed is known by having been said")]
mod anthropic_rules;
#[path = "../../../../plugins/models/openai-compat/tests/endpoint/rules.rs"]
mod chat_rules;
#[path = "../../../../plugins/models/google/tests/endpoint/rules.rs"]
mod google_rules;
#[path = "../../../../plugins/models/ollama/tests/server/rules.rs"]
mod ollama_rules;
#[path = "../../../../plugins/models/xai/tests/vendor/rules.rs"]
mod responses_rules;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use responses_rules::Known;
use rivetos_http::{AnswerReader, End};
use rivetos_model_anthropic::{request as anthropic, stream::StreamParser as AnthropicParser};
use rivetos_model_google::{request as google, stream::StreamParser as GoogleParser};
use rivetos_model_ollama::{request as ollama, stream::StreamParser as OllamaParser};
use rivetos_model_openai_compat::{request as chat, stream::StreamParser as ChatParser};
use rivetos_model_xai::endpoint::endpoint as xai_endpoint;
use rivetos_openai::request::body as responses;
use rivetos_openai::stream::StreamParser as ResponsesParser;
use rivetos_openai::{Documents, Endpoint, Scope, short_id};
use rivetos_types::model::{ModelError, ModelRequest, StreamEvent};
use rivetos_types::secret::SecretRef;
use rivetos_types::settings::{
    Anthropic, AnthropicAccess, CompatApi, Google, History, Ollama, OpenAiCompat, PromptCache,
    ToolCalls, Xai,
};
use rivetos_types::store::Thinking;
use serde_json::{Map, Value};

use super::streams::Api;
use super::talk::blocks;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendor {
    Anthropic,
    Google,
    Ollama,
    Chat,
    Responses,
    XaiStored,
    XaiStateless,
}

/// A model of a vendor.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) vendor: Vendor,
    pub(crate) model: &'static str,
}

const fn asked(vendor: Vendor, model: &'static str) -> Asked {
    Asked { vendor, model }
}

pub(crate) const ASKED: [Asked; 13] = [
    asked(Vendor::Anthropic, "claude-haiku-4-5"),
    asked(Vendor::Anthropic, "claude-opus-4-8"),
    asked(Vendor::Anthropic, "claude-fable-5-1"),
    asked(Vendor::Google, "gemini-2.5-flash"),
    asked(Vendor::Google, "gemini-3-flash-preview"),
    asked(Vendor::Ollama, "qwen3"),
    asked(Vendor::Ollama, "simple"),
    asked(Vendor::Chat, "m-1"),
    asked(Vendor::Chat, "m-2"),
    asked(Vendor::Responses, "m-1"),
    asked(Vendor::XaiStored, "grok-4.3"),
    asked(Vendor::XaiStateless, "grok-4.3"),
    asked(Vendor::XaiStored, "grok-4"),
];

const SOON: Duration = Duration::from_secs(1);

impl Vendor {
    /// The protocol of its answers.
    pub(crate) fn reads(self) -> Api {
        match self {
            Self::Anthropic => Api::Messages,
            Self::Google => Api::Gemini,
            Self::Ollama => Api::Ollama,
            Self::Chat => Api::Chat,
            Self::Responses | Self::XaiStored | Self::XaiStateless => Api::Responses,
        }
    }
}

type Read = (Vec<StreamEvent>, Result<(), ModelError>);

fn read(mut reader: impl AnswerReader, body: &str, chunk: usize) -> Read {
    let mut events = Vec::new();
    for bytes in body.as_bytes().chunks(chunk) {
        if let Err(error) = reader.push(bytes, &mut events) {
            return (events, Err(error));
        }
    }
    let ended = reader.end(End::Clean, &mut events);
    (events, ended)
}

impl Asked {
    fn request(&self, request: &ModelRequest) -> ModelRequest {
        ModelRequest {
            model: Some(self.model.to_owned()),
            ..request.clone()
        }
    }

    /// Reads an answer to a request.
    pub(crate) fn read(&self, request: &ModelRequest, body: &str, chunk: usize) -> Read {
        let (model, request) = (self.model, self.request(request));
        match self.vendor {
            Vendor::Anthropic => read(AnthropicParser::new(model), body, chunk),
            Vendor::Google => read(GoogleParser::new(model), body, chunk),
            Vendor::Ollama => read(OllamaParser::new(model), body, chunk),
            Vendor::Chat => read(ChatParser::new(model), body, chunk),
            Vendor::Responses => {
                let nothing = Map::new();
                let endpoint = endpoint(model, &nothing);
                read(ResponsesParser::new(&endpoint, &request), body, chunk)
            }
            Vendor::XaiStored | Vendor::XaiStateless => {
                let settings = xai(self.vendor);
                let endpoint = xai_endpoint(&settings, &request);
                read(ResponsesParser::new(&endpoint, &request), body, chunk)
            }
        }
    }

    /// The vendor takes the request, whatever was said before and by whom.
    pub(crate) fn check(&self, request: &ModelRequest, heard: &Heard) {
        let request = self.request(request);
        for body in self.bodies(&request) {
            if let Err(broken) = self.verdict(&body, heard) {
                panic!("{self:?}: {broken}\n{body:#}\n{:#?}", request.messages);
            }
        }
    }

    fn bodies(&self, request: &ModelRequest) -> Vec<Value> {
        match self.vendor {
            Vendor::Anthropic => {
                let replays = [anthropic::Replay::Thinking, anthropic::Replay::NoThinking];
                let body = |replay| anthropic::body(&anthropic_settings(), request, replay);
                replays.map(body).to_vec()
            }
            Vendor::Google => vec![google::body(&google_settings(), request)],
            Vendor::Ollama => {
                let thinks = self.model != "simple" && request.thinking != Some(Thinking::Off);
                let think = thinks.then_some(Value::Bool(true));
                vec![ollama::body(&ollama_settings(), request, think)]
            }
            Vendor::Chat => vec![chat::body(&chat_settings(), request)],
            Vendor::Responses => {
                let nothing = Map::new();
                vec![responses(
                    &endpoint(self.model, &nothing),
                    request,
                    Scope::Full,
                )]
            }
            Vendor::XaiStored | Vendor::XaiStateless => {
                let settings = xai(self.vendor);
                let endpoint = xai_endpoint(&settings, request);
                let body = |scope| responses(&endpoint, request, scope);
                [Scope::Continued, Scope::Full].map(body).to_vec()
            }
        }
    }

    fn verdict(&self, body: &Value, heard: &Heard) -> Result<(), String> {
        match self.vendor {
            Vendor::Anthropic => {
                let said = |block: &Value| {
                    // Where it is cached, that is said beside.
                    heard
                        .blocks
                        .iter()
                        .any(|(model, one)| model == self.model && one == block)
                };
                anthropic_rules::check_signed(body, &said)
            }
            Vendor::Google => google_rules::check(self.model, body, &heard.parts),
            Vendor::Ollama => ollama_rules::check(body),
            Vendor::Chat => {
                let calls = &heard.reasoned;
                let reasoning = |call: &str| {
                    calls
                        .get(&(self.model.to_owned(), call.to_owned()))
                        .cloned()
                };
                chat_rules::check(body, &reasoning)
            }
            Vendor::Responses | Vendor::XaiStored | Vendor::XaiStateless => {
                let known = Known {
                    kept: &|id| heard.kept.get(id).cloned(),
                    sealed: &|text| {
                        let of = format!("{:?}", self.vendor.reads());
                        heard.sealed.contains(&(of, text.to_owned()))
                    },
                };
                responses_rules::check(body, &known).map_err(|wrong| format!("{wrong:?}"))
            }
        }
    }
}

/// What vendors remember of their own answers.
#[derive(Default)]
pub(crate) struct Heard {
    /// Blocks of Anthropic's answers, by model.
    blocks: Vec<(String, Value)>,
    /// Parts of Google's answers.
    parts: Vec<Value>,
    /// The calls of kept responses.
    kept: BTreeMap<String, Vec<String>>,
    /// Encrypted reasoning, by protocol.
    sealed: BTreeSet<(String, String)>,
    /// The reasoning behind calls of chat completions, by model and call.
    reasoned: BTreeMap<(String, String), String>,
}

impl Heard {
    pub(crate) fn hear(&mut self, asked: &Asked, body: &str, events: &[StreamEvent]) {
        match asked.vendor {
            Vendor::Anthropic => {
                let said = blocks(events).map(|block| (block.model.clone(), block.block.clone()));
                self.blocks.extend(said);
            }
            Vendor::Google => self.parts.extend(parts(body)),
            Vendor::Ollama => {}
            Vendor::Chat => self.reasoning(events),
            Vendor::Responses | Vendor::XaiStored | Vendor::XaiStateless => {
                for block in blocks(events).map(|block| &block.block) {
                    let text = |value: &Value| value.as_str().map(str::to_owned);
                    if let Some(id) = text(&block["id"]) {
                        let calls = block["calls"].as_array().unwrap();
                        self.kept
                            .insert(id, calls.iter().filter_map(text).collect());
                    }
                    let sealed = text(&block["item"]["encrypted_content"]);
                    let of = format!("{:?}", asked.vendor.reads());
                    self.sealed.extend(sealed.map(|sealed| (of, sealed)));
                }
            }
        }
    }

    fn reasoning(&mut self, events: &[StreamEvent]) {
        for block in blocks(events) {
            let Some(said) = block.block["reasoning_content"].as_str() else {
                continue;
            };
            for event in events {
                if let StreamEvent::ToolCall(call) = event {
                    // As the endpoint gets it back.
                    let id = short_id(&call.id, 40).into_owned();
                    let of = (block.model.clone(), id);
                    self.reasoned.insert(of, said.to_owned());
                }
            }
        }
    }
}

/// The parts of an answer of Google's, as they came.
fn parts(body: &str) -> Vec<Value> {
    let events = body.lines().filter_map(|line| line.strip_prefix("data:"));
    let events = events.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let parts = events.filter_map(|event| {
        let parts = event.pointer("/candidates/0/content/parts")?;
        parts.as_array().cloned()
    });
    parts.flatten().collect()
}

fn key() -> SecretRef {
    SecretRef::Env("KEY".into())
}

fn anthropic_settings() -> Anthropic {
    Anthropic {
        name: "test".into(),
        base_url: String::new(),
        model: String::new(),
        access: AnthropicAccess::Key(key()),
        max_tokens: None,
        temperature: Some(0.5),
        top_p: None,
        prompt_cache: PromptCache::Minutes,
        server_tools: Vec::new(),
        betas: Vec::new(),
        extra_body: Map::new(),
        first_byte_timeout: SOON,
        idle_timeout: SOON,
    }
}

fn google_settings() -> Google {
    Google {
        name: "test".into(),
        base_url: String::new(),
        model: String::new(),
        api_key: key(),
        max_tokens: None,
        temperature: None,
        top_p: None,
        server_tools: Vec::new(),
        extra_body: Map::new(),
        first_byte_timeout: SOON,
        idle_timeout: SOON,
    }
}

fn ollama_settings() -> Ollama {
    Ollama {
        name: "test".into(),
        base_url: String::new(),
        model: String::new(),
        api_key: None,
        max_tokens: None,
        num_ctx: None,
        temperature: None,
        top_p: None,
        keep_alive: None,
        options: Map::new(),
        extra_body: Map::new(),
        first_byte_timeout: SOON,
        idle_timeout: SOON,
    }
}

fn chat_settings() -> OpenAiCompat {
    OpenAiCompat {
        name: "test".into(),
        base_url: "http://127.0.0.1:1/v1".into(),
        api: CompatApi::Chat,
        model: String::new(),
        api_key: None,
        max_tokens: None,
        temperature: None,
        top_p: None,
        repeat_penalty: None,
        extra_body: Map::new(),
        first_byte_timeout: SOON,
        idle_timeout: SOON,
    }
}

fn xai(vendor: Vendor) -> Xai {
    Xai {
        name: "test".into(),
        base_url: String::new(),
        model: String::new(),
        api_key: key(),
        max_tokens: None,
        temperature: None,
        top_p: None,
        history: match vendor {
            Vendor::XaiStored => History::Stored,
            _ => History::Stateless,
        },
        search: Vec::new(),
        tool_calls: ToolCalls::Parallel,
        extra_body: Map::new(),
        first_byte_timeout: SOON,
        idle_timeout: SOON,
    }
}

/// As the provider for compatible endpoints asks a Responses API.
fn endpoint<'a>(model: &'a str, nothing: &'a Map<String, Value>) -> Endpoint<'a> {
    Endpoint {
        vendor: "openai-compat",
        model,
        history: History::Stateless,
        effort: Some("low"),
        include: &["reasoning.encrypted_content"],
        tool_calls: ToolCalls::Parallel,
        documents: Documents::Taken,
        server_tools: Vec::new(),
        max_tokens: None,
        temperature: None,
        top_p: None,
        extra_body: nothing,
    }
}
