//! No one-time key is ever given out twice.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use super::one_time_keys;
use crate::server::{Server, User};

/// Claims at once.
const CLAIMS: usize = 50;

/// A round: how many keys each device has, whether it has a fallback key, and after which claims an upload is repeated.
#[derive(Clone, Debug)]
struct Round {
    keys: usize,
    fallback: bool,
    repeats: Vec<usize>,
}

fn rounds() -> impl Strategy<Value = Round> {
    (0..70usize, any::<bool>(), proptest::collection::vec(0..CLAIMS, 0..4))
        .prop_map(|(keys, fallback, repeats)| Round { keys, fallback, repeats })
}

/// The ids that a claim was answered with.
fn ids(claimed: &Value) -> Vec<String> {
    claimed.as_object().map(|keys| keys.keys().cloned().collect()).unwrap_or_default()
}

async fn check(server: &Server, round: &Round, owner: &User, claimers: &[User]) {
    let keys = json!({ "one_time_keys": one_time_keys(0..round.keys) });
    server.upload(owner, keys.clone()).await;
    if round.fallback {
        server.upload(owner, json!({ "fallback_keys": one_time_keys(["F"]) })).await;
    }
    let claims = (0..CLAIMS).map(|index| {
        let keys = keys.clone();
        async move {
            let claimed = server.claim(&claimers[index % claimers.len()], owner).await;
            if round.repeats.contains(&index) {
                // The owner did not hear that its upload arrived, and repeats it while others claim.
                server.upload(owner, keys).await;
            }
            ids(&claimed)
        }
    });
    let claimed: Vec<String> = join_all(claims).await.into_iter().flatten().collect();
    let fallback = "signed_curve25519:F";
    let once: Vec<&String> = claimed.iter().filter(|id| *id != fallback).collect();
    let different: BTreeSet<&String> = once.iter().copied().collect();
    assert_eq!(once.len(), different.len(), "a key was given out twice: {round:?} {once:?}");
    assert_eq!(once.len(), round.keys.min(CLAIMS), "every key is given out while there is one: {round:?}");
    let fallen_back = if round.fallback { CLAIMS - once.len() } else { 0 };
    assert_eq!(claimed.len() - once.len(), fallen_back, "{round:?}");
    let left = server.upload(owner, json!({})).await["one_time_key_counts"]["signed_curve25519"].clone();
    assert_eq!(left, round.keys - once.len(), "{round:?}");
}

on_both_engines! {
    async fn fifty_claims_at_once_never_share_a_key(server: Server) {
        let claimers = [server.register("bob").await, server.register("carol").await, server.register("dave").await];
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        for index in 0..8 {
            let round = rounds().new_tree(&mut runner).expect("a round").current();
            let owner = server.register(&format!("owner{index}")).await;
            check(&server, &round, &owner, &claimers).await;
        }
    }

    async fn one_claim_for_many_devices_has_a_key_of_each(server: Server) {
        let bob = server.register("bob").await;
        let mut wanted = serde_json::Map::new();
        for index in 0..5 {
            let owner = server.register(&format!("owner{index}")).await;
            server.upload(&owner, json!({ "one_time_keys": one_time_keys(0..2) })).await;
            wanted.insert(owner.id, json!({ owner.device: "signed_curve25519", "NOSUCH": "signed_curve25519" }));
        }
        let body = json!({ "one_time_keys": wanted });
        let claim = || server.post(&bob, "/_matrix/client/v3/keys/claim", body.clone());
        let (one, other) = tokio::join!(claim(), claim());
        for (owner, _) in wanted_devices(&body) {
            let (one, other) = (&one["one_time_keys"][&owner], &other["one_time_keys"][&owner]);
            assert_eq!(one.as_object().map(serde_json::Map::len), Some(1), "no key of a device that is not there: {one}");
            assert_ne!(one, other);
        }
        assert_eq!(claim().await["one_time_keys"], json!({}));
    }
}

fn wanted_devices(body: &Value) -> Vec<(String, Value)> {
    let wanted = body["one_time_keys"].as_object().expect("an object");
    wanted.iter().map(|(owner, devices)| (owner.clone(), devices.clone())).collect()
}
