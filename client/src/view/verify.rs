//! Verification: its dialog, the bar over those whose keys changed, and the line on the card of a person.

use std::rc::Rc;

use slint::{ComponentHandle, Image, ModelRc, Rgb8Pixel, SharedPixelBuffer, VecModel};

use super::{convert, ui, window::View, wiring::on};
use crate::model::{
    command::Command,
    verify::{Changed, Code, End, News, Partner, Stage, Trust, Wish},
};

/// The emoji that are compared, in the order of the specification (client-server API, "SAS method: emoji").
const EMOJI: [&str; 64] = [
    "🐶", "🐱", "🦁", "🐎", "🦄", "🐷", "🐘", "🐰", "🐼", "🐓", "🐧", "🐢", "🐟", "🐙", "🦋", "🌷", "🌳", "🌵", "🍄",
    "🌏", "🌙", "☁️", "🔥", "🍌", "🍎", "🍓", "🌽", "🍕", "🎂", "❤️", "😀", "🤖", "🎩", "👓", "🔧", "🎅", "👍", "☂️",
    "⌛", "⏰", "🎁", "💡", "📕", "✏️", "📎", "✂️", "🔒", "🔑", "🔨", "☎️", "🏁", "🚂", "🚲", "✈️", "🚀", "🏆", "⚽",
    "🎸", "🎺", "🔔", "⚓", "🎧", "📁", "📌",
];
/// Side of their pictures, in pixels.
const SIDE: u32 = 88;
/// Light points around a code, so that a camera finds its edge (ISO/IEC 18004).
const MARGIN: usize = 4;

/// Connects the callbacks.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Verify, on_own_devices, |this| this.ask_verify(Wish::Own));
    on!(view, Verify, on_device, |this, id| this.ask_verify(Wish::Device(id.into())));
    on!(view, Verify, on_ask, |this, person| {
        this.window.global::<ui::App>().set_overlay(ui::Overlay::None);
        this.ask_verify(Wish::Person(person.into()));
    });
    on!(view, Verify, on_accept, |this| this.answer_verify(Wish::Accept));
    on!(view, Verify, on_compare, |this| this.answer_verify(Wish::Compare));
    on!(view, Verify, on_same, |this| this.answer_verify(Wish::Same));
    on!(view, Verify, on_different, |this| this.answer_verify(Wish::Different));
    on!(view, Verify, on_take, |this, person| this.send(Command::Verify(Wish::Take(person.into()))));
    on!(view, Verify, on_close, |this| {
        let wish = this.verifying.borrow_mut().close();
        wish.into_iter().for_each(|wish| this.send(Command::Verify(wish)));
        this.show_verify();
    });
}

impl View {
    fn ask_verify(&self, wish: Wish) {
        let own = !matches!(wish, Wish::Person(_));
        self.verifying.borrow_mut().take(Partner { own, ..Partner::default() }, Stage::Preparing);
        self.show_verify();
        self.send(Command::Verify(wish));
    }

    fn answer_verify(&self, wish: Wish) {
        self.window.global::<ui::Verify>().set_busy(true);
        self.send(Command::Verify(wish));
    }

    /// Asks how the keys of a person stand whose card is shown.
    pub(super) fn look_at_keys(&self, person: &str) {
        self.window.global::<ui::Verify>().set_trust(ui::PersonTrust::Unknown);
        self.send(Command::Verify(Wish::Look(person.to_owned())));
    }

    /// The account is another one, or none.
    pub(super) fn forget_verify(&self) {
        self.verifying.borrow_mut().now = None;
        self.show_verify();
        self.forget_changed();
    }

    /// Another room is open, or none.
    pub(super) fn forget_changed(&self) {
        self.window.global::<ui::Verify>().set_changed(ModelRc::default());
    }

    /// Takes news of verification.
    pub(super) fn verify_news(&self, news: News) {
        let page = self.window.global::<ui::Verify>();
        match news {
            News::Stage(partner, stage) => {
                self.verifying.borrow_mut().take(partner, stage);
                self.show_verify();
            }
            News::Trust(person, trust) => {
                if self.window.global::<ui::Profile>().get_id() == person.as_str() {
                    page.set_trust(match trust {
                        Trust::Unknown => ui::PersonTrust::Unknown,
                        Trust::Unverified => ui::PersonTrust::Unverified,
                        Trust::Verified => ui::PersonTrust::Verified,
                        Trust::Changed => ui::PersonTrust::Changed,
                    });
                }
            }
            News::Changed { room, people } => {
                if self.app.borrow().open.as_deref() == Some(&room) {
                    let people: Vec<ui::ChangedPerson> = people
                        .into_iter()
                        .map(|Changed { id, name, compared }| ui::ChangedPerson {
                            id: id.into(),
                            name: name.into(),
                            compared,
                        })
                        .collect();
                    page.set_changed(ModelRc::new(VecModel::from(people)));
                }
            }
        }
    }

