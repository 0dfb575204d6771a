//! What no client library would send, byte by byte.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{PATIENCE, alive};
use crate::api::{Homeserver, unique};

on_both_engines![oversized_bodies, raw_requests];

async fn oversized_bodies(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let room = alice.create_room(json!({})).await;
    // Larger than any event, told at once by the length.
    let paths = [
        ("POST", path!("v3/createRoom")),
        ("PUT", path!("v3/rooms/{}/send/m.room.message/{}", room, unique("x"))),
        ("POST", path!("v3/login")),
        ("POST", path!("v3/keys/upload")),
        ("POST", path!("v3/register")),
    ];
    for (method, path) in paths {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 4000000000\r\n\r\n{{\"a\":\"",
            alice.token
        );
        let answer = raw(&hs, head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("M_TOO_LARGE"), "{path}: {answer:?}");
    }
    // Without a length: cut off at some point, or answered, but not swallowed to the end.
    let mut stream = connect(&hs).await;
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        path!("v3/createRoom"),
        alice.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut chunk = b"100000\r\n".to_vec();
    chunk.extend(vec![b'['; 0x10_0000]);
    chunk.extend(b"\r\n");
    let sending = async {
        for _ in 0..256 {
            if stream.write_all(&chunk).await.is_err() {
                return true;
            }
        }
        false
    };
    assert!(tokio::time::timeout(PATIENCE * 2, sending).await.unwrap_or(true), "256 MiB were swallowed");
    alive(&hs).await;
}

async fn connect(hs: &Homeserver) -> TcpStream {
    let url: url::Url = hs.base.parse().unwrap();
    TcpStream::connect((url.host_str().unwrap(), url.port_or_known_default().unwrap())).await.unwrap()
}

/// Sends these bytes; gives what comes back until the answer's end or the connection's.
async fn raw(hs: &Homeserver, bytes: &[u8]) -> String {
    let mut stream = connect(hs).await;
    let mut answer = Vec::new();
    let exchange = async {
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let mut buffer = [0; 8192];
        while let Ok(count) = stream.read(&mut buffer).await {
            answer.extend(&buffer[..count]);
            if count == 0 || complete(&answer) {
                break;
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, exchange).await.is_ok();
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(ended || !text.is_empty(), "no answer to {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(200)]));
    text
}

/// Whether an HTTP answer is there whole.
fn complete(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:").and_then(|value| value.trim().parse::<usize>().ok())
    });
    length.map_or_else(|| body.ends_with("0\r\n\r\n"), |length| body.len() >= length)
}

/// What no client library would send.
async fn raw_requests(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let authorization = format!("Host: hs\r\nAuthorization: Bearer {}\r\n", alice.token);
    let mut requests: Vec<Vec<u8>> = Vec::new();
    for target in [
        "/../../../../etc/passwd",
        "//etc/passwd",
        "/_matrix/client/v3/../../../etc/passwd",
        "/_matrix/client/v3/sync?since=\u{ff}",
        "/_matrix/media/v3/download/../../x",
        "/_matrix//client/v3/sync",
        "/_matrix/client/v3/rooms//state",
        "*",
        "http://elsewhere.example/_matrix/client/versions",
        "/%",
    ] {
        requests.push(format!("GET {target} HTTP/1.1\r\n{authorization}\r\n").into_bytes());
    }
    let mut latin = b"GET /_matrix/client/v3/sync?since=\xff\xfe HTTP/1.1\r\n".to_vec();
    latin.extend(format!("{authorization}\r\n").bytes());
    requests.push(latin);
    requests.push(
        b"GET /_matrix/client/v3/account/whoami HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer \xff\xfe\r\n\r\n"
            .to_vec(),
    );
    for head in [
        "Authorization: Basic YTpi",
        "Authorization: Bearer",
        "Authorization:",
        "Authorization: Bearer a b",
        "Authorization: Bearer x\r\nAuthorization: Bearer y",
    ] {
        requests
            .push(format!("GET /_matrix/client/v3/account/whoami HTTP/1.1\r\nHost: hs\r\n{head}\r\n\r\n").into_bytes());
    }
    for (length, body) in
        [("-1", ""), ("abc", ""), ("2\r\nContent-Length: 3", "{}x"), ("2\r\nTransfer-Encoding: chunked", "0\r\n\r\n")]
    {
        requests.push(
            format!(
                "POST /_matrix/client/v3/createRoom HTTP/1.1\r\n{authorization}Content-Length: {length}\r\n\r\n{body}"
            )
            .into_bytes(),
        );
    }
    requests.push(format!("POST /_matrix/client/v3/createRoom HTTP/1.1\r\n{authorization}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n").into_bytes());
    requests.push(
        format!("GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\nX-Long: {}\r\n\r\n", "x".repeat(500_000))
            .into_bytes(),
    );
    requests.push(format!("GET /{} HTTP/1.1\r\nHost: hs\r\n\r\n", "x".repeat(200_000)).into_bytes());
    requests.push(
        format!("GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\n{}\r\n", "X-Many: 1\r\n".repeat(5_000))
            .into_bytes(),
    );
    requests.push(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello, TLS\r\n\r\n".to_vec());
    requests.push(b"BREW /_matrix/client/versions HTCPCP/1.0\r\n\r\n".to_vec());
    let mut wrong = Vec::new();
    for request in requests {
        let answer = raw(&hs, &request).await;
        let status = answer.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).unwrap_or_default();
        if status.starts_with('5') && !["501", "505"].contains(&status) || answer.contains("root:") {
            wrong.push(format!(
                "{:?} -> {}",
                String::from_utf8_lossy(&request[..request.len().min(150)]),
                &answer[..answer.len().min(300)]
            ));
        }
    }
    alive(&hs).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
