//! The policies that people agree to when they register.
//! <https://spec.matrix.org/v1.18/client-server-api/#terms-of-service-at-registration>

use std::collections::BTreeMap;

use anyhow::Context as _;
use ruma::{
    UserId,
    api::client::uiaa::{LoginTermsParams, PolicyDefinition, PolicyTranslation},
};

pub use crate::storage::terms::Accepted;
use crate::{
    clock::Millis,
    config,
    error::Result,
    storage::{self, db::Db},
};

/// The service.
#[derive(Debug)]
pub struct Terms {
    db: Db,
    policies: Vec<Policy>,
}

#[derive(Debug)]
struct Policy {
    id: String,
    version: String,
    /// By language, Russian first.
    texts: Vec<(&'static str, Text)>,
}

/// A policy in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its name as people read it.
    pub name: String,
    /// Where it can be read: the configured address, or this server's own.
    pub url: String,
    /// The text itself, where this server shows it.
    pub body: Option<String>,
}

impl Terms {
    /// Reads the files of the policies that are configured. `base_url` is where clients reach this server.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub fn load(config: &config::Terms, base_url: &str, db: Db) -> anyhow::Result<Self> {
        let policies = config.policies.iter().map(|policy| {
            let texts = policy
                .texts()
                .map(|(language, text)| anyhow::Ok((language, loaded(&policy.id, language, text, base_url)?)));
            anyhow::Ok(Policy {
                id: policy.id.clone(),
                version: policy.version.clone(),
                texts: texts.collect::<anyhow::Result<_>>()?,
            })
        });
        Ok(Self { db, policies: policies.collect::<anyhow::Result<_>>()? })
    }

    /// Whether there is nothing to agree to.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// The policies in a language (`ru`, `en`), each in another where there is none in it: for a page on which one
    /// registers.
    pub fn policies(&self, language: &str) -> Vec<&Text> {
        let in_language = |policy: &Policy| policy.texts.iter().position(|(other, _)| *other == language).unwrap_or(0);
        self.policies.iter().filter_map(|policy| Some(&policy.texts.get(in_language(policy))?.1)).collect()
    }

    /// What somebody agrees to who agrees to all of them now: for [`super::accounts::NewAccount`].
    pub fn accepted(&self) -> Vec<Accepted> {
        let accepted = |policy: &Policy| Accepted { policy_id: policy.id.clone(), version: policy.version.clone() };
        self.policies.iter().map(accepted).collect()
    }

    /// What a user has agreed to, and when.
    pub async fn accepted_by(&self, user_id: &UserId) -> Result<Vec<(Accepted, Millis)>> {
        Ok(storage::terms::of_user(&self.db, user_id).await?)
    }

    /// A policy's text in a language, if there is one.
    pub fn text(&self, id: &str, language: &str) -> Option<&Text> {
        let policy = self.policies.iter().find(|policy| policy.id == id)?;
        policy.texts.iter().find(|(other, _)| *other == language).map(|(_, text)| text)
    }

    /// The policies as clients are told of them.
    pub fn params(&self) -> LoginTermsParams {
        let translations = |policy: &Policy| -> BTreeMap<String, PolicyTranslation> {
            let texts = policy.texts.iter();
            texts
                .map(|(language, t)| ((*language).to_owned(), PolicyTranslation::new(t.name.clone(), t.url.clone())))
                .collect()
        };
        let definition = |policy: &Policy| PolicyDefinition::new(policy.version.clone(), translations(policy));
        LoginTermsParams::new(self.policies.iter().map(|policy| (policy.id.clone(), definition(policy))).collect())
    }
}

fn loaded(id: &str, language: &str, text: &config::PolicyText, base_url: &str) -> anyhow::Result<Text> {
    let name = text.name.clone();
    let (url, body) = match (&text.url, &text.file) {
        (Some(url), _) => (url.to_string(), None),
        (None, file) => {
            let file = file.as_deref().with_context(|| format!("terms.policies: \"{id}\" has neither url nor file"))?;
            let body = std::fs::read_to_string(file)
                .with_context(|| format!("terms.policies: {} cannot be read as text in UTF-8", file.display()))?;
            (format!("{base_url}/_parta/terms/{id}/{language}"), Some(body))
        }
    };
    Ok(Text { name, url, body })
}
