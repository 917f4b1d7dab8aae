//! `provider models`: what a provider has.

use serde_json::{Value, json};

use super::{Asking, print};
use crate::error::BootError;
use crate::models::Listed;

pub(super) async fn run(asking: &Asking, name: &str) -> Result<(), BootError> {
    let vendor = asking.vendor(name).await?;
    if let Some(reason) = asking.cannot_ask(name) {
        return Err(BootError::NotAsked(reason));
    }
    let models = vendor.list_models().await.map_err(BootError::Model)?;
    if asking.json {
        let models: Vec<Value> = models.iter().map(entry).collect();
        return print::document(
            &json!({ "schema_version": 1, "provider": name, "models": models }),
        );
    }
    let mut rows = vec![["MODEL", "CONTEXT", "SIZE"].map(str::to_owned).to_vec()];
    rows.extend(models.iter().map(row));
    print::table(&rows)
}

fn row(model: &Listed) -> Vec<String> {
    let tokens = model
        .context_tokens
        .map(|tokens| format!("{tokens} tokens"));
    let size = model.bytes.map(|bytes| format!("{} MB", bytes / 1_000_000));
    let unknown = || "-".to_owned();
    vec![
        model.name.clone(),
        tokens.unwrap_or_else(unknown),
        size.unwrap_or_else(unknown),
    ]
}

fn entry(model: &Listed) -> Value {
    json!({
        "name": model.name,
        "context_tokens": model.context_tokens,
        "bytes": model.bytes,
    })
}
