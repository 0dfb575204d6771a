use std::{io::Write as _, path::PathBuf};

use clap::Subcommand;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::Offline;
use crate::{
    config::Config,
    domain::feedback::{
        ActKind, Deed, Kind, Order, Report, State, Wanted,
        export::{Format, time},
    },
};

/// Characters of a report in a list.
const START: usize = 80;

/// What people have sent by the feedback button.
#[derive(Debug, Subcommand)]
pub enum FeedbackCommand {
    /// List it, the newest first.
    List {
        /// Only what is new, seen, planned, done or declined.
        #[arg(long)]
        state: Option<State>,
        /// Only problems (problem), ideas (idea), questions (question) or praise.
        #[arg(long)]
        kind: Option<Kind>,
        /// Only what people sent whose id has this in it.
        #[arg(long, default_value = "")]
        user: String,
        /// Only what has this text in it.
        #[arg(long, default_value = "")]
        text: String,
        /// How much at most.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show one report with all that was done with it.
    Show {
        /// Its id.
        id: i64,
    },
    /// Answer one report. The server tells its sender within seconds.
    Answer {
        /// Its id.
        id: i64,
        /// The answer.
        text: String,
    },
    /// Give one report another state. The server tells its sender of planned, done and declined.
    State {
        /// Its id.
        id: i64,
        /// new, seen, planned, done or declined.
        state: State,
    },
    /// Write all of it into a file, or to the standard output.
    Export {
        /// csv or json.
        #[arg(long, default_value = "csv")]
        format: Format,
        /// The file, which must not be there yet.
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
}

impl FeedbackCommand {
    /// Does it.
    pub async fn run(self, config: Config) -> anyhow::Result<()> {
        let offline = Offline::open(config).await?;
        match self {
            Self::List { state, kind, user, text, limit } => {
                offline.list_feedback(&Wanted { state, kind, user, text, ..Wanted::default() }, limit).await?;
            }
            Self::Show { id } => show(&offline.feedback.require(id).await?)?,
            Self::Answer { id, text } => {
                let report = offline.feedback.act(id, &operator(), vec![Deed::Answer(text)]).await?;
                match report.reporter {
                    Some(reporter) => println!("{reporter} hears of it within seconds if the server runs."),
                    None => println!("The account that sent it was erased: nobody hears of it."),
                }
            }
            Self::State { id, state } => {
                let report = offline.feedback.act(id, &operator(), vec![Deed::State(state)]).await?;
                println!("{}\t{}", report.id, report.state.as_str());
            }
            Self::Export { format, output } => offline.export_feedback(format, output).await?,
        }
        offline.db.close().await;
        Ok(())
    }
}

impl Offline {
    async fn list_feedback(&self, wanted: &Wanted, limit: usize) -> anyhow::Result<()> {
        let (reports, total) = self.feedback.list(wanted, Order::Newest, 0, limit).await?;
        for report in &reports {
            let (state, kind) = (report.state.as_str(), report.kind.as_str());
            let start: String = report.text.lines().next().unwrap_or_default().chars().take(START).collect();
            println!(
                "{}\t{}\t{state}\t{kind}\t{}\t{}",
                report.id,
                time(report.created_at)?,
                sender(report),
                plain(&start)
            );
        }
        if reports.len() < total {
            println!("{} of {total}; --limit shows more", reports.len());
        }
        Ok(())
    }

    async fn export_feedback(&self, format: Format, output: Option<PathBuf>) -> anyhow::Result<()> {
        let mut into: Box<dyn std::io::Write> = match output {
            Some(file) => Box::new(std::fs::File::create_new(file)?),
            None => Box::new(std::io::stdout()),
        };
        let mut pieces = self.feedback.export(format, Wanted::default()).boxed();
        while let Some(piece) = pieces.try_next().await? {
            into.write_all(piece.as_bytes())?;
        }
        Ok(into.flush()?)
    }
}

/// A text as a terminal may be given it: what strangers write must not steer it.
fn plain(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n', "\u{FFFD}")
}

fn sender(report: &Report) -> &str {
    report.reporter.as_ref().map_or("-", |reporter| reporter.as_str())
}

fn show(report: &Report) -> anyhow::Result<()> {
    println!("Report {} ({}), {}", report.id, report.kind.as_str(), time(report.created_at)?);
    println!("  from         {}", sender(report));
    println!("  state        {} since {}", report.state.as_str(), time(report.state_at)?);
    println!("  priority     {}", report.priority.as_str());
    if let Some(room_id) = &report.room_id {
        println!("  room         {room_id}");
    }
    for (key, value) in &report.diagnostics {
        println!("  {:<12} {}", plain(key), plain(value));
    }
    for attachment in &report.attachments {
        println!("  attachment   {} ({}, {} bytes)", plain(&attachment.name), attachment.media_type, attachment.size);
    }
    println!("\n{}", plain(&report.text));
    for act in &report.acts {
        let head = format!("{} {}", time(act.at)?, act.who);
        match act.kind {
            ActKind::Answer => println!("\n{head} answered:\n{}", plain(&act.value)),
            ActKind::Note => println!("\n{head} noted:\n{}", plain(&act.value)),
            ActKind::State | ActKind::Priority => println!("\n{head}: {} is {}", act.kind.as_str(), act.value),
        }
    }
    Ok(())
}

/// Who stands at the terminal, as far as the machine says.
fn operator() -> String {
    let name = ["SUDO_USER", "USER"].into_iter().find_map(|name| std::env::var(name).ok());
    name.map_or_else(|| "terminal".to_owned(), |name| format!("terminal ({name})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_does_not_steer_the_terminal() {
        assert_eq!(plain("a\x1b[2Jb\r\nв"), "a\u{FFFD}[2Jb\u{FFFD}\nв");
    }
}
