//! Polls of the SDK as polls of the model, and what people do with them. They go out in the form that today's clients
//! know, the one before the specification's own (MSC3381).

use std::sync::Arc;

use matrix_sdk::ruma::{
    EventId, UserId,
    events::{
        AnyMessageLikeEventContent,
        poll::{
            start::PollKind,
            unstable_end::UnstablePollEndEventContent,
            unstable_response::UnstablePollResponseEventContent,
            unstable_start::{
                NewUnstablePollStartEventContent, UnstablePollAnswer, UnstablePollAnswers,
                UnstablePollStartContentBlock, UnstablePollStartEventContent,
            },
        },
    },
};
use matrix_sdk_ui::timeline::PollResult;

use crate::{
    matrix::{failure, live::Live},
    model::{
        poll::{Answer, Asked, Poll, Wish},
        update::Failure,
    },
};

/// Does what is wished.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    if let Err(failure) = attempt(live, wish).await {
        tracing::info!(?failure, "a wish about a poll could not be done");
        live.failed(failure);
    }
}

async fn attempt(live: &Arc<Live>, wish: Wish) -> Result<(), Failure> {
    let event = |key: &str| EventId::parse(key).map_err(|_| Failure::NotFound);
    let (room, content) = match wish {
        Wish::Create { room, asked } => (room, start(asked)?),
        Wish::Vote { room, key, answers } => {
            let content = UnstablePollResponseEventContent::new(answers, event(&key)?);
            (room, AnyMessageLikeEventContent::UnstablePollResponse(content))
        }
        Wish::End { room, key, words } => {
            let content = UnstablePollEndEventContent::new(words, event(&key)?);
            (room, AnyMessageLikeEventContent::UnstablePollEnd(content))
        }
    };
    let timeline = live.timeline(&room).await?;
    timeline.send(content).await.map(|_| ()).map_err(|error| failure::of_timeline(&error))
}

fn start(asked: Asked) -> Result<AnyMessageLikeEventContent, Failure> {
    let words = Poll::words(&asked.question, &asked.answers);
    let count = u32::try_from(asked.answers.len()).map_err(|_| Failure::Other)?;
    let answers: Vec<UnstablePollAnswer> = asked
        .answers
        .into_iter()
        .enumerate()
        .map(|(index, text)| UnstablePollAnswer::new(index.to_string(), text))
        .collect();
    let answers = UnstablePollAnswers::try_from(answers).map_err(|_| Failure::Other)?;
    let mut block = UnstablePollStartContentBlock::new(asked.question, answers);
    block.kind = if asked.open { PollKind::Disclosed } else { PollKind::Undisclosed };
    block.max_selections = if asked.several { count.into() } else { 1_u32.into() };
    let content = NewUnstablePollStartEventContent::plain_text(words, block);
    Ok(AnyMessageLikeEventContent::UnstablePollStart(UnstablePollStartEventContent::New(content)))
}

/// A poll for the model. `own` is the account signed in, if it matters who voted.
pub(super) fn poll(results: PollResult, own: Option<&UserId>) -> Poll {
    let own = own.map(UserId::as_str);
    let mut votes = results.votes;
    Poll {
        question: results.question,
        answers: results
            .answers
            .into_iter()
            .map(|answer| {
                let voters = votes.remove(&answer.id).unwrap_or_default();
                Answer {
                    mine: own.is_some_and(|own| voters.iter().any(|voter| voter == own)),
                    id: answer.id,
                    text: answer.text,
                    voters,
                }
            })
            .collect(),
        most: usize::try_from(results.max_selections).unwrap_or(1),
        open: results.kind == PollKind::Disclosed,
        ended: results.end_time.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_goes_out_as_it_was_asked() {
        let asked =
            Asked {
                question: "Когда?".into(), answers: vec!["пн".into(), "вт".into()], several: true, open: false
            };
        let Ok(AnyMessageLikeEventContent::UnstablePollStart(content)) = start(asked) else { panic!("a poll") };
        let block = content.poll_start();
        assert_eq!(block.kind, PollKind::Undisclosed);
        assert_eq!(u64::from(block.max_selections), 2);
        assert_eq!(block.answers.iter().map(|answer| answer.text.as_str()).collect::<Vec<_>>(), ["пн", "вт"]);
        assert!(start(Asked::default()).is_err());
    }
}
