//! A font for emoji where they are among letters: in what is being written, names, previews, quotes, formatted words.
//! The software renderer draws letters from their outlines, and the colour emoji of a system have none.

use std::sync::Arc;

use slint::fontique_011::{
    fontique::{Blob, FamilyId, GenericFamily},
    shared_collection,
};

/// Noto Emoji 3.006, <https://fonts.google.com/noto/specimen/Noto+Emoji>; its licence stands beside it.
const NOTO_EMOJI: &[u8] = include_bytes!("../../ui/fonts/NotoEmoji-Regular.ttf");

/// Has emoji drawn from a font that has outlines, whatever fonts the computer has. There must be a window already. Names
/// the system's own font whose letters are all of one width, if it has any.
pub(super) fn register() -> Option<String> {
    let mut fonts = shared_collection();
    let emoji: Vec<FamilyId> =
        fonts.register_fonts(Blob::new(Arc::new(NOTO_EMOJI)), None).into_iter().map(|(family, _)| family).collect();
    fonts.set_generic_families(GenericFamily::Emoji, emoji.iter().copied());
    // Right after the font of the words: the system's own list may name its colour emoji before all else that has any.
    for generic in [GenericFamily::SansSerif, GenericFamily::SystemUi] {
        let words = fonts.generic_families(generic).next();
        fonts.set_generic_families(generic, words.into_iter().chain(emoji.iter().copied()));
    }
    let even = fonts.generic_families(GenericFamily::Monospace).next()?;
    fonts.family_name(even).map(ToOwned::to_owned)
}
