//! Fontconfig names every family of the computer as a stand-in for the font of the words, a hundred and more where fonts
//! of all scripts are installed, and each digit of a text has them listed anew. So the window gets a list of its own, with
//! its own letters first.

use std::{cell::Cell, collections::BTreeSet, path::PathBuf};

use slint::fontique_011::{
    fontique::{Collection, CollectionOptions, FallbackKey, FamilyId, GenericFamily, Script, SourceKind},
    shared_collection,
};

use super::add;

/// Noto Sans 2.004, <https://fonts.google.com/noto/specimen/Noto+Sans>; its licence stands beside it.
const NOTO_SANS: [&[u8]; 3] = [
    include_bytes!("../../../ui/fonts/NotoSans-Regular.ttf"),
    include_bytes!("../../../ui/fonts/NotoSans-Bold.ttf"),
    include_bytes!("../../../ui/fonts/NotoSans-Italic.ttf"),
];

/// Fonts with arrows, mathematics and other signs that Noto Sans does not have: those that the computer has of them.
const SIGNS: [&str; 4] = ["Noto Sans Math", "Noto Sans Symbols", "Noto Sans Symbols 2", "DejaVu Sans"];

/// Scripts in which names and lessons may be written besides Latin, Cyrillic and Greek (ISO 15924).
const SCRIPTS: [&[u8; 4]; 24] = [
    b"Arab", b"Armn", b"Beng", b"Deva", b"Ethi", b"Geor", b"Gujr", b"Guru", b"Hang", b"Hani", b"Hebr", b"Hira",
    b"Kana", b"Khmr", b"Laoo", b"Mong", b"Mymr", b"Sinh", b"Syrc", b"Taml", b"Telu", b"Thai", b"Tibt", b"Yiii",
];

thread_local! {
    static REPLACED: Cell<bool> = const { Cell::new(false) };
}

/// Puts the short list in place of the system's, which the windows of a thread share.
pub(super) fn replace() {
    if REPLACED.replace(true) {
        return;
    }
    let mut system = shared_collection();
    let mut fonts = Collection::new(CollectionOptions { shared: true, system_fonts: false });
    let mut words: Vec<FamilyId> = NOTO_SANS.iter().flat_map(|font| add(&mut fonts, font)).collect();
    words.dedup();
    words.extend(SIGNS.iter().filter_map(|name| {
        let family = system.family_id(name)?;
        borrow(&mut system, &mut fonts, family)
    }));
    fonts.set_generic_families(GenericFamily::SansSerif, words.iter().copied());
    let even = system.generic_families(GenericFamily::Monospace).next();
    let even = even.and_then(|family| borrow(&mut system, &mut fonts, family));
    fonts.set_generic_families(GenericFamily::Monospace, even.into_iter().chain(words));
    for script in SCRIPTS {
        let key = FallbackKey::new(Script::from_bytes(*script), None);
        let family = system.fallback_families(key).next();
        if let Some(family) = family.and_then(|family| borrow(&mut system, &mut fonts, family)) {
            fonts.set_fallbacks(key, std::iter::once(family));
        }
    }
    let replaced = i_slint_core::with_global_context(
        || Err(slint::PlatformError::NoPlatform),
        |context| context.font_context().borrow_mut().collection = fonts,
    );
    if let Err(error) = replaced {
        tracing::warn!(%error, "the fonts of the system are used as they are");
    }
}

/// Takes over a family of the system, read from its files when it is needed.
fn borrow(system: &mut Collection, fonts: &mut Collection, family: FamilyId) -> Option<FamilyId> {
    let family = system.family(family)?;
    if let Some(known) = fonts.family_id(family.name()) {
        return Some(known);
    }
    // One file may hold several of its fonts.
    let files: BTreeSet<PathBuf> = family
        .fonts()
        .iter()
        .filter_map(|font| match font.source().kind() {
            SourceKind::Path(path) => Some(path.to_path_buf()),
            SourceKind::Memory(_) => None,
        })
        .collect();
    fonts.load_fonts_from_paths(files);
    fonts.family_id(family.name())
}
