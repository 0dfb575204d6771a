//! Push rules: what of a room's events notifies a person, and what highlights.
//! <https://spec.matrix.org/v1.18/client-server-api/#push-rules>
//!
//! A person's rules are the server's defaults with the person's changes, kept as account data of the type
//! `m.push_rules`. Who follows threads has two rules more. [`evaluate`] is a function of values: it asks nobody.

pub mod delivery;
pub mod gateway;
pub mod pushers;

use std::{collections::HashSet, future, sync::Arc};

use futures_util::FutureExt as _;
use ruma::{
    EventId, OwnedEventId, OwnedUserId, UInt, UserId,
    events::push_rules::PushRulesEventContent,
    push::{Action, InsertPushRuleError, NewPushRule, PushConditionRoomCtx, RemovePushRuleError, RuleKind, Ruleset},
};
use serde_json::value::RawValue;

use super::{
    cache::Cache,
    event::Event,
    journal::{Change, Committed, Journal, Writing},
    rooms::state::RoomState,
};
use crate::{
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// People whose rules are held in memory; past it all are forgotten and read again as they are asked for.
const MAX_IN_MEMORY: usize = 20_000;

/// What an event does to a person by their rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// It counts as a notification.
    pub notify: bool,
    /// And it is highlighted.
    pub highlight: bool,
}

/// A person's rules, and what they know of the person.
#[derive(Debug, Default)]
pub struct Rules {
    /// The rules.
    pub set: Ruleset,
    /// The roots of the threads that the person has subscribed to; none where no rule asks.
    threads: Arc<HashSet<OwnedEventId>>,
}

impl Rules {
    /// The person and a room as rules look at them: to be made once for a room and a person, for as many events as there
    /// are.
    pub fn context(&self, room: &RoomState, user_id: &UserId) -> PushConditionRoomCtx {
        let members = UInt::try_from(room.joined_count).unwrap_or(UInt::MAX);
        let threads = self.threads.clone();
        PushConditionRoomCtx::new(room.room_id.clone(), members, user_id.to_owned(), room.display_name(user_id))
            .with_power_levels(room.push_power_levels())
            .with_has_thread_subscription_fn(move |root: &EventId| Box::pin(future::ready(threads.contains(root))))
    }
}

/// The actions of the first rule that applies to an event. One's own events have none.
///
/// The event is flattened once, whoever asks; ruma's `Ruleset::get_match` would do it again for every person.
pub fn actions<'r>(rules: &'r Ruleset, event: &Event, context: &PushConditionRoomCtx) -> &'r [Action] {
    if event.sender == context.user_id {
        return &[];
    }
    let flattened = event.flattened();
    rules
        .iter()
        // Rules are asynchronous for the sake of thread subscriptions alone, and the context has those at hand.
        .find(|rule| rule.applies(flattened, context).now_or_never().unwrap_or(false))
        .map_or(&[], |rule| rule.actions())
}

/// What an event does to a person.
pub fn evaluate(rules: &Ruleset, event: &Event, context: &PushConditionRoomCtx) -> Verdict {
    let actions = actions(rules, event, context);
    let notify = actions.iter().any(Action::should_notify);
    Verdict { notify, highlight: notify && actions.iter().any(Action::is_highlight) }
}

/// Everybody's rules, those in use in memory.
#[derive(Debug)]
pub struct Push {
    db: Db,
    rules: Cache<OwnedUserId, Rules>,
}

impl Push {
    /// Nothing in memory as yet.
    pub fn new(db: Db) -> Self {
        Self { db, rules: Cache::new(MAX_IN_MEMORY) }
    }

    /// A person's rules.
    pub async fn rules(&self, user_id: &UserId) -> Result<Arc<Rules>> {
        let load = async {
            let stored = storage::push::rules(&self.db, user_id).await?;
            let set = merged(user_id, stored.as_deref())?;
            let threads = if set.postcontent.is_empty() {
                HashSet::new()
            } else {
                storage::thread_subscriptions::subscribed(&self.db, user_id).await?
            };
            Ok::<_, ApiError>(Some(Rules { set, threads: Arc::new(threads) }))
        };
        let rules = self.rules.get(user_id, load).await?;
        rules.ok_or_else(|| ApiError::internal("everybody has push rules"))
    }

    /// A person's rules as the content of `m.push_rules`: for those who never changed any there is no such account
    /// data, and yet clients are to be given it.
    pub async fn content(&self, user_id: &UserId) -> Result<Box<RawValue>> {
        let content = PushRulesEventContent::new(self.rules(user_id).await?.set.clone());
        Ok(serde_json::value::to_raw_value(&content)?)
    }

    /// Forgets the rules that a commit has changed, or what they know.
    pub fn observe(&self, committed: &Committed) {
        for change in &committed.changes {
            if let Change::AccountData { user_id, room_id: None } | Change::ThreadSubscription(user_id) = change {
                self.rules.evict(user_id);
            }
        }
    }

