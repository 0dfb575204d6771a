//! Media: upload, download in whole and in part, thumbnails, and names that try to be paths.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbaImage};
use reqwest::Method;
use serde_json::json;

use crate::api::{Answer, Homeserver, User, segment};

on_both_engines![
    upload_and_download,
    file_names_come_back,
    names_are_never_paths,
    ranges,
    reading_takes_a_session,
    unknown_media,
    limits,
    created_first_uploaded_later,
    thumbnails,
    thumbnail_refusals,
    active_content_is_not_run,
    empty_file,
    many_at_once,
];

/// A picture that compresses badly enough to be a real file.
pub(crate) fn picture(width: u32, height: u32) -> Vec<u8> {
    let image = RgbaImage::from_fn(width, height, |x, y| {
        let noise = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).to_le_bytes();
        image::Rgba([noise[0], (x % 256) as u8, (y % 256) as u8, 255])
    });
    let mut bytes = Vec::new();
    DynamicImage::ImageRgba8(image).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

async fn try_upload(user: &User, query: &str, kind: &str, bytes: Vec<u8>) -> Answer {
    let request = user.request(Method::POST, format!("/_matrix/media/v3/upload{query}"));
    user.hs.answer(request.header("Content-Type", kind).body(bytes)).await
}

/// Uploads; gives `SERVER/ID`.
pub(crate) async fn upload(user: &User, query: &str, kind: &str, bytes: &[u8]) -> String {
    let answer = try_upload(user, query, kind, bytes.to_vec()).await.ok();
    let uri = answer["content_uri"].as_str().unwrap().to_owned();
    uri.strip_prefix("mxc://").unwrap().to_owned()
}

async fn download(user: &User, media: &str) -> Answer {
    user.get(format!("/_matrix/client/v1/media/download/{media}")).await
}

async fn upload_and_download(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let bytes: Vec<u8> = (0..300_000u32).flat_map(|n| n.to_le_bytes()).collect();
    let media = upload(&alice, "", "application/octet-stream", &bytes).await;
    let answer = download(&bob, &media).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.bytes, bytes);
    assert_eq!(answer.header("content-length"), bytes.len().to_string());
    assert!(answer.header("content-type").starts_with("application/octet-stream"));
    let id = media.split_once('/').unwrap().1;
    assert!(
        id.len() >= 16 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'),
        "an opaque, safe id: {id}"
    );
}

async fn file_names_come_back(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let media = upload(&alice, "?filename=report.pdf", "application/pdf", b"%PDF-1.4").await;
    let answer = download(&alice, &media).await;
    let disposition = answer.header("content-disposition");
    assert!(disposition.contains("report.pdf"), "{disposition}");
    let media =
        upload(&alice, &format!("?filename={}", segment("Отчёт за 1-ю четверть.txt")), "text/plain", b"x").await;
    let disposition = download(&alice, &media).await.header("content-disposition").to_owned();
    assert!(
        disposition.contains("filename*=utf-8''%D0%9E") || disposition.contains("filename*=UTF-8''%D0%9E"),
        "{disposition}"
    );
    let other = alice.get(format!("/_matrix/client/v1/media/download/{media}/{}", segment("другое имя.txt"))).await;
    assert_eq!(other.status, 200);
    assert!(
        other.header("content-disposition").contains("%D0%B4%D1%80"),
        "a name in the path is the name: {}",
        other.header("content-disposition")
    );
}

async fn names_are_never_paths(hs: Homeserver) {
    let alice = hs.user("alice").await;
    for name in [
        "../../../../etc/passwd",
        "..\\..\\windows\\system32",
        "/etc/passwd",
        "a\u{0}b",
        "line\r\nSet-Cookie: x=1",
        "\"quoted\"; filename=evil",
        ".",
        "..",
        "",
    ] {
        let answer =
            try_upload(&alice, &format!("?filename={}", segment(name)), "text/plain", b"harmless".to_vec()).await;
        if answer.status != 200 {
            answer.refused();
            continue;
        }
        let media = answer.body["content_uri"].as_str().unwrap().strip_prefix("mxc://").unwrap().to_owned();
        let back = download(&alice, &media).await;
        assert_eq!(back.bytes, b"harmless", "{name:?}");
        assert!(back.headers.get("set-cookie").is_none(), "{name:?} injects no header");
    }
    for path in [
        "hs1/..%2F..%2F..%2Fetc%2Fpasswd",
        "hs1/%2e%2e",
        "..%2F../x",
        "hs1/a%00b",
        "hs1/%2Fetc%2Fpasswd",
        "hs1/a%5C..%5Cb",
        "hs1/%FF%FE",
    ] {
        for kind in ["download", "thumbnail"] {
            let answer = alice.get(format!("/_matrix/client/v1/media/{kind}/{path}?width=32&height=32")).await;
            assert!(!String::from_utf8_lossy(&answer.bytes).contains("root:"), "{answer}");
            answer.refused();
        }
    }
}

