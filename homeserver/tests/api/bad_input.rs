//! Bad input on every endpoint of the specification: the answer is the error that the specification names, as JSON and
//! with a sentence, and never a 5xx. What is tried on several endpoints at once stands in conformance-tests; here no
//! endpoint is left out.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use http::{Method, Request, header};
use serde_json::{Map, Value, json};

use crate::{
    rooms::{room, say},
    server::{Server, User},
    specification::{LEFT_OUT, SPECIFICATION},
};

/// A line an endpoint.
const REQUESTS: &str = include_str!("requests.txt");

/// An endpoint and what it asks for.
struct Endpoint {
    method: Method,
    path: &'static str,
    access: &'static str,
    /// The fields of a JSON body; `None` for an endpoint without one.
    fields: Option<Vec<Field>>,
    query: Vec<&'static str>,
}

/// A field of a body.
struct Field {
    name: &'static str,
    required: bool,
    kind: &'static str,
}

impl Endpoint {
    fn parse(line: &'static str) -> Self {
        let words: Vec<&'static str> = line.split(' ').collect();
        let &[method, path, access, ref rest @ ..] = &words[..] else { panic!("a method, a path, an access: {line}") };
        let field = |word: &&'static str| {
            let (name, kind) = word.rsplit_once(':')?;
            Some(Field { name: name.trim_end_matches('*'), required: name.ends_with('*'), kind })
        };
        Self {
            method: method.parse().expect("a method"),
            path,
            access,
            fields: (rest.first() == Some(&"json")).then(|| rest.iter().filter_map(field).collect()),
            query: rest.iter().filter_map(|word| word.strip_prefix('?')).collect(),
        }
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The names of what stands in braces in the path.
    fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// A JSON body with every required field, and with those without which others are not looked at.
    fn object(&self) -> Map<String, Value> {
        let fields = self.fields.iter().flatten();
        let asked = fields.filter(|field| field.required || self.path.ends_with("/pushers/set"));
        asked.map(|field| (field.name.to_owned(), field.good())).collect()
    }

    /// The same as text; nothing where there is no JSON body.
    fn body(&self) -> String {
        self.fields.as_ref().map(|_| Value::Object(self.object()).to_string()).unwrap_or_default()
    }
}

impl Field {
    /// A value of the right type.
    fn good(&self) -> Value {
        match (self.name, self.kind) {
            ("type", _) => json!("m.login.password"),
            ("kind", _) => json!("http"),
            ("data", _) => json!({ "url": "http://127.0.0.1:9/_matrix/push/v1/notify" }),
            ("user_id", _) => json!("@nobody:parta.test"),
            ("room_id", _) => json!("!nowhere:parta.test"),
            (_, "string" | "any") => json!("x"),
            (_, "integer" | "number") => json!(1),
            (_, "boolean") => json!(true),
            (_, "object") => json!({}),
            (_, "array") => json!([]),
            (name, kind) => panic!("{name} is of an unknown type, {kind}"),
        }
    }

    /// Values of other types.
    fn bad(&self) -> Vec<Value> {
        match self.kind {
            "string" => vec![json!(7), json!({}), json!([])],
            "string/null" => vec![json!(7), json!({})],
            "integer" => vec![json!("x"), json!({}), json!(1.5)],
            "number" => vec![json!("x"), json!({})],
            "boolean" => vec![json!("yes"), json!(1), json!({})],
            // An array too: serde takes one for a struct where nobody says otherwise.
            "object" => vec![json!("x"), json!(7), json!([])],
            "array" => vec![json!("x"), json!(7), json!({})],
            kind => panic!("{} is of an unknown type, {kind}", self.name),
        }
    }
}

/// The endpoints that are served.
fn endpoints() -> Vec<Endpoint> {
    let lines = |text: &'static str| text.lines().filter(|line| !line.starts_with('#'));
    let endpoints: Vec<Endpoint> = lines(REQUESTS).map(Endpoint::parse).collect();
    let names: Vec<String> = endpoints.iter().map(Endpoint::name).collect();
    assert_eq!(names, lines(SPECIFICATION).collect::<Vec<_>>(), "the two lists name the same endpoints");
    let left_out = |endpoint: &Endpoint| LEFT_OUT.iter().any(|(name, _)| *name == endpoint.name());
    endpoints.into_iter().filter(|endpoint| !left_out(endpoint)).collect()
}

