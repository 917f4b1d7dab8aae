//! What holds for every file and every configuration.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use proptest::collection::btree_map;
use proptest::option::of;
use proptest::prelude::*;
use rivetos_config::{
    Agent, AgentChannel, AgentName, Anthropic, Budget, Channels, Config, Datahub, DatahubAddress,
    Deploy, Deployment, Docker, DockerHost, Google, HostName, Image, Local, Login, Memory,
    ModelRef, Ollama, OpenaiCompat, Otlp, Policy, PortRange, Provider, ProviderKind, Resources,
    Runtime, SecretRef, Sqlite, Target, Telemetry, Tls, Tool, Tools, Variant, Xai, parse, schema,
};
use rivetos_types::settings::{CompatApi, History, KeepAlive, PromptCache, XaiTool};
use rivetos_types::store::Thinking;
use serde_json::{Map, Value as Json};

/// Whatever text, and texts that YAML could take for something else.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "no", "null", "~", "0777", "1_000", "1e3", ".nan", "- a", "a: b", "# x", "*a", "&a",
            "!x", "{{ a }}", "{%", "${HOME}", "$", "$$x", "a\nb", "a\r\n", " a ", "\t", "\u{85}",
            "\u{2028}", "\u{feff}", "\u{7f}", "\0", "\"", "'", "\\", "---", "...", "ö🦀", "%", "@",
            "`", "|", ">", "?", "<<",
        ])
        .prop_map(str::to_owned),
        any::<String>().prop_filter("never empty", |text| !text.is_empty()),
    ]
}

fn path() -> impl Strategy<Value = PathBuf> {
    hostile().prop_map(|text| PathBuf::from(format!("/{text}")))
}

fn word() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?".prop_filter("reserved", |word| {
        !["datahub", "fleet", "rivetos"].contains(&word.as_str())
    })
}

fn secret() -> impl Strategy<Value = SecretRef> {
    prop_oneof![
        Just(SecretRef::Env("KEY".to_owned())),
        path().prop_map(SecretRef::File),
    ]
}

