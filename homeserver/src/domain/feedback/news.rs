//! How senders hear of what was done with their reports: at once by their account data, and in words by a notice.
//!
//! What is to be told is a mark in the act's own row. So a command may answer beside a running server, and a server that ends
//! in between tells what it has not.

use std::{sync::Arc, time::Duration};

use ruma::events::TimelineEventType;
use serde_json::{json, value::to_raw_value};

use super::{ActKind, News, State, signal};
use crate::{
    domain::{
        journal::Journal,
        server_notices::{Notice, ServerNotices},
        users::Users,
    },
    error::Result,
    storage::{self, db::Db},
};

/// How often is looked for what a command has done.
const EVERY: Duration = Duration::from_secs(5);
/// How much of a report a notice repeats, in characters.
const START: usize = 60;

/// Tells senders.
#[derive(Debug)]
pub struct Teller {
    db: Db,
    journal: Journal,
    users: Arc<Users>,
    notices: Arc<ServerNotices>,
    /// One at a time, so that nothing is told twice.
    turn: tokio::sync::Mutex<()>,
}

impl Teller {
    /// The service.
    pub fn new(db: Db, journal: Journal, users: Arc<Users>, notices: Arc<ServerNotices>) -> Self {
        Self { db, journal, users, notices, turn: tokio::sync::Mutex::default() }
    }

    /// Tells what commands have done, until the server stops.
    pub async fn run(self: Arc<Self>) {
        let mut look = tokio::time::interval(EVERY);
        loop {
            look.tick().await;
            self.tell().await;
        }
    }

    /// Tells all that is to be told. What could not be told is tried again.
    pub async fn tell(&self) {
        let _turn = self.turn.lock().await;
        if let Err(error) = self.tell_all().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "senders of feedback were not told; it is tried again"
            );
        }
    }

    async fn tell_all(&self) -> Result<()> {
        for news in storage::feedback::to_tell(&self.db).await? {
            // One that cannot be sent must not keep the rest back, and the account data tells it too.
            if let Err(error) = self.notify(&news).await {
                tracing::warn!(report = news.report, %error, "a notice of feedback could not be sent");
            }
            self.journal
                .write(move |w| {
                    Box::pin(async move {
                        storage::feedback::told(&mut w.tx, news.report, news.n).await?;
                        signal(w, news.reporter).await
                    })
                })
                .await?;
        }
        Ok(())
    }

    async fn notify(&self, news: &News) -> Result<()> {
        if self.users.get(&news.reporter).await?.is_none_or(|account| account.deactivated) {
            return Ok(());
        }
        let content = to_raw_value(&json!({
            "msgtype": "m.text",
            "body": words(news),
            super::UNREAD: { "id": news.report },
        }))?;
        let notice = Notice {
            kind: TimelineEventType::RoomMessage,
            state_key: None,
            content: &content,
            txn_id: format!("feedback-{}-{}", news.report, news.n).into(),
        };
        Box::pin(self.notices.send(&news.reporter, notice)).await.map(drop)
    }
}

/// What a notice says, in the language of the client that the report came from.
fn words(news: &News) -> String {
    let language = news.diagnostics.get("language").map_or("ru", String::as_str);
    let russian = language.to_ascii_lowercase().starts_with("ru");
    let line = news.text.lines().next().unwrap_or_default();
    let mut start: String = line.chars().take(START).collect();
    if start.len() < news.text.len() {
        start.push('…');
    }
    if news.kind == ActKind::Answer {
        let answer = &news.value;
        return if russian {
            format!("Ответ на ваше сообщение «{start}»:\n\n{answer}")
        } else {
            format!("An answer to what you sent, “{start}”:\n\n{answer}")
        };
    }
    let (now_russian, now_english) = match news.value.parse() {
        Ok(State::Done) => ("сделано", "it is done"),
        Ok(State::Declined) => ("решено не делать", "it was decided not to do this"),
        _ => ("запланировано", "it is planned"),
    };
    if russian {
        format!("Ваше сообщение «{start}»: {now_russian}.")
    } else {
        format!("What you sent, “{start}”: {now_english}.")
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    #[test]
    fn a_notice_speaks_the_language_of_the_client() {
        let news = |kind, value: &str, language: Option<&str>| News {
            report: 7,
            n: 1,
            kind,
            value: value.to_owned(),
            reporter: user_id!("@anna:parta.test").to_owned(),
            text: "Не печатает\nсовсем".to_owned(),
            diagnostics: language.map(|tag| ("language".to_owned(), tag.to_owned())).into_iter().collect(),
        };
        let answer = words(&news(ActKind::Answer, "Починили.", None));
        assert_eq!(answer, "Ответ на ваше сообщение «Не печатает…»:\n\nПочинили.");
        let state = words(&news(ActKind::State, "done", Some("en-GB")));
        assert_eq!(state, "What you sent, “Не печатает…”: it is done.");
        assert_eq!(
            words(&news(ActKind::State, "planned", Some("ru"))),
            "Ваше сообщение «Не печатает…»: запланировано."
        );
    }
}
