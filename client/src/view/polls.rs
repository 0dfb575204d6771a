//! Polls: the card in the conversation, and the dialog that asks one.

use std::rc::Rc;

use slint::{ComponentHandle, Model, ModelRc, SharedString, VecModel};

use super::{convert, ui, window::View, wiring::on};
use crate::model::{
    command::Command,
    poll::{Asked, MOST, Poll, Wish},
};

/// What is being asked: the answers stand in the window's own list.
#[derive(Default)]
pub(super) struct Draft {
    answers: Rc<VecModel<SharedString>>,
    question: std::cell::RefCell<String>,
}

/// Connects the callbacks of polls.
pub(super) fn wire(view: &Rc<View>) {
    view.window.global::<ui::Polls>().set_answers(ModelRc::from(Rc::clone(&view.poll.answers)));
    on!(view, Polls, on_begin, |this| {
        this.poll.question.borrow_mut().clear();
        this.poll.answers.set_vec(vec![SharedString::default(); 2]);
        this.check_poll();
    });
    on!(view, Polls, on_asked, |this, question| {
        *this.poll.question.borrow_mut() = question.into();
        this.check_poll();
    });
    on!(view, Polls, on_answered, |this, index, text| {
        let answers = &this.poll.answers;
        let Some(index) = usize::try_from(index).ok().filter(|index| *index < answers.row_count()) else { return };
        answers.set_row_data(index, text);
        // There is always a place for one more.
        let full = answers.iter().all(|answer| !answer.trim().is_empty());
        if full && answers.row_count() < MOST {
            answers.push(SharedString::default());
        }
        this.check_poll();
    });
    on!(view, Polls, on_drop, |this, index| {
        let answers = &this.poll.answers;
        if let Some(index) = usize::try_from(index).ok().filter(|index| *index < answers.row_count()) {
            answers.remove(index);
            if answers.row_count() < 2 || answers.iter().all(|answer| !answer.trim().is_empty()) {
                answers.push(SharedString::default());
            }
        }
        this.check_poll();
    });
    on!(view, Polls, on_create, |this, question, several, open| {
        *this.poll.question.borrow_mut() = question.into();
        let room = this.app.borrow().open.clone();
        if let (Some(asked), Some(room)) = (this.poll.asked(several, open), room) {
            this.send(Command::Poll(Wish::Create { room, asked }));
            this.window.global::<ui::App>().set_overlay(ui::Overlay::None);
        }
    });
    on!(view, Polls, on_vote, |this, key, answer| {
        let command = this.app.borrow().vote(&key, &answer);
        command.into_iter().for_each(|command| this.send(command));
    });
    on!(view, Polls, on_end, |this, key, words| {
        let command = this.app.borrow().end_poll(&key, words.into());
        command.into_iter().for_each(|command| this.send(command));
    });
}

impl Draft {
    fn asked(&self, several: bool, open: bool) -> Option<Asked> {
        let answers = self.answers.iter().map(String::from).collect();
        Asked { question: self.question.borrow().clone(), answers, several, open }.checked()
    }
}

impl View {
    fn check_poll(&self) {
        self.window.global::<ui::Polls>().set_complete(self.poll.asked(false, true).is_some());
    }
}

/// A poll for its card; `ready` once the server knows it.
pub(super) fn entry(poll: &Poll, ready: bool) -> ui::PollEntry {
    let voters = poll.voters();
    let answers: Vec<ui::PollAnswer> = poll
        .answers
        .iter()
        .map(|answer| ui::PollAnswer {
            id: answer.id.as_str().into(),
            text: answer.text.as_str().into(),
            votes: convert::count(answer.voters.len() as u64),
            part: if voters == 0 { 0.0 } else { answer.voters.len() as f32 / voters as f32 },
            mine: answer.mine,
            won: poll.won(answer),
        })
        .collect();
    ui::PollEntry {
        question: poll.question.as_str().into(),
        answers: ModelRc::new(VecModel::from(answers)),
        several: poll.most > 1,
        open: poll.open,
        results: poll.shows_results(),
        ended: poll.ended,
        voters: convert::count(voters as u64),
        ready,
    }
}
