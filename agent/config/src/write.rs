//! The typed configuration as text that reads as the same.

use std::collections::BTreeSet;
use std::path::Path;

use rivetos_types::id::AgentName;
use rivetos_types::secret::SecretRef;
use rivetos_types::store::Thinking;

use crate::environment::escape;
use crate::model::{Agent, AgentChannel, Budget, Config, ModelRef, Policy, Runtime, Tool, Tools};

mod deployment;
mod provider;

use deployment::{deploy, deployment};
use provider::provider;

/// A map of the file to be written.
#[derive(Default)]
struct Map(Vec<(String, Entry)>);

enum Entry {
    /// As it goes into the file.
    Scalar(String),
    Map(Map),
}

impl Map {
    fn scalar(&mut self, key: &str, value: &impl ToString) {
        self.0
            .push((key.to_owned(), Entry::Scalar(value.to_string())));
    }

    fn text(&mut self, key: &str, value: &str) {
        self.scalar(key, &quoted(&escape(value)));
    }

    fn optional_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// Nothing at all for none.
    fn texts(&mut self, key: &str, texts: &[String]) {
        let texts: Vec<String> = texts.iter().map(|text| quoted(&escape(text))).collect();
        if !texts.is_empty() {
            self.scalar(key, &format!("[{}]", texts.join(", ")));
        }
    }

    fn optional_scalar(&mut self, key: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.scalar(key, &value);
        }
    }

    /// `key: true`; nothing when it is false, which is the default wherever this is used.
    fn flag(&mut self, key: &str, value: bool) {
        if value {
            self.scalar(key, &value);
        }
    }

    fn path(&mut self, key: &str, value: Option<&Path>) {
        if let Some(value) = value {
            self.text(key, &value.to_string_lossy());
        }
    }

    fn secret(&mut self, key: &str, secret: Option<&SecretRef>) {
        match secret {
            None => {}
            Some(SecretRef::Env(name)) => self.scalar(key, &quoted(&format!("${{{name}}}"))),
            // The text is for people to see.
            Some(SecretRef::Written(_)) => self.scalar(key, &quoted("***")),
            Some(SecretRef::File(path)) => {
                let mut map = Self::default();
                map.path("file", Some(path));
                self.map(key, map);
            }
        }
    }

    /// Nothing at all when `map` is empty.
    fn map(&mut self, key: &str, map: Self) {
        if !map.0.is_empty() {
            self.0.push((key.to_owned(), Entry::Map(map)));
        }
    }

    fn write(&self, indent: usize, out: &mut String) {
        for (key, entry) in &self.0 {
            out.push_str(&" ".repeat(indent));
            out.push_str(key);
            match entry {
                Entry::Scalar(value) => {
                    out.push_str(": ");
                    out.push_str(value);
                    out.push('\n');
                }
                Entry::Map(map) => {
                    out.push_str(":\n");
                    map.write(indent + 2, out);
                }
            }
        }
    }
}

/// `text` as a scalar in double quotes that every reader of YAML, and of JSON, takes for a text.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // Lines break there for some readers, and a byte order mark may vanish.
            '\u{2028}' | '\u{2029}' | '\u{feff}' => out.push_str(&escaped(c)),
            // What YAML 1.2 calls printable; everything else lies in the basic plane.
            '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'.. => out.push(c),
            other => out.push_str(&escaped(other)),
        }
    }
    out.push('"');
    out
}

fn escaped(c: char) -> String {
    format!("\\u{:04x}", u32::from(c))
}

