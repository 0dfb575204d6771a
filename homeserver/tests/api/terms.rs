//! What people agree to when they register, and what passwords they may choose.

use homeserver::config::{Config, PasswordPolicy, Policy, PolicyText};
use http::{Method, Request, StatusCode};
use ruma::user_id;
use serde_json::{Value, json};

use crate::server::Server;

const REGISTER: &str = "/_matrix/client/v3/register";

/// A server with rules in a file in Russian and at an address in English.
async fn with_rules(adjust: impl FnOnce(&mut Config)) -> Server {
    Server::start(None, |config| {
        let file = config.server.data_dir.join("rules.txt");
        std::fs::write(&file, "Не шуметь <на> уроке.").expect("a file");
        let text = |name: &str| PolicyText { name: name.into(), url: None, file: None };
        config.terms.policies.push(Policy {
            id: "rules".into(),
            version: "2".into(),
            ru: Some(PolicyText { file: Some(file), ..text("Правила") }),
            en: Some(PolicyText { url: "https://parta.school/rules".parse().ok(), ..text("Rules") }),
        });
        adjust(config);
    })
    .await
}

async fn register(server: &Server, auth: Value) -> (StatusCode, Value) {
    let mut body = json!({ "username": "anna", "password": "wonderland" });
    if !auth.is_null() {
        body["auth"] = auth;
    }
    server.json(Method::POST, REGISTER, None, &body).await
}

async fn accepted(server: &Server) -> Vec<(String, String)> {
    let accepted = server.app.terms.accepted_by(user_id!("@anna:parta.test")).await.expect("a list");
    let now = server.app.clock.now();
    assert!(accepted.iter().all(|(_, at)| (now - 60_000..=now).contains(at)), "{accepted:?}");
    accepted.into_iter().map(|(accepted, _)| (accepted.policy_id, accepted.version)).collect()
}

#[tokio::test]
async fn who_registers_agrees_and_shows_a_token() {
    let server = with_rules(|config| config.registration.token_required = true).await;
    let token = server.app.registration_tokens.create(None, None, None, None).await.expect("a token").token;
    let (status, asked) = register(&server, Value::Null).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(asked["flows"], json!([{ "stages": ["m.login.terms", "m.login.registration_token"] }]));
    let policy = &asked["params"]["m.login.terms"]["policies"]["rules"];
    assert_eq!(policy["version"], "2");
    assert_eq!(policy["en"], json!({ "name": "Rules", "url": "https://parta.school/rules" }));
    assert_eq!(policy["ru"]["name"], "Правила");
    assert!(asked.get("completed").is_none(), "{asked}");

    let terms = json!({ "type": "m.login.terms", "session": asked["session"] });
    let (status, asked) = register(&server, terms).await;
    assert_eq!((status, &asked["completed"]), (StatusCode::UNAUTHORIZED, &json!(["m.login.terms"])), "{asked}");
    let stage =
        |token: &str| json!({ "type": "m.login.registration_token", "token": token, "session": asked["session"] });
    let (status, refused) = register(&server, stage("forged")).await;
    assert_eq!((status, &refused["errcode"]), (StatusCode::UNAUTHORIZED, &json!("M_UNAUTHORIZED")), "{refused}");
    assert_eq!(refused["completed"], json!(["m.login.terms"]), "what was done stays done");
    let (status, answer) = register(&server, stage(&token)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(accepted(&server).await, [("rules".to_owned(), "2".to_owned())]);
}

#[tokio::test]
async fn no_other_stage_stands_for_the_terms() {
    let server = with_rules(|_| {}).await;
    let (status, asked) = register(&server, json!({ "type": "m.login.dummy" })).await;
    assert_eq!((status, &asked["completed"]), (StatusCode::UNAUTHORIZED, &json!(["m.login.dummy"])), "{asked}");
    let again = json!({ "type": "m.login.dummy", "session": asked["session"] });
    assert_eq!(register(&server, again).await.0, StatusCode::UNAUTHORIZED, "twice the same is not both");
    let forged = json!({ "type": "m.login.terms", "session": "forged" });
    let (status, begun) = register(&server, forged).await;
    assert_eq!((status, begun.get("completed")), (StatusCode::UNAUTHORIZED, None), "a session is not made up");
    let terms = json!({ "type": "m.login.terms", "session": asked["session"] });
    let (status, answer) = register(&server, terms).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let server = server.restarted().await;
    assert_eq!(accepted(&server).await.len(), 1);
}

#[tokio::test]
async fn the_text_is_there_for_anybody() {
    let server = with_rules(|config| config.server.public_url = "https://chat.parta.school/".parse().ok()).await;
    let (_, asked) = register(&server, Value::Null).await;
    let url = &asked["params"]["m.login.terms"]["policies"]["rules"]["ru"]["url"];
    assert_eq!(url, "https://chat.parta.school/_parta/terms/rules/ru");
    let get = |path: &str| server.call(Request::get(path).body(axum::body::Body::empty()).expect("a request"));
    let answer = get("/_parta/terms/rules/ru").await;
    assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, "Не шуметь <на> уроке.".as_bytes()));
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    for missing in ["/_parta/terms/rules/en", "/_parta/terms/rules/de", "/_parta/terms/other/ru"] {
        assert_eq!(get(missing).await.status(), StatusCode::NOT_FOUND, "{missing}");
    }
    let names = |language: &str| server.app.terms.policies(language).iter().map(|t| t.name.clone()).collect::<Vec<_>>();
    assert_eq!((names("en"), names("de")), (vec!["Rules".to_owned()], vec!["Правила".to_owned()]));
}

#[tokio::test]
async fn a_weak_password_is_refused_and_an_old_one_works() {
    let server = Server::sqlite().await;
    let anna = server.register("anna").await;
    let policy = PasswordPolicy { require_digit: true, minimum_length: 12, ..PasswordPolicy::default() };
    let server = server.adjusted(|config| config.login.password_policy = policy).await;
    server.sign_in("anna").await;
    let change = |password: &str| {
        let identifier = json!({ "type": "m.id.user", "user": "anna" });
        let auth = json!({ "type": "m.login.password", "password": "wonderland", "identifier": identifier });
        json!({ "new_password": password, "auth": auth })
    };
    for weak in ["wonderland", "wonderland-wonderland", "123456qwerty"] {
        let path = "/_matrix/client/v3/account/password";
        let refused = server.refused(Method::POST, &anna, path, change(weak), "M_WEAK_PASSWORD").await;
        assert!(refused["error"].as_str().is_some_and(|text| text.ends_with('.')), "{refused}");
    }
    server.post(&anna, "/_matrix/client/v3/account/password", change("wonderland-777")).await;
    let name =
        json!({ "username": "elena.petrova.7", "password": "elena.petrova.7", "auth": { "type": "m.login.dummy" } });
    let (_, answer) = server.json(Method::POST, REGISTER, None, &name).await;
    assert_eq!(answer["errcode"], "M_WEAK_PASSWORD", "{answer}");
}
