//! User-interactive authentication: who does something that cannot be undone proves again who they are.
//! <https://spec.matrix.org/v1.18/client-server-api/#user-interactive-authentication-api>
//!
//! A session remembers what it was begun for and which stages are complete.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;
use ruma::{
    OwnedUserId,
    api::{
        client::uiaa::{AuthData, AuthFlow, AuthType, UiaaInfo, UserIdentifier},
        error::{ErrorKind, StandardErrorBody},
    },
};

use super::{
    accounts::Accounts,
    sessions::Requester,
    terms::{Accepted, Terms},
};
use crate::{
    clock::{self, Clock, Millis},
    error::{ApiError, Result},
};

/// How long a session waits for its stage.
const LIFETIME_MS: Millis = 15 * 60 * 1000;
/// Sessions held in memory; past it the one that would end first goes.
const MAX_SESSIONS: usize = 10_000;

/// What a session was begun for; it serves for nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Purpose {
    Registration,
    Action { user_id: OwnedUserId, action: &'static str },
}

#[derive(Debug)]
struct Session {
    purpose: Purpose,
    ends_at: Millis,
    done: Done,
}

/// The stages that are complete, and what was shown in them.
#[derive(Clone, Debug, Default)]
struct Done {
    completed: Vec<AuthType>,
    registration_token: Option<String>,
}

/// What somebody who registers has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// The registration token, where one is required. The account's creation uses it up.
    pub registration_token: Option<String>,
    /// What they have agreed to. It is kept with the account.
    pub accepted_terms: Vec<Accepted>,
}

/// The service.
#[derive(Debug)]
pub struct Uiaa {
    clock: Clock,
    accounts: Arc<Accounts>,
    terms: Arc<Terms>,
    token_required: bool,
    sessions: Mutex<HashMap<String, Session>>,
}

impl Uiaa {
    /// No sessions as yet. `token_required` is whether registration asks for a token.
    pub fn new(clock: Clock, accounts: Arc<Accounts>, terms: Arc<Terms>, token_required: bool) -> Self {
        Self { clock, accounts, terms, token_required, sessions: Mutex::default() }
    }

    /// Asks a signed-in user for the password again, for one kind of action (the endpoint's name: a session begun for
    /// one does not serve for another). An application service answers for its users and is not asked.
    ///
    /// # Errors
    ///
    /// [`ApiError::Uiaa`] until it is shown.
    pub async fn require(&self, requester: &Requester, action: &'static str, auth: Option<&AuthData>) -> Result<()> {
        if requester.appservice.is_some() {
            return Ok(());
        }
        let mut flows = vec![vec![AuthType::Password]];
        if self.accounts.jwt.is_some() {
            flows.push(vec![jwt_stage()]);
        }
        let purpose = Purpose::Action { user_id: requester.user_id.clone(), action };
        let auth = self.begun(&purpose, &flows, auth)?;
        let shown = match auth {
            AuthData::Password(given) => self.is_password_of(requester, &given.identifier, &given.password).await?,
            other if other.auth_type() == Some(jwt_stage()) => self.is_signed_on_as(requester, other),
            _ => return Err(self.again(&purpose, &flows, auth, Done::default(), None)),
        };
        if shown {
            self.end(auth);
            return Ok(());
        }
        let refused = (ErrorKind::Forbidden, "That is not your password.");
        Err(self.again(&purpose, &flows, auth, Done::default(), Some(refused)))
    }

    /// Like [`Uiaa::require`], but somebody who signed in by OAuth 2.0 may go to a page instead and confirm it there.
    /// <https://spec.matrix.org/v1.18/client-server-api/#oauth-authentication>
    pub async fn require_or_page(
        &self,
        requester: &Requester,
        action: &'static str,
        auth: Option<&AuthData>,
        page: Option<String>,
    ) -> Result<()> {
        self.require(requester, action, auth).await.map_err(|error| match (error, page) {
            (ApiError::Uiaa(mut info), Some(page)) => {
                info.flows.insert(0, AuthFlow::new(vec![AuthType::OAuth]));
                let params = serde_json::json!({ "m.oauth": { "url": page } });
                info.params = serde_json::value::to_raw_value(&params).ok();
                ApiError::Uiaa(info)
            }
            (error, _) => error,
        })
    }

