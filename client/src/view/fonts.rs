//! The fonts of the window: its own letters and emoji, so that it looks the same on every computer, and the computer's
//! fonts for scripts and signs that these do not have.
//!
//! The software renderer draws letters from their outlines, and the colour emoji of a system have none.

#[cfg(target_os = "linux")]
mod linux;

use std::sync::Arc;

use slint::fontique_011::{
    fontique::{Blob, Collection, FamilyId, GenericFamily},
    shared_collection,
};

/// Noto Emoji 3.006, <https://fonts.google.com/noto/specimen/Noto+Emoji>; its licence stands beside it.
const NOTO_EMOJI: &[u8] = include_bytes!("../../ui/fonts/NotoEmoji-Regular.ttf");

/// Has emoji drawn from a font that has outlines, whatever fonts the computer has. There must be a window already. Names
/// the system's own font whose letters are all of one width, if it has any.
pub(super) fn register() -> Option<String> {
    #[cfg(target_os = "linux")]
    linux::replace();
    let mut fonts = shared_collection();
    let emoji = add(&mut fonts, NOTO_EMOJI);
    fonts.set_generic_families(GenericFamily::Emoji, emoji.iter().copied());
    // Right after the font of the words: the system's own list may name its colour emoji before all else that has any.
    let mut words: Vec<FamilyId> = fonts.generic_families(GenericFamily::SansSerif).collect();
    words.splice(1.min(words.len())..1.min(words.len()), emoji);
    fonts.set_generic_families(GenericFamily::SansSerif, words.into_iter());
    let even = fonts.generic_families(GenericFamily::Monospace).next()?;
    fonts.family_name(even).map(ToOwned::to_owned)
}

/// Registers a font of the program's own.
fn add(fonts: &mut Collection, font: &'static [u8]) -> Vec<FamilyId> {
    fonts.register_fonts(Blob::new(Arc::new(font)), None).into_iter().map(|(family, _)| family).collect()
}
