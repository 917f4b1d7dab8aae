//! What `providers:` cannot be.

use super::check;

#[test]
fn provider_kinds() {
    check(
        "agents: {ada: {provider: anthropic}}
providers: {anthropic: {model: x}, own: {}, other: {kind: openai}, more: {kind: vllm}}
",
        r#"
f.yaml:2:13: providers.anthropic.api_key: this key is missing
  hint: or `login`, with the OAuth client that you have registered
f.yaml:2:36: providers.own: `own` is not a kind of provider, so the key `kind` is needed
  hint: for example `kind: anthropic` or `kind: openai-compat`
f.yaml:2:59: providers.other.kind: "openai" is not one of anthropic, google, ollama, openai-compat, llama-server, rehearsal, xai
  hint: possible: anthropic, google, ollama, openai-compat, llama-server, rehearsal, xai
f.yaml:2:81: providers.more.kind: `vllm` is not in this version
  hint: possible: anthropic, google, ollama, openai-compat, llama-server, rehearsal, xai
"#,
    );
    check(
        r#"agents: {ada: {provider: ollama}}
providers:
  ollama: {model: m, keep_alive: soon, num_ctx: 5}
  google: {model: m, api_key: "{{file: k}}", keep_alive: 5m}
  openai-compat: {model: m, base_url: "http://x", numCtx: 4096}
"#,
        r#"
f.yaml:3:34: providers.ollama.keep_alive: this is the text "soon", but a number of seconds or a time like `30m` is needed
  hint: for example 30m, 0 for not at all, -1 for ever
f.yaml:3:49: providers.ollama.num_ctx: 5 is not between 2048 and 4294967295
f.yaml:4:58: providers.google.keep_alive: this has no effect with `kind: google`
  hint: remove it
f.yaml:5:59: providers.openai-compat.numCtx: this has no effect with `kind: openai-compat`
  hint: remove it
"#,
    );
    check(
        r#"agents: {ada: {provider: rehearsal}}
providers: {rehearsal: {base_url: "http://x", api_key: "${CANARY}"}}
"#,
        "
f.yaml:2:35: providers.rehearsal.base_url: this has no effect with `kind: rehearsal`
  hint: remove it
f.yaml:2:56: providers.rehearsal.api_key: this has no effect with `kind: rehearsal`
  hint: remove it
",
    );
}

#[test]
fn keys_of_kinds() {
    check(
        r"agents: {ada: {provider: xai}}
providers:
  xai: {model: m, api_key: {file: k}, search: [web, x_search], history: kept, options: {}}
  google: {model: m, api_key: {file: k}, server_tools: {}, extra_body: {a: .nan}}
  ollama: {model: m, extra_body: [], api: chat, first_byte_timeout: 0, idle_timeout: 1.5}
  more: {kind: google, model: m, api_key: {file: k}, extra_body: {contents: [], top_k: 5}}
",
        r#"
f.yaml:3:48: providers.xai.search: "web" is not one of web_search, x_search, code_interpreter
  hint: possible: web_search, x_search, code_interpreter
f.yaml:3:73: providers.xai.history: "kept" is not one of stored, stateless
  hint: possible: stored, stateless
f.yaml:3:88: providers.xai.options: this has no effect with `kind: xai`
  hint: remove it
f.yaml:4:56: providers.google.server_tools: this is a map, but a list of maps is needed
f.yaml:4:76: providers.google.extra_body.a: JSON has no such number
f.yaml:5:34: providers.ollama.extra_body: this is a list, but a map of keys and values is needed
f.yaml:5:43: providers.ollama.api: this has no effect with `kind: ollama`
  hint: remove it
f.yaml:5:69: providers.ollama.first_byte_timeout: 0 is not between 1 and 86400
f.yaml:5:86: providers.ollama.idle_timeout: this is the number 1.5, but a whole number is needed
f.yaml:6:66: providers.more.extra_body: `contents` is what the agent says itself
  hint: remove it
"#,
    );
}

#[test]
fn a_key_or_a_login() {
    check(
        "agents: {ada: {provider: anthropic}}
providers:
  anthropic: {model: m, api_key: {file: k}, login: {client_id: c}}
  other: {kind: anthropic, model: m, login: {token_url: 'ftp://x', scope: a, scopes: [1]}}
",
        "
f.yaml:3:52: providers.anthropic.login: `api_key` is there too, and only one of them can be used
  hint: remove one of them
f.yaml:4:38: providers.other.login.client_id: this key is missing
f.yaml:4:57: providers.other.login.token_url: an address starts with http:// or https:// and a host
  hint: for example https://console.anthropic.com/v1/oauth/token
f.yaml:4:68: providers.other.login.scope: unknown key
  hint: did you mean `scopes`?
f.yaml:4:87: providers.other.login.scopes: this is the number 1, but a text is needed
  hint: write it in quotes
",
    );
}

#[test]
fn fallbacks_that_nobody_can_ask() {
    check(
        "runtime: {default_agent: ada}
agents:
  ada: {provider: rehearsal, fallbacks: [rehearsel, 'rehearsal:', rehearsal, rehearsal]}
  max: {provider: rehearsal, fallbacks: rehearsal}
providers: {rehearsal: {}}
",
        r#"
f.yaml:3:42: agents.ada.fallbacks: "rehearsel" is not one of the `providers`
  hint: did you mean `rehearsal`? There are: rehearsal
f.yaml:3:53: agents.ada.fallbacks: the model behind the colon is missing
  hint: write `rehearsal:MODEL`, or `rehearsal` for its own model
f.yaml:3:78: agents.ada.fallbacks: `rehearsal` is in the list already
f.yaml:4:41: agents.max.fallbacks: this is the text "rehearsal", but a list of `provider` or `provider:model` is needed
"#,
    );
}