/// What an answer must be: a status and an `errcode`.
#[derive(Clone, Copy)]
enum Expected {
    OneOf(&'static [&'static str]),
    NoneOf(&'static [&'static str]),
}

const NOT_JSON: Expected = Expected::OneOf(&["400 M_NOT_JSON"]);
const BAD_JSON: Expected = Expected::OneOf(&["400 M_BAD_JSON"]);
const INVALID: Expected = Expected::OneOf(&["400 M_INVALID_PARAM"]);
const MISSING: Expected = Expected::OneOf(&["400 M_BAD_JSON", "400 M_MISSING_PARAM", "400 M_INVALID_PARAM"]);
const WRONG_TYPE: Expected = Expected::OneOf(&["400 M_BAD_JSON", "400 M_INVALID_PARAM"]);
/// Any, as long as it is a good answer or a good error.
const ANY: Expected = Expected::NoneOf(&[]);

/// Where the answer is another: to what, the answer, and why.
type Otherwise = &'static [(&'static str, &'static str, &'static str)];

/// Whether something that was tried is meant: all that begins so where it ends in a slash, else all that ends so.
fn is_about(what: &str, which: &str) -> bool {
    what.ends_with(which) || which.ends_with('/') && what.contains(which)
}

/// A walk over the endpoints: what there is to try them on, and what went wrong.
struct Walk<'a> {
    server: &'a Server,
    user: User,
    room: String,
    event: String,
    otherwise: Otherwise,
    met: BTreeSet<&'static str>,
    wrong: Vec<String>,
}

impl<'a> Walk<'a> {
    async fn new(server: &'a Server, otherwise: Otherwise) -> Self {
        let user = server.register("anna").await;
        let room = room(server, &user, json!({})).await;
        let event = say(server, &user, &room, "t", "x").await;
        Self { server, user, room, event, otherwise, met: BTreeSet::new(), wrong: Vec::new() }
    }

    /// An endpoint's path with good values, and with another one for one of its parameters.
    fn path(&self, endpoint: &Endpoint, replaced: Option<(&str, &str)>) -> String {
        let mut path = endpoint.path.to_owned();
        for name in endpoint.parameters() {
            let good = match name {
                "userId" => &self.user.id,
                "roomId" | "roomIdOrAlias" => &self.room,
                "eventId" => &self.event,
                "roomAlias" => "#nowhere:parta.test",
                "serverName" => "parta.test",
                "relType" => "m.thread",
                "receiptType" => "m.read",
                "kind" => "content",
                _ => "x",
            };
            let good: String = url::form_urlencoded::byte_serialize(good.as_bytes()).collect();
            let value = replaced.filter(|(other, _)| *other == name).map_or(&*good, |(_, bad)| bad);
            path = path.replace(&format!("{{{name}}}"), value);
        }
        path
    }

    /// The required parameters of the query, but one.
    fn query(endpoint: &Endpoint, without: Option<&str>) -> String {
        let names = endpoint.query.iter().filter(|name| Some(**name) != without);
        let pairs = names.map(|name| match *name {
            "user_id" => "user_id=%40nobody:parta.test".to_owned(),
            "dir" => "dir=b".to_owned(),
            "url" => "url=http://127.0.0.1:9/".to_owned(),
            name => format!("{name}=1"),
        });
        pairs.fold(String::new(), |query, pair| format!("{query}{}{pair}", if query.is_empty() { '?' } else { '&' }))
    }

    /// Tries something, and notes an answer that is not what it must be.
    async fn tries(
        &mut self,
        what: &str,
        request: (&Method, &str, Option<&str>),
        body: impl Into<Body>,
        expected: Expected,
    ) {
        let (method, path, token) = request;
        let mut builder = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            builder = builder.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = self.server.call(builder.body(body.into()).expect("a request")).await;
        let status = response.status();
        let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let shown = format!("{} {}", status.as_u16(), answer["errcode"].as_str().unwrap_or("-"));
        let challenge = status.as_u16() == 401 && answer["flows"].is_array();
        let says = |field: &str| answer[field].as_str().is_some_and(|text| !text.is_empty());
        let is_error = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json")
            && (challenge || says("errcode") && says("error"));
        let good = if status.is_client_error() { is_error } else { status.is_success() };
        let otherwise = self.otherwise.iter().find(|(which, ..)| is_about(what, which));
        let fits = match (otherwise, expected) {
            (Some((which, other, _)), _) => {
                self.met.insert(which);
                shown == *other
            }
            (None, Expected::OneOf(answers)) => answers.contains(&&*shown),
            (None, Expected::NoneOf(answers)) => !answers.contains(&&*shown),
        };
        if !good || !fits {
            let path: String = path.chars().take(200).collect();
            self.wrong.push(format!("{what}\n    {method} {path} answered {shown}: {answer}"));
        }
    }