    fn show_verify(&self) {
        let page = self.window.global::<ui::Verify>();
        let state = self.verifying.borrow();
        page.set_busy(false);
        let Some((partner, stage)) = &state.now else {
            page.set_stage(ui::VerifyStage::None);
            page.set_emoji(ModelRc::default());
            page.set_code(Image::default());
            return;
        };
        page.set_own(partner.own);
        page.set_person(partner.person.as_str().into());
        page.set_name(partner.name.as_str().into());
        page.set_stage(match stage {
            Stage::Asked => ui::VerifyStage::Asked,
            Stage::Waiting => ui::VerifyStage::Waiting,
            Stage::Ready(code) => {
                page.set_coded(code.is_some());
                page.set_code(code.as_ref().map(picture).unwrap_or_default());
                ui::VerifyStage::Ready
            }
            Stage::Scanned => ui::VerifyStage::Scanned,
            Stage::Preparing => ui::VerifyStage::Preparing,
            Stage::Emoji(numbers) => {
                page.set_emoji(self.sas(*numbers));
                ui::VerifyStage::Emoji
            }
            Stage::Numbers(numbers) => {
                page.set_numbers(numbers.map(|number| number.to_string()).join("  ").into());
                ui::VerifyStage::Numbers
            }
            Stage::Confirming => ui::VerifyStage::Confirming,
            Stage::Done => ui::VerifyStage::Done,
            Stage::Ended(end) => {
                page.set_end(match end {
                    End::Declined => ui::VerifyEnd::Declined,
                    End::Late => ui::VerifyEnd::Late,
                    End::Mismatch => ui::VerifyEnd::Mismatch,
                    End::Elsewhere => ui::VerifyEnd::Elsewhere,
                    End::Nobody => ui::VerifyEnd::Nobody,
                    End::Failed(failure) => {
                        page.set_failure(convert::failure(*failure));
                        ui::VerifyEnd::Failed
                    }
                });
                ui::VerifyStage::Ended
            }
        });
    }

    /// Four emoji and three below.
    fn sas(&self, numbers: [u8; 7]) -> ModelRc<ModelRc<ui::SasEntry>> {
        let mut images = self.images.borrow_mut();
        let entries: Vec<ui::SasEntry> = numbers
            .into_iter()
            .map(|number| ui::SasEntry {
                number: number.into(),
                picture: EMOJI.get(usize::from(number)).and_then(|key| images.emoji(key, SIDE)).unwrap_or_default(),
            })
            .collect();
        let rows: Vec<ModelRc<ui::SasEntry>> =
            entries.chunks(4).map(|row| ModelRc::new(VecModel::from(row.to_vec()))).collect();
        ModelRc::new(VecModel::from(rows))
    }
}

/// A code as a picture, a pixel a point.
fn picture(code: &Code) -> Image {
    let side = code.side + 2 * MARGIN;
    let Ok(pixels) = u32::try_from(side) else { return Image::default() };
    let mut buffer = SharedPixelBuffer::<Rgb8Pixel>::new(pixels, pixels);
    for (at, pixel) in buffer.make_mut_slice().iter_mut().enumerate() {
        let (row, column) = (at / side, at % side);
        let inside = |place: usize| place.checked_sub(MARGIN).filter(|place| *place < code.side);
        let dark = inside(row)
            .zip(inside(column))
            .and_then(|(row, column)| code.dark.get(row * code.side + column))
            .is_some_and(|dark| *dark);
        let shade = if dark { 0 } else { 255 };
        *pixel = Rgb8Pixel::new(shade, shade, shade);
    }
    Image::from_rgb8(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_with_a_light_edge() {
        let code = Code { side: 2, dark: vec![true, false, false, true] };
        let pixels = picture(&code).to_rgb8().unwrap();
        assert_eq!((pixels.width(), pixels.height()), (10, 10));
        let dark: Vec<usize> =
            pixels.as_slice().iter().enumerate().filter(|(_, pixel)| pixel.r == 0).map(|(at, _)| at).collect();
        assert_eq!(dark, [44, 55]);
    }

    #[test]
    fn every_emoji_of_the_comparison_has_a_picture() {
        let mut images = super::super::images::Images::default();
        for emoji in EMOJI {
            assert!(images.emoji(emoji, SIDE).is_some(), "{emoji}");
        }
    }
}
