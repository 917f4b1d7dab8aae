//! `deployment.image`, and names of images.

use crate::model::{Image, Variant};

use super::field::Field;
use super::reader::Reader;
use super::section::Section;

/// Variants of the image by the words for them.
const VARIANTS: [(&str, Variant); 2] = [("slim", Variant::Slim), ("scratch", Variant::Scratch)];

/// `deployment.image`
pub(super) fn image(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Image> {
    let mut section = Section::open(reader, field)?;
    let registry = section
        .optional("registry")
        .and_then(|f| registry(reader, &f));
    let agent_image = section
        .optional("agent_image")
        .and_then(|f| repository(reader, &f));
    let tag = section
        .optional("tag")
        .and_then(|field| tag(reader, &field));
    let variant = section
        .optional("variant")
        .and_then(|f| f.choice(reader, &VARIANTS, &[]));
    let datahub_image = section
        .optional("datahub_image")
        .and_then(|f| reference(reader, &f));
    section.finish(reader);
    Some(Image {
        registry,
        agent_image,
        tag,
        variant: variant.unwrap_or_default(),
        datahub_image,
    })
}

/// The name of an image with or without tag or digest.
pub(super) fn reference(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let text = field.text(reader)?;
    let possible = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    if !text.chars().all(possible) || !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        field.problem(reader, "this is not the name of an image", None);
        return None;
    }
    Some(text)
}

/// A registry, with or without a folder in it.
fn registry(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let text = reference(reader, field)?;
    let tagged = text.split('/').skip(1).any(|part| part.contains(':'));
    if tagged || text.contains('@') || text.ends_with('/') {
        let hint = Some("for example registry.example:5000/team".to_owned());
        field.problem(reader, "this is not a registry", hint);
        return None;
    }
    Some(text)
}

/// The name of an image without tag.
fn repository(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let text = reference(reader, field)?;
    let last = text.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) {
        let hint = Some("write the tag as `deployment.image.tag`".to_owned());
        field.problem(reader, "this is the image's name without its tag", hint);
        return None;
    }
    Some(text)
}

fn tag(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let text = field.text(reader)?;
    let possible = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if text.len() > 128 || text.starts_with(['.', '-']) || !text.chars().all(possible) {
        let hint = "at most 128 letters, digits, `_`, `.` and `-`; not `.` or `-` first";
        field.problem(reader, "this is not a tag", Some(hint.to_owned()));
        return None;
    }
    Some(text)
}
