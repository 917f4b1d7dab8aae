//! The shapes of keys that services give out.

/// A prefix and what has to follow it.
struct Shape {
    prefix: &'static str,
    /// The fewest bytes behind the prefix.
    bytes_min: usize,
    rest: fn(u8) -> bool,
    note: &'static str,
}

const API_KEY: &str = "[redacted: api key]";
const ACCESS_TOKEN: &str = "[redacted: access token]";
const BEARER: &str = "[redacted: bearer token]";
const BOT_TOKEN: &str = "[redacted: bot token]";
const PASSWORD: &str = "[redacted: password]";
const PRIVATE_KEY: &str = "[redacted: private key]";
const REFERENCE: &str = "[redacted: secret reference]";

const SHAPES: [Shape; 16] = [
    shape("sk-ant-", 20, is_word, API_KEY),
    shape("sk-proj-", 20, is_word, API_KEY),
    shape("sk-or-", 20, is_word, API_KEY),
    shape("sk-", 48, is_alphanumeric, API_KEY),
    shape("xai-", 20, is_alphanumeric, API_KEY),
    shape("AIza", 35, is_word, API_KEY),
    shape("AKIA", 16, is_upper, API_KEY),
    shape("ghp_", 36, is_alphanumeric, ACCESS_TOKEN),
    shape("gho_", 36, is_alphanumeric, ACCESS_TOKEN),
    shape("ghu_", 36, is_alphanumeric, ACCESS_TOKEN),
    shape("ghs_", 36, is_alphanumeric, ACCESS_TOKEN),
    shape("ghr_", 36, is_alphanumeric, ACCESS_TOKEN),
    shape("github_pat_", 40, is_word, ACCESS_TOKEN),
    shape("glpat-", 20, is_word, ACCESS_TOKEN),
    shape("xoxb-", 20, is_word, BOT_TOKEN),
    shape("op://", 5, is_path, REFERENCE),
];

const fn shape(
    prefix: &'static str,
    bytes_min: usize,
    rest: fn(u8) -> bool,
    note: &'static str,
) -> Shape {
    Shape {
        prefix,
        bytes_min,
        rest,
        note,
    }
}

const PEM_BEGIN: &str = "-----BEGIN ";
const PEM_END: &str = "PRIVATE KEY-----";
const DASHES: &str = "-----";

const BEARER_WORD: &[u8] = b"bearer ";

/// The fewest bytes of a token behind `Bearer`.
const BEARER_BYTES_MIN: usize = 16;

/// The number of a bot before the colon of its token.
const BOT_DIGITS_MIN: usize = 8;
const BOT_DIGITS_MAX: usize = 10;

/// Of a Telegram token, behind the colon.
const BOT_BYTES: usize = 35;

/// The longest password that is looked for in an address, in bytes.
const PASSWORD_BYTES_MAX: usize = 512;

/// The key that begins at `at`: where the secret part begins and ends, and what stands for it.
/// A key may begin at `bounded` even behind a letter.
pub(super) fn shape_at(
    text: &str,
    bounded: usize,
    at: usize,
) -> Option<(usize, usize, &'static str)> {
    let bytes = text.as_bytes();
    let first = bytes[at];
    if first == b':' {
        return password(text, at);
    }
    if first == b'-' {
        return private_key(text, at);
    }
    if at > bounded && is_word(bytes[at - 1]) {
        return None;
    }
    if first.is_ascii_digit() {
        return bot_token(bytes, at);
    }
    if first.eq_ignore_ascii_case(&b'b') {
        return bearer(bytes, at);
    }
    let rest = &text[at..];
    SHAPES.iter().find_map(|shape| {
        let key = rest.strip_prefix(shape.prefix)?.as_bytes();
        let length = run(key, shape.rest);
        let end = at + shape.prefix.len() + length;
        (length >= shape.bytes_min).then_some((at, end, shape.note))
    })
}

/// `Authorization: Bearer TOKEN`; the word stays.
fn bearer(bytes: &[u8], at: usize) -> Option<(usize, usize, &'static str)> {
    let start = at + BEARER_WORD.len();
    let word = bytes.get(at..start)?;
    let length = run(&bytes[start..], is_token);
    (word.eq_ignore_ascii_case(BEARER_WORD) && length >= BEARER_BYTES_MIN).then_some((
        start,
        start + length,
        BEARER,
    ))
}

