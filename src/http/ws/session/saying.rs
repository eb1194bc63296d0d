//! What a client says: put in line at once, acknowledged when the log has it.

use super::super::voice::{About, Ack};
use crate::model::draft::Outcome;
use crate::model::error::{Code, Failure};
use crate::model::ids::Cid;
use crate::service::alterations::{AlterRequest, Pending};
use crate::service::messages::SendRequest;

use super::{Client, Sent};

impl Client {
    pub(super) async fn say(&mut self, request: &SendRequest, tag: u64) {
        if let Err(failure) = self.put_in_line(request, tag).await {
            let about = About {
                cid: request.cid.as_deref(),
                tag: Some(tag),
            };
            self.send_error(&failure, about).await;
        }
    }

    /// Admits a send and puts it in line, without waiting for the log: the order of frames is the order of entries.
    async fn put_in_line(&mut self, request: &SendRequest, tag: u64) -> Result<(), Failure> {
        self.parts.messages.admit(self.user)?;
        let draft = self.parts.messages.prepare(self.user, request)?;
        self.parts.messages.authorize(request, &draft).await?;
        let cid = draft.cid.clone();
        let to = draft.conv.as_seen_by(self.user).ok_or(Code::NotFound)?;
        let origin = (!self.voice.is_echoed(draft.conv)).then_some(self.conn);
        if origin.is_some() {
            // Before it is in line: a connection that is catching up may read it in the log before its ack.
            self.link.says(cid.clone());
        }
        let pending = self.parts.messages.enqueue(draft, origin)?;
        let cid = Some(cid);
        self.await_outcome(Sent { cid, tag, to }, pending);
        Ok(())
    }

    /// Puts an alteration in line. One without client id gets no ack, and so its entry, as any other connection.
    pub(super) async fn alter(&mut self, request: &AlterRequest) -> Result<(), Failure> {
        let alterations = self.parts.entries.alterations();
        let draft = alterations.prepare(self.user, request).await?;
        let acked = request.cid.is_some();
        let cid = acked.then(|| draft.cid.clone());
        let to = draft.conv.as_seen_by(self.user).ok_or(Code::NotFound)?;
        if let Some(cid) = &cid {
            self.link.says(cid.clone());
        }
        let pending = alterations.enqueue(draft, acked.then_some(self.conn))?;
        self.await_outcome(Sent { cid, tag: 0, to }, pending);
        Ok(())
    }

    fn await_outcome(&mut self, sent: Sent, pending: Pending) {
        self.sends.push_back(Box::pin(async move {
            let outcome = pending.outcome().await;
            (
                sent,
                outcome.map_err(|u| Failure::retry(Code::Unavailable, u.retry_after_ms)),
            )
        }));
    }

    pub(super) async fn acknowledge(&mut self, sent: &Sent, outcome: Result<Outcome, Failure>) {
        let Sent { cid, tag, to } = sent;
        let about = About {
            cid: cid.as_ref().map(Cid::as_str),
            tag: Some(*tag),
        };
        let (seq, at, duplicate) = match outcome {
            Ok(Outcome::Appended { seq, at }) => (seq, at, false),
            Ok(Outcome::Duplicate { seq, at }) => (seq, at, true),
            Ok(Outcome::Refused(refusal)) => return self.send_error(&refusal.into(), about).await,
            Err(failure) => return self.send_error(&failure, about).await,
        };
        let Some(cid) = cid else { return };
        if self.voice.reads_by_sending() {
            // Best effort, as every read position is.
            let _ = self.parts.conversations.read(self.user, *to, seq).await;
        }
        let ack = Ack {
            cid,
            tag: *tag,
            to: *to,
            seq,
            at,
            duplicate,
        };
        let Some(frame) = self.voice.ack(&ack) else {
            return;
        };
        if self.voice.acks_in_order() {
            self.parts
                .connections
                .hub()
                .ack(self.conn, frame, seq)
                .await;
        } else {
            self.send(frame).await;
        }
    }
}
