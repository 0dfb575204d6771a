use anyhow::{Context as _, bail};
use clap::Subcommand;

use crate::{
    clock::Clock,
    config::Config,
    tls::{Authority, Certificate, day, files},
};

/// The certificate that clients are shown by TLS.
#[derive(Debug, Subcommand)]
pub enum CertificateCommand {
    /// Show it, what clients will not like about it, and the authority that devices install.
    Show,
    /// Make it anew, before its time; a server that runs takes it within a minute.
    Renew {
        /// Make a new certificate authority too. Every device has to install that one.
        #[arg(long)]
        authority: bool,
    },
}

impl CertificateCommand {
    /// Does it.
    pub fn run(self, config: &Config) -> anyhow::Result<()> {
        let now = Clock::system().now();
        let names = config.certificate_names();
        let own = Authority::of(config);
        if let Self::Renew { authority: anew } = self {
            let Some(authority) = &own else {
                bail!(
                    "Only a certificate that the server makes can be renewed here: tls.listen must be set, and \
                     tls.certificate not. Put new files in the place of your own; the server takes them within a minute."
                );
            };
            if anew || !authority.file().try_exists()? {
                authority.make(&names, now)?;
            }
            authority.renew(&names, now)?;
        }
        let (certificate, private_key) =
            files(config).context("There is no TLS here. Set tls.listen in the configuration.")?;
        let shown = Certificate::checked(&certificate, &private_key).context(if own.is_some() {
            "The server makes its certificate when it starts, or parta-server certificate renew does"
        } else {
            "Clients cannot be shown this certificate"
        })?;
        println!("Certificate {}", certificate.display());
        println!("  for          {}", shown.names.join(", "));
        println!("  signed by    {}", shown.issuer);
        println!("  valid until  {}", day(shown.ends));
        println!("  SHA-256      {}", shown.fingerprint());
        for problem in shown.problems(&names, now) {
            eprintln!("warning: {problem}");
        }
        if let Some(own) = own {
            let authority = own.certificate()?;
            println!("Certificate authority {}, which devices install", own.file().display());
            println!("  called       {}", authority.subject);
            println!("  valid until  {}", day(authority.ends));
            println!("  SHA-256      {}", authority.fingerprint());
            println!("  page         {}/authority", config.base_url());
            for problem in authority.problems(&[], now) {
                eprintln!("warning: the certificate authority: {problem}");
            }
        }
        Ok(())
    }
}
