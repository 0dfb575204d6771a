//! Who calls: decided by the authentication scheme of the request's type.

use std::{future::Future, net::IpAddr, sync::Arc};

use axum::{body::Bytes, extract::MatchedPath};
use http::Request;
use ruma::{
    OwnedDeviceId,
    api::{
        Metadata as _,
        auth_scheme::{
            AccessToken, AccessTokenOptional, AppserviceToken, AppserviceTokenOptional, AuthScheme, NoAccessToken,
            NoAuthentication,
        },
        client::session::{logout, logout_all},
        path_builder::PathBuilder as _,
    },
};

use crate::{
    app::App,
    domain::{
        appservices::{Appservice, Appservices},
        sessions::{self, Requester, Seen},
    },
    error::{ApiError, Result},
};

/// Where a request came from, as far as it matters to the domain.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The address: the peer's, or the forwarded one where a trusted proxy says so.
    pub ip: Option<IpAddr>,
    /// The `User-Agent`, cut to 200 characters.
    pub user_agent: Option<String>,
}

/// What authentication looks at.
#[derive(Debug)]
pub struct Context<'a> {
    /// The request; its body is not read yet.
    pub request: &'a Request<Bytes>,
    /// Where it came from.
    pub client: &'a Client,
}

impl Context<'_> {
    /// A parameter of the query.
    fn query(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.request.uri().query()?.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Whether this is what one may do even while one's account is locked: sign out.
    /// <https://spec.matrix.org/v1.18/client-server-api/#account-locking>
    fn signs_out(&self) -> bool {
        let route = self.request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let (one, all) = (logout::v3::Request::PATH_BUILDER, logout_all::v3::Request::PATH_BUILDER);
        one.all_paths().chain(all.all_paths()).any(|path| Some(path) == route)
    }
}

/// What a handler learns about its caller.
pub trait Authenticate: AuthScheme<Output: Send> + 'static {
    /// The caller.
    type Caller: std::fmt::Debug + Send + 'static;

    /// Finds out who calls.
    fn authenticate(
        app: &App,
        token: Self::Output,
        context: &Context<'_>,
    ) -> impl Future<Output = Result<Self::Caller>> + Send;
}

impl Authenticate for NoAuthentication {
    type Caller = ();

    async fn authenticate(_: &App, (): (), _: &Context<'_>) -> Result<()> {
        Ok(())
    }
}

impl Authenticate for NoAccessToken {
    /// An application service that shows its token all the same.
    type Caller = Option<Arc<Appservice>>;

    async fn authenticate(app: &App, (): (), context: &Context<'_>) -> Result<Option<Arc<Appservice>>> {
        let token = AccessTokenOptional::extract_authentication(context.request).ok().flatten();
        Ok(token.and_then(|token| app.appservices.by_token(&token)))
    }
}

impl Authenticate for AccessToken {
    type Caller = Requester;

    async fn authenticate(app: &App, token: String, context: &Context<'_>) -> Result<Requester> {
        let Some(appservice) = app.appservices.by_token(&token) else {
            let client = context.client;
            return app.sessions.by_token(&token, client.ip, client.user_agent.as_deref(), context.signs_out()).await;
        };
        // https://spec.matrix.org/v1.19/application-service-api/#identity-assertion
        let user_id = Appservices::acts_as(&appservice, context.query("user_id").as_deref())?;
        let suspended = match app.users.get(&user_id).await?.as_deref() {
            None => return Err(ApiError::forbidden("The application service has not registered this user.")),
            Some(account) if account.deactivated => {
                return Err(ApiError::user_deactivated("This account was closed. Ask an administrator."));
            }
            Some(account) if account.locked && !context.signs_out() => return Err(sessions::locked()),
            Some(account) => account.suspended,
        };
        let device_id: Option<OwnedDeviceId> = context.query("device_id").map(Into::into);
        if let Some(device_id) = &device_id {
            let Client { ip, user_agent } = context.client.clone();
            app.devices.act_as(&user_id, device_id, Seen { at: app.clock.now(), ip, user_agent }).await?;
        }
        Ok(Requester { user_id, device_id, appservice: Some(appservice), token: None, oauth: false, suspended })
    }
}

impl Authenticate for AccessTokenOptional {
    type Caller = Option<Requester>;

    async fn authenticate(app: &App, token: Option<String>, context: &Context<'_>) -> Result<Option<Requester>> {
        match token {
            Some(token) => AccessToken::authenticate(app, token, context).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Authenticate for AppserviceToken {
    type Caller = Arc<Appservice>;

    async fn authenticate(app: &App, token: String, context: &Context<'_>) -> Result<Arc<Appservice>> {
        if let Some(appservice) = app.appservices.by_token(&token) {
            return Ok(appservice);
        }
        let client = context.client;
        app.sessions.by_token(&token, client.ip, client.user_agent.as_deref(), false).await?;
        Err(ApiError::forbidden("Only an application service may do this."))
    }
}

impl Authenticate for AppserviceTokenOptional {
    type Caller = Option<Arc<Appservice>>;

    async fn authenticate(app: &App, token: Option<String>, _: &Context<'_>) -> Result<Option<Arc<Appservice>>> {
        // A client may well send its old access token along with a sign-in; it is nobody's application service.
        Ok(token.and_then(|token| app.appservices.by_token(&token)))
    }
}
