//! Push rules, pushers, and the list of notifications.

use axum::extract::State;
use ruma::{
    api::client::push::{
        delete_pushrule, get_notifications, get_pushers, get_pushrule, get_pushrule_actions, get_pushrule_enabled,
        get_pushrules_all, get_pushrules_global_scope, set_pusher,
        set_pusher::v3::{PusherAction, PusherPostData},
        set_pushrule_actions, set_pushrule_enabled,
    },
    push::{AnyPushRule, RuleKind},
};

use super::{
    lenient::{SetPushRule, SetPusher},
    ruma::Ruma,
};
use crate::{
    app::App,
    domain::{
        event::Position,
        push::{self, pushers},
        sessions::Requester,
    },
    error::{ApiError, Result},
};

/// `GET /_matrix/client/v3/pushrules/`
pub async fn get_pushrules_all(
    State(app): State<App>,
    request: Ruma<get_pushrules_all::v3::Request>,
) -> Result<get_pushrules_all::v3::Response> {
    let rules = app.push.rules(&request.caller.user_id).await?;
    Ok(get_pushrules_all::v3::Response::new(rules.set.clone()))
}

/// `GET /_matrix/client/v3/pushrules/global/`
pub async fn get_pushrules_global_scope(
    State(app): State<App>,
    request: Ruma<get_pushrules_global_scope::v3::Request>,
) -> Result<get_pushrules_global_scope::v3::Response> {
    let rules = app.push.rules(&request.caller.user_id).await?;
    Ok(get_pushrules_global_scope::v3::Response::new(rules.set.clone()))
}

/// `GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}`
pub async fn get_pushrule(
    State(app): State<App>,
    request: Ruma<get_pushrule::v3::Request>,
) -> Result<get_pushrule::v3::Response> {
    let rule = match rule(&app, &request.caller, request.body.kind, &request.body.rule_id).await? {
        // ruma's conversion of any rule knows no rules for threads.
        AnyPushRule::PostContent(rule) => rule.into(),
        rule => rule.into(),
    };
    Ok(get_pushrule::v3::Response::new(rule))
}

/// `GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled`
pub async fn get_pushrule_enabled(
    State(app): State<App>,
    request: Ruma<get_pushrule_enabled::v3::Request>,
) -> Result<get_pushrule_enabled::v3::Response> {
    let rule = rule(&app, &request.caller, request.body.kind, &request.body.rule_id).await?;
    Ok(get_pushrule_enabled::v3::Response::new(rule.as_ref().enabled()))
}

/// `GET /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions`
pub async fn get_pushrule_actions(
    State(app): State<App>,
    request: Ruma<get_pushrule_actions::v3::Request>,
) -> Result<get_pushrule_actions::v3::Response> {
    let rule = rule(&app, &request.caller, request.body.kind, &request.body.rule_id).await?;
    Ok(get_pushrule_actions::v3::Response::new(rule.as_ref().actions().to_vec()))
}

async fn rule(app: &App, caller: &Requester, kind: RuleKind, id: &str) -> Result<AnyPushRule> {
    let rules = app.push.rules(&caller.user_id).await?;
    let rule = rules.set.get(known(kind)?, id).map(ruma::push::AnyPushRuleRef::to_owned);
    rule.ok_or_else(push::no_such_rule)
}

fn known(kind: RuleKind) -> Result<RuleKind> {
    match kind {
        RuleKind::Override
        | RuleKind::Underride
        | RuleKind::Sender
        | RuleKind::Room
        | RuleKind::Content
        | RuleKind::PostContent => Ok(kind),
        // As the rules themselves call it; ruma's word for it has a prefix.
        _ if kind.as_str() == "postcontent" => Ok(RuleKind::PostContent),
        _ => Err(ApiError::invalid_param("A rule's kind is override, underride, sender, room or content.")),
    }
}

