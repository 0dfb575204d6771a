//! Uploading and reading files.

use std::{io::Cursor, time::Duration};

use axum::body::{Body, Bytes};
use http::{Method, Request, Response, StatusCode, header};
use image::{DynamicImage, ImageFormat, ImageReader, Rgba, RgbaImage};
use serde_json::{Value, json};

use crate::server::{Server, User, count};

const MINE: &str = "/_matrix/client/v1/media";

fn request(user: &User, method: Method, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {}", user.token))
}

async fn upload(server: &Server, user: &User, query: &str, content_type: &str, bytes: impl Into<Body>) -> Value {
    let request = request(user, Method::POST, &format!("/_matrix/media/v3/upload{query}"))
        .header(header::CONTENT_TYPE, content_type)
        .body(bytes.into())
        .unwrap();
    let answer = server.call(request).await;
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{body}");
    body
}

/// `server/id` of an upload.
fn path(uploaded: &Value) -> &str {
    uploaded["content_uri"].as_str().unwrap().strip_prefix("mxc://").unwrap()
}

async fn read(server: &Server, user: &User, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    let mut request = request(user, Method::GET, &format!("{MINE}/{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.call(request.body(Body::empty()).unwrap()).await
}

fn header_of<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn errcode(response: &Response<Bytes>) -> (u16, String) {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    (response.status().as_u16(), body["errcode"].as_str().unwrap_or_default().to_owned())
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbaImage::from_fn(width, height, |x, y| Rgba([(x % 256) as u8, (y % 256) as u8, 90, 255]));
    let mut bytes = Vec::new();
    DynamicImage::from(picture).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

/// Files that lie in the media store, unfinished ones too.
fn stored(server: &Server) -> usize {
    fn files(folder: &std::path::Path) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        entries.flatten().map(|e| if e.path().is_dir() { files(&e.path()) } else { 1 }).sum()
    }
    files(&server.app.config.media_dir())
}

on_both_engines! {
    async fn a_file_comes_back_as_it_was(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let bytes: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
        let name = "Домашнее задание №5.pdf";
        let query = format!("?filename={}", url_encoded(name));
        let uploaded = upload(&server, &anna, &query, "application/pdf", bytes.clone()).await;
        let answer = read(&server, &boris, &format!("download/{}", path(&uploaded)), &[]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.body(), &bytes);
        assert_eq!(header_of(&answer, "content-type"), "application/pdf");
        assert_eq!(header_of(&answer, "content-length"), "3000000");
        assert!(header_of(&answer, "content-disposition").starts_with("attachment; filename*=utf-8''%D0%94"), "{answer:?}");
        assert!(header_of(&answer, "content-security-policy").starts_with("sandbox;"));
        assert_eq!(header_of(&answer, "cross-origin-resource-policy"), "cross-origin");
        assert_eq!(header_of(&answer, "x-content-type-options"), "nosniff");
        let tag = header_of(&answer, "etag").to_owned();
        let again = read(&server, &boris, &format!("download/{}", path(&uploaded)), &[("if-none-match", &tag)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let other = format!("download/{}/{}", path(&uploaded), url_encoded("отчёт \"1\".pdf"));
        let answer = read(&server, &boris, &other, &[]).await;
        assert!(header_of(&answer, "content-disposition").contains("%22"), "{answer:?}");
    }

    async fn only_what_is_safe_is_shown_inline(server: Server) {
        let anna = server.register("anna").await;
        for (content_type, kind) in [
            ("image/png", "inline"), ("text/plain; charset=utf-8", "inline"), ("video/mp4", "inline"),
            ("text/html", "attachment"), ("image/svg+xml", "attachment"), ("application/javascript", "attachment"),
        ] {
            let uploaded = upload(&server, &anna, "?filename=a.bin", content_type, "x").await;
            let answer = read(&server, &anna, &format!("download/{}", path(&uploaded)), &[]).await;
            assert_eq!(header_of(&answer, "content-disposition"), format!("{kind}; filename=a.bin"), "{content_type}");
            assert_eq!(header_of(&answer, "content-type"), content_type);
        }
    }

    async fn ranges_are_answered(server: Server) {
        let anna = server.register("anna").await;
        let bytes: Vec<u8> = (0..1_500_000u32).map(|i| (i % 249) as u8).collect();
        let uploaded = upload(&server, &anna, "", "video/mp4", bytes.clone()).await;
        let file = format!("download/{}", path(&uploaded));
        let part = read(&server, &anna, &file, &[("range", "bytes=1000-1499")]).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.body(), &bytes[1000..1500]);
        assert_eq!(header_of(&part, "content-range"), "bytes 1000-1499/1500000");
        assert_eq!(header_of(&part, "content-length"), "500");
        let long = read(&server, &anna, &file, &[("range", "bytes=400000-")]).await;
        assert_eq!(long.body(), &bytes[400_000..]);
        let last = read(&server, &anna, &file, &[("range", "bytes=-7")]).await;
        assert_eq!(last.body(), &bytes[bytes.len() - 7..]);
        let past = read(&server, &anna, &file, &[("range", "bytes=1500000-")]).await;
        assert_eq!(past.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(header_of(&past, "content-range"), "bytes */1500000");
        let other = read(&server, &anna, &file, &[("range", "bytes=0-1"), ("if-range", "\"another\"")]).await;
        assert_eq!((other.status(), other.body().len()), (StatusCode::OK, bytes.len()));
        let tag = header_of(&part, "etag").to_owned();
        let same = read(&server, &anna, &file, &[("range", "bytes=0-1"), ("if-range", &tag)]).await;
        assert_eq!(same.status(), StatusCode::PARTIAL_CONTENT);
        let request = request(&anna, Method::HEAD, &format!("{MINE}/{file}")).body(Body::empty()).unwrap();
        let head = server.call(request).await;
        assert_eq!((head.status(), header_of(&head, "content-length"), head.body().len()), (StatusCode::OK, "1500000", 0));
    }

    async fn what_is_too_large_leaves_nothing(server: Server) {
        let server = server.adjusted(|config| config.media.max_upload_bytes = 2_000_000).await;
        let anna = server.register("anna").await;
        let config = server.get(&anna, &format!("{MINE}/config")).await;
        assert_eq!(config["m.upload.size"], 2_000_000);
        let chunks = (0..40).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![7u8; 100_000])));
        let streamed = Body::from_stream(futures_util::stream::iter(chunks));
        let request = request(&anna, Method::POST, "/_matrix/media/v3/upload").body(streamed).unwrap();
        assert_eq!(errcode(&server.call(request).await), (413, "M_TOO_LARGE".into()));
        let declared = self::request(&anna, Method::POST, "/_matrix/media/v3/upload").header("content-length", "2000001");
        let answer = server.call(declared.body(Body::from(vec![0u8; 2_000_001])).unwrap()).await;
        assert_eq!(errcode(&answer), (413, "M_TOO_LARGE".into()));
        let broken = (0..20).map(|n| if n < 15 { Ok(Bytes::from(vec![1u8; 100_000])) } else { Err(std::io::Error::other("gone")) });
        let broken = Body::from_stream(futures_util::stream::iter(broken));
        let request = self::request(&anna, Method::POST, "/_matrix/media/v3/upload").body(broken).unwrap();
        assert_eq!(errcode(&server.call(request).await), (400, "M_UNKNOWN".into()));
        assert_eq!((stored(&server), count(&server, "SELECT COUNT(*) AS n FROM media").await), (0, 0));
        upload(&server, &anna, "", "text/plain", vec![0u8; 2_000_000]).await;
        upload(&server, &anna, "", "text/plain", Body::empty()).await;
    }

    async fn nobody_stores_more_than_their_quota(server: Server) {
        let server = server.adjusted(|config| config.media.max_bytes_per_user = 1_000).await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let first = upload(&server, &anna, "", "text/plain", vec![1u8; 600]).await;
        let post = |user: &User, size: usize| {
            request(user, Method::POST, "/_matrix/media/v3/upload").body(Body::from(vec![2u8; size])).unwrap()
        };
        let refused = server.call(post(&anna, 401)).await;
        assert_eq!(errcode(&refused), (403, "M_USER_LIMIT_EXCEEDED".into()));
        let body: Value = serde_json::from_slice(refused.body()).unwrap();
        assert!(body["info_uri"].as_str().is_some_and(|uri| uri.ends_with("/account")), "{body}");
        assert!(body["error"].as_str().is_some_and(|text| text.contains("1000 bytes")), "{body}");
        let declared = request(&anna, Method::POST, "/_matrix/media/v3/upload").header("content-length", "401");
        let answer = server.call(declared.body(Body::from(vec![2u8; 401])).unwrap()).await;
        assert_eq!(errcode(&answer), (403, "M_USER_LIMIT_EXCEEDED".into()));
        assert_eq!(stored(&server), 1, "what is refused leaves nothing");
        upload(&server, &boris, "", "text/plain", vec![1u8; 1_000]).await;

        // A reserved id counts when it gets its bytes.
        let created = server.post(&anna, "/_matrix/media/v1/create", json!({})).await;
        let put = |size: usize| {
            let request = request(&anna, Method::PUT, &format!("/_matrix/media/v3/upload/{}", path(&created)));
            request.body(Body::from(vec![3u8; size])).unwrap()
        };
        assert_eq!(errcode(&server.call(put(401)).await), (403, "M_USER_LIMIT_EXCEEDED".into()));
        assert_eq!(stored(&server), 2);
        assert_eq!(server.call(put(400)).await.status(), StatusCode::OK);
        assert_eq!(errcode(&server.call(post(&anna, 1)).await), (403, "M_USER_LIMIT_EXCEEDED".into()));

        // What is deleted is free again, once.
        server.app.media.delete(&[path(&first).split_once('/').unwrap().1.to_owned()]).await.unwrap();
        assert_eq!(errcode(&server.call(post(&anna, 601)).await), (403, "M_USER_LIMIT_EXCEEDED".into()));
        upload(&server, &anna, "", "text/plain", vec![4u8; 600]).await;
    }

    async fn uploads_at_once_do_not_share_what_is_left(server: Server) {
        let server = server.adjusted(|config| config.media.max_bytes_per_user = 1_000).await;
        let anna = server.register("anna").await;
        let calls = (0..8).map(|_| {
            let request = request(&anna, Method::POST, "/_matrix/media/v3/upload").body(Body::from(vec![5u8; 400]));
            server.call(request.unwrap())
        });
        let answers = futures_util::future::join_all(calls).await;
        assert_eq!(answers.iter().filter(|answer| answer.status() == StatusCode::OK).count(), 2);
        assert_eq!(count(&server, "SELECT CAST(SUM(size) AS BIGINT) AS n FROM media").await, 800);
        assert_eq!(stored(&server), 2);
    }

    async fn an_upload_that_is_given_up_leaves_nothing(server: Server) {
        let anna = server.register("anna").await;
        let first = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![0u8; 2 << 20]))]);
        let stalled = futures_util::StreamExt::chain(first, futures_util::stream::pending());
        let request = request(&anna, Method::POST, "/_matrix/media/v3/upload").body(Body::from_stream(stalled)).unwrap();
        let mut call = Box::pin(server.call(request));
        for _ in 0..500 {
            // The client goes away once its first part lies in the store.
            if tokio::time::timeout(Duration::from_millis(20), &mut call).await.is_err() && stored(&server) > 0 {
                break;
            }
        }
        assert_eq!(stored(&server), 1);
        drop(call);
        for _ in 0..500 {
            if stored(&server) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("half an upload was left behind");
    }

    async fn a_reserved_id_is_filled_once_and_by_its_owner(server: Server) {
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let created = server.post(&anna, "/_matrix/media/v1/create", json!({})).await;
        assert!(created["unused_expires_at"].is_u64(), "{created}");
        let file = path(&created).to_owned();
        let early = read(&server, &boris, &format!("download/{file}?timeout_ms=0"), &[]).await;
        assert_eq!(errcode(&early), (504, "M_NOT_YET_UPLOADED".into()));
        let put = |user: &User, body: &'static str| {
            let request = request(user, Method::PUT, &format!("/_matrix/media/v3/upload/{file}"));
            request.header("content-type", "text/plain").body(Body::from(body)).unwrap()
        };
        assert_eq!(errcode(&server.call(put(&boris, "theirs")).await), (403, "M_FORBIDDEN".into()));
        let patient = format!("download/{file}?timeout_ms=20000");
        let waiting = read(&server, &boris, &patient, &[]);
        let uploading = server.call(put(&anna, "hello"));
        let (waited, uploaded) = tokio::join!(waiting, uploading);
        assert_eq!(uploaded.status(), StatusCode::OK);
        assert_eq!((waited.status(), &**waited.body()), (StatusCode::OK, &b"hello"[..]));
        assert_eq!(errcode(&server.call(put(&anna, "again")).await), (409, "M_CANNOT_OVERWRITE_MEDIA".into()));
        let answer = read(&server, &anna, &format!("download/{file}"), &[]).await;
        assert_eq!(&**answer.body(), b"hello");
        let unknown = request(&anna, Method::PUT, "/_matrix/media/v3/upload/parta.test/neverreserved").body(Body::empty());
        assert_eq!(errcode(&server.call(unknown.unwrap()).await), (404, "M_NOT_FOUND".into()));
    }

    async fn pictures_have_thumbnails(server: Server) {
        let anna = server.register("anna").await;
        let uploaded = upload(&server, &anna, "", "image/png", png(1000, 500)).await;
        for (query, size) in [
            ("width=320&height=240&method=scale", (320, 160)),
            ("width=96&height=96&method=crop", (96, 96)),
            ("width=33&height=33&method=crop", (64, 64)),
            ("width=5000&height=5000", (1000, 500)),
            ("width=20&height=20&animated=true", (64, 32)),
        ] {
            let thumbnail = format!("thumbnail/{}?{query}", path(&uploaded));
            let first = read(&server, &anna, &thumbnail, &[]).await;
            assert_eq!(first.status(), StatusCode::OK, "{query}: {first:?}");
            assert_eq!(header_of(&first, "content-type"), "image/jpeg");
            assert_eq!(header_of(&first, "content-disposition"), "inline; filename=thumbnail.jpg");
            let picture = ImageReader::new(Cursor::new(first.body())).with_guessed_format().unwrap();
            assert_eq!(picture.into_dimensions().unwrap(), size, "{query}");
            let second = read(&server, &anna, &thumbnail, &[]).await;
            assert_eq!(first.body(), second.body(), "it is made once and kept");
        }
        assert_eq!(count(&server, "SELECT COUNT(*) AS n FROM thumbnails").await, 5);
        let text = upload(&server, &anna, "", "image/png", "this is no picture").await;
        for _ in 0..2 {
            let answer = read(&server, &anna, &format!("thumbnail/{}?width=32&height=32", path(&text)), &[]).await;
            assert_eq!(errcode(&answer), (400, "M_UNKNOWN".into()));
        }
        for query in ["width=0&height=10", "width=99999999999&height=1"] {
            let answer = read(&server, &anna, &format!("thumbnail/{}?{query}", path(&uploaded)), &[]).await;
            assert_eq!(errcode(&answer), (400, "M_UNKNOWN".into()), "{query}");
        }
        for query in ["", "width=-5&height=1", "width=a&height=b"] {
            let answer = read(&server, &anna, &format!("thumbnail/{}?{query}", path(&uploaded)), &[]).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
        }
    }

    async fn a_picture_on_its_side_is_turned_upright(server: Server) {
        let anna = server.register("anna").await;
        let mut jpeg = Vec::new();
        let picture = DynamicImage::from(RgbaImage::from_pixel(400, 200, Rgba([200, 10, 10, 255]))).into_rgb8();
        picture.write_to(&mut Cursor::new(&mut jpeg), ImageFormat::Jpeg).unwrap();
        // An Exif segment with nothing but orientation 6: to be turned by 90 degrees.
        let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let turned = [&jpeg[..2], exif, &jpeg[2..]].concat();
        let uploaded = upload(&server, &anna, "", "image/jpeg", turned).await;
        let answer = read(&server, &anna, &format!("thumbnail/{}?width=300&height=200", path(&uploaded)), &[]).await;
        let picture = ImageReader::new(Cursor::new(answer.body())).with_guessed_format().unwrap();
        assert_eq!(picture.into_dimensions().unwrap(), (120, 240));
    }

    async fn tricks_with_names_are_matrix_errors(server: Server) {
        let anna = server.register("anna").await;
        let uploaded = upload(&server, &anna, "", "text/plain", "x").await;
        let id = path(&uploaded).split_once('/').unwrap().1.to_owned();
        for (path, expected) in [
            ("download/parta.test/..%2F..%2Fparta.db", 404),
            ("download/parta.test/%2Fetc%2Fpasswd", 404),
            ("download/parta.test/a%00b", 400),
            ("download/parta.test/..%5C..%5Cx", 404),
            ("download/other.test/abcdef", 404),
            ("download/parta.test/%D1%84", 404),
            ("thumbnail/parta.test/..%2Fx?width=1&height=1", 404),
            (&format!("download/parta.test/{}", "a".repeat(3000)), 400),
            (&format!("download/parta.test/{id}%00"), 400),
            (&format!("download/parta.test/{id}/..%2F..%2Fx"), 400),
            (&format!("download/parta.test/{id}/a%0d%0ab"), 400),
            ("download/not%20a%20name/abcdef", 400),
        ] {
            let answer = read(&server, &anna, path, &[]).await;
            let (status, errcode) = errcode(&answer);
            assert_eq!(status, expected, "{path}");
            assert!(errcode.starts_with("M_"), "{path}: {answer:?}");
        }
        for query in ["?filename=..%2F..%2Fparta.db", "?filename=%00", "?filename=a%5Cb", "?filename=.."] {
            let request = request(&anna, Method::POST, &format!("/_matrix/media/v3/upload{query}"));
            let answer = server.call(request.body(Body::from("x")).unwrap()).await;
            assert_eq!(errcode(&answer), (400, "M_INVALID_PARAM".into()), "{query}");
        }
    }

    async fn nothing_is_read_without_a_token(server: Server) {
        let anna = server.register("anna").await;
        let uploaded = upload(&server, &anna, "", "image/png", png(10, 10)).await;
        let file = path(&uploaded);
        for (path, expected) in [
            (format!("{MINE}/download/{file}"), (401, "M_MISSING_TOKEN")),
            (format!("{MINE}/thumbnail/{file}?width=1&height=1"), (401, "M_MISSING_TOKEN")),
            (format!("{MINE}/config"), (401, "M_MISSING_TOKEN")),
            (format!("/_matrix/media/v3/download/{file}"), (404, "M_NOT_FOUND")),
            (format!("/_matrix/media/v3/download/{file}/name.png"), (404, "M_NOT_FOUND")),
            (format!("/_matrix/media/v3/thumbnail/{file}?width=1&height=1"), (404, "M_NOT_FOUND")),
            (format!("/_matrix/media/r0/download/{file}"), (404, "M_NOT_FOUND")),
        ] {
            let answer = server.call(Request::get(&path).body(Body::empty()).unwrap()).await;
            assert_eq!(errcode(&answer), (expected.0, expected.1.to_owned()), "{path}");
        }
        let request = Request::post("/_matrix/media/v3/upload").body(Body::from("x")).unwrap();
        assert_eq!(errcode(&server.call(request).await), (401, "M_MISSING_TOKEN".into()));
    }

    async fn pages_have_previews(server: Server) {
        let anna = server.register("anna").await;
        let picture = png(48, 32);
        let length = picture.len();
        let pages = axum::Router::new()
            .route("/page", axum::routing::get(|| async {
                axum::response::Html("<title>нет</title><meta property=og:title content='Стенгазета'><meta property=og:image content=/a.png>")
            }))
            .route("/a.png", axum::routing::get(move || async move { ([("content-type", "image/png")], picture) }))
            .route("/away", axum::routing::get(|| async { axum::response::Redirect::temporary("/page") }))
            .route("/loop", axum::routing::get(|| async { axum::response::Redirect::temporary("/loop") }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(axum::serve(listener, pages).into_future());
        let preview = |page: &str| format!("{MINE}/preview_url?url={}", url_encoded(&format!("{base}{page}")));
        let data = server.get(&anna, &preview("/away")).await;
        assert_eq!(data["og:title"], "Стенгазета");
        assert_eq!((&data["og:image:width"], &data["og:image:type"]), (&json!(48), &json!("image/png")));
        assert_eq!(data["matrix:image:size"], length);
        let link = data["og:image"].as_str().unwrap().strip_prefix("mxc://").unwrap();
        assert_eq!(read(&server, &anna, &format!("download/{link}"), &[]).await.body().len(), length);
        let (status, answer) = server.json(Method::GET, &preview("/loop"), Some(&anna.token), &Value::Null).await;
        assert_eq!((status, &answer["errcode"]), (StatusCode::BAD_GATEWAY, &json!("M_UNKNOWN")));
        serving.abort();
        // What was made once is kept.
        assert_eq!(server.get(&anna, &preview("/away")).await, data);
        let guarded = server.adjusted(|config| config.media.preview_private_addresses = false).await;
        let boris = guarded.register("boris").await;
        for page in [format!("{base}/page"), "http://localhost/".into(), "http://[::ffff:127.0.0.1]/".into()] {
            let path = format!("{MINE}/preview_url?url={}", url_encoded(&page));
            let (status, _) = guarded.json(Method::GET, &path, Some(&boris.token), &Value::Null).await;
            assert_eq!(status, StatusCode::BAD_GATEWAY, "{page}");
        }
        let off = guarded.adjusted(|config| config.media.url_previews = false).await;
        let clara = off.register("clara").await;
        off.refused(Method::GET, &clara, &preview("/page"), Value::Null, "M_UNRECOGNIZED").await;
    }

    async fn bytes_without_a_file_are_removed_in_time(server: Server) {
        let anna = server.register("anna").await;
        let uploaded = upload(&server, &anna, "", "text/plain", "kept").await;
        let thumbnail = "64x64-scale";
        let [orphan, shrunk, kept] = [
            "content/zz/zz/zzzzorphan".to_owned(),
            format!("thumbnails/zz/zz/zzzzorphan/{thumbnail}"),
            format!("{}/{thumbnail}", content_path(path(&uploaded)).replacen("content", "thumbnails", 1)),
        ]
        .map(|file| {
            let file = server.app.config.media_dir().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "x").unwrap();
            file
        });
        server.app.media.tidy().await.unwrap();
        assert!(orphan.exists() && shrunk.exists(), "an upload may still be under way");
        let old = std::time::SystemTime::now() - Duration::from_hours(24);
        let content = server.app.config.media_dir().join(content_path(path(&uploaded)));
        for file in [&orphan, &shrunk, &kept, &content] {
            std::fs::File::options().write(true).open(file).unwrap().set_modified(old).unwrap();
        }
        server.app.media.tidy().await.unwrap();
        assert!(!orphan.exists() && !shrunk.exists() && kept.exists());
        let answer = read(&server, &anna, &format!("download/{}", path(&uploaded)), &[]).await;
        assert_eq!(&**answer.body(), b"kept");
    }
}

fn content_path(path: &str) -> String {
    let id = path.split_once('/').unwrap().1;
    homeserver::domain::media::content_key(id).to_string()
}

fn url_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