/// RFC 9110, section 14: what players and resuming downloads use.
async fn ranges(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let bytes: Vec<u8> = (0..=255u8).cycle().take(10_000).collect();
    let media = upload(&alice, "", "video/mp4", &bytes).await;
    let part = async |range: &str| {
        let request = alice.request(Method::GET, format!("/_matrix/client/v1/media/download/{media}"));
        alice.hs.answer(request.header("Range", range)).await
    };
    for (range, from, to) in [
        ("bytes=0-99", 0, 99),
        ("bytes=9000-", 9000, 9999),
        ("bytes=-10", 9990, 9999),
        ("bytes=9990-20000", 9990, 9999),
        ("bytes=5-5", 5, 5),
    ] {
        let answer = part(range).await;
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(answer.header("content-range"), format!("bytes {from}-{to}/10000"), "{range}");
        assert_eq!(answer.bytes, bytes[from..=to], "{range}");
    }
    let beyond = part("bytes=10000-").await;
    assert_eq!(beyond.status, 416, "{beyond}");
    assert_eq!(beyond.header("content-range"), "bytes */10000");
    for ignored in ["lines=1-2", "bytes=b-a", "bytes=", "bytes=9-3"] {
        let answer = part(ignored).await;
        assert!(answer.status == 200 && answer.bytes == bytes || answer.status == 416, "{ignored}: {}", answer.status);
    }
}

async fn reading_takes_a_session(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let media = upload(&alice, "", "text/plain", b"x").await;
    hs.get(format!("/_matrix/client/v1/media/download/{media}")).await.fails(401, "M_MISSING_TOKEN");
    hs.get(format!("/_matrix/client/v1/media/thumbnail/{media}?width=10&height=10"))
        .await
        .fails(401, "M_MISSING_TOKEN");
    hs.get("/_matrix/client/v1/media/config").await.fails(401, "M_MISSING_TOKEN");
    hs.answer(hs.request(Method::POST, "/_matrix/media/v3/upload").body("x")).await.fails(401, "M_MISSING_TOKEN");
    // The endpoints without a session are frozen: what is uploaded now is not to be had from them.
    let old = hs.get(format!("/_matrix/media/v3/download/{media}")).await;
    assert!([401, 404].contains(&old.status), "{old}");
}

async fn unknown_media(hs: Homeserver) {
    let alice = hs.user("alice").await;
    download(&alice, &format!("{}/doesnotexistatall", alice.server_name())).await.fails(404, "M_NOT_FOUND");
    download(&alice, "elsewhere.example/abc").await.refused();
    alice
        .get(path!("v1/media/thumbnail/{}/{}?width=10&height=10", alice.server_name(), "doesnotexistatall"))
        .await
        .fails(404, "M_NOT_FOUND");
}

async fn limits(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let config = alice.get(path!("v1/media/config")).await.ok();
    let most = config["m.upload.size"].as_u64().expect("the limit is told");
    if most > 128 * 1024 * 1024 {
        return eprintln!("skipped: {most} bytes are too many to send in a test");
    }
    let answer = try_upload(&alice, "", "application/octet-stream", vec![7; most as usize + 1]).await;
    answer.fails(413, "M_TOO_LARGE");
    hs.get("/_matrix/client/versions").await.ok();
}

/// `POST /media/v1/create` first, so that an event can name what is still on its way.
async fn created_first_uploaded_later(hs: Homeserver) {
    let [alice, bob] = hs.users(["alice", "bob"]).await;
    let created = alice.post("/_matrix/media/v1/create", json!({})).await.ok();
    let media = created["content_uri"].as_str().unwrap().strip_prefix("mxc://").unwrap().to_owned();
    alice.get(format!("/_matrix/client/v1/media/download/{media}?timeout_ms=0")).await.fails(504, "M_NOT_YET_UPLOADED");
    let put = async |user: &User| {
        let request = user.request(Method::PUT, format!("/_matrix/media/v3/upload/{media}"));
        user.hs.answer(request.header("Content-Type", "text/plain").body("late")).await
    };
    put(&bob).await.fails(403, "M_FORBIDDEN");
    let waiting = tokio::spawn({
        let (bob, media) = (bob.clone(), media.clone());
        async move { bob.get(format!("/_matrix/client/v1/media/download/{media}?timeout_ms=20000")).await }
    });
    put(&alice).await.ok();
    assert_eq!(waiting.await.unwrap().bytes, b"late", "a download waits for the upload");
    put(&alice).await.fails(409, "M_CANNOT_OVERWRITE_MEDIA");
}

