//! `providers.<name>`

use super::super::shape::Shape;
use super::{Section, key, needed};

/// `http://…` or `https://…`
const ADDRESS: Shape = Shape::Pattern("^https?://[^/\\s]");
const SECONDS: Shape = Shape::Integer(1, 86_400);

pub(super) const PROVIDER: Section = Section {
    keys: &[
        key(
            "kind",
            Shape::Word(&[
                "anthropic",
                "google",
                "ollama",
                "openai-compat",
                "llama-server",
                "rehearsal",
                "xai",
            ]),
            "What it speaks; default the entry's name",
        ),
        key(
            "model",
            Shape::Text,
            "The model to ask for; needed except for `rehearsal`. With `openai-compat`, `default` is the first that the endpoint lists",
        ),
        key(
            "base_url",
            ADDRESS,
            "Up to and without the path of the API; needed for `openai-compat`, else the vendor's own",
        ),
        key(
            "api_key",
            Shape::Secret,
            "`${NAME}` or `{file: PATH}`; needed for `google`, `xai` and, without `login`, `anthropic`",
        ),
        key(
            "max_tokens",
            Shape::Integer(1, 4_294_967_295),
            "The most tokens of one answer",
        ),
        key(
            "context_window",
            Shape::Integer(2048, 4_294_967_295),
            "What the model can read at once, answer included, in tokens; default: as the vendor says, or 128000",
        ),
        key(
            "temperature",
            Shape::Number(0.0, 2.0),
            "How much chance there is in an answer",
        ),
        key(
            "top_p",
            Shape::Number(0.0, 1.0),
            "Only the likeliest tokens that together have this probability",
        ),
        key(
            "first_byte_timeout",
            SECONDS,
            "The longest wait for the first byte of an answer, in seconds; default 120, for `ollama` 600",
        ),
        key(
            "idle_timeout",
            SECONDS,
            "The longest wait for each further byte, in seconds; default 120, for `ollama` and `openai-compat` 30",
        ),
        key(
            "verify_model_on_init",
            Shape::Flag,
            "Whether an agent looks at its start if the provider lists the model, and logs it if not",
        ),
        key(
            "extra_body",
            Shape::Free,
            "What else goes into the body of each request",
        ),
        key(
            "login",
            Shape::Section(&LOGIN),
            "Instead of `api_key`: a login by OAuth with a client of yours; only for `anthropic`",
        ),
        key(
            "prompt_cache",
            Shape::Word(&["off", "5m", "1h"]),
            "How long the vendor keeps what it has read; default 5m; only for `anthropic`",
        ),
        key(
            "server_tools",
            Shape::Frees,
            "Tools that the vendor runs, as it wants them described; only for `anthropic` and `google`",
        ),
        key(
            "betas",
            Shape::Texts,
            "Names for the header `anthropic-beta`; only for `anthropic`",
        ),
        key(
            "num_ctx",
            Shape::Integer(2048, 4_294_967_295),
            "Tokens that the server makes room for; only for `ollama`",
        ),
        key(
            "keep_alive",
            Shape::Time,
            "How long the server keeps the model, like `30m`; -1: for ever; only for `ollama`",
        ),
        key(
            "options",
            Shape::Free,
            "Further `options` of the server; only for `ollama`",
        ),
        key(
            "api",
            Shape::Word(&["chat", "responses"]),
            "Which API the endpoint is asked by; default chat; only for `openai-compat`",
        ),
        key(
            "repeat_penalty",
            Shape::Number(0.0, 2.0),
            "Makes repetition less likely; for llama.cpp and its relatives; only for `openai-compat`",
        ),
        key(
            "history",
            Shape::Word(&["stored", "stateless"]),
            "Who keeps a conversation, the vendor or nobody but the agent; default stored; only for `xai`",
        ),
        key(
            "search",
            Shape::Words(&["web_search", "x_search", "code_interpreter"]),
            "What the vendor runs while it answers; only for `xai`",
        ),
    ],
};

const LOGIN: Section = Section {
    keys: &[
        needed(
            "client_id",
            Shape::Text,
            "The name under which your application is registered with the vendor",
        ),
        key(
            "authorize_url",
            ADDRESS,
            "Where the person agrees; default the vendor's own",
        ),
        key(
            "token_url",
            ADDRESS,
            "Where tokens are had and renewed; default the vendor's own",
        ),
        key(
            "redirect_url",
            ADDRESS,
            "Where the person is sent afterwards; default the vendor's page that shows the code",
        ),
        key(
            "scopes",
            Shape::Texts,
            "What is asked for; default user:profile and user:inference",
        ),
        key(
            "token_file",
            Shape::Text,
            "What `rivetos login` writes; default `.rivetos/login-<provider>.json` beside this file",
        ),
    ],
};
