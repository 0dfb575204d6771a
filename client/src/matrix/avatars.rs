//! Pictures of people and rooms: a small one made by the server, kept by the SDK's store of media, cut to its shape.

use std::sync::Arc;

use matrix_sdk::{
    media::{MediaFormat, MediaRequestParameters, MediaThumbnailSettings},
    ruma::{OwnedMxcUri, UInt, api::client::media::get_content_thumbnail::v3::Method, events::room::MediaSource},
};

use crate::{
    matrix::live::Live,
    model::{
        avatars::{News, Wish},
        update::{Pixels, Update},
    },
    pictures,
};

/// The sides that the server is asked for: few, so that one picture serves many places.
const SIDES: [u32; 3] = [96, 192, 384];

/// Loads what was wished for.
pub(super) async fn take(live: &Arc<Live>, face: Wish) {
    let pixels = load(live, &face).await;
    live.updates.send(Update::Avatar(News { face, pixels }));
}

async fn load(live: &Live, face: &Wish) -> Option<Pixels> {
    let source = MediaSource::Plain(OwnedMxcUri::from(face.mxc.as_str()));
    let side = UInt::from(SIDES.into_iter().find(|side| *side >= face.side).unwrap_or(SIDES[2]));
    let small = MediaFormat::Thumbnail(MediaThumbnailSettings::with_method(Method::Crop, side, side));
    let media = live.client.media();
    let mut bytes =
        media.get_media_content(&MediaRequestParameters { source: source.clone(), format: small }, true).await;
    if bytes.is_err() {
        // A server makes no small one of some kinds of pictures.
        let whole = MediaRequestParameters { source, format: MediaFormat::File };
        bytes = media.get_media_content(&whole, true).await;
    }
    let bytes = bytes.inspect_err(|error| tracing::debug!(%error, "picture was not loaded")).ok()?;
    let (side, square) = (face.side, face.square);
    let _permit = live.decoding.acquire().await.ok()?;
    tokio::task::spawn_blocking(move || pictures::face(&bytes, side, square)).await.ok()?
}
