//! Limits against floods: token buckets by address and by account.
//!
//! A leaf: knows addresses and accounts, not what is done with them. A limit that the configuration leaves out holds
//! nobody back.

use std::{collections::HashMap, hash::Hash, net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use parking_lot::Mutex;
use ruma::{OwnedUserId, UserId};

use crate::{
    clock::{Clock, Millis},
    config::{self, Bucket},
    error::{ApiError, Result},
};

/// How often what is full again is forgotten.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// All limits.
#[derive(Debug)]
pub struct Limits {
    clock: Clock,
    logins: Option<Buckets<IpAddr>>,
    registrations: Option<Buckets<IpAddr>>,
    failures: Option<Buckets<OwnedUserId>>,
    /// Until when an account takes no further password.
    held: Mutex<HashMap<OwnedUserId, Millis>>,
    messages: Option<Buckets<OwnedUserId>>,
    feedback: Option<Buckets<OwnedUserId>>,
    exempt: Exempt,
}

/// Whose messages nobody counts.
struct Exempt(Box<dyn Fn(&UserId) -> bool + Send + Sync>);

impl std::fmt::Debug for Exempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exempt").finish_non_exhaustive()
    }
}

impl Limits {
    /// Full buckets. Who is `exempt` may send without limit: users of some application services.
    pub fn new(
        config: &config::Limits,
        clock: Clock,
        exempt: impl Fn(&UserId) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            clock,
            logins: config.login_per_address.map(Buckets::new),
            registrations: config.registration_per_address.map(Buckets::new),
            failures: config.login_failures_per_account.map(Buckets::new),
            held: Mutex::default(),
            messages: config.messages_per_account.map(Buckets::new),
            feedback: config.feedback_per_account.map(Buckets::new),
            exempt: Exempt(Box::new(exempt)),
        }
    }

    /// One more sign-in from an address.
    pub fn login(&self, from: Option<IpAddr>) -> Result<()> {
        take(self.logins.as_ref(), from.map(subnet).as_ref())
    }

    /// One more registration from an address.
    pub fn registration(&self, from: Option<IpAddr>) -> Result<()> {
        take(self.registrations.as_ref(), from.map(subnet).as_ref())
    }

    /// One more message, or another change of a room, by an account.
    pub fn message(&self, by: &UserId) -> Result<()> {
        if self.messages.is_none() || (self.exempt.0)(by) {
            return Ok(());
        }
        take(self.messages.as_ref(), Some(&by.to_owned()))
    }

    /// One more report by the feedback button.
    pub fn feedback(&self, by: &UserId) -> Result<()> {
        take(self.feedback.as_ref(), Some(&by.to_owned()))
    }

    /// Whether an account's password may be tried at all at present.
    pub fn may_try(&self, account: &UserId) -> Result<()> {
        let now = self.clock.now();
        match self.held.lock().get(account) {
            Some(&until) if until > now => Err(ApiError::limit_exceeded(Duration::from_millis((until - now) as u64))),
            _ => Ok(()),
        }
    }

    /// A wrong password for an account. Once there were too many, further ones are not looked at for a while.
    pub fn failed(&self, account: &UserId) {
        let Some(failures) = &self.failures else { return };
        if let Err(wait) = failures.take(&account.to_owned()) {
            self.held.lock().insert(account.to_owned(), self.clock.now() + wait.as_millis() as i64);
        }
    }

    /// Forgets now and then whoever has been quiet, so that memory stays bounded by who is active.
    pub async fn sweep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            for buckets in [&self.logins, &self.registrations].into_iter().flatten() {
                buckets.0.retain_recent();
            }
            for buckets in [&self.failures, &self.messages, &self.feedback].into_iter().flatten() {
                buckets.0.retain_recent();
            }
            let now = self.clock.now();
            self.held.lock().retain(|_, until| *until > now);
        }
    }
}

/// A bucket for every key.
struct Buckets<K: Hash + Eq + Clone>(DefaultKeyedRateLimiter<K>);

impl<K: Hash + Eq + Clone> std::fmt::Debug for Buckets<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buckets").finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(bucket: Bucket) -> Self {
        let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self(RateLimiter::keyed(
            Quota::per_minute(at_least_one(bucket.per_minute)).allow_burst(at_least_one(bucket.burst)),
        ))
    }

    /// Takes one, or says after which time there is one.
    fn take(&self, key: &K) -> Result<(), Duration> {
        self.0.check_key(key).map_err(|not_until| not_until.wait_time_from(DefaultClock::default().now()))
    }
}

fn take<K: Hash + Eq + Clone>(buckets: Option<&Buckets<K>>, key: Option<&K>) -> Result<()> {
    match (buckets, key) {
        (Some(buckets), Some(key)) => buckets.take(key).map_err(ApiError::limit_exceeded),
        _ => Ok(()),
    }
}

/// The key of an address: an IPv6 host has the whole of its /64.
fn subnet(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    fn limits(clock: &Clock) -> Limits {
        let bucket = Some(Bucket { burst: 3, per_minute: 1 });
        let config = config::Limits {
            login_per_address: bucket,
            login_failures_per_account: bucket,
            messages_per_account: bucket,
            ..config::Limits::none()
        };
        Limits::new(&config, clock.clone(), |_| false)
    }

    #[test]
    fn a_bucket_empties_for_its_owner_alone() {
        let limits = limits(&Clock::manual(0));
        let (a, b) = ("10.0.0.1".parse().ok(), "10.0.0.2".parse().ok());
        for _ in 0..3 {
            limits.login(a).unwrap();
        }
        assert!(limits.login(a).is_err());
        limits.login(b).unwrap();
        limits.registration(a).unwrap();
        let neighbours = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"];
        let refused = neighbours.iter().filter(|ip| limits.login(ip.parse().ok()).is_err()).count();
        assert_eq!(refused, 1, "one network, one bucket");
    }

    #[test]
    fn wrong_passwords_hold_the_account_for_a_while() {
        let clock = Clock::manual(0);
        let (limits, anna) = (limits(&clock), user_id!("@anna:parta.test"));
        for _ in 0..3 {
            limits.failed(anna);
            limits.may_try(anna).unwrap();
        }
        limits.failed(anna);
        assert!(limits.may_try(anna).is_err());
        limits.may_try(user_id!("@boris:parta.test")).unwrap();
        clock.advance(60_000);
        limits.may_try(anna).unwrap();
    }
}
