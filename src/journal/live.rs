//! The way for a connection to go live: asked from any task, answered by the replica.

use tokio::sync::{mpsc, oneshot};

use super::replica::{Attach, NotLive};
use crate::model::ids::{ConnId, Seq, UserId};
use crate::store::UserSnapshot;

/// Wishes that wait for the replica; a connection beyond it waits its turn.
const COMMANDS_WAITING_MAX: usize = 1_024;

/// Where the answer to a wish goes.
#[derive(Debug)]
pub struct Ticket {
    pub user: UserId,
    /// What the user hid above his position: he does not get it.
    pub hidden: Vec<Seq>,
    /// The client waits for a last page even when it missed nothing.
    pub announce: bool,
    /// Whether it is live now.
    pub reply: oneshot::Sender<Result<(), NotLive>>,
}

/// What connections ask of the replica.
#[derive(Debug)]
pub enum Command {
    Attach(Attach<Ticket>),
    Detach(ConnId),
}

/// A cheap handle on the replica.
#[derive(Clone, Debug)]
pub struct Live(mpsc::Sender<Command>);

impl Live {
    /// A handle and the end that the replica's task drains.
    #[must_use]
    pub fn new() -> (Live, mpsc::Receiver<Command>) {
        let (commands, waiting) = mpsc::channel(COMMANDS_WAITING_MAX);
        (Live(commands), waiting)
    }

    /// Makes a connection live from `after` on, as soon as this node is there.
    pub async fn attach(
        &self,
        conn: ConnId,
        user: UserId,
        after: Seq,
        snapshot: UserSnapshot,
        hidden: Vec<Seq>,
        announce: bool,
    ) -> Result<(), NotLive> {
        let (reply, answer) = oneshot::channel();
        let ticket = Ticket {
            user,
            hidden,
            announce,
            reply,
        };
        let attach = Attach {
            conn,
            user,
            after,
            snapshot,
            ticket,
        };
        if self.0.send(Command::Attach(attach)).await.is_err() {
            return Err(NotLive::Busy);
        }
        answer.await.unwrap_or(Err(NotLive::Stale))
    }

    /// The connection is gone.
    pub async fn detach(&self, conn: ConnId) {
        // The replica ends only with the node.
        let _ = self.0.send(Command::Detach(conn)).await;
    }
}
