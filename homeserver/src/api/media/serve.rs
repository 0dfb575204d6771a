//! How a file goes out: ranges, validators, and headers that keep what strangers have uploaded from running as a page of
//! ours.

use std::ops::Range;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ruma::{
    api::{client::media::is_safe_inline_content_type, error::ErrorKind},
    http_headers::{ContentDisposition, ContentDispositionType},
};

use crate::{
    domain::media::{File, Media, Size, Thumbnail},
    error::{ApiError, Result},
    storage::blobs::Bytestream,
};

/// A file or the part of it that was asked for.
pub(in crate::api) async fn file(
    media: &Media,
    file: &File,
    name: Option<String>,
    headers: &HeaderMap,
) -> Result<Response> {
    let tag = tag(file);
    if let Some(unchanged) = unchanged(&tag, headers) {
        return Ok(unchanged);
    }
    let size = file.content.size;
    let asked = if range_holds(&tag, headers) { range(headers, size) } else { Asked::Everything };
    let (status, part) = match asked {
        Asked::Everything => (StatusCode::OK, None),
        Asked::Part(part) => (StatusCode::PARTIAL_CONTENT, Some(part)),
        Asked::Nothing => return Ok(unsatisfiable(size)),
    };
    let body = match media.read(file, part.clone()).await? {
        Bytestream::Whole(bytes) => Body::from(bytes),
        Bytestream::Pieces(pieces) => Body::from_stream(pieces),
    };
    let mut response = (status, body).into_response();
    let length = part.as_ref().map_or(size, |part| part.end - part.start);
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(part) = part {
        let text = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        response.headers_mut().insert(header::CONTENT_RANGE, header_value(&text)?);
    }
    let content_type = &file.content.content_type;
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let kind = if is_safe_inline_content_type(&essence) {
        ContentDispositionType::Inline
    } else {
        ContentDispositionType::Attachment
    };
    let disposition = ContentDisposition::new(kind).with_filename(name);
    dress(response.headers_mut(), header_value(content_type)?, &header_value(&disposition.to_string())?, &tag);
    Ok(response)
}

/// A thumbnail.
pub(in crate::api) fn thumbnail(thumbnail: Thumbnail, tag: &HeaderValue) -> Response {
    let (content_type, name) = if thumbnail.content_type == "image/png" {
        ("image/png", "inline; filename=thumbnail.png")
    } else {
        ("image/jpeg", "inline; filename=thumbnail.jpg")
    };
    let mut response = Body::from(thumbnail.bytes).into_response();
    let content_type = HeaderValue::from_static(content_type);
    dress(response.headers_mut(), content_type, &HeaderValue::from_static(name), tag);
    response
}

/// The validator of a thumbnail.
pub(in crate::api) fn thumbnail_tag(file: &File, size: Size) -> HeaderValue {
    quoted(&format!("{}-{size}", short_hash(file)))
}

fn tag(file: &File) -> HeaderValue {
    quoted(&short_hash(file))
}

fn short_hash(file: &File) -> String {
    let hash = &file.content.sha256;
    URL_SAFE_NO_PAD.encode(&hash[..hash.len().min(18)])
}

fn quoted(text: &str) -> HeaderValue {
    HeaderValue::try_from(format!("\"{text}\"")).expect("base64, digits and letters can stand in a header")
}

fn header_value(text: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(ApiError::internal)
}

/// Headers that all media have.
/// <https://spec.matrix.org/v1.18/client-server-api/#content-repo-security-considerations>
fn dress(headers: &mut HeaderMap, content_type: HeaderValue, disposition: &HeaderValue, tag: &HeaderValue) {
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CONTENT_DISPOSITION, disposition.clone());
    headers.insert(header::ETAG, tag.clone());
    // What an id names never changes. It is private: a cache between us and the reader knows nothing of tokens.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=604800, immutable"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; \
             media-src 'self'; object-src 'self';",
        ),
    );
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
}

/// `304` to who has it already. RFC 9110, section 13.1.2.
pub(in crate::api) fn unchanged(tag: &HeaderValue, headers: &HeaderMap) -> Option<Response> {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|list| {
        list.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == "*" || one == *tag)
    });
    known.then(|| (StatusCode::NOT_MODIFIED, [(header::ETAG, tag.clone())]).into_response())
}

/// Whether a range is wanted of the very bytes that are here. RFC 9110, section 13.1.5.
fn range_holds(tag: &HeaderValue, headers: &HeaderMap) -> bool {
    headers.get(header::IF_RANGE).is_none_or(|value| value == tag)
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Everything,
    Part(Range<u64>),
    /// Past the end.
    Nothing,
}

/// Reads a range of bytes. What is malformed or names several parts is answered in full, as RFC 9110, section 14.2
/// allows.
fn range(headers: &HeaderMap, size: u64) -> Asked {
    let text = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some((first, last)) = text.and_then(|text| text.trim().strip_prefix("bytes=")?.split_once('-')) else {
        return Asked::Everything;
    };
    // Digits alone: parse() would take a sign.
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let (first, last) = (first.trim(), last.trim());
    match (first.is_empty(), number(first), last.is_empty(), number(last)) {
        (true, _, false, Some(suffix)) => match suffix.min(size) {
            0 => Asked::Nothing,
            suffix => Asked::Part(size - suffix..size),
        },
        (false, Some(first), open, last) if open || last.is_some() => {
            let end = last.map_or(size, |last| last.saturating_add(1).min(size));
            match last {
                Some(last) if last < first => Asked::Everything,
                _ if first >= size => Asked::Nothing,
                _ => Asked::Part(first..end),
            }
        }
        _ => Asked::Everything,
    }
}

fn unsatisfiable(size: u64) -> Response {
    let error = ApiError::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        ErrorKind::InvalidParam,
        format!("The range lies outside the file, which has {size} bytes."),
    );
    let mut response = error.into_response();
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Asked {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, text.parse().unwrap());
        range(&headers, 100)
    }

    #[test]
    fn ranges_are_read() {
        assert_eq!(asked("bytes=0-9"), Asked::Part(0..10));
        assert_eq!(asked("bytes=90-"), Asked::Part(90..100));
        assert_eq!(asked("bytes=90-1000"), Asked::Part(90..100));
        assert_eq!(asked("bytes=0-18446744073709551615"), Asked::Part(0..100));
        assert_eq!(asked("bytes=-10"), Asked::Part(90..100));
        assert_eq!(asked("bytes=-1000"), Asked::Part(0..100));
        assert_eq!(asked("bytes=100-"), Asked::Nothing);
        assert_eq!(asked("bytes=-0"), Asked::Nothing);
        let whole = ["bytes=5-1", "bytes=-", "bytes=a-b", "items=0-1", "bytes=0-1,5-6", "bytes=+1-2", "bytes=1-x", ""];
        for text in whole {
            assert_eq!(asked(text), Asked::Everything, "{text}");
        }
    }
}
