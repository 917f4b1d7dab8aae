//! How many pages a PDF has, as far as it says so without being decoded.

/// Where a PDF that is made to be read page by page says so, in bytes (ISO 32000-1, F.3.2).
const HEAD_BYTES: usize = 1024;

/// The number in the head, or else the pages that are not packed into streams. `None` when there
/// is neither: many writers pack them.
pub(super) fn count(content: &[u8]) -> Option<u32> {
    let head = content.get(..HEAD_BYTES).unwrap_or(content);
    let said = linearized(head);
    said.or_else(|| Some(plain(content)))
        .filter(|pages| *pages > 0)
}

/// The `/N` of a linearization dictionary.
fn linearized(head: &[u8]) -> Option<u32> {
    let mut names = names(head);
    names.find(|name| name.starts_with(b"Linearized"))?;
    let number = names.find_map(|name| name.strip_prefix(b"N"))?;
    let number = std::str::from_utf8(number).ok()?;
    number.split_ascii_whitespace().next()?.parse().ok()
}

fn plain(content: &[u8]) -> u32 {
    let (mut typed, mut pages) = (false, 0_u32);
    for name in names(content) {
        let rest = name.strip_prefix(b"Page").filter(|_| typed);
        // `/Pages` are nodes of their tree.
        let ends = |rest: &[u8]| {
            rest.first()
                .is_none_or(|byte| !byte.is_ascii_alphanumeric())
        };
        pages = pages.saturating_add(u32::from(rest.is_some_and(ends)));
        typed = name.trim_ascii_end() == b"Type";
    }
    pages
}

/// What stands behind each slash, up to the next one.
fn names(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split(|byte| *byte == b'/').skip(1)
}
