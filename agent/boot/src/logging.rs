//! Logs on standard error; every line begins with its time.

use tracing::level_filters::LevelFilter;

/// Starts logging as the environment says; `info` and text when it says nothing.
pub(crate) fn start() {
    let level = std::env::var("RIVETOS_LOG_LEVEL").ok();
    let parsed = level.as_deref().map(str::parse::<LevelFilter>);
    let filter = parsed
        .clone()
        .and_then(Result::ok)
        .unwrap_or(LevelFilter::INFO);
    let builder = tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    let json = std::env::var("RIVETOS_LOG_FORMAT").is_ok_and(|format| format == "json");
    let subscriber: Box<dyn tracing::Subscriber + Send + Sync> = if json {
        Box::new(builder.json().flatten_event(true).finish())
    } else {
        Box::new(builder.finish())
    };
    // It fails only when a subscriber is there already.
    let _ = tracing::subscriber::set_global_default(subscriber);
    if let Some(Err(_)) = parsed {
        tracing::warn!("RIVETOS_LOG_LEVEL is none of error, warn, info, debug, trace; using info");
    }
}
