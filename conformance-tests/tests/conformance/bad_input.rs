//! Bad input on every endpoint: each answer is a Matrix error or, where the input is not bad after all, a success;
//! never a 5xx, never a hang, and the server lives on.
//!
//! Each check tries its whole table and tells all that went wrong at the end.

mod endpoints;
mod ground;
mod raw;

use std::time::Duration;

use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use self::endpoints::{Access, ENDPOINTS, Endpoint};
use self::ground::Ground;
use crate::api::{Homeserver, unique};

on_both_engines![
    without_a_token,
    forged_tokens,
    malformed_bodies,
    wrong_types,
    bad_paths,
    bad_queries,
    bad_numbers_in_events,
    deep_nesting
];

/// Longest an answer to bad input may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tries `check` on every endpoint that `wanted` picks, several at once, and fails with all that went wrong.
async fn everywhere(
    hs: &Homeserver,
    wanted: impl Fn(&Endpoint) -> bool,
    check: impl AsyncFn(&Ground, &Endpoint) -> Vec<String>,
) {
    let check = &check;
    let endpoints: Vec<_> = ENDPOINTS.iter().filter(|endpoint| wanted(endpoint)).collect();
    assert!(!endpoints.is_empty());
    let wrong: Vec<String> = stream::iter(endpoints)
        .map(|endpoint| async move {
            let ground = Ground::new(hs).await;
            check(&ground, endpoint).await
        })
        .buffer_unordered(6)
        .flat_map(stream::iter)
        .collect()
        .await;
    alive(hs).await;
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
}

/// The server still answers.
async fn alive(hs: &Homeserver) {
    hs.get("/_matrix/client/versions").await.ok();
}

async fn without_a_token(hs: Homeserver) {
    everywhere(
        &hs,
        |endpoint| endpoint.access == Access::Token,
        async |ground, endpoint| {
            let method = Method::from_bytes(endpoint.method.as_bytes()).unwrap();
            let mut request = hs.request(method, &ground.path(endpoint));
            if endpoint.body.is_some() {
                request = request.json(&ground.body(endpoint));
            }
            let answer = hs.answer(request).await;
            if answer.status == 401 && answer.body["errcode"] == "M_MISSING_TOKEN" {
                Vec::new()
            } else {
                vec![answer.to_string()]
            }
        },
    )
    .await;
}

async fn forged_tokens(hs: Homeserver) {
    let long = "x".repeat(6_000);
    let forged = [
        "x",
        "syt_YWxpY2U_forged_000000",
        "null",
        "0",
        "' OR 1=1 --",
        "../../token",
        "%00",
        "\u{ff}",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.",
        &long,
    ];
    everywhere(
        &hs,
        |endpoint| endpoint.access == Access::Token,
        async |ground, endpoint| {
            let mut wrong = Vec::new();
            for token in forged {
                let body = endpoint.body.map(|_| ground.body(endpoint).to_string().into_bytes());
                wrong.extend(ground.try_one(endpoint.method, &ground.path(endpoint), Some(token), body, true).await);
            }
            wrong
        },
    )
    .await;
}

/// Bodies that are not JSON, or not the JSON they seem to be.
fn broken_bodies() -> Vec<(Vec<u8>, bool)> {
    let mut bodies: Vec<(Vec<u8>, bool)> = [
        "{",
        "}",
        "{]",
        "nul",
        "{\"a\":}",
        "{\"a\" 1}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"unterminated",
        "{}{}",
        "{} x",
        "\u{feff}{",
        "<xml/>",
        "a=1&b=2",
        "\u{0}",
        "// c\n{",
    ]
    .iter()
    .map(|body| (body.as_bytes().to_vec(), true))
    .collect();
    // Not UTF-8: overlong, surrogate, cut short, plain Latin-1, UTF-16.
    for bytes in [
        &b"{\"a\":\"\xc0\xaf\"}"[..],
        b"{\"a\":\"\xed\xa0\x80\"}",
        b"{\"a\":\"\xf0\x9f\"}",
        b"{\"a\":\"\xe9\"}",
        b"\xff\xfe{\0}\0",
        b"{\"\xff\":1}",
    ] {
        bodies.push((bytes.to_vec(), true));
    }
    // JSON, but no object.
    for body in ["null", "true", "7", "\"x\"", "[]", "[{}]"] {
        bodies.push((body.as_bytes().to_vec(), true));
    }
    // Questionable, and the server's to judge: duplicate keys, lone surrogates, NULs, numbers beyond all bounds.
    for body in [
        "{\"a\":1,\"a\":2}",
        "{\"body\":\"\\ud800\"}",
        "{\"\\udfff\":1}",
        "{\"body\":\"\\u0000\"}",
        "{\"a\":1e400}",
        "{\"a\":-1e400}",
        "{\"a\":123456789012345678901234567890}",
        "{\"a\":-0}",
        "{\"a\":0.1}",
        "{\"\":\"\"}",
        "{\"__proto__\":{}}",
    ] {
        bodies.push((body.as_bytes().to_vec(), false));
    }
    bodies
}