/// A value that goes to somebody else as it is.
fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        (-1e30f64..1e30).prop_map(Json::from),
        prop_oneof![Just(String::new()), hostile()].prop_map(Json::String),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            btree_map(hostile(), inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

/// Keys that the program leaves to the file.
fn object() -> impl Strategy<Value = Map<String, Json>> {
    let key = hostile().prop_filter("the program's own", |key| {
        !["contents", "input", "messages", "model", "stream"].contains(&key.as_str())
    });
    btree_map(key, json(), 0..3).prop_map(|map| map.into_iter().collect())
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(hostile(), 0..3)
}

fn kind() -> impl Strategy<Value = ProviderKind> {
    let time = (0u64..1_000_000).prop_map(|s| KeepAlive::For(Duration::from_secs(s)));
    let keep_alive = of(prop_oneof![time, Just(KeepAlive::Forever)]);
    let cache = prop::sample::select(vec![
        PromptCache::Off,
        PromptCache::Minutes,
        PromptCache::Hour,
    ]);
    let tools = || prop::collection::vec(object(), 0..3);
    let api = prop::sample::select(vec![CompatApi::Chat, CompatApi::Responses]);
    let history = prop::sample::select(vec![History::Stored, History::Stateless]);
    let all = vec![
        XaiTool::WebSearch,
        XaiTool::XSearch,
        XaiTool::CodeInterpreter,
    ];
    let search = prop::sample::subsequence(all.clone(), 0..=all.len());
    prop_oneof![
        (of(login()), cache, tools(), texts()).prop_map(
            |(login, prompt_cache, server_tools, betas)| ProviderKind::Anthropic(Anthropic {
                login,
                prompt_cache,
                server_tools,
                betas,
            })
        ),
        tools().prop_map(|server_tools| ProviderKind::Google(Google { server_tools })),
        (of(2048u32..), keep_alive, object()).prop_map(|(num_ctx, keep_alive, options)| {
            ProviderKind::Ollama(Ollama {
                num_ctx,
                keep_alive,
                options,
            })
        }),
        (api, of(0.0f64..=2.0)).prop_map(|(api, repeat_penalty)| ProviderKind::OpenaiCompat(
            OpenaiCompat {
                api,
                repeat_penalty,
            }
        )),
        (history, search).prop_map(|(history, search)| ProviderKind::Xai(Xai { history, search })),
    ]
}

fn address() -> impl Strategy<Value = String> {
    "http://[a-z0-9.]{1,20}(:[0-9]{1,4})?(/[a-z0-9#&*!{}$%']{1,10})*"
}

fn login() -> impl Strategy<Value = Login> {
    let scopes = prop::collection::vec(hostile(), 0..3);
    let urls = (address(), address(), address());
    (hostile(), urls, scopes, path()).prop_map(
        |(client_id, (authorize_url, token_url, redirect_url), scopes, token_file)| Login {
            client_id,
            authorize_url,
            token_url,
            redirect_url,
            scopes,
            token_file,
        },
    )
}

fn endpoint() -> impl Strategy<Value = Provider> {
    let tokens = (of(1u32..), of(2048u32..));
    let sampling = (of(0.0f64..=2.0), of(0.0f64..=1.0));
    let seconds = || of((1u64..=86_400).prop_map(Duration::from_secs));
    let who = (hostile(), address(), of(secret()), secret());
    (
        kind(),
        who,
        tokens,
        sampling,
        (seconds(), seconds(), any::<bool>()),
        object(),
    )
        .prop_map(
            |(
                kind,
                (model, base_url, some_key, key),
                (max_tokens, context_window),
                (temperature, top_p),
                (first_byte_timeout, idle_timeout, verify_model_on_init),
                extra_body,
            )| {
                // Some kinds do without, some do not, and a login is instead of one.
                let api_key = match &kind {
                    ProviderKind::Anthropic(own) => own.login.is_none().then_some(key),
                    ProviderKind::Google(_) | ProviderKind::Xai(_) => Some(key),
                    ProviderKind::Ollama(_) | ProviderKind::OpenaiCompat(_) => some_key,
                    ProviderKind::Rehearsal => None,
                };
                Provider {
                    kind,
                    model,
                    base_url: Some(base_url),
                    api_key,
                    max_tokens,
                    context_window,
                    temperature,
                    top_p,
                    first_byte_timeout,
                    idle_timeout,
                    verify_model_on_init,
                    extra_body,
                }
            },
        )
}

fn channels() -> impl Strategy<Value = Channels> {
    (of(any::<std::net::IpAddr>()), of(1u16..), of(secret())).prop_map(|(host, port, secret)| {
        Channels {
            agent: AgentChannel { host, port, secret },
        }
    })
}

fn target() -> impl Strategy<Value = Target> {
    prop::sample::select(vec![Target::Docker, Target::Local])
}

fn resources() -> impl Strategy<Value = Resources> {
    let memory = prop_oneof![6u64 << 20..=1 << 50, (6u64..1000).prop_map(|m| m << 20)];
    (of(memory), of(10u32..=4_096_000), of(32u32..=4_194_304)).prop_map(
        |(memory_bytes, milli_cpus, pids)| Resources {
            memory_bytes,
            milli_cpus,
            pids,
        },
    )
}

fn tls() -> impl Strategy<Value = Tls> {
    (path(), path(), path()).prop_map(|(ca, cert, key)| Tls { ca, cert, key })
}

fn engine() -> impl Strategy<Value = DockerHost> {
    prop_oneof![
        hostile().prop_map(|path| (format!("unix://{path}"), None)),
        "[a-z]{1,9}(@[a-z0-9][a-z0-9.]{0,8})?".prop_map(|host| (format!("ssh://{host}0"), None)),
        (word(), of(tls())).prop_map(|(host, tls)| (format!("tcp://{host}:2376"), tls)),
    ]
    .prop_map(|(host, tls)| DockerHost { host, tls })
}

fn datahub_address() -> impl Strategy<Value = DatahubAddress> {
    let ip = prop_oneof![
        any::<Ipv4Addr>().prop_map(IpAddr::from),
        any::<Ipv6Addr>().prop_map(IpAddr::from),
    ];
    let host = of("[a-z]([a-z0-9-]{0,8}[a-z0-9])?(\\.[a-z]([a-z0-9]{0,8}))?");
    (ip, host, 1u16.., tls()).prop_map(|(bind, host, port, tls)| DatahubAddress {
        // Nobody connects to what stands for every address.
        host: host.unwrap_or_else(|| {
            if bind.is_unspecified() {
                "nas".to_owned()
            } else {
                bind.to_string()
            }
        }),
        port,
        bind,
        tls,
    })
}

fn image() -> impl Strategy<Value = Image> {
    (
        of(word()),
        of(word()),
        of(word()),
        any::<bool>(),
        of(word()),
    )
        .prop_map(
            |(registry, agent_image, tag, scratch, datahub_image)| Image {
                registry,
                agent_image,
                tag,
                variant: if scratch {
                    Variant::Scratch
                } else {
                    Variant::Slim
                },
                datahub_image,
            },
        )
}

fn docker() -> impl Strategy<Value = Docker> {
    let hosts = btree_map(
        word().prop_map(|name| name.parse().unwrap()),
        engine(),
        0..3,
    );
    (of(engine()), hosts, of(word()), of(1u16..), resources()).prop_map(
        |(default, hosts, network, postgres_port, resources)| {
            let (host, tls) = default.map_or((None, None), |one| (Some(one.host), one.tls));
            Docker {
                host,
                tls,
                hosts,
                network,
                postgres_port,
                resources,
            }
        },
    )
}

fn deployment() -> impl Strategy<Value = Deployment> {
    let local = (1u16.., 0u16..100).prop_map(|(first, more)| Local {
        port_range: PortRange {
            first,
            last: first.saturating_add(more),
        },
    });
    let datahub = of((13u32..30, any::<bool>(), resources(), of(datahub_address())));
    (target(), datahub, image(), docker(), local).prop_map(
        |(target, datahub, image, docker, local)| Deployment {
            target,
            datahub: datahub.filter(|_| target == Target::Docker).map(
                |(postgres_version, protect, resources, address)| Datahub {
                    postgres_version,
                    protect,
                    resources,
                    address,
                },
            ),
            image,
            docker,
            local,
        },
    )
}

/// What an agent asks for, as far as `deployment` lets it.
fn deploy(
    deployment: Option<&Deployment>,
    target: Option<Target>,
    wished: (prop::sample::Index, Resources, Option<String>, bool),
) -> Deploy {
    let Some(deployment) = deployment else {
        return Deploy::default();
    };
    let (index, resources, image, protect) = wished;
    let hosts: Vec<Option<HostName>> = deployment.docker.hosts.keys().cloned().map(Some).collect();
    let deploy = Deploy {
        target,
        protect,
        ..Deploy::default()
    };
    match target.unwrap_or(deployment.target) {
        Target::Local => deploy,
        Target::Docker => Deploy {
            host: [vec![None], hosts].concat()[index.index(deployment.docker.hosts.len() + 1)]
                .clone(),
            resources,
            image,
            ..deploy
        },
    }
}

fn tools() -> impl Strategy<Value = Tools> {
    let all: Vec<Tool> = Tool::ALL.map(|(_, tool)| tool).into();
    let some = prop::sample::subsequence(all.clone(), 0..=all.len())
        .prop_map(|tools| tools.into_iter().collect::<BTreeSet<Tool>>());
    prop_oneof![
        Just(Tools::All),
        some.clone().prop_map(Tools::Only),
        some.prop_map(Tools::Without),
    ]
}

prop_compose! {
    fn wish()(
        provider in any::<prop::sample::Index>(),
        model in of(hostile()),
        tools in tools(),
        renamed in any::<bool>(),
        target in of(target()),
        deploy in (any::<prop::sample::Index>(), resources(), of(word()), any::<bool>()),
    ) -> Wish {
        (provider, model, tools, renamed, target, deploy)
    }
}

fn spending() -> impl Strategy<Value = (Option<Thinking>, BTreeMap<Tool, Policy>, Budget)> {
    let thinking = prop::sample::select(vec![Thinking::Off, Thinking::High]);
    let policy = prop::sample::select(Policy::ALL.map(|(_, policy)| policy).to_vec());
    let tool = prop::sample::select(Tool::ALL.map(|(_, tool)| tool).to_vec());
    let amount = || of(0u64..=1_000_000_000_000);
    let budget = (amount(), amount(), amount()).prop_map(|(day, month, turn)| Budget {
        day_micro_usd: day,
        month_micro_usd: month,
        turn_micro_usd: turn,
    });
    (of(thinking), btree_map(tool, policy, 0..3), budget)
}

/// What an agent would like to be.
type Wish = (
    prop::sample::Index,
    Option<String>,
    Tools,
    bool,
    Option<Target>,
    (prop::sample::Index, Resources, Option<String>, bool),
);

/// Models to fall back to, before it is known which providers there are.
fn fallbacks() -> impl Strategy<Value = Vec<(prop::sample::Index, Option<String>)>> {
    prop::collection::vec((any::<prop::sample::Index>(), of(hostile())), 0..3)
}

fn refs(
    fallbacks: &[(prop::sample::Index, Option<String>)],
    providers: &[&String],
) -> Vec<ModelRef> {
    let mut refs: Vec<ModelRef> = Vec::new();
    for (index, model) in fallbacks {
        let one = ModelRef {
            provider: (*index.get(providers)).clone(),
            model: model.clone(),
        };
        if !refs.contains(&one) {
            refs.push(one);
        }
    }
    refs
}

prop_compose! {
    fn config()(
        fleet in word(),
        providers in btree_map(word(), endpoint(), 1..4),
        wishes in btree_map(word(), (wish(), spending(), fallbacks()), 1..4),
        runtime in (any::<prop::sample::Index>(), of(path()), 1u32..=10_000, 1u64..=86_400),
        channels in channels(),
        store in of(path()),
        otlp in of((word(), of(secret()))),
        deployment in of(deployment()),
    ) -> Config {
        let provider_names: Vec<&String> = providers.keys().collect();
        let agents: BTreeMap<AgentName, Agent> = wishes
            .into_iter()
            .map(|(name, ((index, model, tools, renamed, target, wished), spending, fallbacks))| {
                let (thinking, policy, budget) = spending;
                // Longer than any name, so nobody's.
                let first = format!("{name}-was-somebody-else-before");
                let agent = Agent {
                    provider: (*index.get(&provider_names)).clone(),
                    model,
                    fallbacks: refs(&fallbacks, &provider_names),
                    thinking,
                    tools,
                    policy,
                    budget,
                    was: renamed.then(|| first.parse().unwrap()),
                    deploy: deploy(deployment.as_ref(), target, wished),
                };
                (name.parse().unwrap(), agent)
            })
            .collect();
        let (index, workspace, max_tool_iterations, seconds) = runtime;
        let agent_names: Vec<&AgentName> = agents.keys().collect();
        let runtime = Runtime {
            default_agent: (*index.get(&agent_names)).clone(),
            workspace,
            max_tool_iterations,
            turn_timeout: Duration::from_secs(seconds),
        };
        Config {
            fleet: fleet.parse().unwrap(),
            runtime,
            agents,
            providers,
            channels,
            memory: Memory { sqlite: Sqlite { path: store } },
            telemetry: Telemetry {
                otlp: otlp.map(|(host, headers)| Otlp {
                    endpoint: format!("http://{host}:4318"),
                    headers,
                }),
            },
            deployment,
        }
    }
}

/// Text that looks like a configuration, so that reading gets past the parser.
fn nearly_a_file() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "agents:",
            "providers:",
            "runtime:",
            "deployment:",
            "target: local",
            "  ada:",
            "    provider: p",
            "  p:",
            "    kind: rehearsal",
            "\n",
            "\n",
            "\n  ",
            " ",
            "- ",
            "{",
            "}",
            "[",
            "]",
            "&a",
            "*a",
            "<<: *a",
            "!!int",
            "!!binary",
            "? ",
            ": ",
            "|\n  ",
            ">-\n",
            "\"",
            "'",
            "#",
            "${",
            "}",
            "${A:-b}",
            "---\n",
            "%YAML 1.2\n",
            "\t",
            "\u{feff}",
            "💥",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// The published schema.
static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(&schema()).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_much_for_the_reader(text in nearly_a_file()) {
        let lines = text.split('\n').count() as u64;
        if let Err(problems) = parse(&text, "f", &BTreeMap::new()) {
            prop_assert!(!problems.0.is_empty());
            for problem in problems.0 {
                prop_assert!(problem.line >= 1 && problem.column >= 1, "{problem}");
                prop_assert!(problem.line <= lines + 1, "{problem}");
            }
        }
    }

    #[test]
    fn a_written_configuration_reads_as_the_same(config in config()) {
        let environment: BTreeMap<String, String> = [("KEY".into(), "k".into())].into();
        let text = config.to_yaml();
        match parse(&text, "f", &environment) {
            Ok(parsed) => {
                prop_assert_eq!(parsed.config, config);
                let json: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
                let errors: Vec<String> = SCHEMA.iter_errors(&json).map(|e| e.to_string()).collect();
                prop_assert_eq!(errors, Vec::<String>::new(), "{}", text);
            }
            Err(problems) => prop_assert!(false, "{}\n{}", problems, text),
        }
    }
}
