//! Receipts.

use axum::extract::State;
use ruma::{
    api::client::receipt::create_receipt::v3::{ReceiptType, Request, Response},
    events::receipt::ReceiptThread,
};

use super::ruma::Ruma;
use crate::{
    app::App,
    domain::receipts::{Kind, Mark},
    error::{ApiError, Result},
};

/// `POST /_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}`
pub async fn create_receipt(State(app): State<App>, request: Ruma<Request>) -> Result<Response> {
    let Request { room_id, receipt_type, event_id, thread, .. } = request.body;
    let kind = match receipt_type {
        ReceiptType::Read => Kind::Read,
        ReceiptType::ReadPrivate => Kind::Private,
        ReceiptType::FullyRead if thread == ReceiptThread::Unthreaded => Kind::FullyRead,
        ReceiptType::FullyRead => return Err(ApiError::invalid_param("m.fully_read has no thread_id.")),
        _ => return Err(ApiError::invalid_param("A receipt is m.read, m.read.private or m.fully_read.")),
    };
    if !matches!(thread, ReceiptThread::Unthreaded | ReceiptThread::Main | ReceiptThread::Thread(_)) {
        return Err(ApiError::invalid_param("thread_id is main or the event id of a thread's root."));
    }
    let marks = vec![Mark { kind, thread, event_id }];
    app.receipts.set(&app.journal, &app.rooms, &request.caller.user_id, &room_id, marks).await?;
    Ok(Response::new())
}
