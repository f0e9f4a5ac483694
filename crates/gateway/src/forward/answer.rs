//! The body of a response on its way to the agent.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

use super::pool::{Connection, Pool};
use crate::body::{BodyError, Received};

/// The body of a response. Once it is read to its end, the connection can be used again.
pub(super) struct Answer {
    received: Received,
    connection: Option<Connection>,
    pool: Arc<Pool>,
}

impl Answer {
    pub(super) fn new(received: Received, connection: Connection, pool: Arc<Pool>) -> Self {
        let mut answer = Self { received, connection: Some(connection), pool };
        answer.keep_connection_at_end();
        answer
    }

    fn keep_connection_at_end(&mut self) {
        if self.received.is_end_stream()
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
        let frame = ready!(Pin::new(&mut self.received).poll_frame(context));
        match &frame {
            Some(Ok(_)) => self.keep_connection_at_end(),
            Some(Err(_)) => self.connection = None,
            None => {
                if let Some(connection) = self.connection.take() {
                    self.pool.keep(connection);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.received.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.received.size_hint()
    }
}
