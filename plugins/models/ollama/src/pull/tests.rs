use super::*;

const BODY: &str = "{\"status\":\"pulling manifest\"}\n\
    {\"status\":\"pulling 6a0746a1ec1a\",\"digest\":\"sha256:6a\",\"total\":100}\n\
    {\"status\":\"pulling 6a0746a1ec1a\",\"digest\":\"sha256:6a\",\"total\":100,\"completed\":60}\n\
    {\"status\":\"verifying sha256 digest\"}\n\
    {\"status\":\"success\"}\n";

fn read(body: &str, size: usize, end: End) -> (Vec<Progress>, Result<(), ModelError>) {
    let mut reader = PullReader::new();
    let mut told = Vec::new();
    for piece in body.as_bytes().chunks(size) {
        if let Err(error) = reader.push(piece, &mut told) {
            return (told, Err(error));
        }
    }
    let result = reader.end(end, &mut told);
    (told, result)
}

#[test]
fn a_pull_tells_how_far_it_is_however_it_comes() {
    let has = |bytes| Progress::Has {
        digest: "sha256:6a".into(),
        bytes,
        of: 100,
    };
    let doing = |words: &str| Progress::Doing(words.into());
    let expected = vec![
        doing("pulling manifest"),
        has(0),
        has(60),
        doing("verifying sha256 digest"),
        Progress::Done,
    ];
    for size in [1, 7, BODY.len()] {
        assert_eq!(
            read(BODY, size, End::Clean),
            (expected.clone(), Ok(())),
            "{size}"
        );
    }
}

#[test]
fn a_model_is_there_only_when_the_server_says_so() {
    let cut = BODY.strip_suffix("{\"status\":\"success\"}\n").unwrap();
    for end in [End::Clean, End::Broken] {
        let result = read(cut, 9, end).1;
        assert!(
            matches!(result, Err(ModelError::Incomplete { .. })),
            "{result:?}"
        );
    }
    assert_eq!(read(BODY, 9, End::Broken).1, Ok(()));
}

#[test]
fn an_unknown_model_is_told() {
    let body = "{\"error\":\"pull model manifest: file does not exist\"}\n";
    let Err(error) = read(body, 9, End::Clean).1 else {
        panic!("no error")
    };
    assert_eq!(
        error.to_string(),
        "pull model manifest: file does not exist"
    );
}
