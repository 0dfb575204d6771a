//! Finding the server behind what a person typed, signing in, registering, and coming back to a kept session.

use std::{path::Path, time::Duration};

use matrix_sdk::{
    Client, Error, SqliteStoreConfig,
    config::RequestConfig,
    cross_process_lock::CrossProcessLockConfig,
    encryption::{BackupDownloadStrategy, EncryptionSettings},
    ruma::api::client::{
        account::register::v3::Request as RegisterRequest,
        uiaa::{AuthData, AuthType, Dummy, RegistrationToken, UiaaInfo},
    },
    store::RoomLoadSettings,
};
use url::Url;

use crate::{
    matrix::{
        failure,
        home::Home,
        network,
        store::{self, Place, StoredSession},
    },
    model::{command::Credentials, discovery::is_near, person, update::Failure},
    preset::Computer,
};

/// Requests fail rather than wait: the sync loop and the send queue know when to try again.
fn requests() -> RequestConfig {
    RequestConfig::new().disable_retry().timeout(Duration::from_secs(30))
}

/// How this device names itself in lists of devices.
const DEVICE_NAME: &str = "Parta";

fn encryption() -> EncryptionSettings {
    EncryptionSettings {
        auto_enable_cross_signing: true,
        backup_download_strategy: BackupDownloadStrategy::AfterDecryptionFailure,
        auto_enable_backups: false,
    }
}

async fn client(computer: &Computer, homeserver: &str, place: &Place) -> Result<Client, Failure> {
    network::builder(computer)
        .homeserver_url(homeserver)
        // The address that a person, a preset or the network gave answers from here. What a server believes of its own
        // may be a name that this computer cannot find.
        .respect_login_well_known(false)
        // The databases are on this computer and their pages in the system's memory anyway: a few connections with small
        // caches of their own do.
        .sqlite_store_with_config_and_cache_path(
            SqliteStoreConfig::with_low_memory_config(&place.path).key(Some(&place.key)),
            None::<&Path>,
        )
        // Only one program at a time opens the folder. Otherwise a lock would be written to the disk anew twenty times a
        // second, for hours on end where one is held by what waits.
        .cross_process_store_config(CrossProcessLockConfig::SingleProcess)
        .request_config(requests())
        .with_encryption_settings(encryption())
        .build()
        .await
        .map_err(|error| {
            tracing::warn!(%error, "client cannot be built");
            Failure::Store
        })
}

/// The addresses to try for what was typed: with the scheme that was typed, else `https`, and plain `http` only where
/// the traffic cannot leave the building.
pub(super) fn candidates(typed: &str) -> Vec<Url> {
    let typed = typed.trim();
    if typed.starts_with("http://") || typed.starts_with("https://") {
        return Url::parse(typed).into_iter().collect();
    }
    let typed = typed.trim_end_matches('/');
    let Ok(secure) = Url::parse(&format!("https://{typed}")) else { return Vec::new() };
    let mut urls = vec![secure.clone()];
    if secure.host().is_some_and(|host| is_near(&host.to_owned()))
        && let Ok(plain) = Url::parse(&format!("http://{typed}"))
    {
        urls.push(plain);
    }
    urls
}

/// Finds the server: by its `.well-known` file, else at the address itself.
async fn discover(computer: &Computer, typed: &str) -> Result<String, Failure> {
    let mut failure = Failure::NotFound;
    for url in candidates(typed) {
        let config = RequestConfig::new().disable_retry().timeout(Duration::from_secs(10));
        let Ok(probe) = network::builder(computer).homeserver_url(url.as_str()).request_config(config).build().await
        else {
            continue;
        };
        let told = probe.fetch_client_well_known().await.map(|answer| answer.homeserver.base_url);
        let mut bases = told.filter(|base| Url::parse(base).is_ok()).into_iter().collect::<Vec<_>>();
        bases.push(url.to_string());
        for base in bases {
            let Ok(probe) = network::builder(computer).homeserver_url(&base).request_config(config).build().await
            else {
                continue;
            };
            match probe.fetch_server_versions(None).await {
                Ok(_) => return Ok(base),
                Err(error) => failure = failure::of_http(&error),
            }
            // Somebody who stands in the way would like nothing better than that the next try is without encryption.
            if failure.is_of_certificate() {
                return Err(failure);
            }
        }
    }
    Err(match failure {
        Failure::NotFound | Failure::Other | Failure::Forbidden => Failure::NotAServer,
        failure => failure,
    })
}

/// Signs in by password.
pub(super) async fn sign_in(
    computer: &Computer,
    home: &Home,
    who: &Credentials,
) -> Result<(Client, StoredSession), Failure> {
    begin(computer, home, who, async |client: &Client| {
        client
            .matrix_auth()
            .login_username(who.user.trim(), &who.password)
            .initial_device_display_name(DEVICE_NAME)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| failure::of_sign_in(&error))
    })
    .await
}

/// Makes an account and signs in.
pub(super) async fn register(
    computer: &Computer,
    home: &Home,
    who: &Credentials,
) -> Result<(Client, StoredSession), Failure> {
    begin(computer, home, who, async |client: &Client| register_with(client, who).await).await
}

