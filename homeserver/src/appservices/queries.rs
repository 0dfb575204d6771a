//! Questions to application services: whether they make a user or a room alias that somebody asked for and that is not
//! there. <https://spec.matrix.org/v1.18/application-service-api/#querying>

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::calls::Calls;
use crate::domain::appservices::Appservice;

type Answers = Mutex<HashMap<String, Arc<OnceCell<bool>>>>;

/// The questions that are under way. A class that follows one link asks once: who comes second waits for the answer to
/// the first.
#[derive(Debug, Default)]
pub(super) struct Queries(Answers);

/// A question that is under way, until this is dropped.
struct Asked<'a> {
    all: &'a Answers,
    id: &'a str,
    answer: Arc<OnceCell<bool>>,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if all.get(self.id).is_some_and(|answer| Arc::ptr_eq(answer, &self.answer)) {
            all.remove(self.id);
        }
    }
}

impl Queries {
    /// Whether one of the application services has made what was asked for. `kind` is `rooms` or `users`.
    pub(super) async fn ask(&self, calls: &Calls, appservices: &[Arc<Appservice>], kind: &str, id: &str) -> bool {
        if appservices.is_empty() {
            return false;
        }
        let answer = self.0.lock().entry(id.to_owned()).or_default().clone();
        let asked = Asked { all: &self.0, id, answer };
        *asked.answer.get_or_init(|| ask_all(calls, appservices, kind, id)).await
    }
}

async fn ask_all(calls: &Calls, appservices: &[Arc<Appservice>], kind: &str, id: &str) -> bool {
    for appservice in appservices {
        if calls.query(appservice, kind, id).await {
            return true;
        }
    }
    false
}