async fn malformed_bodies(hs: Homeserver) {
    let bodies = broken_bodies();
    // Where every field of the body is optional, servers may take an unreadable body for an empty one: clients of
    // old send none at all.
    let lenient = |path: &str| {
        [
            "/join",
            "/leave",
            "/knock/",
            "/receipt/",
            "/report/",
            "/redact/",
            "/devices/",
            "/delete_devices",
            "/deactivate",
            "/openid/",
            "/publicRooms",
        ]
        .iter()
        .any(|part| path.contains(part))
    };
    everywhere(
        &hs,
        |endpoint| endpoint.body.is_some(),
        async |ground, endpoint| {
            let mut wrong = Vec::new();
            for (body, must_refuse) in &bodies {
                let must_refuse = *must_refuse && !lenient(endpoint.path);
                wrong.extend(
                    ground
                        .try_one(
                            endpoint.method,
                            &ground.path(endpoint),
                            Some(&ground.user.token),
                            Some(body.clone()),
                            must_refuse,
                        )
                        .await,
                );
            }
            wrong
        },
    )
    .await;
}

/// Every place in a body that holds a value, as a JSON pointer.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let here = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                into.push(here.clone());
                places(value, &here, into);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let here = format!("{at}/{index}");
                into.push(here.clone());
                places(item, &here, into);
            }
        }
        _ => {}
    }
}

/// Each field of each body in turn becomes each of these.
async fn wrong_types(hs: Homeserver) {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(9_007_199_254_740_992i64),
        json!(""),
        json!("x"),
        json!("\u{0}"),
        json!("@:"),
        json!("!"),
        json!("$"),
        json!("#"),
        json!("mxc://"),
        json!("\u{202e}\u{1F4A9}"),
        json!("x".repeat(20_000)),
        json!([]),
        json!([null]),
        json!([[[]]]),
        json!({}),
        json!({ "": null }),
        json!({ "a": { "b": [] } }),
    ];
    everywhere(
        &hs,
        |endpoint| endpoint.body.is_some(),
        async |ground, endpoint| {
            let good = ground.body(endpoint);
            let mut all = Vec::new();
            places(&good, "", &mut all);
            let mut wrong = Vec::new();
            for place in all {
                for value in &values {
                    let mut body = ground.body(endpoint);
                    if let Some(slot) = body.pointer_mut(&place) {
                        *slot = value.clone();
                    }
                    let body = Some(body.to_string().into_bytes());
                    wrong.extend(
                        ground
                            .try_one(endpoint.method, &ground.path(endpoint), Some(&ground.user.token), body, false)
                            .await,
                    );
                }
            }
            wrong
        },
    )
    .await;
}

/// Each placeholder of each path in turn becomes each of these, percent-encoded as they stand.
async fn bad_paths(hs: Homeserver) {
    let (long, encoded) = ("x".repeat(5_000), "%F0%9F%92%A9".repeat(400));
    let values = [
        "",
        "%00",
        "a%00b",
        "%FF%FE",
        "%C0%AF",
        "%ED%A0%80",
        "%F0%9F",
        "%2F",
        "..%2F..%2F..%2Fetc%2Fpasswd",
        "%2e%2e%2fx",
        "%5C..%5C",
        "%25%30%30",
        "%0D%0ASet-Cookie:x",
        "'%3B%20DROP%20TABLE%20events%3B--",
        "%22",
        "%7B%7D",
        "!",
        "@",
        "$",
        "#",
        "!x",
        "@x",
        "@x:",
        "@:hs1",
        "!:hs1",
        "%23:hs1",
        "!x:hs1:9999999",
        "@x:%5B::1",
        "%E2%80%AE",
        "*",
        "-1",
        "99999999999999999999",
        "%20",
        &long,
        &encoded,
    ];
    everywhere(
        &hs,
        |endpoint| endpoint.path.contains('{'),
        async |ground, endpoint| {
            let count = endpoint.path.matches('{').count();
            let mut wrong = Vec::new();
            for place in 0..count {
                for value in &values {
                    let path = ground.fill(endpoint.path, Some((place, *value)), true);
                    let body = endpoint.body.map(|_| ground.body(endpoint).to_string().into_bytes());
                    wrong.extend(ground.try_one(endpoint.method, &path, Some(&ground.user.token), body, false).await);
                }
            }
            wrong
        },
    )
    .await;
}

