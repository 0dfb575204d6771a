//! Files on the sheet: looking at them, and handing them to the send queue, which keeps them until the server has them,
//! whatever happens to the network or this program.

use std::{path::Path, sync::Arc};

use matrix_sdk::{
    attachment::{AttachmentInfo, BaseAudioInfo, BaseFileInfo, BaseImageInfo, BaseVideoInfo, Thumbnail},
    ruma::{EventId, OwnedEventId, UInt, events::room::message::TextMessageEventContent},
};
use matrix_sdk_ui::timeline::{AttachmentConfig, AttachmentSource, Timeline};

use crate::{
    matrix::{failure, live::Live},
    model::{
        attach::{Content, News, Seen, Wish},
        update::{Failure, Update},
    },
    pictures::{film, sending},
};

/// Pixels on a side of the small pictures on the sheet.
const PREVIEW: u32 = 88;
/// A file with more bytes is not looked into for its small picture.
const LOOKED_INTO: u64 = 64 << 20;

/// Does what is wished of files on the sheet.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    match wish {
        Wish::Limit => match live.client.load_or_fetch_max_upload_size().await {
            Ok(limit) => live.updates.send(Update::Attach(News::Limit(limit.into()))),
            // While the server is away its limit is unknown; it then speaks when a file is sent.
            Err(error) => tracing::info!(failure = ?failure::of(&error), "the limit of files is not known"),
        },
        Wish::Look { id, content } => {
            let seen = look(live, content).await;
            live.updates.send(Update::Attach(News::Seen { id, seen }));
        }
        Wish::Send { room, files, caption, shrink, reply_to } => {
            let timeline = match live.timeline(&room).await {
                Ok(timeline) => timeline,
                Err(failure) => return live.failed(failure),
            };
            let mut words = Words {
                caption: (!caption.is_empty()).then_some(caption),
                reply_to: reply_to.and_then(|key| EventId::parse(key).ok()),
            };
            for file in files {
                if let Err(failure) = send(live, &timeline, file, shrink, &mut words).await {
                    live.failed(failure);
                }
            }
        }
    }
}

/// What goes with the first file that goes.
struct Words {
    caption: Option<String>,
    reply_to: Option<OwnedEventId>,
}

async fn look(live: &Live, content: Content) -> Option<Seen> {
    let size = match &content {
        Content::File(path) => {
            let metadata = tokio::fs::metadata(path).await.ok().filter(std::fs::Metadata::is_file)?;
            if metadata.len() > LOOKED_INTO {
                return Some(Seen { size: metadata.len(), preview: None, shrinks: false, bytes: None });
            }
            metadata.len()
        }
        Content::Pixels(_) | Content::Bytes(_) => 0,
    };
    let path = match &content {
        Content::File(path) => Some(path.clone()),
        _ => None,
    };
    // Other files are only opened, to learn whether they can be read.
    if let Some(path) = path.filter(|path| !is_picture(path)) {
        return tokio::fs::File::open(&path).await.ok().map(|_| Seen {
            size,
            preview: None,
            shrinks: false,
            bytes: None,
        });
    }
    let made = matches!(content, Content::Pixels(_));
    let bytes = read(live, content).await.ok()?;
    let _permit = live.decoding.acquire().await.ok()?;
    tokio::task::spawn_blocking(move || {
        let (preview, shrinks) = sending::look(&bytes, PREVIEW).unzip();
        Seen {
            size: bytes.len() as u64,
            preview,
            shrinks: shrinks.unwrap_or(false),
            bytes: made.then(|| Arc::new(bytes)),
        }
    })
    .await
    .ok()
}

fn is_picture(path: &Path) -> bool {
    mime_guess::from_path(path).first_or_octet_stream().type_() == mime::IMAGE
}

/// The bytes of a file.
async fn read(live: &Live, content: Content) -> Result<Vec<u8>, Failure> {
    match content {
        Content::File(path) => tokio::fs::read(path).await.map_err(|error| {
            tracing::info!(%error, "file cannot be read");
            Failure::CannotRead
        }),
        Content::Bytes(bytes) => Ok(Arc::unwrap_or_clone(bytes)),
        Content::Pixels(pixels) => {
            let _permit = live.decoding.acquire().await.map_err(|_| Failure::Other)?;
            let png = tokio::task::spawn_blocking(move || sending::png(&pixels)).await;
            png.ok().flatten().ok_or(Failure::CannotRead)
        }
    }
}