    /// Ends the walk.
    fn end(self) {
        assert!(self.wrong.is_empty(), "{} wrong answers:\n{}", self.wrong.len(), self.wrong.join("\n"));
        let forgotten: Vec<_> = self.otherwise.iter().filter(|(which, ..)| !self.met.contains(which)).collect();
        assert!(forgotten.is_empty(), "exceptions that nothing needs: {forgotten:?}");
    }
}

const TOKENS: Otherwise = &[
    (
        "without a token: GET /_matrix/client/v1/room_summary/",
        "404 M_NOT_FOUND",
        "whoever may knock or join may look, with an account or without; this room is by invitation",
    ),
    (
        "without a token: POST /_matrix/client/v3/account/deactivate",
        "401 M_MISSING_TOKEN",
        "whose account it is, only the token says: there are no e-mail addresses to prove it by",
    ),
    ("without a token: POST /_matrix/client/v3/account/password", "401 M_MISSING_TOKEN", "the same"),
    ("POST /_matrix/client/v3/refresh", "401 M_UNKNOWN_TOKEN", "it is the refresh token in the body that is unknown"),
];

const APPSERVICES: [(&str, &str, &str); 2] = [
    ("POST /_matrix/client/v1/appservice/", "403 M_FORBIDDEN", "who calls is settled first, and it is no service"),
    ("PUT /_matrix/client/v3/directory/list/appservice/", "403 M_FORBIDDEN", "the same"),
];

const FIELDS: Otherwise = &[
    APPSERVICES[0],
    APPSERVICES[1],
    (
        "without reason: POST /_matrix/client/v3/rooms/{roomId}/report",
        "200 -",
        "the specification asks for it since v1.14, and clients of v1.13 need not send it",
    ),
];

/// There are no identity servers, so nobody reads which one a client means.
const UNREAD: [&str; 2] = ["id_server", "id_access_token"];

const PATHS: Otherwise =
    &[("roomId is no id: PUT /_matrix/client/v3/directory/list/appservice/", "403 M_FORBIDDEN", APPSERVICES[0].2)];

/// What is an identifier with a grammar.
const IDENTIFIERS: [&str; 6] = ["userId", "roomId", "roomIdOrAlias", "roomAlias", "eventId", "serverName"];