/// `PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}`
pub async fn set_pushrule(
    State(app): State<App>,
    request: Ruma<SetPushRule>,
) -> Result<ruma::api::client::push::set_pushrule::v3::Response> {
    let rule = request.body.0;
    app.push
        .change(&app.journal, &request.caller.user_id, move |rules| {
            push::insert(rules, rule.rule, rule.after.as_deref(), rule.before.as_deref())
        })
        .await?;
    Ok(ruma::api::client::push::set_pushrule::v3::Response::new())
}

/// `PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled`
pub async fn set_pushrule_enabled(
    State(app): State<App>,
    request: Ruma<set_pushrule_enabled::v3::Request>,
) -> Result<set_pushrule_enabled::v3::Response> {
    let set_pushrule_enabled::v3::Request { kind, rule_id, enabled, .. } = request.body;
    let kind = known(kind)?;
    app.push
        .change(&app.journal, &request.caller.user_id, move |rules| push::set_enabled(rules, kind, &rule_id, enabled))
        .await?;
    Ok(set_pushrule_enabled::v3::Response::new())
}

/// `PUT /_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions`
pub async fn set_pushrule_actions(
    State(app): State<App>,
    request: Ruma<set_pushrule_actions::v3::Request>,
) -> Result<set_pushrule_actions::v3::Response> {
    let set_pushrule_actions::v3::Request { kind, rule_id, actions, .. } = request.body;
    let kind = known(kind)?;
    app.push
        .change(&app.journal, &request.caller.user_id, move |rules| push::set_actions(rules, kind, &rule_id, actions))
        .await?;
    Ok(set_pushrule_actions::v3::Response::new())
}

/// `DELETE /_matrix/client/v3/pushrules/global/{kind}/{ruleId}`
pub async fn delete_pushrule(
    State(app): State<App>,
    request: Ruma<delete_pushrule::v3::Request>,
) -> Result<delete_pushrule::v3::Response> {
    let delete_pushrule::v3::Request { kind, rule_id, .. } = request.body;
    let kind = known(kind)?;
    app.push.change(&app.journal, &request.caller.user_id, move |rules| push::remove(rules, kind, &rule_id)).await?;
    Ok(delete_pushrule::v3::Response::new())
}

/// `GET /_matrix/client/v3/pushers`
pub async fn get_pushers(
    State(app): State<App>,
    request: Ruma<get_pushers::v3::Request>,
) -> Result<get_pushers::v3::Response> {
    Ok(get_pushers::v3::Response::new(pushers::of_user(&app.db, &request.caller.user_id).await?))
}

/// `POST /_matrix/client/v3/pushers/set`
pub async fn set_pusher(State(app): State<App>, request: Ruma<SetPusher>) -> Result<set_pusher::v3::Response> {
    let Requester { user_id, device_id, .. } = &request.caller;
    match request.body.0.action {
        PusherAction::Post(PusherPostData { pusher, append, .. }) => {
            let gateways = app.delivery.gateways();
            pushers::set(&app.journal, gateways, user_id, device_id.as_deref(), pusher, append).await?;
        }
        PusherAction::Delete(ids) => pushers::remove(&app.journal, user_id, ids).await?,
        _ => return Err(ApiError::invalid_param("A pusher is set, or removed with kind null.")),
    }
    Ok(set_pusher::v3::Response::new())
}

/// `GET /_matrix/client/v3/notifications`
pub async fn get_notifications(
    State(app): State<App>,
    request: Ruma<get_notifications::v3::Request>,
) -> Result<get_notifications::v3::Response> {
    let get_notifications::v3::Request { from, limit, only, .. } = request.body;
    let before = from
        .map(|token| token.parse::<Position>().map_err(|_| ApiError::invalid_param("from is no token of this server.")))
        .transpose()?;
    let limit = limit.map_or(20, |limit| usize::try_from(u64::from(limit)).unwrap_or(usize::MAX));
    let highlights = only.as_deref() == Some("highlight");
    let page = app.notifications.page(&request.caller.user_id, before, limit, highlights).await?;
    let mut response = get_notifications::v3::Response::new(page.notifications);
    response.next_token = page.next.map(|position| position.to_string());
    Ok(response)
}
