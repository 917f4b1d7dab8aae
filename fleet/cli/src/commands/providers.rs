//! `rivetos provider list`

use std::fmt::Write;

use rivetos_config::{Config, Provider};
use serde::Serialize;

use crate::exit::Exit;
use crate::fleet::{FleetFile, Secrets, locate};
use crate::output::{Failure, Format, Printer};
use crate::settings::Globals;

#[derive(Serialize)]
struct ProvidersReport<'a> {
    schema_version: u32,
    providers: Vec<ProviderReport<'a>>,
}

#[derive(Serialize)]
struct ProviderReport<'a> {
    name: &'a str,
    kind: &'static str,
    model: &'a str,
    /// Absent: the vendor's own.
    base_url: Option<&'a str>,
    /// How a request shows who sends it: `key`, `login` or `none`.
    access: &'static str,
    /// The agents that ask it first.
    agents: Vec<&'a str>,
    /// The agents that ask it when others fail.
    fallback_of: Vec<&'a str>,
}

/// Lists what the file says. Nobody is asked.
pub(crate) fn run(globals: &Globals, printer: Printer) -> Result<Exit, Failure> {
    let file = locate(globals.config.as_deref(), &globals.home)?.path;
    let read = FleetFile::read(&file, Secrets::NotNeeded)?;
    read.warn(printer);
    let config = &read.config;
    let providers = config.providers.iter();
    let providers = providers.map(|(name, provider)| report(config, name, provider));
    let report = ProvidersReport {
        schema_version: 1,
        providers: providers.collect(),
    };
    match printer.format() {
        Format::Json => printer.json(&report),
        Format::Text => table(&report.providers, printer),
    }
    Ok(Exit::Ok)
}

fn report<'a>(config: &'a Config, name: &'a str, provider: &'a Provider) -> ProviderReport<'a> {
    let agents = || config.agents.iter();
    let own = agents().filter(|(_, agent)| agent.provider == name);
    let fallback = agents().filter(|(_, agent)| {
        let mut fallbacks = agent.fallbacks.iter();
        fallbacks.any(|fallback| fallback.provider == name)
    });
    ProviderReport {
        name,
        kind: provider.kind.word(),
        model: &provider.model,
        base_url: provider.base_url.as_deref(),
        access: match (provider.login(), &provider.api_key) {
            (Some(_), _) => "login",
            (None, Some(_)) => "key",
            (None, None) => "none",
        },
        agents: own.map(|(agent, _)| agent.as_str()).collect(),
        fallback_of: fallback.map(|(agent, _)| agent.as_str()).collect(),
    }
}

/// Columns that are as wide as they must be.
fn table(providers: &[ProviderReport<'_>], printer: Printer) {
    let head = ["PROVIDER", "KIND", "MODEL", "ACCESS", "AGENTS"].map(str::to_owned);
    let rows = providers.iter().map(|one| {
        let own = [one.name, one.kind, one.model, one.access].map(str::to_owned);
        let [name, kind, model, access] = own;
        [name, kind, model, access, agents(one)]
    });
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths = [0, 1, 2, 3].map(width);
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            // Writing to a `String` cannot fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        line.push_str(&row[4]);
        printer.data(line.trim_end());
    }
}

fn agents(provider: &ProviderReport<'_>) -> String {
    let own = provider.agents.join(", ");
    if provider.fallback_of.is_empty() {
        return own;
    }
    let fallback = format!("(fallback of {})", provider.fallback_of.join(", "));
    format!("{own} {fallback}").trim_start().to_owned()
}