async fn thumbnails(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let media = upload(&alice, "", "image/png", &picture(640, 400)).await;
    for (query, method, wanted) in [
        ("width=96&height=96&method=crop", "crop", (96, 96)),
        ("width=320&height=240&method=scale", "scale", (320, 200)),
    ] {
        let answer = alice.get(format!("/_matrix/client/v1/media/thumbnail/{media}?{query}")).await;
        assert_eq!(answer.status, 200, "{answer}");
        assert!(answer.header("content-type").starts_with("image/"), "{}", answer.header("content-type"));
        let image = image::load_from_memory(&answer.bytes).unwrap();
        if method == "crop" {
            assert_eq!((image.width(), image.height()), wanted, "{query}");
        } else {
            assert!(
                image.width() >= 320.min(wanted.0) - 1 || image.height() >= wanted.1 - 1,
                "{query}: {}x{}",
                image.width(),
                image.height()
            );
            let ratio = f64::from(image.width()) / f64::from(image.height());
            assert!((ratio - 1.6).abs() < 0.05, "the proportions stay: {ratio}");
        }
    }
    // Never larger than the original.
    let small = upload(&alice, "", "image/png", &picture(20, 10)).await;
    let answer =
        alice.get(format!("/_matrix/client/v1/media/thumbnail/{small}?width=800&height=600&method=scale")).await;
    assert_eq!(answer.status, 200, "{answer}");
    let image = image::load_from_memory(&answer.bytes).unwrap();
    assert!(image.width() <= 20 && image.height() <= 10, "{}x{}", image.width(), image.height());
}

async fn thumbnail_refusals(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let media = upload(&alice, "", "image/png", &picture(64, 64)).await;
    let ask =
        async |media: &str, query: &str| alice.get(format!("/_matrix/client/v1/media/thumbnail/{media}?{query}")).await;
    for query in [
        "",
        "width=10",
        "width=x&height=y",
        "width=-5&height=5",
        "width=10&height=10&method=stretch",
        "width=99999999999999999999&height=1",
    ] {
        ask(&media, query).await.refused();
    }
    let text = upload(&alice, "", "text/plain", b"not a picture").await;
    ask(&text, "width=32&height=32").await.refused();
    let broken = upload(&alice, "", "image/png", b"\x89PNG\r\n\x1a\nbroken").await;
    ask(&broken, "width=32&height=32").await.refused();
    // A small file that claims to be an enormous picture must cost no memory: a PNG header of 50,000 × 50,000.
    let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bomb.extend(50_000u32.to_be_bytes());
    bomb.extend(50_000u32.to_be_bytes());
    bomb.extend([8, 6, 0, 0, 0]);
    bomb.extend([0, 0, 0, 0]);
    let answer = try_upload(&alice, "", "image/png", bomb).await;
    if answer.status == 200 {
        let media = answer.body["content_uri"].as_str().unwrap().strip_prefix("mxc://").unwrap().to_owned();
        ask(&media, "width=32&height=32").await.refused();
    } else {
        answer.refused();
    }
}

/// Client-server API, "Content repository", security considerations.
async fn active_content_is_not_run(hs: Homeserver) {
    let alice = hs.user("alice").await;
    for (kind, bytes) in [
        ("text/html", "<script>alert(1)</script>"),
        ("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    ] {
        let media = upload(&alice, "?filename=x", kind, bytes.as_bytes()).await;
        let answer = download(&alice, &media).await;
        assert!(answer.header("content-security-policy").contains("sandbox"), "{:?}", answer.headers);
        assert!(answer.header("content-disposition").starts_with("attachment"), "{:?}", answer.headers);
        assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
    }
    let media = upload(&alice, "?filename=x.png", "image/png", &picture(4, 4)).await;
    assert!(
        download(&alice, &media).await.header("content-disposition").starts_with("inline"),
        "pictures may be shown"
    );
}

async fn empty_file(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let media = upload(&alice, "", "text/plain", b"").await;
    let answer = download(&alice, &media).await;
    assert_eq!((answer.status, answer.bytes.len()), (200, 0));
}

async fn many_at_once(hs: Homeserver) {
    let alice = hs.user("alice").await;
    let files: Vec<Vec<u8>> = (0..12u8).map(|number| vec![number; 100_000]).collect();
    let media =
        futures_util::future::join_all(files.iter().map(|file| upload(&alice, "", "application/octet-stream", file)))
            .await;
    let back = futures_util::future::join_all(media.iter().map(|media| download(&alice, media))).await;
    for (file, answer) in files.iter().zip(back) {
        assert!(answer.bytes == *file, "each its own");
    }
}
