use anyhow::Context as _;
use clap::Subcommand;
use jiff::{Span, SpanRelativeTo, Timestamp, civil::Date, tz::TimeZone};

use super::Offline;
use crate::{clock::Millis, config::Config};

/// Registration tokens: who holds one may make an account.
#[derive(Debug, Subcommand)]
pub enum RegistrationTokenCommand {
    /// Make a token and print it.
    Create {
        /// Its text; random unless given.
        #[arg(long)]
        token: Option<String>,
        /// How many accounts it may make; any number unless given.
        #[arg(long)]
        uses: Option<u32>,
        /// Until when: a day, such as 2026-09-01, which still counts, or a time from now, such as 7d or 12h.
        #[arg(long)]
        expires: Option<String>,
    },
    /// List all tokens.
    List,
}

impl RegistrationTokenCommand {
    /// Does it.
    pub async fn run(self, config: Config) -> anyhow::Result<()> {
        let offline = Offline::open(config).await?;
        match self {
            Self::Create { token, uses, expires } => {
                let now = offline.clock.now();
                let ends_at = expires.map(|text| end(&text, now, TimeZone::system())).transpose()?;
                let new = offline.registration_tokens.create(token, None, uses.map(i64::from), ends_at).await?;
                println!("{}", new.token);
            }
            Self::List => offline.list_tokens().await?,
        }
        offline.db.close().await;
        Ok(())
    }
}

impl Offline {
    async fn list_tokens(&self) -> anyhow::Result<()> {
        for token in self.registration_tokens.all().await? {
            let uses = token.uses_allowed.map_or_else(|| "any".to_owned(), |uses| uses.to_string());
            let end = match token.expires_at {
                Some(end) => Timestamp::from_millisecond(end)?.to_string(),
                None => "never".to_owned(),
            };
            let state = if token.is_valid(self.clock.now()) { "valid" } else { "ended" };
            println!("{}\t{state}\tused {} of {uses}\tends {end}", token.token, token.completed);
        }
        Ok(())
    }
}

/// The end that a person writes: the end of a day, or a time from now.
fn end(text: &str, now: Millis, here: TimeZone) -> anyhow::Result<Millis> {
    if let Ok(day) = text.parse::<Date>() {
        return Ok(day.tomorrow()?.to_zoned(here)?.timestamp().as_millisecond());
    }
    let span: Span =
        text.parse().with_context(|| format!("--expires {text}: write a day (2026-09-01) or a time (7d)"))?;
    let lasts = span.to_duration(SpanRelativeTo::days_are_24_hours())?;
    anyhow::ensure!(lasts.is_positive(), "--expires {text}: that is in the past");
    Ok(now + lasts.as_millis() as Millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_a_day_or_a_time() {
        let day = 24 * 60 * 60 * 1000;
        assert_eq!(end("7d", 5, TimeZone::UTC).unwrap(), 7 * day + 5);
        assert_eq!(end("12h", 0, TimeZone::UTC).unwrap(), day / 2);
        assert_eq!(end("1970-01-01", 0, TimeZone::UTC).unwrap(), day);
        assert!(end("-7d", 0, TimeZone::UTC).is_err());
        assert!(end("soon", 0, TimeZone::UTC).is_err());
    }
}
