use clap::Subcommand;

use super::{Offline, password};
use crate::{config::Config, domain::accounts::NewAccount};

/// Accounts.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make an account. Without --password-stdin it gets a random password, which is printed.
    Create {
        /// The name, without the server's.
        name: String,
        /// May it administer the server?
        #[arg(long)]
        admin: bool,
        /// Read the password from the standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all accounts.
    List,
    /// Set a new password and sign all devices out. Without --password-stdin it is a random one, which is printed.
    ResetPassword {
        /// The name, with or without the server's.
        name: String,
        /// Read the password from the standard input.
        #[arg(long)]
        password_stdin: bool,
    },
}

impl UserCommand {
    /// Does it.
    pub async fn run(self, config: Config) -> anyhow::Result<()> {
        let offline = Offline::open(config).await?;
        match self {
            Self::Create { name, admin, password_stdin } => offline.create(&name, admin, password_stdin).await?,
            Self::List => offline.list().await?,
            Self::ResetPassword { name, password_stdin } => offline.reset_password(&name, password_stdin).await?,
        }
        offline.db.close().await;
        Ok(())
    }
}

impl Offline {
    async fn create(&self, name: &str, admin: bool, from_stdin: bool) -> anyhow::Result<()> {
        let user_id = self.accounts.available(name, &self.appservices, None).await?;
        let password = password(from_stdin)?;
        self.accounts.passwords.check(user_id.localpart(), &password)?;
        let password_hash = Some(self.accounts.passwords.hash(password).await?);
        self.accounts.create(NewAccount { password_hash, admin, ..NewAccount::new(user_id.clone()) }, None).await?;
        println!("{user_id}");
        Ok(())
    }

    async fn list(&self) -> anyhow::Result<()> {
        for account in self.accounts.all().await? {
            let marks = [(account.admin, "admin"), (account.locked, "locked"), (account.deactivated, "closed")];
            let marks: Vec<_> = marks.into_iter().filter_map(|(holds, mark)| holds.then_some(mark)).collect();
            let name = account.display_name.as_deref().unwrap_or_default();
            println!("{}\t{}\t{}", account.user_id, marks.join(","), name);
        }
        Ok(())
    }

    async fn reset_password(&self, name: &str, from_stdin: bool) -> anyhow::Result<()> {
        let account = self.accounts.find(name).await?;
        let account =
            account.ok_or_else(|| anyhow::anyhow!("there is no user {name} on {}", self.config.server.name))?;
        anyhow::ensure!(!account.deactivated, "{} was closed", account.user_id);
        let password = password(from_stdin)?;
        self.accounts.passwords.check(account.user_id.localpart(), &password)?;
        self.accounts.set_password_beside(&account.user_id, password).await?;
        println!("{} has a new password and is signed out everywhere.", account.user_id);
        Ok(())
    }
}
