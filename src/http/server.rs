//! Accepts connections and serves HTTP on them, with the limits that a plain `warp::serve` does not have: how
//! many there are, how long a client may take to say something, and how long for its request's head.
//!
//! Knows no routes. One task per connection; an upgraded one takes its place in the count along.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower_service::Service as _;
use tracing::{debug, warn};
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::remote::PeerAddr;

/// A connection's place in the count, kept for as long as it lives.
#[derive(Clone)]
pub struct Place(#[expect(dead_code, reason = "held, not read")] Arc<OwnedSemaphorePermit>);

/// Limits of the server.
#[derive(Clone, Copy, Debug)]
pub struct ServerSettings {
    /// Connections at once, WebSockets included. One more waits in the kernel's queue.
    pub connections_max: usize,
    /// For the first byte, and then for each request's head.
    pub header_timeout: Duration,
    /// How long requests under way may take when the node stops.
    pub grace: Duration,
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
            settings,
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
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(PeerAddr(peer));
            request.extensions_mut().insert(place.clone());
            let mut service = service.clone();
            async move { service.call(request).await as Result<_, Infallible> }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(settings.header_timeout);
        let connection = http
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        tokio::pin!(connection);
        let finished = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = stopped(&mut stop) => None,
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

/// Resolves when the server is to stop. The guard that `wait_for` gives must not live across an await.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await.map(|_guard| ());
}
