use proptest::prelude::*;

use super::*;

fn read(text: &str) -> BTreeMap<String, String> {
    let file = EnvFile::parse(text, ".env").unwrap_or_else(|problems| panic!("{problems}"));
    let values = file.0.iter();
    values
        .map(|(name, value)| (name.clone(), value.expose().clone()))
        .collect()
}

fn said(text: &str) -> String {
    EnvFile::parse(text, ".env").unwrap_err().to_string()
}

#[test]
fn values_are_read_in_every_way_of_writing() {
    let text = "\u{feff}# comment
A=plain
 B = spaced out  # comment
C=a#b
export D=exported
export\tE='single \\n # $X'
F=\"a\\tb\\\"c\\\\ \\$d\" # comment
G='two
lines'
H=\"one \\
line\"
I=
J=''
K=\"\"#c
export=word\r
L=$A and ${B}\r\n
  # comment
M=end";
    let read = read(text);
    let expected = [
        ("A", "plain"),
        ("B", "spaced out"),
        ("C", "a#b"),
        ("D", "exported"),
        ("E", "single \\n # $X"),
        ("F", "a\tb\"c\\ $d"),
        ("G", "two\nlines"),
        ("H", "one line"),
        ("I", ""),
        ("J", ""),
        ("K", ""),
        ("L", "$A and ${B}"),
        ("M", "end"),
        ("export", "word"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(read, BTreeMap::from(expected));
}

#[test]
fn every_problem_is_told_with_its_place_and_no_value() {
    let text = "canary-1
1A=canary-2
A=canary-3
B='x' canary-4
C=\"\\q canary-5\"
A=canary-6
=canary-7
D canary-8
E=\"canary-9
canary-10
";
    let said = said(text);
    assert!(!said.contains("canary"), "{said}");
    insta::assert_snapshot!(said, @r#"
    .env:1:1: this is not `NAME=value`
      hint: a name has letters, digits and `_`; a value of several lines is in quotes
    .env:2:1: this is not `NAME=value`
      hint: a name has letters, digits and `_`; a value of several lines is in quotes
    .env:4:7: B: there is more after the closing quote
      hint: put all of the value in the quotes
    .env:5:4: C: a `\` stands before n, r, t, \, ", ' or $
      hint: double it to have one, or use single quotes
    .env:6:1: A: this variable is in line 3 already
    .env:7:1: this is not `NAME=value`
      hint: a name has letters, digits and `_`; a value of several lines is in quotes
    .env:8:1: this is not `NAME=value`
      hint: a name has letters, digits and `_`; a value of several lines is in quotes
    .env:9:3: E: this value begins with " and never ends
      hint: close it; it may have several lines
    "#);
}

#[test]
fn a_file_shows_names_only() {
    let file = EnvFile::parse("KEY=canary", "f").unwrap();
    assert_eq!(format!("{file:?}"), r#"{"KEY"}"#);
    assert_eq!(file.get("KEY").unwrap().expose(), "canary");
    assert_eq!(file.get("NONE"), None);
}

#[test]
fn a_file_without_end_is_refused() {
    let long = "x".repeat(FILE_BYTES_MAX + 1);
    assert_eq!(
        said(&long),
        ".env:1:1: the file is longer than 1048576 bytes"
    );
}

fn nearly_a_file() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "A", "B=", "=", "'", "\"", "\\", "\n", "\r", "\r\n", " ", "\t", "#", "export ", "$",
            "\u{feff}", "\0", "ö",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_much(text in nearly_a_file()) {
        if let Err(problems) = EnvFile::parse(&text, "f") {
            prop_assert!(!problems.0.is_empty());
            for problem in problems.0 {
                let lines = text.split('\n').count() as u64;
                prop_assert!((1..=lines).contains(&problem.line), "{problem}");
                prop_assert!(problem.column >= 1, "{problem}");
            }
        }
    }

    #[test]
    fn a_value_in_quotes_is_itself(value in any::<String>()) {
        let value = value.replace("\r\n", "\n");
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        let expected = BTreeMap::from([("A".to_owned(), value.clone())]);
        prop_assert_eq!(read(&format!("A=\"{escaped}\"\n")), expected.clone());
        if !value.contains('\'') {
            prop_assert_eq!(read(&format!("A='{value}'")), expected);
        }
    }
}
