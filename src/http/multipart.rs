//! The one file of a multipart form, as it comes: bounded in all that its sender may choose.
//!
//! The parser is a maintained crate's; it holds what it has not understood yet, so the bytes given to it between two
//! parts are bounded here. Nothing is kept of the body but what `Sink` takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};
use warp::http::HeaderMap;
use warp::http::header::CONTENT_TYPE;

use crate::model::error::{Code, Failure};

/// The field that holds the file.
const FIELD: &str = "file";
/// Parts of a form: the file and what forms of old pages send beside it.
const PARTS_MAX: usize = 16;
/// Bytes of another part than the file, which nobody reads.
const OTHER_BYTES_MAX: usize = 64 * 1024;
/// Bytes given to the parser before it must have found the next part: headers, and a piece of body behind them.
const HEADERS_BYTES_MAX: usize = 64 * 1024;
/// What a form may be larger than the file in it.
const FORM_BYTES_MAX: u64 = 1 << 20;
/// Between two pieces: who sends nothing for so long holds a place for nothing.
const PIECE_WAIT: Duration = Duration::from_secs(30);
/// For all of it: 25 MiB at 16 KiB/s.
const WHOLE_WAIT: Duration = Duration::from_secs(30 * 60);
/// What is read and thrown away after a refusal, and how long: many clients look for an answer only after they have
/// sent everything.
const DRAINED_BYTES_MAX: usize = 32 << 20;
const DRAIN_WAIT: Duration = Duration::from_secs(5);

/// Takes a file piece by piece.
pub(super) trait Sink: Send {
    fn write(&mut self, piece: &[u8]) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Whether these are the headers of a form, and its boundary. `unsupported_media`, or `bad_request`.
pub(super) fn boundary(headers: &HeaderMap) -> Result<String, Failure> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    match multer::parse_boundary(kind.unwrap_or_default()) {
        Ok(boundary) => Ok(boundary),
        Err(multer::Error::NoBoundary) => Err(Failure::new(Code::BadRequest)),
        Err(_) => Err(Failure::new(Code::UnsupportedMedia)),
    }
}

/// Gives the file to the sink and says what it was called. `bad_request` for a broken form, or one without exactly one
/// file; `too_large`.
pub(super) async fn receive(
    boundary: String,
    stream: impl Stream<Item = Result<impl Buf, warp::Error>> + Send + 'static,
    file_bytes_max: u64,
    sink: &mut impl Sink,
) -> Result<String, Failure> {
    let allowance = Arc::new(AtomicUsize::new(HEADERS_BYTES_MAX));
    // One piece at a time: the parser takes all it can get, and what it has not asked for can still be drained.
    let (bodies, pieces) = mpsc::channel(1);
    let given = futures_util::stream::unfold(
        (pieces, Arc::clone(&allowance)),
        async |(mut pieces, allowance): (
            mpsc::Receiver<Result<Bytes, Broken>>,
            Arc<AtomicUsize>,
        )| {
            let piece = pieces.recv().await?;
            let length = piece.as_ref().map_or(0, Bytes::len);
            let left = allowance.load(Ordering::Relaxed);
            // A piece may be larger than what is left, once.
            allowance.store(left.saturating_sub(length), Ordering::Relaxed);
            let piece = if left == 0 { Err(Broken) } else { piece };
            Some((piece, (pieces, allowance)))
        },
    );
    let whole = SizeLimit::new().whole_stream(file_bytes_max.saturating_add(FORM_BYTES_MAX));
    let limits = Constraints::new().size_limit(whole);
    let form = Multipart::with_constraints(given, boundary, limits);
    let deadline = Instant::now() + WHOLE_WAIT;
    let read = async {
        let read = timeout_at(deadline, read(form, &allowance, sink)).await;
        read.unwrap_or_else(|_| Err(bad()))
    };
    // The parser is dropped when it ends, which lets the feed drain what is left.
    let (read, ()) = futures_util::future::join(read, feed(Box::pin(stream), bodies)).await;
    read
}

#[derive(Debug, thiserror::Error)]
#[error("the body broke off or does not get on")]
struct Broken;

fn bad() -> Failure {
    Failure::field(Code::BadRequest, FIELD)
}

/// Hands on the body for as long as the parser wants it.
async fn feed(
    mut stream: impl Stream<Item = Result<impl Buf, warp::Error>> + Unpin,
    bodies: mpsc::Sender<Result<Bytes, Broken>>,
) {
    loop {
        let piece = tokio::select! {
            piece = stream.next() => piece,
            () = bodies.closed() => return drain(stream).await,
        };
        let piece = match piece {
            Some(Ok(mut piece)) => Ok(piece.copy_to_bytes(piece.remaining())),
            Some(Err(_)) => Err(Broken),
            None => return,
        };
        let is_last = piece.is_err();
        if bodies.send(piece).await.is_err() {
            return drain(stream).await;
        }
        if is_last {
            return;
        }
    }
}

async fn drain(mut stream: impl Stream<Item = Result<impl Buf, warp::Error>> + Unpin) {
    let drained = async {
        let mut bytes = 0;
        while let Some(Ok(piece)) = stream.next().await {
            bytes += piece.remaining();
            if bytes > DRAINED_BYTES_MAX {
                break;
            }
        }
    };
    // Who is slower sees a connection that is closed.
    let _ = timeout(DRAIN_WAIT, drained).await;
}

