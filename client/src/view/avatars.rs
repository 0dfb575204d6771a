//! Pictures of people and rooms as they are drawn. What is on screen asks for its own, and asks again when one came; no
//! row of any list holds one, so none is built anew for it, and what goes from here is gone from memory.

use std::{collections::HashMap, rc::Rc};

use slint::{ComponentHandle, Image};

use super::{images, ui, window::View};
use crate::model::{
    avatars::{Face, News},
    command::Command,
};

/// Pictures kept, in bytes of pixels: some hundreds.
const MOST_BYTES: usize = 8 << 20;

enum Entry {
    /// Asked for
    Loading,
    /// Here
    Ready(Image, usize),
    /// Cannot be loaded or decoded
    Failed,
}

/// What is known of faces; the least recently shown goes first.
#[derive(Default)]
pub(super) struct Avatars {
    faces: HashMap<Face, (Entry, u64)>,
    bytes: usize,
    clock: u64,
}

impl Avatars {
    /// The picture of a face, and whether it has to be asked for, which it then counts as.
    fn get(&mut self, face: &Face) -> (Option<Image>, bool) {
        self.clock += 1;
        match self.faces.get_mut(face) {
            Some((Entry::Ready(image, _), shown)) => {
                *shown = self.clock;
                (Some(image.clone()), false)
            }
            Some(_) => (None, false),
            None => {
                self.faces.insert(face.clone(), (Entry::Loading, self.clock));
                (None, true)
            }
        }
    }

    /// Keeps what came.
    pub(super) fn put(&mut self, news: &News) {
        self.clock += 1;
        let entry = match &news.pixels {
            Some(pixels) => Entry::Ready(images::image(pixels), pixels.rgba.len()),
            None => Entry::Failed,
        };
        if let Entry::Ready(_, size) = &entry {
            self.bytes += size;
        }
        if let Some((Entry::Ready(_, before), _)) = self.faces.insert(news.face.clone(), (entry, self.clock)) {
            self.bytes -= before;
        }
        while self.bytes > MOST_BYTES {
            let ready = self.faces.iter().filter(|(_, (entry, _))| matches!(entry, Entry::Ready(..)));
            let oldest = ready.min_by_key(|(_, (_, shown))| *shown).map(|(face, _)| face.clone());
            let Some((Entry::Ready(_, size), _)) = oldest.and_then(|face| self.faces.remove(&face)) else { break };
            self.bytes -= size;
        }
    }

    /// What failed may be asked for again.
    fn forget_failures(&mut self) {
        self.faces.retain(|_, (entry, _)| !matches!(entry, Entry::Failed));
    }
}

impl View {
    /// The picture for a place of this size, in logical pixels; an empty one until it is here.
    fn face(&self, mxc: &str, size: f32, square: bool) -> Image {
        if mxc.is_empty() {
            return Image::default();
        }
        let side = (size * self.window.window().scale_factor()).round() as u32;
        let face = Face { mxc: mxc.to_owned(), side, square };
        let (image, wanted) = self.avatars.borrow_mut().get(&face);
        if wanted {
            self.send(Command::Avatar(face));
        }
        image.unwrap_or_default()
    }

    /// A picture came, or cannot come.
    pub(super) fn show_avatar(&self, news: &News) {
        self.avatars.borrow_mut().put(news);
        self.look_at_faces();
    }

    /// The server is back: what could not be loaded is asked for again by what is on screen.
    pub(super) fn retry_avatars(&self) {
        self.avatars.borrow_mut().forget_failures();
        self.look_at_faces();
    }

    fn look_at_faces(&self) {
        let faces = self.window.global::<ui::Avatars>();
        faces.set_version(faces.get_version().wrapping_add(1));
    }
}

/// Connects the question of what is on screen.
pub(super) fn wire(view: &Rc<View>) {
    let weak = Rc::downgrade(view);
    view.window.global::<ui::Avatars>().on_picture(move |mxc, size, square, _| {
        weak.upgrade().map(|this| this.face(&mxc, size, square)).unwrap_or_default()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::update::Pixels;

    fn face(mxc: &str) -> Face {
        Face { mxc: mxc.to_owned(), side: 512, square: false }
    }

    fn came(mxc: &str) -> News {
        let rgba = vec![0; 512 * 512 * 4];
        News { face: face(mxc), pixels: Some(Pixels { width: 512, height: 512, rgba }) }
    }

    #[test]
    fn a_face_is_asked_for_once() {
        let mut avatars = Avatars::default();
        assert!(avatars.get(&face("a")).1);
        assert!(!avatars.get(&face("a")).1, "it is on its way");
        avatars.put(&News { face: face("a"), pixels: None });
        assert!(!avatars.get(&face("a")).1, "it cannot come");
        avatars.forget_failures();
        assert!(avatars.get(&face("a")).1);
        assert!(avatars.get(&Face { square: true, ..face("a") }).1, "another shape is another picture");
        avatars.put(&came("a"));
        assert!(avatars.get(&face("a")).0.is_some());
    }

    #[test]
    fn what_was_shown_least_recently_goes_first() {
        let mut avatars = Avatars::default();
        // A megabyte each.
        for mxc in ["1", "2", "3", "4", "5", "6", "7", "8"] {
            avatars.put(&came(mxc));
        }
        avatars.get(&face("1"));
        avatars.put(&came("9"));
        assert!(avatars.get(&face("1")).0.is_some());
        assert!(avatars.get(&face("2")).0.is_none());
        assert!(avatars.bytes <= MOST_BYTES);
        avatars.put(&came("9"));
        assert_eq!(avatars.bytes, 8 << 20, "one that comes twice counts once");
    }
}