/// `12345678:AA…`, as Telegram gives to bots.
fn bot_token(bytes: &[u8], at: usize) -> Option<(usize, usize, &'static str)> {
    let digits = run(&bytes[at..], |byte| byte.is_ascii_digit());
    let colon = at + digits;
    let key = bytes[colon..].strip_prefix(b":")?;
    let length = run(key, is_word);
    ((BOT_DIGITS_MIN..=BOT_DIGITS_MAX).contains(&digits) && length == BOT_BYTES).then_some((
        at,
        colon + 1 + length,
        BOT_TOKEN,
    ))
}

/// `scheme://user:PASSWORD@host`; everything else of the address stays.
fn password(text: &str, at: usize) -> Option<(usize, usize, &'static str)> {
    let rest = text[at..].strip_prefix("://")?;
    let user = run(rest.as_bytes(), is_userinfo);
    let start = at + 3 + user + 1;
    let secret = rest[user..].strip_prefix(':')?.as_bytes();
    let secret = &secret[..secret.len().min(PASSWORD_BYTES_MAX)];
    let length = run(secret, |byte| is_userinfo(byte) || byte == b':');
    (length > 0 && secret.get(length) == Some(&b'@')).then_some((start, start + length, PASSWORD))
}

/// A PEM block, or what there is of it.
fn private_key(text: &str, at: usize) -> Option<(usize, usize, &'static str)> {
    let rest = text[at..].strip_prefix(PEM_BEGIN)?;
    let (label, rest) = rest.split_at(run(rest.as_bytes(), is_label));
    if !label.ends_with("PRIVATE KEY") {
        return None;
    }
    let body = rest.strip_prefix(DASHES)?;
    let begin = at + PEM_BEGIN.len() + label.len() + DASHES.len();
    let length = body
        .find(PEM_END)
        .map_or(body.len(), |end| end + PEM_END.len());
    Some((at, begin + length, PRIVATE_KEY))
}

/// Whether more text could change what [`shape_at`] says.
pub(super) fn is_open(text: &str, bounded: usize, at: usize) -> bool {
    let (rest, bytes) = (&text[at..], text.as_bytes());
    let first = bytes[at];
    if first == b':' {
        return is_open_address(rest);
    }
    if first == b'-' {
        return is_open_block(rest);
    }
    if at > bounded && is_word(bytes[at - 1]) {
        return false;
    }
    if first.is_ascii_digit() {
        return is_open_bot_token(rest.as_bytes());
    }
    if first.eq_ignore_ascii_case(&b'b') {
        let (word, token) = rest.as_bytes().split_at(rest.len().min(BEARER_WORD.len()));
        let is_word = word.eq_ignore_ascii_case(&BEARER_WORD[..word.len()]);
        return is_word && run(token, is_token) == token.len();
    }
    SHAPES
        .iter()
        .any(|shape| match rest.strip_prefix(shape.prefix) {
            Some(key) => run(key.as_bytes(), shape.rest) == key.len(),
            None => shape.prefix.starts_with(rest),
        })
}

fn is_open_address(rest: &str) -> bool {
    let Some(user) = rest.strip_prefix("://") else {
        return "://".starts_with(rest);
    };
    let (name, secret) = user.split_at(run(user.as_bytes(), is_userinfo));
    let Some(secret) = secret.strip_prefix(':') else {
        return name.len() == user.len();
    };
    let length = run(secret.as_bytes(), |byte| is_userinfo(byte) || byte == b':');
    length == secret.len() && length < PASSWORD_BYTES_MAX
}

fn is_open_block(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix(PEM_BEGIN) else {
        return PEM_BEGIN.starts_with(rest);
    };
    let (label, rest) = rest.split_at(run(rest.as_bytes(), is_label));
    match rest.strip_prefix(DASHES) {
        None => DASHES.starts_with(rest),
        Some(body) => label.ends_with("PRIVATE KEY") && !body.contains(PEM_END),
    }
}

fn is_open_bot_token(rest: &[u8]) -> bool {
    let digits = run(rest, |byte| byte.is_ascii_digit());
    match rest[digits..].strip_prefix(b":") {
        None => digits == rest.len() && digits <= BOT_DIGITS_MAX,
        Some(key) => {
            let length = run(key, is_word);
            length == key.len() && length <= BOT_BYTES && digits <= BOT_DIGITS_MAX
        }
    }
}

fn run(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| wanted(**byte)).count()
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn is_upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_token(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=')
}

fn is_label(byte: u8) -> bool {
    is_upper(byte) || byte == b' '
}

fn is_path(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'/')
}

/// What may stand before the `@` of an address, without the colon.
fn is_userinfo(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'@' | b'/' | b':' | b'?' | b'#' | b'"' | b'\'')
}