on_both_engines! {
    async fn who_has_no_good_token_is_told_so(server: Server) {
        let mut walk = Walk::new(&server, TOKENS).await;
        for endpoint in endpoints() {
            let path = walk.path(&endpoint, None) + &Walk::query(&endpoint, None);
            let body = endpoint.body();
            let (missing, unknown) = match endpoint.access {
                "token" => (Expected::OneOf(&["401 M_MISSING_TOKEN"]), Expected::OneOf(&["401 M_UNKNOWN_TOKEN"])),
                "optional" => (Expected::NoneOf(&["401 M_MISSING_TOKEN"]), Expected::OneOf(&["401 M_UNKNOWN_TOKEN"])),
                // Who asks for no token takes no offence at one.
                _ => (Expected::NoneOf(&["401 M_MISSING_TOKEN"]), Expected::NoneOf(&["401 M_UNKNOWN_TOKEN"])),
            };
            for (what, token, expected) in [("without a token", None, missing), ("an unknown token", Some("forged"), unknown)] {
                let what = format!("{what}: {}", endpoint.name());
                walk.tries(&what, (&endpoint.method, &path, token), body.clone(), expected).await;
            }
        }
        walk.end();
    }

    async fn a_body_is_a_json_object(server: Server) {
        let mut walk = Walk::new(&server, &APPSERVICES).await;
        let token = walk.user.token.clone();
        for endpoint in endpoints().iter().filter(|endpoint| endpoint.fields.is_some()) {
            let path = walk.path(endpoint, None) + &Walk::query(endpoint, None);
            let bodies: [(&[u8], Expected); 8] = [
                (b"{", NOT_JSON),
                (b"{} x", NOT_JSON),
                (b"a=1&b=2", NOT_JSON),
                (b"{\"a\":\"\xe9\"}", NOT_JSON),
                (b"[]", BAD_JSON),
                (b"7", BAD_JSON),
                (b"\"x\"", BAD_JSON),
                (b"null", BAD_JSON),
            ];
            for (body, expected) in bodies {
                let what = format!("{}: {}", String::from_utf8_lossy(body), endpoint.name());
                walk.tries(&what, (&endpoint.method, &path, Some(&token)), body, expected).await;
            }
        }
        walk.end();
    }

    async fn fields_are_there_and_of_their_types(server: Server) {
        let mut walk = Walk::new(&server, FIELDS).await;
        let token = walk.user.token.clone();
        for endpoint in &endpoints() {
            let path = walk.path(endpoint, None) + &Walk::query(endpoint, None);
            for field in endpoint.fields.iter().flatten().filter(|field| !UNREAD.contains(&field.name)) {
                let mut tried = Vec::new();
                if field.required {
                    tried.push((format!("without {}", field.name), None, MISSING));
                }
                tried.extend(field.bad().into_iter().map(|bad| (format!("{} is {bad}", field.name), Some(bad), WRONG_TYPE)));
                if field.kind == "string" {
                    tried.push((format!("{} holds U+0000", field.name), Some(json!("a\0b")), ANY));
                }
                for (what, value, expected) in tried {
                    let mut body = endpoint.object();
                    body.remove(field.name);
                    body.extend(value.map(|value| (field.name.to_owned(), value)));
                    let what = format!("{what}: {}", endpoint.name());
                    let request = (&endpoint.method, &*path, Some(&*token));
                    walk.tries(&what, request, Value::Object(body).to_string(), expected).await;
                }
            }
            for name in &endpoint.query {
                let path = walk.path(endpoint, None) + &Walk::query(endpoint, Some(name));
                let body = endpoint.body();
                let what = format!("without ?{name}: {}", endpoint.name());
                walk.tries(&what, (&endpoint.method, &path, Some(&token)), body, MISSING).await;
            }
        }
        walk.end();
    }

    async fn paths_hold_what_they_say(server: Server) {
        let mut walk = Walk::new(&server, PATHS).await;
        let token = walk.user.token.clone();
        let (long, longer) = ("x".repeat(300), "x".repeat(5000));
        for endpoint in &endpoints() {
            for name in endpoint.parameters() {
                let mut tried = vec![
                    ("holds U+0000", "a%00b", INVALID),
                    ("is not UTF-8", "%FF", INVALID),
                    ("is far too long", &*longer, INVALID),
                    ("is too long", &*long, ANY),
                    ("holds slashes", "%2F..%2F", ANY),
                    ("is two dots", "%2e%2e", ANY),
                    ("is a percent sign", "%25", ANY),
                    ("is a picture", "%F0%9F%92%A9", ANY),
                ];
                if IDENTIFIERS.contains(&name) {
                    tried.push(("is no id", "a%20b", INVALID));
                }
                for (what, value, expected) in tried {
                    let path = walk.path(endpoint, Some((name, value))) + &Walk::query(endpoint, None);
                    let body = endpoint.body();
                    let what = format!("{name} {what}: {}", endpoint.name());
                    walk.tries(&what, (&endpoint.method, &path, Some(&token)), body, expected).await;
                }
            }
        }
        walk.end();
    }
}

#[tokio::test]
async fn other_methods_and_other_paths_are_not_recognized() {
    let server = Server::sqlite().await;
    let mut walk = Walk::new(&server, &[]).await;
    let token = walk.user.token.clone();
    let endpoints = endpoints();
    let mut served: BTreeMap<&str, Vec<&Endpoint>> = BTreeMap::new();
    for endpoint in &endpoints {
        served.entry(endpoint.path).or_default().push(endpoint);
    }
    for (name, endpoints) in served {
        let path = walk.path(endpoints[0], None);
        for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::PATCH] {
            if endpoints.iter().all(|endpoint| endpoint.method != method) {
                let what = format!("another method: {name}");
                let expected = Expected::OneOf(&["405 M_UNRECOGNIZED"]);
                walk.tries(&what, (&method, &path, Some(&token)), Body::empty(), expected).await;
            }
        }
        if !path.ends_with('/') {
            let what = format!("a slash at the end: {name}");
            let expected = Expected::OneOf(&["404 M_UNRECOGNIZED"]);
            let path = format!("{path}/");
            walk.tries(&what, (&endpoints[0].method, &path, Some(&token)), Body::empty(), expected).await;
        }
    }
    walk.end();
}