/// A file as it goes.
struct Outgoing {
    bytes: Vec<u8>,
    name: String,
    mime: mime::Mime,
    info: AttachmentInfo,
    thumbnail: Option<Thumbnail>,
}

async fn send(
    live: &Live,
    timeline: &Timeline,
    (name, content): (String, Content),
    shrink: bool,
    words: &mut Words,
) -> Result<(), Failure> {
    let bytes = read(live, content).await?;
    let mime = mime_guess::from_path(&name).first_or_octet_stream();
    let file =
        if mime.type_() == mime::IMAGE { picture(live, bytes, name, shrink).await? } else { other(bytes, name, mime) };
    if let Ok(limit) = live.client.load_or_fetch_max_upload_size().await
        && file.bytes.len() as u64 > u64::from(limit)
    {
        return Err(Failure::TooLarge);
    }
    let config = AttachmentConfig {
        info: Some(file.info),
        thumbnail: file.thumbnail,
        caption: words.caption.take().map(TextMessageEventContent::markdown),
        in_reply_to: words.reply_to.take(),
        ..AttachmentConfig::default()
    };
    let source = AttachmentSource::Data { bytes: file.bytes, filename: file.name };
    timeline.send_attachment(source, file.mime, config).use_send_queue().await.map_err(|error| {
        tracing::warn!(%error, "file was not taken for sending");
        Failure::Other
    })
}

async fn picture(live: &Live, bytes: Vec<u8>, name: String, shrink: bool) -> Result<Outgoing, Failure> {
    let _permit = live.decoding.acquire().await.map_err(|_| Failure::Other)?;
    let ready = tokio::task::spawn_blocking(move || sending::ready(bytes, shrink)).await.map_err(|_| Failure::Other)?;
    Ok(match ready {
        Ok(ready) => Outgoing {
            name: renamed(&name, ready.format),
            mime: media_type(ready.format),
            info: AttachmentInfo::Image(BaseImageInfo {
                width: Some(ready.width.into()),
                height: Some(ready.height.into()),
                size: size(&ready.bytes),
                blurhash: None,
                is_animated: Some(ready.animated),
            }),
            thumbnail: ready.thumbnail.and_then(|small| {
                Some(Thumbnail {
                    size: size(&small.bytes)?,
                    data: small.bytes,
                    content_type: media_type(small.format),
                    width: small.width.into(),
                    height: small.height.into(),
                })
            }),
            bytes: ready.bytes,
        },
        // A picture that cannot be looked at here goes as a file: others may not see it either.
        Err(bytes) => other(bytes, name, mime::APPLICATION_OCTET_STREAM),
    })
}

fn other(bytes: Vec<u8>, name: String, mime: mime::Mime) -> Outgoing {
    let size = size(&bytes);
    let info = match mime.type_() {
        mime::VIDEO => {
            let seen = film::look(&bytes);
            AttachmentInfo::Video(BaseVideoInfo {
                size,
                duration: seen.duration,
                width: seen.size.map(|(width, _)| width.into()),
                height: seen.size.map(|(_, height)| height.into()),
                blurhash: None,
            })
        }
        mime::AUDIO => AttachmentInfo::Audio(BaseAudioInfo { size, ..BaseAudioInfo::default() }),
        _ => AttachmentInfo::File(BaseFileInfo { size }),
    };
    Outgoing { bytes, name, mime, info, thumbnail: None }
}

fn size(bytes: &[u8]) -> Option<UInt> {
    UInt::try_from(bytes.len() as u64).ok()
}

fn media_type(format: image::ImageFormat) -> mime::Mime {
    format.to_mime_type().parse().unwrap_or(mime::APPLICATION_OCTET_STREAM)
}

/// The name with the end of what the picture is written as now.
fn renamed(name: &str, format: image::ImageFormat) -> String {
    let ends = format.extensions_str();
    let path = Path::new(name);
    let fits = path.extension().is_some_and(|end| ends.contains(&end.to_string_lossy().to_lowercase().as_str()));
    match (fits, ends.first()) {
        (false, Some(end)) => path.with_extension(end).to_string_lossy().into_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageFormat;

    #[test]
    fn a_name_ends_as_the_picture_is_written() {
        assert_eq!(renamed("доска.png", ImageFormat::Jpeg), "доска.jpg");
        assert_eq!(renamed("доска.JPEG", ImageFormat::Jpeg), "доска.JPEG");
        assert_eq!(renamed("доска 2.5", ImageFormat::Png), "доска 2.png");
    }
}