async fn bad_queries(hs: Homeserver) {
    let of_all = [
        "ts=-1",
        "ts=x",
        "user_id=%40other%3Ahs1",
        "user_id=x",
        "access_token=x",
        "via=%00",
        "kind=guest",
        "&&&&",
        "a=%zz",
        "%FF=%FF",
        "version=%00",
        "version=-1",
        "version=x",
        "before=%00",
        "after=x",
    ];
    // Nothing that writes asks how many, from where, or for a filter.
    let of_reads = [
        "limit=-1",
        "limit=0",
        "limit=abc",
        "limit=",
        "limit=1.5",
        "limit=99999999999999999999",
        "limit=1000000000",
        "limit=1&limit=2",
        "dir=x",
        "dir=",
        "dir=b&dir=f",
        "from=x",
        "from=%00",
        "from=-1",
        "from=s99999999999999999999",
        "to=%FF",
        "since=x",
        "since=%00",
        "since=99999999999999999999",
        "since=-1",
        "since=s1_2_3_4_5_6_7_8_9",
        "timeout=-1",
        "timeout=x",
        "timeout=-99999999999999999999",
        "ts=99999999999999999999",
        "at=x",
        "at=%FF",
        "filter=%7B",
        "filter=x",
        "filter=-1",
        "filter=%00",
        "filter=%5B%5D",
        "filter=%7B%22room%22%3A7%7D",
        "filter=%7B%22room%22%3A%7B%22timeline%22%3A%7B%22limit%22%3A-1%7D%7D%7D",
        "full_state=x",
        "set_presence=x",
        "membership=x",
        "not_membership=x",
        "format=x",
        "width=-1&height=-1",
        "width=0&height=0",
        "width=4294967296&height=4294967296",
        "method=x",
        "include=x",
        "recurse=x",
        "max_depth=-1",
        "suggested_only=x",
        "only=highlight",
        "=",
        "a=%",
        "server_name=%00",
        "timeout_ms=-1",
        "allow_redirect=x",
    ];
    everywhere(
        &hs,
        |_| true,
        async |ground, endpoint| {
            let mut wrong = Vec::new();
            let reads = of_reads.iter().filter(|_| endpoint.method == "GET");
            for query in of_all.iter().chain(reads) {
                // Instead of the query that the path has, and in front of it: which of two counts is the server's to say.
                let path = ground.path(endpoint);
                let (bare, own) = path.split_once('?').unwrap_or((&path, ""));
                let body = endpoint.body.map(|_| ground.body(endpoint).to_string().into_bytes());
                let mut paths = vec![format!("{bare}?{query}")];
                if !own.is_empty() {
                    paths.push(format!("{bare}?{query}&{own}"));
                }
                for path in paths {
                    wrong.extend(
                        ground.try_one(endpoint.method, &path, Some(&ground.user.token), body.clone(), false).await,
                    );
                }
            }
            wrong
        },
    )
    .await;
}

/// Canonical JSON holds integers of ±(2^53−1) and no fractions, from room version 6 on.
async fn bad_numbers_in_events(hs: Homeserver) {
    let ground = Ground::new(&hs).await;
    let mut wrong = Vec::new();
    for number in
        ["9007199254740992", "-9007199254740992", "1.5", "1e3", "1e400", "18446744073709551616", "-9223372036854775809"]
    {
        for content in [format!("{{\"n\":{number}}}"), format!("{{\"deep\":[[{{\"n\":{number}}}]]}}")] {
            let paths = [
                path!("v3/rooms/{}/send/m.room.message/{}", ground.room, unique("x")),
                path!("v3/rooms/{}/state/org.example.n/x", ground.room),
            ];
            for path in paths {
                wrong.extend(
                    ground
                        .try_one(
                            "PUT",
                            &path,
                            Some(&ground.user.token),
                            Some(content.clone().into_bytes()),
                            number != "1e3",
                        )
                        .await,
                );
            }
        }
    }
    for number in ["9007199254740991", "-9007199254740991", "0", "-1"] {
        let answer = ground
            .user
            .try_send(&ground.room, "org.example.n", serde_json::from_str(&format!("{{\"n\":{number}}}")).unwrap())
            .await;
        if answer.status != 200 {
            wrong.push(format!("{number} is an integer: {answer}"));
        }
    }
    alive(&hs).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn deep_nesting(hs: Homeserver) {
    let ground = Ground::new(&hs).await;
    let mut wrong = Vec::new();
    for depth in [200, 10_000, 60_000] {
        for (open, middle, close) in [("[", "", "]"), ("{\"a\":", "1", "}")] {
            let nested = format!("{}{middle}{}", open.repeat(depth), close.repeat(depth));
            for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.body.is_some()) {
                // Alone, and as a field among good ones.
                let mut body = ground.body(endpoint).to_string();
                body.insert_str(body.len() - 1, &format!("{}\"deep\":{nested}", if body.len() > 2 { "," } else { "" }));
                for body in [nested.clone(), body] {
                    if depth > 200 && body.len() > 200_000 && !endpoint.path.contains("createRoom") {
                        continue;
                    }
                    wrong.extend(
                        ground
                            .try_one(
                                endpoint.method,
                                &ground.path(endpoint),
                                Some(&ground.user.token),
                                Some(body.into_bytes()),
                                false,
                            )
                            .await,
                    );
                }
            }
        }
    }
    alive(&hs).await;
    // Whatever was accepted can be read back.
    ground.user.sync("").await;
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
}
