//! Reading an answer allocates nothing but what it says.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rivetos_http::AnswerReader;

use super::measuring::{Said, plain, quoted, read};

/// Pieces of an answer; it is compared with one of half as many.
const PIECES: usize = 4096;

/// Buffers that the longer answer makes longer once more, each a few times.
const GROWING: usize = 12;

thread_local! {
    static COUNTED: Cell<usize> = const { Cell::new(0) };
}

/// The system's, and counts for each thread how often it is asked.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    COUNTED.set(COUNTED.get() + 1);
}

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; this one hands everything on"
)]
// SAFETY: each call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, bytes) }
    }
}

/// Holds the answers of a codec against what may be allocated: a text for each event that has one,
/// and nothing for pieces of arguments, which become one text in the end. `body` makes an answer of
/// so many pieces, each a text as it stands in JSON.
pub(crate) fn check<R: AnswerReader>(
    said: Said,
    body: &dyn Fn(&str, usize) -> String,
    new: &dyn Fn() -> R,
) {
    let allowed = match said {
        Said::Text | Said::Thought => 1,
        Said::Arguments => 0,
    };
    for words in [1, 8, 32] {
        for piece in [plain(words), quoted(words)] {
            let half = allocations(&body(&piece, PIECES / 2), new());
            let whole = allocations(&body(&piece, PIECES), new());
            let more = whole - half;
            let each = more as f64 / (PIECES / 2) as f64;
            assert!(
                more <= allowed * PIECES / 2 + GROWING,
                "{said:?} of {words} words: {each:.2} allocations for `{piece}`"
            );
        }
    }
}

fn allocations<R: AnswerReader>(body: &str, reader: R) -> usize {
    let before = COUNTED.get();
    read(body, reader);
    COUNTED.get() - before
}