    /// Asks somebody who registers for what registration requires: agreement to the policies if there are any, then a
    /// token, or nothing (`m.login.dummy`).
    ///
    /// # Errors
    ///
    /// [`ApiError::Uiaa`] until all of it is shown.
    pub async fn admit(&self, auth: Option<&AuthData>) -> Result<Admitted> {
        let mut stages = Vec::new();
        if !self.terms.is_empty() {
            stages.push(AuthType::Terms);
        }
        stages.push(if self.token_required { AuthType::RegistrationToken } else { AuthType::Dummy });
        let flows = [stages.clone()];
        let purpose = Purpose::Registration;
        let auth = self.begun(&purpose, &flows, auth)?;
        let mut done =
            auth.session().and_then(|id| self.sessions.lock().get(id).map(|s| s.done.clone())).unwrap_or_default();
        let stage = auth.auth_type().filter(|stage| stages.contains(stage));
        if let AuthData::RegistrationToken(given) = auth
            && stage.is_some()
        {
            if !self.accounts.registration_token_is_valid(&given.token).await? {
                let refused = (ErrorKind::Unauthorized, "That registration token is not valid.");
                return Err(self.again(&purpose, &flows, auth, done, Some(refused)));
            }
            done.registration_token = Some(given.token.clone());
        }
        done.completed.extend(stage.filter(|stage| !done.completed.contains(stage)));
        if stages.iter().any(|stage| !done.completed.contains(stage)) {
            return Err(self.again(&purpose, &flows, auth, done, None));
        }
        self.end(auth);
        Ok(Admitted { registration_token: done.registration_token, accepted_terms: self.terms.accepted() })
    }

    /// What was sent for a stage. It may come without a session, in one shot; one that it names must be of this purpose.
    fn begun<'a>(
        &self,
        purpose: &Purpose,
        flows: &[Vec<AuthType>],
        auth: Option<&'a AuthData>,
    ) -> Result<&'a AuthData> {
        let Some(auth) = auth else { return Err(self.info(flows, self.begin(purpose), Done::default(), None)) };
        let Some(id) = auth.session() else { return Ok(auth) };
        let known = self.sessions.lock().get(id).is_some_and(|s| s.purpose == *purpose && s.ends_at > self.clock.now());
        if known {
            return Ok(auth);
        }
        let ended = (ErrorKind::Unknown, "That session has ended. Begin again.");
        Err(self.info(flows, self.begin(purpose), Done::default(), Some(ended)))
    }

    fn begin(&self, purpose: &Purpose) -> String {
        let (id, now) = (clock::random_token(), self.clock.now());
        let mut sessions = self.sessions.lock();
        if sessions.len() >= MAX_SESSIONS {
            sessions.retain(|_, session| session.ends_at > now);
            if sessions.len() >= MAX_SESSIONS {
                let first = sessions.iter().min_by_key(|(_, session)| session.ends_at).map(|(id, _)| id.clone());
                first.and_then(|id| sessions.remove(&id));
            }
        }
        sessions.insert(
            id.clone(),
            Session { purpose: purpose.clone(), ends_at: now + LIFETIME_MS, done: Done::default() },
        );
        id
    }

    fn end(&self, auth: &AuthData) {
        if let Some(id) = auth.session() {
            self.sessions.lock().remove(id);
        }
    }

    /// Asks for what is still to be shown. The session, or a new one, remembers what is done.
    fn again(
        &self,
        purpose: &Purpose,
        flows: &[Vec<AuthType>],
        auth: &AuthData,
        done: Done,
        refused: Option<(ErrorKind, &str)>,
    ) -> ApiError {
        let id = auth.session().map_or_else(|| self.begin(purpose), str::to_owned);
        if let Some(session) = self.sessions.lock().get_mut(&id) {
            session.done = done.clone();
        }
        self.info(flows, id, done, refused)
    }

    fn info(
        &self,
        flows: &[Vec<AuthType>],
        session: String,
        done: Done,
        refused: Option<(ErrorKind, &str)>,
    ) -> ApiError {
        let mut info = UiaaInfo::new(flows.iter().map(|stages| AuthFlow::new(stages.clone())).collect());
        let asks_for_terms = flows.iter().flatten().any(|stage| *stage == AuthType::Terms);
        let params: BTreeMap<AuthType, _> =
            asks_for_terms.then(|| (AuthType::Terms, self.terms.params())).into_iter().collect();
        info.params = serde_json::value::to_raw_value(&params).ok();
        info.session = Some(session);
        info.completed = done.completed;
        info.auth_error = refused.map(|(kind, message)| StandardErrorBody::new(kind, message.to_owned()));
        ApiError::Uiaa(Box::new(info))
    }

    async fn is_password_of(&self, requester: &Requester, identifier: &UserIdentifier, password: &str) -> Result<bool> {
        let UserIdentifier::Matrix(typed) = identifier else { return Ok(false) };
        let account = self.accounts.find(&typed.user).await?.filter(|account| account.user_id == requester.user_id);
        self.accounts.check_password(account.as_deref(), password.to_owned()).await
    }

    fn is_signed_on_as(&self, requester: &Requester, auth: &AuthData) -> bool {
        let data = auth.data();
        let token = data.get("token").and_then(serde_json::Value::as_str);
        token
            .zip(self.accounts.jwt.as_ref())
            .is_some_and(|(token, jwt)| jwt.check(token).is_ok_and(|signed_on| signed_on.user_id == requester.user_id))
    }
}

/// The stage of those who have no password but the academy's sign-on.
fn jwt_stage() -> AuthType {
    AuthType::from("org.matrix.login.jwt")
}
