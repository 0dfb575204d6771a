//! The picture in the viewer: which one, and which come before and after it in its room.

use crate::model::{
    item::{Body, Media, Message},
    update::Pixels,
};

/// What is wished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Load a picture and decode it, no larger on a side than asked for
    Look {
        /// `Media::source`
        source: String,
        /// Pixels
        side: u32,
    },
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// `Media::source`
    pub source: String,
    /// The picture; none if it cannot be loaded or decoded
    pub look: Option<Look>,
}

/// A decoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The pixels
    pub pixels: Pixels,
    /// Its own width and height, which the pixels may be fewer than
    pub whole: (u32, u32),
}

/// The picture on screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Viewed {
    /// `Message::key`
    pub key: String,
    /// The file
    pub media: Media,
    /// Sender's name
    pub who: String,
    /// Sent by the account signed in
    pub own: bool,
    /// Milliseconds since the Unix epoch
    pub at_ms: i64,
}

impl Viewed {
    /// The picture of a message, if it has one.
    pub fn of(message: &Message) -> Option<Self> {
        let Body::Image(media) = &message.body else { return None };
        Some(Self {
            key: message.key.clone(),
            media: media.clone(),
            who: message.sender_name.clone(),
            own: message.own,
            at_ms: message.at_ms,
        })
    }
}

/// The pictures before and after one in its room; messages come newest first, as timelines give them.
pub fn neighbours<'a>(
    messages: impl Iterator<Item = &'a Message>,
    viewed: &Viewed,
) -> (Option<&'a Message>, Option<&'a Message>) {
    let mut later = None;
    let mut pictures = messages.filter(|message| matches!(message.body, Body::Image(_)));
    while let Some(message) = pictures.next() {
        // A picture that was just sent changes its key, and keeps its time.
        if message.key == viewed.key || message.body.media().is_some_and(|media| media.source == viewed.media.source) {
            return (pictures.next(), later);
        }
        later = Some(message);
    }
    (None, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(key: &str) -> Message {
        let media = Media { source: format!("mxc://academy/{key}"), ..Media::default() };
        Message { body: Body::Image(media), ..Message::words(key, "@ivan:academy", "Иван", "") }
    }

    #[test]
    fn one_goes_from_picture_to_picture_past_the_words() {
        let messages =
            [picture("$3"), Message::words("$w", "@ivan:academy", "Иван", "да"), picture("$2"), picture("$1")];
        let keys = |index: usize| {
            let viewed = Viewed::of(&messages[index]).unwrap();
            let (before, after) = neighbours(messages.iter(), &viewed);
            (before.map(|message| message.key.as_str()), after.map(|message| message.key.as_str()))
        };
        assert_eq!(keys(2), (Some("$1"), Some("$3")));
        assert_eq!(keys(3), (None, Some("$2")));
        assert_eq!(keys(0), (Some("$2"), None));
        assert!(Viewed::of(&messages[1]).is_none());
    }

    #[test]
    fn a_picture_that_is_gone_has_no_neighbours() {
        let messages = [picture("$2"), picture("$1")];
        let viewed = Viewed::of(&picture("$gone")).unwrap();
        assert_eq!(neighbours(messages.iter(), &viewed), (None, None));
    }
}
