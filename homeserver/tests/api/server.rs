//! A server in this process, on a database of its own.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use homeserver::{
    api,
    app::App,
    clock::Clock,
    config::{Config, Database, Server as ServerConfig},
    storage::db::{Db, sql},
};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Runs an asynchronous test on SQLite and, where `PARTA_TEST_POSTGRES_URL` says where, on PostgreSQL.
#[macro_export]
macro_rules! on_both_engines {
    ($(async fn $name:ident($server:ident: $kind:ty) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn test($server: $kind) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                test(<$kind>::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                match <$kind>::postgres().await {
                    Some(server) => test(server).await,
                    None => eprintln!("no PostgreSQL here: set PARTA_TEST_POSTGRES_URL (deploy/test.sh does)"),
                }
            }
        }
    )+};
}

/// A server and the folder of its data.
pub(crate) struct Server {
    /// The application itself.
    pub app: App,
    router: axum::Router,
    folder: tempfile::TempDir,
}

/// A signed-in account.
#[derive(Clone, Debug)]
pub(crate) struct User {
    /// `@name:parta.test`
    pub id: String,
    /// The access token.
    pub token: String,
    /// The device.
    pub device: String,
}

impl User {
    /// By the answer to a registration or a sign-in.
    pub(crate) fn signed_in(answer: &Value) -> Self {
        let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        Self { id: text("user_id"), token: text("access_token"), device: text("device_id") }
    }
}

static COUNT: AtomicU64 = AtomicU64::new(0);

impl Server {
    /// On the embedded engine.
    pub(crate) async fn sqlite() -> Self {
        Self::start(None, |_| {}).await
    }

    /// On PostgreSQL, if there is one.
    pub(crate) async fn postgres() -> Option<Self> {
        let url = std::env::var("PARTA_TEST_POSTGRES_URL").ok()?;
        let name = format!("parta_api_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let Db::Postgres(admin) = Db::open(&url, 2).await.expect("PostgreSQL answers") else { return None };
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&admin).await.expect("a database");
        admin.close().await;
        let (base, _) = url.rsplit_once('/').expect("a database in the URL");
        Some(Self::start(Some(format!("{base}/{name}")), |_| {}).await)
    }

    /// On any database, with the configuration adjusted.
    pub(crate) async fn start(url: Option<String>, adjust: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = ServerConfig::new(
            "parta.test".try_into().expect("a name"),
            "127.0.0.1:0".parse().expect("an address"),
            folder.path().to_owned(),
        );
        let mut config = Config::dev(server, Database { url, ..Database::default() });
        adjust(&mut config);
        let app = App::start(config, Clock::system()).await.expect("the server starts");
        Self { router: api::router(&app), app, folder }
    }

    /// The same server started anew with another configuration, on the same data.
    pub(crate) async fn adjusted(self, adjust: impl FnOnce(&mut Config)) -> Self {
        let mut config = self.app.config.clone();
        adjust(&mut config);
        self.app.stop().await;
        let app = App::start(config, Clock::system()).await.expect("the server starts");
        Self { router: api::router(&app), app, folder: self.folder }
    }

    /// Calls an endpoint with any body.
    pub(crate) async fn call(&self, request: Request<Body>) -> http::Response<axum::body::Bytes> {
        let response = self.router.clone().oneshot(request).await.expect("the router answers");
        let (parts, body) = response.into_parts();
        http::Response::from_parts(parts, body.collect().await.expect("a body").to_bytes())
    }

    /// Calls an endpoint with JSON, or with nothing where that is `null`, and has JSON back; an answer that is none is
    /// `null`.
    pub(crate) async fn json(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.call(request.body(body).expect("a request")).await;
        (response.status(), serde_json::from_slice(response.body()).unwrap_or_default())
    }

    /// Registers an account in one shot and signs it in.
    pub(crate) async fn register(&self, name: &str) -> User {
        let body = json!({ "username": name, "password": "wonderland", "auth": { "type": "m.login.dummy" } });
        let (status, answer) = self.json(Method::POST, "/_matrix/client/v3/register", None, &body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        User::signed_in(&answer)
    }

    /// Signs an account in once more, on a device of its own.
    pub(crate) async fn sign_in(&self, name: &str) -> User {
        self.sign_in_with(name, json!({})).await
    }

    /// Signs an account in once more, with further fields.
    pub(crate) async fn sign_in_with(&self, name: &str, further: Value) -> User {
        let identifier = json!({ "type": "m.id.user", "user": name });
        let mut body = json!({ "type": "m.login.password", "identifier": identifier, "password": "wonderland" });
        for (key, value) in further.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        let (status, answer) = self.json(Method::POST, "/_matrix/client/v3/login", None, &body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        User::signed_in(&answer)
    }

    /// The server after a restart: nothing is left but what it wrote down.
    pub(crate) async fn restarted(self) -> Self {
        self.adjusted(|_| {}).await
    }

    /// `GET` as a user, which must succeed.
    pub(crate) async fn get(&self, user: &User, path: &str) -> Value {
        self.ok(Method::GET, user, path, &Value::Null).await
    }

    /// `PUT` as a user, which must succeed.
    pub(crate) async fn put(&self, user: &User, path: &str, body: Value) -> Value {
        self.ok(Method::PUT, user, path, &body).await
    }

    /// `POST` as a user, which must succeed.
    pub(crate) async fn post(&self, user: &User, path: &str, body: Value) -> Value {
        self.ok(Method::POST, user, path, &body).await
    }

    /// `DELETE` as a user, which must succeed.
    pub(crate) async fn delete(&self, user: &User, path: &str, body: Value) -> Value {
        self.ok(Method::DELETE, user, path, &body).await
    }

    /// Calls an endpoint as a user, which must succeed.
    pub(crate) async fn ok(&self, method: Method, user: &User, path: &str, body: &Value) -> Value {
        let (status, answer) = self.json(method.clone(), path, Some(&user.token), body).await;
        assert_eq!(status, StatusCode::OK, "{method} {path}: {answer}");
        answer
    }

    /// Calls as a user what must fail with an `errcode`.
    pub(crate) async fn refused(&self, method: Method, user: &User, path: &str, body: Value, errcode: &str) -> Value {
        let (status, answer) = self.json(method.clone(), path, Some(&user.token), &body).await;
        assert!(status.is_client_error(), "{method} {path} answered {status}: {answer}");
        assert_eq!(answer["errcode"], errcode, "{method} {path}: {answer}");
        answer
    }
}

/// Counts rows, to see what is in the database.
#[allow(dead_code)]
pub(crate) async fn count(server: &Server, text: &'static str) -> i64 {
    sql(text).one(&server.app.db).await.expect("a count").get("n").expect("a column n")
}
