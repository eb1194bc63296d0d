//! The plain broadcaster that figures are compared with: tokio-tungstenite as its examples show it, everybody gets
//! every message, nothing is stored.

use std::net::Ipv4Addr;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message;

/// Messages a slow connection may be behind before it loses some.
const BACKLOG: usize = 1_024;

/// Serves until it is killed.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let everybody = broadcast::Sender::new(BACKLOG);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(connection(stream, everybody.clone()));
    }
}

async fn connection(stream: TcpStream, everybody: broadcast::Sender<Message>) {
    let _ = stream.set_nodelay(true);
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else {
        return;
    };
    let mut news = everybody.subscribe();
    loop {
        tokio::select! {
            heard = socket.next() => match heard {
                Some(Ok(message)) if message.is_text() => {
                    // Somebody listens: this very connection.
                    let _ = everybody.send(message);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            message = news.recv() => {
                let Ok(message) = message else { return };
                if socket.send(message).await.is_err() {
                    return;
                }
            }
        }
    }
}