async fn begin(
    computer: &Computer,
    home: &Home,
    who: &Credentials,
    authenticate: impl AsyncFnOnce(&Client) -> Result<(), Failure>,
) -> Result<(Client, StoredSession), Failure> {
    let homeserver = discover(computer, &who.server).await?;
    let place = Place::fresh(&home.folder).map_err(|error| {
        tracing::warn!(%error, "data folder cannot be written");
        Failure::Store
    })?;
    let outcome = async {
        let client = client(computer, &homeserver, &place).await?;
        authenticate(&client).await?;
        let session = client.matrix_auth().session().ok_or(Failure::Other)?;
        let stored = StoredSession::new(homeserver.clone(), &session, &place);
        if home.kept {
            store::save(&home.folder, &stored).map_err(|error| {
                tracing::warn!(%error, "session cannot be saved");
                Failure::Store
            })?;
        }
        Ok((client, stored))
    }
    .await;
    if outcome.is_err() {
        place.remove();
    }
    outcome
}

/// Registers by user-interactive authentication: each round answers one stage that is still open, of the first flow
/// this client knows every stage of (spec: client-server API, "User-interactive API in the REST API").
async fn register_with(client: &Client, who: &Credentials) -> Result<(), Failure> {
    let mut auth = None;
    let mut token_sent = false;
    // More rounds than any flow of known stages has.
    for _ in 0..6 {
        let mut request = RegisterRequest::new();
        request.username = Some(person::localpart(who.user.trim()).to_owned());
        request.password = Some(who.password.clone());
        request.initial_device_display_name = Some(DEVICE_NAME.to_owned());
        request.auth = auth.take();
        let Err(error) = client.matrix_auth().register(request).await else { return Ok(()) };
        let Some(info) = error.as_uiaa_response() else { return Err(failure::of_registration(&error)) };
        if token_sent && info.auth_error.is_some() {
            return Err(Failure::TokenWrong);
        }
        let stage = next_stage(info).ok_or(Failure::RegistrationClosed)?;
        auth = Some(match stage {
            AuthType::RegistrationToken => {
                if who.token.trim().is_empty() {
                    return Err(Failure::TokenNeeded);
                }
                if token_sent {
                    return Err(Failure::TokenWrong);
                }
                token_sent = true;
                let mut answer = RegistrationToken::new(who.token.trim().to_owned());
                answer.session.clone_from(&info.session);
                AuthData::RegistrationToken(answer)
            }
            _ => {
                let mut answer = Dummy::new();
                answer.session.clone_from(&info.session);
                AuthData::Dummy(answer)
            }
        });
    }
    Err(Failure::RegistrationClosed)
}

/// The next open stage of the shortest flow made of known stages.
fn next_stage(info: &UiaaInfo) -> Option<AuthType> {
    info.flows
        .iter()
        .filter(|flow| flow.stages.iter().all(|stage| matches!(stage, AuthType::Dummy | AuthType::RegistrationToken)))
        .min_by_key(|flow| flow.stages.len())?
        .stages
        .iter()
        .find(|stage| !info.completed.contains(stage))
        .cloned()
}

/// Comes back to a kept session without asking the server.
pub(super) async fn restore(computer: &Computer, home: &Home, stored: &StoredSession) -> Result<Client, Failure> {
    let client = client(computer, &stored.homeserver, &Place::of(&home.folder, stored)).await?;
    client.matrix_auth().restore_session(stored.session(), RoomLoadSettings::default()).await.map_err(
        |error: Error| {
            tracing::warn!(%error, "session cannot be restored");
            Failure::Store
        },
    )?;
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(typed: &str) -> Vec<String> {
        candidates(typed).into_iter().map(|url| url.to_string()).collect()
    }

    #[test]
    fn plain_http_only_within_the_building() {
        assert_eq!(tried("chat.academy.lan"), ["https://chat.academy.lan/", "http://chat.academy.lan/"]);
        assert_eq!(tried(" 192.168.0.5:8008/ "), ["https://192.168.0.5:8008/", "http://192.168.0.5:8008/"]);
        assert_eq!(tried("school"), ["https://school/", "http://school/"]);
        assert_eq!(tried("matrix.example.org"), ["https://matrix.example.org/"]);
        assert_eq!(tried("8.8.8.8"), ["https://8.8.8.8/"]);
        assert_eq!(tried("http://matrix.example.org"), ["http://matrix.example.org/"]);
        assert!(tried("  ").is_empty());
        assert!(tried("http://").is_empty());
    }

    #[test]
    fn the_shortest_known_flow_is_taken() {
        let info: UiaaInfo = serde_json::from_value(serde_json::json!({
            "flows": [
                {"stages": ["m.login.recaptcha"]},
                {"stages": ["m.login.registration_token", "m.login.dummy"]},
            ],
            "completed": ["m.login.registration_token"],
            "params": {},
            "session": "s",
        }))
        .unwrap();
        assert_eq!(next_stage(&info), Some(AuthType::Dummy));
        let closed: UiaaInfo =
            serde_json::from_value(serde_json::json!({"flows": [{"stages": ["m.login.email.identity"]}]})).unwrap();
        assert_eq!(next_stage(&closed), None);
    }
}
