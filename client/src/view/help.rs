//! The handbook, the sheet of shortcuts, and the first look around.

use std::{cell::RefCell, rc::Rc};

use slint::{ComponentHandle, Model, ModelRc, SharedString, StyledText, VecModel};

use super::{ui, window::View, wiring::on};
use crate::{
    model::{
        formatted,
        help::{Kind, Reader, parts, search},
        person,
        shortcuts::{Deed, Place, sheet},
    },
    options::Language,
};

/// What is read, and its blocks on screen. The pages are read when help is asked for first.
#[derive(Default)]
pub(super) struct Shown {
    reader: RefCell<Option<Reader>>,
    blocks: Rc<VecModel<ui::HelpBlock>>,
    /// Somebody signs in by hand: they may be new here.
    pub(super) arriving: std::cell::Cell<bool>,
}

impl View {
    fn with_reader<T>(&self, work: impl FnOnce(&mut Reader) -> T) -> T {
        let language = if self.language_code() == "ru" { Language::Ru } else { Language::En };
        let mut reader = self.help.reader.borrow_mut();
        let reader = reader.get_or_insert_with(|| Reader::new(language));
        if reader.speak(language) {
            self.window.global::<ui::Help>().set_term(SharedString::default());
        }
        work(reader)
    }

    /// Help is asked for: the page that was open before, or the first.
    pub(super) fn begin_help(&self) {
        self.window.global::<ui::Help>().set_inside(false);
        self.look_for("");
        self.show_page_of_help(0);
    }

    /// Goes to a page, or a place on one, and opens the handbook if it is not open.
    fn go_in_help(&self, link: &str) {
        let Some(block) = self.with_reader(|reader| reader.go(link)) else {
            tracing::warn!(page = parts(link).0, "the handbook has no such page");
            return;
        };
        self.look_for("");
        self.open_help(block);
    }

    fn open_help(&self, block: usize) {
        let app = self.window.global::<ui::App>();
        if app.get_overlay() != ui::Overlay::Help {
            app.invoke_open_overlay(ui::Overlay::Help);
        }
        self.window.global::<ui::Help>().set_inside(true);
        self.show_page_of_help(block);
    }

    fn show_page_of_help(&self, to: usize) {
        let help = self.window.global::<ui::Help>();
        let (title, pages, blocks) = self.with_reader(|reader| {
            let pages: Vec<ui::HelpPage> = reader
                .pages
                .iter()
                .enumerate()
                .map(|(at, page)| ui::HelpPage {
                    id: page.id.into(),
                    title: page.title.as_str().into(),
                    selected: at == reader.at,
                })
                .collect();
            let blocks: Vec<ui::HelpBlock> = (0..reader.page().blocks.len()).map(|at| block(reader, at)).collect();
            (reader.page().title.clone(), pages, blocks)
        });
        help.set_title(title.into());
        help.set_pages(ModelRc::new(VecModel::from(pages)));
        self.help.blocks.set_vec(blocks);
        help.set_blocks(ModelRc::from(Rc::clone(&self.help.blocks)));
        help.set_to_block(i32::try_from(to).unwrap_or(0));
        help.set_aimed(help.get_aimed() + 1);
    }

    fn look_for(&self, term: &str) {
        let hits = self.with_reader(|reader| {
            reader.search(term);
            let hits = reader.hits.iter().map(|hit| ui::HelpHit {
                page: reader.pages[hit.page].title.as_str().into(),
                title: hit.title.as_str().into(),
                around: styled(&hit.around),
            });
            hits.collect::<Vec<_>>()
        });
        let help = self.window.global::<ui::Help>();
        help.set_hits(ModelRc::new(VecModel::from(hits)));
        help.set_term(term.into());
    }

    /// Every line of the sheet, as this person's keys are.
    pub(super) fn show_keys(&self) {
        let enter_sends = self.settings.borrow().enter_sends;
        let mut groups: Vec<(Place, Vec<ui::KeyLine>)> = Vec::new();
        for (place, deed, keys) in sheet() {
            let keys = match deed {
                Deed::Send if !enter_sends => "Ctrl+Enter",
                Deed::Line if !enter_sends => "Enter",
                _ => keys,
            };
            let keys: Vec<SharedString> = keys.split(' ').map(SharedString::from).collect();
            let line = ui::KeyLine { deed: told(deed), keys: ModelRc::new(VecModel::from(keys)) };
            match groups.last_mut() {
                Some((last, lines)) if *last == place => lines.push(line),
                _ => groups.push((place, vec![line])),
            }
        }
        let groups: Vec<ui::KeyGroup> = groups
            .into_iter()
            .map(|(place, lines)| ui::KeyGroup {
                place: match place {
                    Place::Everywhere => ui::KeyPlace::Everywhere,
                    Place::Rooms => ui::KeyPlace::Rooms,
                    Place::Writing => ui::KeyPlace::Writing,
                    Place::Messages => ui::KeyPlace::Messages,
                    Place::Pictures => ui::KeyPlace::Pictures,
                    Place::Board => ui::KeyPlace::Board,
                },
                lines: ModelRc::new(VecModel::from(lines)),
            })
            .collect();
        self.window.global::<ui::Help>().set_keys(ModelRc::new(VecModel::from(groups)));
    }

