//! Accepts connections and serves HTTP on them, with the limits that a plain `warp::serve` does not have: how
//! many there are, how long a client may take to say something, and how long for its request's head.
//!
//! Knows no routes. One task per connection; an upgraded one takes its place in the count along.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower_service::Service as _;
use tracing::{Instrument as _, debug, warn};
use warp::filters::BoxedFilter;
use warp::http::Method;
use warp::reply::Response;

use super::remote::{PeerAddr, Proxies};
use super::trail::Trail;

/// A connection's place in the count, kept for as long as it lives.
#[derive(Clone)]
pub struct Place(#[expect(dead_code, reason = "held, not read")] Arc<OwnedSemaphorePermit>);

/// Limits of the server.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Connections at once, WebSockets included. One more waits in the kernel's queue.
    pub connections_max: usize,
    /// For the head of the first request, its first byte included.
    pub header_timeout: Duration,
    /// For the rest between two requests, the head of the next one included.
    pub keepalive: Duration,
    /// How long requests under way may take when the node stops.
    pub grace: Duration,
    /// Whose ids of requests are taken over.
    pub proxies: Proxies,
}

/// Pause after a failed accept (out of descriptors, mostly): trying at once would only burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` turns true and what is under way has ended or `grace` is over.
pub async fn serve(
    listeners: Vec<TcpListener>,
    routes: BoxedFilter<(Response,)>,
    settings: ServerSettings,
    stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(settings.connections_max));
    let mut accepting = JoinSet::new();
    for listener in listeners {
        let server = Server {
            routes: routes.clone(),
            settings: settings.clone(),
            places: Arc::clone(&places),
            stop: stop.clone(),
        };
        accepting.spawn(server.accept(listener));
    }
    while accepting.join_next().await.is_some() {}
}

#[derive(Clone)]
struct Server {
    routes: BoxedFilter<(Response,)>,
    settings: ServerSettings,
    places: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

impl Server {
    async fn accept(self, listener: TcpListener) {
        let mut serving = JoinSet::new();
        let mut stop = self.stop.clone();
        loop {
            let place = Arc::clone(&self.places);
            let next = async {
                // The semaphore is never closed.
                let place = place.acquire_owned().await.ok();
                (place, listener.accept().await)
            };
            tokio::select! {
                (place, accepted) = next => match (place, accepted) {
                    (Some(place), Ok((stream, peer))) => {
                        serving.spawn(self.clone().connection(stream, peer, Place(Arc::new(place))));
                    }
                    (_, Err(error)) => {
                        warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                    (None, Ok(_)) => return,
                },
                () = stopped(&mut stop) => break,
                Some(_) = serving.join_next(), if !serving.is_empty() => {}
            }
        }
        drop(listener);
        let ended = async { while serving.join_next().await.is_some() {} };
        if timeout(self.settings.grace, ended).await.is_err() {
            warn!("requests were still under way when the grace period ended");
        }
    }

    async fn connection(self, stream: TcpStream, peer: SocketAddr, place: Place) {
        let Server {
            routes,
            settings,
            mut stop,
            ..
        } = self;
        if stream.set_nodelay(true).is_err()
            || timeout(settings.header_timeout, stream.readable())
                .await
                .is_err()
        {
            return;
        }
        let service = warp::service(routes);
        let begun = Arc::new(AtomicBool::new(false));
        let has_begun = Arc::clone(&begun);
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            begun.store(true, Ordering::Relaxed);
            // Hyper leaves the body of an answer to HEAD away by itself.
            if request.method() == Method::HEAD {
                *request.method_mut() = Method::GET;
            }
            let trail = Trail::begin(&settings.proxies, PeerAddr(peer), request.headers());
            let span = trail.span();
            request.extensions_mut().insert(trail);
            request.extensions_mut().insert(PeerAddr(peer));
            request.extensions_mut().insert(place.clone());
            let mut service = service.clone();
            async move { service.call(request).await as Result<_, Infallible> }.instrument(span)
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        // Hyper's clock for a head runs from the end of the answer before it: it is the one for resting, too.
        http.timer(TokioTimer::new())
            .header_read_timeout(settings.keepalive);
        let connection = http
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        tokio::pin!(connection);
        let finished = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = stopped(&mut stop) => None,
            () = no_request(settings.header_timeout, &has_begun) => return,
        };
        let ended = match finished {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%error, %peer, "a connection ended in error");
        }
    }
}

/// Resolves when the first request has not come in time; never, when it has.
async fn no_request(within: Duration, begun: &AtomicBool) {
    tokio::time::sleep(within).await;
    if begun.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

/// Resolves when the server is to stop. The guard that `wait_for` gives must not live across an await.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await.map(|_guard| ());
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use warp::Filter;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);

    async fn started(settings: ServerSettings) -> (SocketAddr, watch::Sender<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let routes = warp::any().map(Response::default).boxed();
        tokio::spawn(serve(vec![listener], routes, settings, stopped));
        (address, stop)
    }

    fn settings() -> ServerSettings {
        ServerSettings {
            connections_max: 8,
            header_timeout: Duration::from_millis(200),
            keepalive: DEADLINE * 2,
            grace: Duration::from_secs(1),
            proxies: Proxies::default(),
        }
    }

    /// What the server says before it closes.
    async fn until_closed(stream: &mut TcpStream) -> String {
        let mut said = String::new();
        let read = stream.read_to_string(&mut said);
        timeout(DEADLINE, read).await.unwrap().unwrap();
        said
    }

    #[tokio::test]
    async fn silence_and_half_a_head_are_closed_but_a_rest_between_requests_is_not() {
        let (address, _stop) = started(settings()).await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut half = TcpStream::connect(address).await.unwrap();
        let mut resting = TcpStream::connect(address).await.unwrap();
        half.write_all(b"GET / HTTP/1.1\r\nHo").await.unwrap();
        resting
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(until_closed(&mut silent).await, "");
        assert_eq!(until_closed(&mut half).await, "");
        let last = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        resting.write_all(last).await.unwrap();
        assert_eq!(
            until_closed(&mut resting).await.matches("200 OK").count(),
            2
        );
    }

    #[tokio::test]
    async fn one_connection_too_many_waits_for_a_place() {
        let (address, _stop) = started(ServerSettings {
            connections_max: 1,
            ..settings()
        })
        .await;
        let mut first = TcpStream::connect(address).await.unwrap();
        first
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        first.readable().await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        second.write_all(request).await.unwrap();
        let early = timeout(Duration::from_millis(100), second.readable()).await;
        assert!(early.is_err(), "there is one place, and it is taken");
        drop(first);
        assert!(
            until_closed(&mut second)
                .await
                .starts_with("HTTP/1.1 200 OK")
        );
    }

    #[tokio::test]
    async fn a_stopping_server_closes_resting_connections_and_takes_no_new_ones() {
        let (address, stop) = started(settings()).await;
        let mut resting = TcpStream::connect(address).await.unwrap();
        resting
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        resting.readable().await.unwrap();
        stop.send(true).unwrap();
        assert!(
            until_closed(&mut resting)
                .await
                .starts_with("HTTP/1.1 200 OK")
        );
        let refused = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, refused).await.unwrap();
    }
}
