//! Third-party networks: which ones application services provide, and who and what is where in them. One that cannot
//! be asked has nothing to say.
//! <https://spec.matrix.org/v1.18/application-service-api/#third-party-networks>

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ruma::{
    RoomAliasId, UserId,
    api::appservice::thirdparty::get_protocol::v1::AppserviceProtocol,
    thirdparty::{Location, Protocol, User},
};
use serde::de::DeserializeOwned;

use super::Outbound;
use crate::domain::appservices::Appservice;

/// What is looked for: the fields of a place or a user in a network, by name.
pub type Fields = BTreeMap<String, String>;

impl Outbound {
    /// Every network, by its name.
    pub async fn protocols(&self) -> BTreeMap<String, Protocol> {
        let names: BTreeSet<String> = self.registered.iter().flat_map(|a| a.protocols.iter().cloned()).collect();
        let mut all = BTreeMap::new();
        for name in names {
            if let Some(protocol) = self.protocol(&name).await {
                all.insert(name, protocol);
            }
        }
        all
    }

    /// A network: as the first of those who provide it describes it, with the instances of all.
    pub async fn protocol(&self, name: &str) -> Option<Protocol> {
        let mut whole: Option<Protocol> = None;
        for appservice in self.providers(name) {
            let path = ["thirdparty", "protocol", name];
            let described: Option<AppserviceProtocol> = self.calls.get(&appservice, &path, &Fields::new()).await;
            let Some(described) = described else { continue };
            let mut described: Protocol = described.into();
            for instance in &mut described.instances {
                instance.instance_id = Some(appservice.instance_id(&instance.network_id));
            }
            match &mut whole {
                Some(whole) => whole.instances.append(&mut described.instances),
                None => whole = Some(described),
            }
        }
        whole
    }

    /// The places of a network that have certain fields.
    pub async fn locations(&self, protocol: &str, fields: &Fields) -> Vec<Location> {
        self.all(&self.providers(protocol), &["thirdparty", "location", protocol], fields).await
    }

    /// The users of a network who have certain fields.
    pub async fn users(&self, protocol: &str, fields: &Fields) -> Vec<User> {
        self.all(&self.providers(protocol), &["thirdparty", "user", protocol], fields).await
    }

    /// The places in networks that an alias stands for.
    pub async fn locations_of(&self, alias: &RoomAliasId) -> Vec<Location> {
        let appservices = self.others(None, |a| !a.protocols.is_empty() && a.has_alias(alias));
        let query = Fields::from([("alias".to_owned(), alias.to_string())]);
        self.all(&appservices, &["thirdparty", "location"], &query).await
    }

    /// The users of networks whom a user stands for.
    pub async fn users_of(&self, user_id: &UserId) -> Vec<User> {
        let appservices = self.others(None, |a| !a.protocols.is_empty() && a.has_user(user_id));
        let query = Fields::from([("userid".to_owned(), user_id.to_string())]);
        self.all(&appservices, &["thirdparty", "user"], &query).await
    }

    fn providers(&self, protocol: &str) -> Vec<Arc<Appservice>> {
        self.others(None, |appservice| appservice.protocols.iter().any(|name| name == protocol))
    }

    /// What all the application services answer, one after the other.
    async fn all<T: DeserializeOwned>(&self, appservices: &[Arc<Appservice>], path: &[&str], query: &Fields) -> Vec<T> {
        let mut found = Vec::new();
        for appservice in appservices {
            let answer: Option<Vec<T>> = self.calls.get(appservice, path, query).await;
            found.extend(answer.unwrap_or_default());
        }
        found
    }
}