    /// Shows a person around who signed in by hand and was never shown around on this computer.
    pub(super) fn welcome(&self) {
        if !self.help.arriving.take() {
            return;
        }
        let Some(who) = self.app.borrow().account.as_ref().map(|account| person::mark(&account.user_id)) else {
            return;
        };
        if self.settings.borrow().toured.contains(&who) {
            return;
        }
        self.choose(|settings| {
            settings.toured.insert(who);
        });
        self.window.global::<ui::Tour>().invoke_begin();
    }
}

fn styled(block: &formatted::Block) -> StyledText {
    StyledText::from_markdown(&block.markdown("")).unwrap_or_else(|_| StyledText::from_plain_text(&block.text()))
}

fn block(reader: &Reader, at: usize) -> ui::HelpBlock {
    let block = &reader.page().blocks[at];
    let cells: Vec<StyledText> = block.cells.iter().map(|cell| styled(&search::marked(cell, &reader.words))).collect();
    ui::HelpBlock {
        kind: match block.kind {
            Kind::Title => ui::HelpKind::Title,
            Kind::Heading => ui::HelpKind::Heading,
            Kind::Question => ui::HelpKind::Question,
            Kind::Words => ui::HelpKind::Words,
            Kind::Head => ui::HelpKind::Head,
            Kind::Row => ui::HelpKind::Row,
            Kind::Code => ui::HelpKind::Code,
        },
        note: block.note,
        indent: block.cells.first().map_or(0, |cell| cell.indent.into()),
        marker: block.cells.first().map(|cell| cell.marker.as_str().into()).unwrap_or_default(),
        cells: ModelRc::new(VecModel::from(cells)),
        plain: block.text().into(),
        open: reader.is_open(at),
        hidden: reader.is_hidden(at),
    }
}

fn told(deed: Deed) -> ui::KeyDeed {
    macro_rules! same {
        ($($name:ident),*) => {
            match deed { $(Deed::$name => ui::KeyDeed::$name),* }
        };
    }
    same!(
        Search,
        Find,
        NewChat,
        Settings,
        Back,
        Larger,
        Smaller,
        Plain,
        Sheet,
        Help,
        Quit,
        Close,
        Next,
        Walk,
        OpenFound,
        Menu,
        Send,
        Line,
        Bold,
        Italic,
        Code,
        Strike,
        Paste,
        EditLast,
        ToMessages,
        Cancel,
        WalkMessages,
        Reply,
        Thread,
        Edit,
        Copy,
        Remove,
        Leave,
        Turn,
        Zoom,
        Fit,
        Full,
        CopyPicture,
        Save,
        Squares,
        Move
    )
}

/// Connects the help.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Help, on_open, |this, link| this.go_in_help(&link));
    on!(view, Help, on_search, |this, term| {
        this.look_for(&term);
        if term.is_empty() {
            this.show_page_of_help(0);
        }
    });
    on!(view, Help, on_go, |this, index| {
        let hit = usize::try_from(index)
            .ok()
            .and_then(|index| this.with_reader(|reader| reader.hits.get(index).map(|hit| (hit.page, hit.block))));
        if let Some((page, block)) = hit {
            this.with_reader(|reader| reader.show(page, block));
            // What was found stays marked on the page; the field is free for the next search.
            this.window.global::<ui::Help>().set_term(SharedString::default());
            this.open_help(block);
        }
    });
    on!(view, Help, on_unfold, |this, index| {
        let Ok(index) = usize::try_from(index) else { return };
        let blocks = Rc::clone(&this.help.blocks);
        this.with_reader(|reader| {
            reader.unfold(index);
            let end = (index + 1..blocks.row_count()).find(|at| reader.page().blocks[*at].kind.begins());
            for at in index..end.unwrap_or(blocks.row_count()) {
                blocks.set_row_data(at, block(reader, at));
            }
        });
    });
}