impl Config {
    /// The file that says this: the same bytes for equal configurations, and read by
    /// [`parse`](crate::parse) as an equal one, provided that every path is UTF-8.
    ///
    /// Secrets stay references, so the text holds none; one that stands in the file itself becomes
    /// `***`.
    pub fn to_yaml(&self) -> String {
        let mut root = Map::default();
        root.text("fleet", self.fleet.as_str());
        root.map("runtime", runtime(&self.runtime));
        let mut agents = Map::default();
        for (name, one) in &self.agents {
            agents.map(&quoted(name.as_str()), agent(one));
        }
        root.map("agents", agents);
        let mut providers = Map::default();
        for (name, one) in &self.providers {
            providers.map(&quoted(name), provider(one));
        }
        root.map("providers", providers);
        let mut channels = Map::default();
        channels.map("agent", agent_channel(&self.channels.agent));
        root.map("channels", channels);
        let mut sqlite = Map::default();
        sqlite.path("path", self.memory.sqlite.path.as_deref());
        let mut memory = Map::default();
        memory.map("sqlite", sqlite);
        root.map("memory", memory);
        let mut telemetry = Map::default();
        if let Some(one) = &self.telemetry.otlp {
            let mut otlp = Map::default();
            otlp.text("endpoint", &one.endpoint);
            otlp.secret("headers", one.headers.as_ref());
            telemetry.map("otlp", otlp);
        }
        root.map("telemetry", telemetry);
        if let Some(one) = &self.deployment {
            root.map("deployment", deployment(one));
        }
        let mut out = String::new();
        root.write(0, &mut out);
        out
    }
}

fn runtime(runtime: &Runtime) -> Map {
    let mut map = Map::default();
    map.text("default_agent", runtime.default_agent.as_str());
    map.path("workspace", runtime.workspace.as_deref());
    map.scalar("max_tool_iterations", &runtime.max_tool_iterations);
    map.scalar("turn_timeout", &runtime.turn_timeout.as_secs());
    map
}

fn agent(agent: &Agent) -> Map {
    let mut map = Map::default();
    map.text("provider", &agent.provider);
    map.optional_text("model", agent.model.as_deref());
    let fallbacks: Vec<String> = agent.fallbacks.iter().map(ModelRef::to_string).collect();
    map.texts("fallbacks", &fallbacks);
    let thinking = agent.thinking.map(|thinking| match thinking {
        Thinking::Off => "off",
        Thinking::Low => "low",
        Thinking::Medium => "medium",
        Thinking::High => "high",
    });
    // `off` is false for readers of YAML 1.1.
    map.optional_text("default_thinking", thinking);
    map.map("tools", tools(agent));
    map.map("budget", budget(&agent.budget));
    map.optional_text("was", agent.was.as_ref().map(AgentName::as_str));
    map.map("deploy", deploy(&agent.deploy));
    map
}

fn budget(budget: &Budget) -> Map {
    let mut map = Map::default();
    for (key, amount) in [
        ("day", budget.day_micro_usd),
        ("month", budget.month_micro_usd),
        ("turn", budget.turn_micro_usd),
    ] {
        let dollars = amount.map(|micro| format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000));
        map.optional_scalar(key, dollars);
    }
    map
}

fn tools(agent: &Agent) -> Map {
    let mut map = Map::default();
    let words = |set: &BTreeSet<Tool>| {
        let words = Tool::ALL.iter().filter(|(_, tool)| set.contains(tool));
        let words: Vec<&str> = words.map(|(word, _)| *word).collect();
        format!("[{}]", words.join(", "))
    };
    match &agent.tools {
        Tools::All => {}
        Tools::Only(set) => map.scalar("include", &words(set)),
        Tools::Without(set) => map.scalar("exclude", &words(set)),
    }
    let mut policies = Map::default();
    for (word, tool) in Tool::ALL {
        let policy = agent.policy.get(&tool);
        let known = Policy::ALL.iter().find(|(_, known)| policy == Some(known));
        policies.optional_scalar(word, known.map(|(word, _)| *word));
    }
    map.map("policy", policies);
    map
}

fn agent_channel(channel: &AgentChannel) -> Map {
    let mut map = Map::default();
    let host = channel.host.map(|host| host.to_string());
    map.optional_text("host", host.as_deref());
    map.optional_scalar("port", channel.port);
    map.secret("secret", channel.secret.as_ref());
    map
}
