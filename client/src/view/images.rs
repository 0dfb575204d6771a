//! Pictures as the window draws them: decoded thumbnails up to a number of bytes, and emoji.

use std::collections::HashMap;

use slint::{Image, Rgba8Pixel, SharedPixelBuffer};
use twemoji_assets::png::PngTwemojiAsset;

use crate::{model::update::Pixels, pictures};

/// Emoji kept: some more than a panel of them and a conversation show.
const MOST_EMOJI: usize = 800;
/// Thumbnails kept, in bytes of pixels.
const MOST_BYTES: usize = 24 << 20;

/// Pixels as a picture of the window.
pub(super) fn image(pixels: &Pixels) -> Image {
    Image::from_rgba8(SharedPixelBuffer::<Rgba8Pixel>::clone_from_slice(&pixels.rgba, pixels.width, pixels.height))
}

/// The picture of an emoji as it is stored.
fn asset(key: &str) -> Option<&'static PngTwemojiAsset> {
    // Pictures are named without the mark that asks for one, but where it stands within a sequence.
    PngTwemojiAsset::from_emoji(key)
        .or_else(|| PngTwemojiAsset::from_emoji(key.trim_end_matches('\u{fe0f}')))
        .or_else(|| PngTwemojiAsset::from_emoji(&key.replace('\u{fe0f}', "")))
}

/// The picture, or one of a single clear pixel in its place. An empty [`Image`] is equal to no other, not even to itself, so
/// that a row that held one would count as changed, and be laid out anew, whenever a row came in above it.
pub(super) fn or_clear(picture: Option<Image>) -> Image {
    thread_local! {
        static CLEAR: Image = Image::from_rgba8(SharedPixelBuffer::<Rgba8Pixel>::new(1, 1));
    }
    picture.unwrap_or_else(|| CLEAR.with(Clone::clone))
}

/// What is known of a thumbnail.
#[derive(Clone)]
pub(super) enum Thumbnail {
    /// Asked for
    Loading,
    /// Here
    Ready(Image),
    /// Cannot be loaded or decoded
    Failed,
}

/// Thumbnails, the least recently used going first, and emoji.
#[derive(Default)]
pub(super) struct Images {
    thumbnails: HashMap<String, (Thumbnail, usize, u64)>,
    bytes: usize,
    clock: u64,
    /// And when each was used last.
    emoji: HashMap<(String, u32), (Option<Image>, u64)>,
    /// Pictures that are being sent: rows and the sources they have so far.
    sent: HashMap<String, String>,
}

impl Images {
    /// Nothing of what others sent stays.
    pub(super) fn forget_sent(&mut self) {
        self.thumbnails.clear();
        self.sent.clear();
        self.bytes = 0;
    }

    /// A thumbnail by its source; `None` if it has to be asked for, which it then counts as.
    pub(super) fn get(&mut self, source: &str) -> Option<Thumbnail> {
        self.clock += 1;
        match self.thumbnails.get_mut(source) {
            Some((thumbnail, _, used)) => {
                *used = self.clock;
                Some(thumbnail.clone())
            }
            None => {
                self.thumbnails.insert(source.to_owned(), (Thumbnail::Loading, 0, self.clock));
                None
            }
        }
    }

    /// Keeps a thumbnail that came.
    pub(super) fn put(&mut self, source: &str, pixels: Option<&Pixels>) {
        self.clock += 1;
        let (thumbnail, size) = match pixels {
            Some(pixels) => (Thumbnail::Ready(image(pixels)), pixels.rgba.len()),
            None => (Thumbnail::Failed, 0),
        };
        if let Some((_, before, _)) = self.thumbnails.insert(source.to_owned(), (thumbnail, size, self.clock)) {
            self.bytes -= before;
        }
        self.bytes += size;
        while self.bytes > MOST_BYTES {
            let oldest = self
                .thumbnails
                .iter()
                .filter(|(_, entry)| entry.1 > 0)
                .min_by_key(|(_, entry)| entry.2)
                .map(|(key, _)| key.clone());
            let Some((_, size, _)) = oldest.and_then(|key| self.thumbnails.remove(&key)) else { break };
            self.bytes -= size;
        }
    }