    /// Changes a person's rules; nothing is kept if `change` fails.
    pub async fn change(
        &self,
        journal: &Journal,
        user_id: &UserId,
        change: impl FnOnce(&mut Ruleset) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let user_id = user_id.to_owned();
        journal
            .write(move |w| {
                Box::pin(async move {
                    let stored = storage::push::rules(&mut w.tx, &user_id).await?;
                    let mut rules = merged(&user_id, stored.as_deref())?;
                    change(&mut rules)?;
                    keep(w, user_id, rules).await
                })
            })
            .await
    }
}

/// Gives a person the rules for threads, if they have none yet: from now on they are notified of the threads alone that
/// they subscribe to (docs/decisions/0005).
pub async fn follow_threads(w: &mut Writing, user_id: &UserId) -> Result<()> {
    let stored = storage::push::rules(&mut w.tx, user_id).await?;
    let mut rules = merged(user_id, stored.as_deref())?;
    if !rules.postcontent.is_empty() {
        return Ok(());
    }
    rules.postcontent = Ruleset::server_default(user_id).postcontent;
    keep(w, user_id.to_owned(), rules).await
}

async fn keep(w: &mut Writing, user_id: OwnedUserId, rules: Ruleset) -> Result<()> {
    let content = serde_json::to_string(&PushRulesEventContent::new(rules))?;
    let position = w.next_position();
    storage::push::keep_rules(&mut w.tx, &user_id, content, position).await?;
    w.changed(Change::AccountData { user_id, room_id: None });
    Ok(())
}

/// The server's defaults with a person's changes. The rules for threads are no defaults: who has them keeps them.
fn merged(user_id: &UserId, stored: Option<&str>) -> Result<Ruleset> {
    let mut defaults = Ruleset::server_default(user_id);
    defaults.postcontent.clear();
    let Some(stored) = stored else { return Ok(defaults) };
    let mut rules = serde_json::from_str::<PushRulesEventContent>(stored)?.global;
    rules.update_with_server_default(defaults);
    Ok(rules)
}

/// Adds a rule or replaces it, at a place relative to others.
///
/// # Errors
///
/// `M_INVALID_PARAM` for an id that is not allowed, `M_NOT_FOUND` where there is no rule to place it by.
pub fn insert(rules: &mut Ruleset, rule: NewPushRule, after: Option<&str>, before: Option<&str>) -> Result<()> {
    let (kind, id) = (rule.kind(), rule.rule_id().to_owned());
    if [after, before].contains(&Some(&id)) {
        return Err(ApiError::not_found("A rule cannot be placed relative to itself."));
    }
    let was = rules.get(kind.clone(), &id).map(|rule| rule.enabled());
    let moved = after.is_some() || before.is_some();
    if moved && was.is_some() && !id.starts_with('.') {
        // A rule that is to be moved is taken out first: its place is counted among the others.
        rules.remove(kind.clone(), &id).map_err(|e| ApiError::invalid_param(e.to_string()))?;
    }
    rules.insert(rule, after, before).map_err(|error| match error {
        InsertPushRuleError::UnknownRuleId => {
            ApiError::not_found("There is no rule of this kind with the id of before or after.")
        }
        InsertPushRuleError::BeforeHigherThanAfter => {
            ApiError::invalid_param("The rule of before stands above the rule of after.")
        }
        InsertPushRuleError::RelativeToServerDefaultRule => {
            ApiError::invalid_param("A rule cannot be placed relative to a rule of the server.")
        }
        _ => ApiError::invalid_param("A rule's id begins with no dot and holds no slash or backslash."),
    })?;
    if let Some(enabled) = was {
        set_enabled(rules, kind, &id, enabled)?;
    }
    Ok(())
}

/// Switches a rule on or off.
pub fn set_enabled(rules: &mut Ruleset, kind: RuleKind, id: &str, enabled: bool) -> Result<()> {
    rules.set_enabled(kind, id, enabled).map_err(|_| no_such_rule())
}

/// Changes what a rule does.
pub fn set_actions(rules: &mut Ruleset, kind: RuleKind, id: &str, actions: Vec<Action>) -> Result<()> {
    rules.set_actions(kind, id, actions).map_err(|_| no_such_rule())
}

/// Removes a rule that the person made.
pub fn remove(rules: &mut Ruleset, kind: RuleKind, id: &str) -> Result<()> {
    rules.remove(kind, id).map_err(|error| match error {
        RemovePushRuleError::ServerDefault => {
            ApiError::invalid_param("A rule of the server cannot be removed. Switch it off in its place.")
        }
        _ => no_such_rule(),
    })
}

/// `M_NOT_FOUND` for a rule.
pub fn no_such_rule() -> ApiError {
    ApiError::not_found("There is no such push rule.")
}

#[cfg(test)]
mod tests;
