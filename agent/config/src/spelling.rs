//! Two spellings of keys: `snake_case`, which is ours, and the `camelCase` of older files.

/// `name` in `snake_case`.
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// `name`, which is in `snake_case`, in `camelCase`.
pub(crate) fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut up = false;
    for c in name.chars() {
        match (c, up) {
            ('_', _) => up = true,
            (c, true) => {
                camel.push(c.to_ascii_uppercase());
                up = false;
            }
            (c, false) => camel.push(c),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_becomes_the_other() {
        for (snaked, camelled) in [
            ("max_tokens", "maxTokens"),
            ("default_agent", "defaultAgent"),
            ("ca", "ca"),
            ("shared_mount_path", "sharedMountPath"),
        ] {
            assert_eq!(snake(camelled), snaked);
            assert_eq!(camel(snaked), camelled);
            assert_eq!(snake(snaked), snaked);
        }
        assert_eq!(snake("Fleet"), "fleet");
    }
}
