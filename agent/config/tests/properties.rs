//! What holds for every file and every configuration.

#![cfg(test)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use proptest::collection::btree_map;
use proptest::option::of;
use proptest::prelude::*;
use rivetos_config::{
    Agent, AgentChannel, AgentName, Channels, Config, Datahub, Deployment, Docker, Image, Local,
    Memory, PortRange, Provider, ProviderKind, Runtime, SecretRef, Sqlite, Target, Variant, parse,
};

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

fn endpoint() -> impl Strategy<Value = Provider> {
    let address = "[a-z0-9.]{1,20}(:[0-9]{1,4})?(/[a-z0-9#&*!{}$%']{1,10})*";
    let key = of(secret());
    (hostile(), address, key, of(1u32..), of(0.0f64..=2.0)).prop_map(
        |(model, address, api_key, max_tokens, temperature)| Provider {
            kind: ProviderKind::OpenaiCompat,
            model,
            base_url: Some(format!("http://{address}")),
            api_key,
            max_tokens,
            temperature,
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

fn deployment() -> impl Strategy<Value = Deployment> {
    let image = (of(word()), of(word()), any::<bool>(), of(word())).prop_map(
        |(agent_image, tag, scratch, datahub_image)| Image {
            agent_image,
            tag,
            variant: if scratch {
                Variant::Scratch
            } else {
                Variant::Slim
            },
            datahub_image,
        },
    );
    let docker =
        (of(hostile()), of(word()), of(1u16..)).prop_map(|(host, network, postgres_port)| Docker {
            host: host.map(|host| format!("unix://{host}")),
            network,
            postgres_port,
        });
    let local = (1u16.., 0u16..100).prop_map(|(first, more)| Local {
        port_range: PortRange {
            first,
            last: first.saturating_add(more),
        },
    });
    (any::<bool>(), of(13u32..30), image, docker, local).prop_map(
        |(on_docker, version, image, docker, local)| Deployment {
            target: if on_docker {
                Target::Docker
            } else {
                Target::Local
            },
            datahub: version
                .filter(|_| on_docker)
                .map(|postgres_version| Datahub { postgres_version }),
            image,
            docker,
            local,
        },
    )
}

prop_compose! {
    fn config()(
        fleet in word(),
        providers in btree_map(word(), endpoint(), 1..4),
        names in btree_map(word(), (any::<prop::sample::Index>(), of(hostile())), 1..4),
        runtime in (any::<prop::sample::Index>(), of(path()), 1u32..=10_000, 1u64..=86_400),
        channels in channels(),
        store in of(path()),
        deployment in of(deployment()),
    ) -> Config {
        let provider_names: Vec<&String> = providers.keys().collect();
        let agents: BTreeMap<AgentName, Agent> = names
            .into_iter()
            .map(|(name, (index, model))| {
                let provider = (*index.get(&provider_names)).clone();
                (name.parse().unwrap(), Agent { provider, model })
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
            Ok(parsed) => prop_assert_eq!(parsed.config, config),
            Err(problems) => prop_assert!(false, "{}\n{}", problems, text),
        }
    }
}
