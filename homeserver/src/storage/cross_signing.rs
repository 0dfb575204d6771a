//! Cross-signing keys of users, and the signatures that were added to keys after their upload.

use ruma::{OwnedUserId, UserId};

use super::db::{Db, InsertMany, On, Row, Tx, sql};

/// Users in one statement.
const CHUNK: usize = 500;

/// A cross-signing key.
#[derive(Clone, Debug)]
pub struct Key {
    /// Whose.
    pub user_id: OwnedUserId,
    /// `master`, `self_signing` or `user_signing`.
    pub usage: String,
    /// The public key, unpadded base64.
    pub public_key: String,
    /// The key as uploaded, JSON.
    pub json: String,
}

fn key(row: &Row) -> sqlx::Result<Key> {
    Ok(Key {
        user_id: row.parse("user_id")?,
        usage: row.get("usage")?,
        public_key: row.get("public_key")?,
        json: row.get("keys")?,
    })
}

/// The keys of several users.
pub async fn of_users(db: &Db, users: &[&UserId]) -> sqlx::Result<Vec<Key>> {
    let mut keys = Vec::new();
    for chunk in users.chunks(CHUNK) {
        let query = sql("SELECT user_id, usage, public_key, keys FROM cross_signing_keys WHERE user_id IN (…)");
        for row in query.bind_list(chunk.iter().copied()).all(db).await? {
            keys.push(key(&row)?);
        }
    }
    Ok(keys)
}

/// A user's keys.
pub async fn of_user(on: impl Into<On<'_>>, user_id: &UserId) -> sqlx::Result<Vec<Key>> {
    sql("SELECT user_id, usage, public_key, keys FROM cross_signing_keys WHERE user_id = $1")
        .bind(user_id)
        .all(on)
        .await?
        .iter()
        .map(key)
        .collect()
}

/// Whether a public key is one of a user's cross-signing keys: a device must not bear such a name.
pub async fn has_key(on: impl Into<On<'_>>, user_id: &UserId, public_key: &str) -> sqlx::Result<bool> {
    sql("SELECT usage FROM cross_signing_keys WHERE user_id = $1 AND public_key = $2")
        .bind(user_id)
        .bind(public_key)
        .optional(on)
        .await
        .map(|row| row.is_some())
}

/// Keeps a key in the place of another with its usage.
pub async fn put(tx: &mut Tx, key: &Key) -> sqlx::Result<()> {
    sql("INSERT INTO cross_signing_keys (user_id, usage, public_key, keys) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (user_id, usage) DO UPDATE SET public_key = excluded.public_key, keys = excluded.keys")
    .bind(&*key.user_id)
    .bind(&key.usage)
    .bind(&key.public_key)
    .bind(&key.json)
    .run(tx)
    .await
    .map(drop)
}

/// Deletes a key, the signatures that it made and those that it bore.
pub async fn delete(tx: &mut Tx, key: &Key) -> sqlx::Result<()> {
    sql("DELETE FROM cross_signing_keys WHERE user_id = $1 AND usage = $2")
        .bind(&*key.user_id)
        .bind(&key.usage)
        .run(tx)
        .await?;
    sql("DELETE FROM key_signatures WHERE signer = $1 AND signer_key = $2")
        .bind(&*key.user_id)
        .bind(format!("ed25519:{}", key.public_key))
        .run(tx)
        .await?;
    delete_signatures_on(tx, &key.user_id, &key.public_key).await
}

/// Deletes all cross-signing keys of a user and every signature by and on them.
pub async fn delete_all(tx: &mut Tx, user_id: &UserId) -> sqlx::Result<()> {
    for query in [
        sql("DELETE FROM cross_signing_keys WHERE user_id = $1"),
        sql("DELETE FROM key_signatures WHERE user_id = $1"),
        sql("DELETE FROM key_signatures WHERE signer = $1"),
    ] {
        query.bind(user_id).run(tx).await?;
    }
    Ok(())
}

/// Deletes the signatures on a device or a key.
pub async fn delete_signatures_on(tx: &mut Tx, user_id: &UserId, target: &str) -> sqlx::Result<()> {
    sql("DELETE FROM key_signatures WHERE user_id = $1 AND target = $2")
        .bind(user_id)
        .bind(target)
        .run(tx)
        .await
        .map(drop)
}

/// Deletes the signatures that one key of a user made.
pub async fn delete_signatures_by(tx: &mut Tx, signer: &UserId, signer_key: &str) -> sqlx::Result<()> {
    sql("DELETE FROM key_signatures WHERE signer = $1 AND signer_key = $2")
        .bind(signer)
        .bind(signer_key)
        .run(tx)
        .await
        .map(drop)
}

/// A signature that was added to a key.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Whose key was signed.
    pub user_id: OwnedUserId,
    /// Which: a device's id or a public key.
    pub target: String,
    /// Who signed.
    pub signer: OwnedUserId,
    /// With which key, `ed25519:…`.
    pub signer_key: String,
    /// The signature, unpadded base64.
    pub signature: String,
}

/// Adds signatures; of the same key on the same target the last one counts.
pub async fn add_signatures(tx: &mut Tx, signatures: &[Signature]) -> sqlx::Result<()> {
    let mut rows = InsertMany::upsert(
        "INSERT INTO key_signatures (user_id, target, signer, signer_key, signature)",
        5,
        4,
        "ON CONFLICT (user_id, target, signer, signer_key) DO UPDATE SET signature = excluded.signature",
    );
    for s in signatures {
        rows.row([
            (&*s.user_id).into(),
            (&s.target).into(),
            (&*s.signer).into(),
            (&s.signer_key).into(),
            (&s.signature).into(),
        ]);
    }
    rows.flush(tx).await
}

/// The signatures that several users made: on their own keys and on others'.
pub async fn signatures_by(db: &Db, users: &[&UserId]) -> sqlx::Result<Vec<Signature>> {
    let mut signatures = Vec::new();
    for chunk in users.chunks(CHUNK) {
        let query =
            sql("SELECT user_id, target, signer, signer_key, signature FROM key_signatures WHERE signer IN (…)");
        for row in query.bind_list(chunk.iter().copied()).all(db).await? {
            signatures.push(Signature {
                user_id: row.parse("user_id")?,
                target: row.get("target")?,
                signer: row.parse("signer")?,
                signer_key: row.get("signer_key")?,
                signature: row.get("signature")?,
            });
        }
    }
    Ok(signatures)
}