    /// A thumbnail that is here, without asking for it.
    pub(super) fn peek(&self, source: &str) -> Option<Image> {
        match self.thumbnails.get(source) {
            Some((Thumbnail::Ready(image), ..)) => Some(image.clone()),
            _ => None,
        }
    }

    /// The picture of a row keeps its thumbnail when it gets another source, which it does when it was uploaded.
    pub(super) fn follow(&mut self, row: &str, source: &str, under_way: bool) {
        let before =
            if under_way { self.sent.insert(row.to_owned(), source.to_owned()) } else { self.sent.remove(row) };
        if let Some(before) = before.filter(|before| before != source)
            && !self.thumbnails.contains_key(source)
            && matches!(self.thumbnails.get(&before), Some((Thumbnail::Ready(_), ..)))
            && let Some(entry) = self.thumbnails.remove(&before)
        {
            // One that is still on its way comes under its first source: by the new one it is asked for anew.
            self.thumbnails.insert(source.to_owned(), entry);
        }
    }

    /// What failed may be asked for again.
    pub(super) fn forget_failures(&mut self) {
        self.thumbnails.retain(|_, entry| !matches!(entry.0, Thumbnail::Failed));
    }

    /// The picture of an emoji, so many pixels on a side.
    pub(super) fn emoji(&mut self, key: &str, side: u32) -> Option<Image> {
        if let Some(known) = self.known_emoji(key, side) {
            return known;
        }
        if self.emoji.len() >= MOST_EMOJI {
            let mut used: Vec<u64> = self.emoji.values().map(|(_, used)| *used).collect();
            let (_, middle, _) = used.select_nth_unstable(MOST_EMOJI / 2);
            let middle = *middle;
            self.emoji.retain(|_, (_, used)| *used > middle);
        }
        let picture =
            asset(key).and_then(|asset| pictures::decode(asset, Some((side, side)), false).as_ref().map(image));
        self.emoji.insert((key.to_owned(), side), (picture.clone(), self.clock));
        picture
    }

    /// The picture of an emoji, if it was decoded before; within, `None` for one that has no picture.
    pub(super) fn known_emoji(&mut self, key: &str, side: u32) -> Option<Option<Image>> {
        self.clock += 1;
        let (picture, used) = self.emoji.get_mut(&(key.to_owned(), side))?;
        *used = self.clock;
        Some(picture.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::emoji::{self, Row};

    #[test]
    fn every_emoji_of_the_panel_has_a_picture() {
        for row in emoji::rows("", &[]) {
            let Row::Emoji(keys) = row else { continue };
            for key in keys {
                assert!(asset(&key).is_some(), "{key}");
            }
        }
    }

    #[test]
    fn emoji_are_kept_up_to_a_number() {
        let mut images = Images::default();
        assert!(images.known_emoji("👍", 16).is_none());
        assert!(images.emoji("👍", 16).is_some());
        assert!(matches!(images.known_emoji("👍", 16), Some(Some(_))));
        for n in 0..3 * MOST_EMOJI {
            images.emoji(&format!("нет {n}"), 16);
            images.known_emoji("👍", 16);
        }
        assert!(images.emoji.len() <= MOST_EMOJI);
        assert!(matches!(images.known_emoji("👍", 16), Some(Some(_))), "what is used stays");
    }

    #[test]
    fn a_picture_that_is_sent_is_shown_whether_it_was_decoded_before_or_not() {
        let pixels = Pixels { width: 1, height: 1, rgba: vec![0; 4] };
        for early in [true, false] {
            let mut images = Images::default();
            images.follow("row", "here", true);
            assert!(images.get("here").is_none(), "asked for");
            if early {
                images.put("here", Some(&pixels));
            }
            images.follow("row", "mxc", false);
            let shown = images.get("mxc");
            assert_eq!(matches!(shown, Some(Thumbnail::Ready(_))), early);
            // What is on its way comes for its first source, so the new one has to be asked for.
            assert_eq!(shown.is_none(), !early);
        }
    }
}
