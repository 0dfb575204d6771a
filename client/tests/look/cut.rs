//! Finds words that do not fit into their place, in the tree of items behind a window.

use std::{collections::BTreeSet, path::Path, rc::Rc};

use i_slint_core::{
    item_tree::ItemRc,
    items::{ComplexText, Orientation, SimpleText, TextWrap},
    window::{WindowAdapter, WindowInner},
};

/// Half a pixel is no part of a letter.
const SLACK: f32 = 1.0;

/// What the interface says by itself in a language, without the sentences into which names and numbers go.
pub(crate) fn own_words(russian: bool) -> BTreeSet<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("lang/ru/LC_MESSAGES/parta-ui.po");
    let key = if russian { "msgstr \"" } else { "msgid \"" };
    let text = std::fs::read_to_string(file).unwrap();
    let words = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_suffix('"'));
    words.filter(|words| !words.is_empty() && !words.contains('{')).map(|words| words.replace("\\\"", "\"")).collect()
}

/// The words among `own` that are cut: by their own place, or by the edge of the window.
pub(crate) fn find(window: &slint::Window, own: &BTreeSet<String>) -> Vec<String> {
    let inner = WindowInner::from_pub(window);
    let adapter = inner.window_adapter();
    let mut found = Vec::new();
    visit(&ItemRc::new_root(inner.component()), &adapter, own, &mut found);
    found
}

fn visit(item: &ItemRc, adapter: &Rc<dyn WindowAdapter>, own: &BTreeSet<String>, found: &mut Vec<String>) {
    if let Some((text, wraps)) = words(item)
        && own.contains(&text)
        && item.is_visible()
        && !fits(item, adapter, wraps)
    {
        found.push(text);
    }
    let mut next = item.first_child();
    while let Some(child) = next {
        visit(&child, adapter, own, found);
        next = child.next_sibling();
    }
}

/// What an item says, and whether it may do so in several lines.
fn words(item: &ItemRc) -> Option<(String, bool)> {
    if let Some(text) = item.downcast::<SimpleText>() {
        return Some((text.as_pin_ref().text().to_string(), false));
    }
    let text = item.downcast::<ComplexText>()?;
    let text = text.as_pin_ref();
    Some((text.text().to_string(), text.wrap() != TextWrap::NoWrap))
}

fn fits(item: &ItemRc, adapter: &Rc<dyn WindowAdapter>, wraps: bool) -> bool {
    let place = item.geometry().size;
    let wants = |orientation, across| item.borrow().as_ref().layout_info(orientation, across, adapter, item).preferred;
    if wraps {
        wants(Orientation::Vertical, place.width) <= place.height + SLACK
    } else {
        wants(Orientation::Horizontal, -1.0) <= place.width + SLACK
    }
}
