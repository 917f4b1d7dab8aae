//! Fuzzing of a parser on the stable toolchain, driven by a corpus. `docs/fuzzing.md` says how to
//! run it and how to add a parser.
//!
//! A fuzz target is an ordinary test that includes this file and calls [`fuzz`].

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// How long one parser is fuzzed.
const SECONDS: u64 = 2;

/// How long in a soak run.
const SOAK_SECONDS: u64 = 300;

/// Inputs from one seed.
const INPUTS_PER_SEED: u32 = 256;

/// How many mutations one input gets at most.
const MUTATIONS_MAX: usize = 8;

/// How often an input that fails is tried with a piece less.
const SMALLER_TRIES_MAX: usize = 500;

/// Pieces that parsers of every kind have stumbled over.
const WORDS: &[&str] = &[
    "",
    "\0",
    "\t",
    " ",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\u{feff}",
    "é",
    "\u{10ffff}",
    "\u{2028}",
    "\"",
    "'",
    "\\",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    "{}",
    "[]",
    ":",
    ",",
    "/",
    "..",
    "-",
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "0.1",
    "9223372036854775808",
    "18446744073709551616",
    "$",
    "${",
    "%",
    "#",
    "&a",
    "*a",
    "<<:",
];

/// Calls `property` with every file of `tests/corpus/<parser>`, then for some seconds with what
/// becomes of those files: cut, crossed, flipped, with `words` put in; and with arbitrary bytes.
///
/// `property` fails by panicking. The input is then made small and written beside the others, to
/// be committed with the fix.
pub(crate) fn fuzz(parser: &str, words: &[&str], property: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(parser);
    let corpus = corpus(&folder);
    assert!(!corpus.is_empty(), "{} has no files", folder.display());
    for (path, bytes) in &corpus {
        let result = catch_unwind(AssertUnwindSafe(|| property(bytes)));
        assert!(result.is_ok(), "{} fails, see above", path.display());
    }
    let corpus: Vec<Vec<u8>> = corpus.into_iter().map(|(_, bytes)| bytes).collect();
    let words = WORDS
        .iter()
        .chain(words)
        .map(|word| word.as_bytes().to_vec())
        .collect();
    let inputs = inputs(corpus, words);
    let until = Instant::now() + budget();
    let mut seed = first_seed();
    while Instant::now() < until {
        let result = runner(seed).run(&inputs, |bytes| {
            // The rest of a round that is over its time passes unseen.
            if Instant::now() < until {
                property(&bytes);
            }
            Ok(())
        });
        match result {
            Ok(()) => seed = seed.wrapping_add(1),
            Err(TestError::Abort(reason)) => panic!("no inputs: {reason}"),
            Err(TestError::Fail(reason, bytes)) => {
                let bytes = smaller(bytes, &property);
                let file = keep(&folder, &bytes);
                panic!(
                    "{parser} fails with RIVETOS_FUZZ_SEED={seed}: {reason}\nthe input is in {}:\n{}",
                    file.display(),
                    bytes.escape_ascii()
                );
            }
        }
    }
}