async fn read(
    mut form: Multipart<'_>,
    allowance: &AtomicUsize,
    sink: &mut impl Sink,
) -> Result<String, Failure> {
    let mut name = None;
    for _ in 0..=PARTS_MAX {
        allowance.store(HEADERS_BYTES_MAX, Ordering::Relaxed);
        let Some(part) = within(form.next_field()).await? else {
            return name.ok_or_else(bad);
        };
        // Inside a part the parser hands on what it gets.
        allowance.store(usize::MAX, Ordering::Relaxed);
        if part.name() == Some(FIELD) {
            if name.is_some() {
                return Err(bad());
            }
            name = Some(part.file_name().unwrap_or_default().to_owned());
            copy(part, sink).await?;
        } else {
            skip(part).await?;
        }
    }
    Err(bad())
}

async fn copy(mut part: Field<'_>, sink: &mut impl Sink) -> Result<(), Failure> {
    while let Some(piece) = within(part.chunk()).await? {
        sink.write(&piece).await?;
    }
    Ok(())
}

async fn skip(mut part: Field<'_>) -> Result<(), Failure> {
    let mut bytes = 0;
    while let Some(piece) = within(part.chunk()).await? {
        bytes += piece.len();
        if bytes > OTHER_BYTES_MAX {
            return Err(Failure::new(Code::TooLarge));
        }
    }
    Ok(())
}

async fn within<T>(reading: impl Future<Output = multer::Result<T>>) -> Result<T, Failure> {
    match timeout(PIECE_WAIT, reading).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(
            multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. },
        )) => Err(Failure::field(Code::TooLarge, FIELD)),
        Ok(Err(_)) | Err(_) => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept(Vec<u8>);

    impl Sink for Kept {
        async fn write(&mut self, piece: &[u8]) -> Result<(), Failure> {
            self.0.extend_from_slice(piece);
            if self.0.len() > 1_000 {
                return Err(Failure::field(Code::TooLarge, FIELD));
            }
            Ok(())
        }
    }

    async fn received(body: &[u8], pieces: usize) -> Result<(String, Vec<u8>), Failure> {
        let pieces: Vec<Result<Bytes, warp::Error>> = body
            .chunks(pieces)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        let mut kept = Kept::default();
        let stream = futures_util::stream::iter(pieces);
        let name = receive("b".to_owned(), stream, 1_000, &mut kept).await?;
        Ok((name, kept.0))
    }

    fn form(headers: &str, body: &str) -> Vec<u8> {
        format!("--b\r\n{headers}\r\n\r\n{body}\r\n--b--\r\n").into_bytes()
    }

    const FILE: &str = "Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"";

    #[tokio::test]
    async fn a_file_comes_through_however_the_body_is_cut() {
        let body = form(FILE, "hello\r\n--c\r\nworld");
        for pieces in [1, 2, 3, 7, 1_000] {
            let received = received(&body, pieces).await.unwrap();
            assert_eq!(
                received,
                ("a.txt".to_owned(), b"hello\r\n--c\r\nworld".to_vec())
            );
        }
    }

    #[tokio::test]
    async fn broken_and_endless_forms_are_refused() {
        let whole = form(FILE, "hello");
        for cut in 0..whole.len() - 4 {
            let refused = received(&whole[..cut], 10).await;
            assert_eq!(refused, Err(bad()), "{cut}");
        }
        let many: String = (0..40)
            .map(|n| format!("--b\r\nContent-Disposition: form-data; name=\"{n}\"\r\n\r\nx\r\n"))
            .collect();
        let twice = [&whole[..whole.len() - 4], &b"\r\n"[..], &whole[..]].concat();
        let huge_header = form(&format!("{FILE}\r\nX-A: {}", "a".repeat(500_000)), "x");
        let many_headers = form(&format!("{FILE}{}", "\r\nX-A: b".repeat(50)), "x");
        let endless = vec![b'-'; 500_000];
        for body in [
            many.as_bytes(),
            &twice,
            &huge_header,
            &many_headers,
            &endless,
            &form("Content-Disposition: form-data; name=\"other\"", "x"),
            b"",
        ] {
            assert_eq!(received(body, 4_096).await, Err(bad()));
        }
        let large = received(&form(FILE, &"x".repeat(2_000)), 100).await;
        assert_eq!(large, Err(Failure::field(Code::TooLarge, FIELD)));
    }

    /// A few seconds of a debug build; `STARLING_FUZZ_ITERATIONS` makes it longer.
    const ITERATIONS_DEFAULT: u64 = 3_000;

    fn iterations() -> u64 {
        let long = std::env::var_os("STARLING_LONG").map_or(1, |_| 10);
        let text = std::env::var("STARLING_FUZZ_ITERATIONS").ok();
        text.map_or(ITERATIONS_DEFAULT * long, |text| {
            text.parse().expect("a number")
        })
    }

    #[tokio::test]
    async fn mutated_forms_are_the_same_however_they_are_cut_and_never_panic() {
        let original = form(FILE, "hello");
        let mut files = 0;
        for seed in 0..iterations() {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut body = original.clone();
            for _ in 0..random.usize(1..5) {
                let at = random.usize(..body.len());
                match random.u8(..4) {
                    0 => body.truncate(at.max(1)),
                    1 => body.insert(at, random.u8(..)),
                    2 => body.extend_from_within(at..),
                    _ => body[at] = random.u8(..),
                }
            }
            let whole = received(&body, body.len()).await;
            let in_pieces = received(&body, random.usize(1..40)).await;
            assert_eq!(whole, in_pieces, "seed {seed}: {body:?}");
            files += u64::from(whole.is_ok());
        }
        assert!(files > iterations() / 20, "{files} had a file");
    }
}
