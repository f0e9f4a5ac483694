//! The body of a response on its way to the agent.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use super::pool::{Connection, Pool};
use crate::body::BodyError;

/// The body of a response. Once it is read to its end, the connection can be used again.
pub(super) struct Answer {
    incoming: Incoming,
    connection: Option<Connection>,
    pool: Arc<Pool>,
    /// It ended with its head: what that announces is the length of a body that is not sent.
    is_bare: bool,
}

impl Answer {
    pub(super) fn new(incoming: Incoming, connection: Connection, pool: Arc<Pool>) -> Self {
        let is_bare = incoming.is_end_stream();
        let mut answer = Self { incoming, connection: Some(connection), pool, is_bare };
        answer.keep_connection_at_end();
        answer
    }

    fn keep_connection_at_end(&mut self) {
        if self.incoming.is_end_stream()
            && let Some(connection) = self.connection.take()
        {
            self.pool.keep(connection);
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(context));
        match &frame {
            Some(Ok(_)) => self.keep_connection_at_end(),
            Some(Err(_)) => self.connection = None,
            // A stream can be reset as if it had ended, short of what it announced.
            None if !self.is_bare && self.incoming.size_hint().lower() > 0 => {
                return Poll::Ready(Some(Err("the response is cut off".into())));
            }
            None => {
                if let Some(connection) = self.connection.take() {
                    self.pool.keep(connection);
                }
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