fn corpus(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap();
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

fn is_soak() -> bool {
    std::env::var_os("RIVETOS_TEST_SOAK").is_some()
}

fn budget() -> Duration {
    Duration::from_secs(if is_soak() { SOAK_SECONDS } else { SECONDS })
}

/// The same inputs at every run, but for soaks: those look where nobody has looked.
fn first_seed() -> u64 {
    if let Ok(seed) = std::env::var("RIVETOS_FUZZ_SEED") {
        return seed.parse().unwrap();
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    if is_soak() {
        now.unwrap().as_secs() << 20
    } else {
        0
    }
}

fn runner(seed: u64) -> TestRunner {
    let config = Config {
        cases: INPUTS_PER_SEED,
        failure_persistence: None,
        // Bytes are made small here, see `smaller`.
        max_shrink_iters: 0,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// A piece of an input that still fails.
fn smaller(mut bytes: Vec<u8>, property: &impl Fn(&[u8])) -> Vec<u8> {
    let (mut size, mut at) = (bytes.len() / 2, 0);
    for _ in 0..SMALLER_TRIES_MAX {
        if size == 0 {
            break;
        }
        let mut less = bytes.clone();
        less.drain(at..bytes.len().min(at + size));
        if catch_unwind(AssertUnwindSafe(|| property(&less))).is_err() {
            bytes = less;
        } else {
            at += size;
        }
        if at >= bytes.len() {
            (size, at) = (size / 2, 0);
        }
    }
    bytes
}

fn keep(folder: &Path, bytes: &[u8]) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let file = folder.join(format!("found-{:016x}", hasher.finish()));
    fs::write(&file, bytes).unwrap();
    file
}

/// One change of an input. Places are relative to the length that it has by then.
#[derive(Debug, Clone)]
enum Mutation {
    /// Ends here.
    Cut(Index),
    /// A piece less.
    Remove(Index, Index),
    /// A piece twice.
    Repeat(Index, Index),
    /// One bit.
    Flip(Index, u8),
    /// One byte more.
    Byte(Index, u8),
    /// A word more.
    Word(Index, Index),
    /// From here on as a file of the corpus from there on.
    Cross(Index, Index, Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    prop_oneof![
        1 => at().prop_map(Mutation::Cut),
        3 => (at(), at()).prop_map(|(from, to)| Mutation::Remove(from, to)),
        2 => (at(), at()).prop_map(|(from, to)| Mutation::Repeat(from, to)),
        3 => (at(), 0..8_u8).prop_map(|(place, bit)| Mutation::Flip(place, bit)),
        2 => (at(), any::<u8>()).prop_map(|(place, byte)| Mutation::Byte(place, byte)),
        5 => (at(), at()).prop_map(|(place, word)| Mutation::Word(place, word)),
        3 => (at(), at(), at()).prop_map(|(place, file, from)| Mutation::Cross(place, file, from)),
    ]
}

fn inputs(corpus: Vec<Vec<u8>>, words: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let soup = words.clone();
    let mutated =
        (any::<Index>(), vec(mutation(), 0..=MUTATIONS_MAX)).prop_map(move |(file, mutations)| {
            let start = file.get(&corpus).clone();
            mutations.iter().fold(start, |input, mutation| {
                mutated(input, mutation, &corpus, &words)
            })
        });
    let of_words = vec(any::<Index>(), 0..24).prop_map(move |places| {
        let pieces = places.iter().map(|place| place.get(&soup).as_slice());
        pieces.collect::<Vec<_>>().concat()
    });
    prop_oneof![
        8 => mutated,
        1 => of_words,
        1 => vec(any::<u8>(), 0..200),
    ]
}

fn mutated(
    mut input: Vec<u8>,
    mutation: &Mutation,
    corpus: &[Vec<u8>],
    words: &[Vec<u8>],
) -> Vec<u8> {
    // The end is a place too.
    let length = input.len() + 1;
    let piece = |from: Index, to: Index| {
        let (from, to) = (from.index(length), to.index(length));
        from.min(to)..from.max(to)
    };
    match mutation {
        Mutation::Cut(place) => input.truncate(place.index(length)),
        Mutation::Remove(from, to) => drop(input.drain(piece(*from, *to))),
        Mutation::Repeat(from, to) => {
            let piece = piece(*from, *to);
            let again = input[piece.clone()].to_vec();
            input.splice(piece.start..piece.start, again);
        }
        Mutation::Flip(place, bit) => {
            if let Some(byte) = input.get_mut(place.index(length)) {
                *byte ^= 1 << bit;
            }
        }
        Mutation::Byte(place, byte) => input.insert(place.index(length), *byte),
        Mutation::Word(place, word) => {
            let place = place.index(length);
            input.splice(place..place, word.get(words).iter().copied());
        }
        Mutation::Cross(place, file, from) => {
            let other = file.get(corpus);
            input.truncate(place.index(length));
            input.extend_from_slice(&other[from.index(other.len() + 1)..]);
        }
    }
    input
}
