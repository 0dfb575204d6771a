//! The endpoints that bad input is tried on, each with a body that would be good.

/// One endpoint of the client-server API.
pub(super) struct Endpoint {
    pub(super) method: &'static str,
    /// With `{placeholders}`, which stand for what exists on the server.
    pub(super) path: &'static str,
    pub(super) access: Access,
    /// A good body; `None` where the endpoint takes none or reads none.
    pub(super) body: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Takes an access token.
    Token,
    /// Takes none.
    Open,
    /// Takes none by the specification; a closed server may ask for one.
    Either,
}

const fn token(method: &'static str, path: &'static str, body: Option<&'static str>) -> Endpoint {
    Endpoint { method, path, access: Access::Token, body }
}

const fn either(method: &'static str, path: &'static str) -> Endpoint {
    Endpoint { method, path, access: Access::Either, body: None }
}

const fn open(method: &'static str, path: &'static str, body: Option<&'static str>) -> Endpoint {
    Endpoint { method, path, access: Access::Open, body }
}

const AUTH: &str = r#"{"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"{userId}"},"password":"wrong","session":"none"}}"#;

/// In the order of the specification's chapters.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    // Discovery and sessions.
    open("GET", "/_matrix/client/versions", None),
    open("GET", "/_matrix/client/v3/login", None),
    open(
        "POST",
        "/_matrix/client/v3/login",
        Some(
            r#"{"type":"m.login.password","identifier":{"type":"m.id.user","user":"{userId}"},"password":"wrong","device_id":"D","initial_device_display_name":"n","refresh_token":true}"#,
        ),
    ),
    open("POST", "/_matrix/client/v3/login", Some(r#"{"type":"org.matrix.login.jwt","token":"a.b.c"}"#)),
    open("POST", "/_matrix/client/v3/refresh", Some(r#"{"refresh_token":"none"}"#)),
    open(
        "POST",
        "/_matrix/client/v3/register",
        Some(
            r#"{"username":"{fresh}","password":"parta-test-Passw0rd","device_id":"D","initial_device_display_name":"n","inhibit_login":false,"refresh_token":false,"auth":{"type":"m.login.dummy","session":"x"}}"#,
        ),
    ),
    open("GET", "/_matrix/client/v3/register/available?username={fresh}", None),
    open("GET", "/_matrix/client/v1/register/m.login.registration_token/validity?token=none", None),
    token("GET", "/_matrix/client/v3/capabilities", None),
    token("GET", "/_matrix/client/v3/account/whoami", None),
    token(
        "POST",
        "/_matrix/client/v3/account/password",
        Some(
            r#"{"new_password":"another Passw0rd, long","logout_devices":false,"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"{userId}"},"password":"wrong","session":"none"}}"#,
        ),
    ),
    token(
        "POST",
        "/_matrix/client/v3/account/deactivate",
        Some(
            r#"{"erase":false,"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"{userId}"},"password":"wrong","session":"none"}}"#,
        ),
    ),
    token("GET", "/_matrix/client/v3/account/3pid", None),
    token("GET", "/_matrix/client/v3/devices", None),
    token("GET", "/_matrix/client/v3/devices/{deviceId}", None),
    token("PUT", "/_matrix/client/v3/devices/{deviceId}", Some(r#"{"display_name":"n"}"#)),
    token("DELETE", "/_matrix/client/v3/devices/{deviceId}", Some(AUTH)),
    token(
        "POST",
        "/_matrix/client/v3/delete_devices",
        Some(r#"{"devices":["D"],"auth":{"type":"m.login.password","session":"none"}}"#),
    ),
    // People.
    either("GET", "/_matrix/client/v3/profile/{userId}"),
    either("GET", "/_matrix/client/v3/profile/{userId}/displayname"),
    token("PUT", "/_matrix/client/v3/profile/{userId}/displayname", Some(r#"{"displayname":"n"}"#)),
    token("PUT", "/_matrix/client/v3/profile/{userId}/avatar_url", Some(r#"{"avatar_url":"mxc://hs1/abc"}"#)),
    token("POST", "/_matrix/client/v3/user_directory/search", Some(r#"{"search_term":"a","limit":5}"#)),
    token("GET", "/_matrix/client/v3/presence/{userId}/status", None),
    token("PUT", "/_matrix/client/v3/presence/{userId}/status", Some(r#"{"presence":"online","status_msg":"s"}"#)),
    token("GET", "/_matrix/client/v3/user/{userId}/account_data/{type}", None),
    token("PUT", "/_matrix/client/v3/user/{userId}/account_data/{type}", Some(r#"{"a":1}"#)),
    token("GET", "/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}", None),
    token("PUT", "/_matrix/client/v3/user/{userId}/rooms/{roomId}/account_data/{type}", Some(r#"{"a":1}"#)),
    token("GET", "/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags", None),
    token("PUT", "/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{type}", Some(r#"{"order":0.5}"#)),
    token("DELETE", "/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{type}", None),
    token(
        "POST",
        "/_matrix/client/v3/user/{userId}/filter",
        Some(
            r#"{"event_fields":["type"],"event_format":"client","presence":{"types":["m.presence"],"limit":1},"account_data":{"not_types":["a"]},"room":{"rooms":["{roomId}"],"not_rooms":[],"include_leave":true,"timeline":{"limit":1,"types":["m.room.message"],"senders":["{userId}"],"contains_url":true,"lazy_load_members":true},"state":{"include_redundant_members":true},"ephemeral":{"not_senders":[]}}}"#,
        ),
    ),
    token("GET", "/_matrix/client/v3/user/{userId}/filter/{filterId}", None),
    token("POST", "/_matrix/client/v3/user/{userId}/openid/request_token", Some("{}")),
    // Rooms.
    token(
        "POST",
        "/_matrix/client/v3/createRoom",
        Some(
            r#"{"name":"n","topic":"t","preset":"private_chat","visibility":"private","room_version":"11","is_direct":false,"invite":[],"room_alias_name":"{fresh}","creation_content":{"m.federate":false},"initial_state":[{"type":"a","state_key":"b","content":{}}],"power_level_content_override":{"ban":50}}"#,
        ),
    ),
    token("GET", "/_matrix/client/v3/joined_rooms", None),
    token("POST", "/_matrix/client/v3/join/{roomId}", Some(r#"{"reason":"r"}"#)),
    token("POST", "/_matrix/client/v3/knock/{roomId}", Some(r#"{"reason":"r"}"#)),
    token("POST", "/_matrix/client/v3/rooms/{roomId}/join", Some(r#"{"reason":"r"}"#)),
    token("POST", "/_matrix/client/v3/rooms/{roomId}/invite", Some(r#"{"user_id":"{otherId}","reason":"r"}"#)),
    token("POST", "/_matrix/client/v3/rooms/{roomId}/kick", Some(r#"{"user_id":"{otherId}","reason":"r"}"#)),
    token("POST", "/_matrix/client/v3/rooms/{roomId}/ban", Some(r#"{"user_id":"{otherId}","reason":"r"}"#)),
    token("POST", "/_matrix/client/v3/rooms/{roomId}/unban", Some(r#"{"user_id":"{otherId}","reason":"r"}"#)),
    token("GET", "/_matrix/client/v3/rooms/{roomId}/state", None),
    token("GET", "/_matrix/client/v3/rooms/{roomId}/state/{type}/{stateKey}", None),
    token("PUT", "/_matrix/client/v3/rooms/{roomId}/state/{type}/{stateKey}", Some(r#"{"a":1}"#)),
    token("PUT", "/_matrix/client/v3/rooms/{roomId}/state/m.room.name", Some(r#"{"name":"n"}"#)),
    token("PUT", "/_matrix/client/v3/rooms/{roomId}/state/m.room.topic", Some(r#"{"topic":"t"}"#)),
    token(
        "PUT",
        "/_matrix/client/v3/rooms/{roomId}/state/m.room.member/{otherId}",
        Some(r#"{"membership":"invite","displayname":"n","reason":"r"}"#),
    ),
    token(
        "PUT",
        "/_matrix/client/v3/rooms/{roomId}/state/m.room.power_levels",
        Some(
            r#"{"users":{"{userId}":100},"events":{"m.room.name":50},"ban":50,"kick":50,"redact":50,"invite":0,"users_default":0,"events_default":0,"state_default":50,"notifications":{"room":50}}"#,
        ),
    ),
    token(
        "PUT",
        "/_matrix/client/v3/rooms/{roomId}/state/m.room.join_rules",
        Some(r#"{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":"{roomId}"}]}"#),
    ),
    token(
        "PUT",
        "/_matrix/client/v3/rooms/{roomId}/state/m.room.history_visibility",
        Some(r#"{"history_visibility":"shared"}"#),
    ),
    token(
        "PUT",
        "/_matrix/client/v3/rooms/{roomId}/state/m.room.canonical_alias",
        Some(r#"{"alias":"","alt_aliases":[]}"#),
    ),
    token(
        "PUT",
        "/_matrix/client/v3/rooms/{roomId}/state/m.room.create",
        Some(r#"{"creator":"{userId}","room_version":"11"}"#),
    ),
    token("GET", "/_matrix/client/v3/rooms/{roomId}/members", None),
    token("GET", "/_matrix/client/v3/rooms/{roomId}/joined_members", None),
    token("GET", "/_matrix/client/v3/rooms/{roomId}/aliases", None),
    either("GET", "/_matrix/client/v3/directory/room/{roomAlias}"),
    token("PUT", "/_matrix/client/v3/directory/room/{roomAlias}", Some(r#"{"room_id":"{roomId}"}"#)),
    token("DELETE", "/_matrix/client/v3/directory/room/{roomAlias}", None),
    either("GET", "/_matrix/client/v3/directory/list/room/{roomId}"),
    token("PUT", "/_matrix/client/v3/directory/list/room/{roomId}", Some(r#"{"visibility":"private"}"#)),
    either("GET", "/_matrix/client/v3/publicRooms"),
    token(
        "POST",
        "/_matrix/client/v3/publicRooms",
        Some(
            r#"{"limit":5,"since":"x","filter":{"generic_search_term":"a","room_types":["m.space",null]},"include_all_networks":false}"#,
        ),
    ),
    token("GET", "/_matrix/client/v1/rooms/{roomId}/hierarchy", None),
    token("POST", "/_matrix/client/v3/rooms/{roomId}/upgrade", Some(r#"{"new_version":"none"}"#)),
    // Messages.
    token("PUT", "/_matrix/client/v3/rooms/{roomId}/send/{type}/{txnId}", Some(r#"{"msgtype":"m.text","body":"b"}"#)),
    token(
        "PUT",
        "/_matrix/client/v3/rooms/{roomId}/send/m.room.message/{txnId}",
        Some(
            r#"{"msgtype":"m.text","body":"b","format":"org.matrix.custom.html","formatted_body":"b","m.mentions":{"user_ids":["{userId}"],"room":true},"m.relates_to":{"rel_type":"m.thread","event_id":"{eventId}","is_falling_back":true,"m.in_reply_to":{"event_id":"{eventId}"}}}"#,
        ),
    ),
    token(
        "PUT",
        "/_matrix/client/v3/rooms/{roomId}/send/m.reaction/{txnId}",
        Some(r#"{"m.relates_to":{"rel_type":"m.annotation","event_id":"{eventId}","key":"k"}}"#),
    ),
    token(
        "PUT",
        "/_matrix/client/v3/rooms/{roomId}/send/m.room.message/{txnId}",
        Some(
            r#"{"msgtype":"m.text","body":"* b","m.new_content":{"msgtype":"m.text","body":"b"},"m.relates_to":{"rel_type":"m.replace","event_id":"{eventId}"}}"#,
        ),
    ),
    token("PUT", "/_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}", Some(r#"{"reason":"r"}"#)),
    token("GET", "/_matrix/client/v3/rooms/{roomId}/event/{eventId}", None),
    token("GET", "/_matrix/client/v3/rooms/{roomId}/context/{eventId}", None),
    token("GET", "/_matrix/client/v3/rooms/{roomId}/messages?dir=b", None),
    token("GET", "/_matrix/client/v1/rooms/{roomId}/relations/{eventId}", None),
    token("GET", "/_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}", None),
    token("GET", "/_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{type}", None),
    token("GET", "/_matrix/client/v1/rooms/{roomId}/threads", None),
    token("GET", "/_matrix/client/v1/rooms/{roomId}/timestamp_to_event?dir=f&ts=1", None),
    token("POST", "/_matrix/client/v3/rooms/{roomId}/report/{eventId}", Some(r#"{"reason":"r","score":-100}"#)),
    token("POST", "/_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}", Some(r#"{"thread_id":"main"}"#)),
    token(
        "POST",
        "/_matrix/client/v3/rooms/{roomId}/read_markers",
        Some(r#"{"m.fully_read":"{eventId}","m.read":"{eventId}","m.read.private":"{eventId}"}"#),
    ),
    token("PUT", "/_matrix/client/v3/rooms/{roomId}/typing/{userId}", Some(r#"{"typing":true,"timeout":1000}"#)),
    token("GET", "/_matrix/client/v3/sync?timeout=0", None),
    // Encryption.
    token("PUT", "/_matrix/client/v3/sendToDevice/{type}/{txnId}", Some(r#"{"messages":{"{otherId}":{"*":{"a":1}}}}"#)),
    token(
        "POST",
        "/_matrix/client/v3/keys/upload",
        Some(
            r#"{"device_keys":{"user_id":"{userId}","device_id":"{deviceId}","algorithms":["m.olm.v1.curve25519-aes-sha2"],"keys":{"ed25519:{deviceId}":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},"signatures":{"{userId}":{"ed25519:{deviceId}":"AA"}}},"one_time_keys":{"signed_curve25519:AA":{"key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","signatures":{"{userId}":{"ed25519:{deviceId}":"AA"}}}},"fallback_keys":{"signed_curve25519:AB":{"key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","fallback":true,"signatures":{"{userId}":{"ed25519:{deviceId}":"AA"}}}}}"#,
        ),
    ),
    token(
        "POST",
        "/_matrix/client/v3/keys/query",
        Some(r#"{"timeout":1000,"device_keys":{"{userId}":["{deviceId}"]}}"#),
    ),
    token(
        "POST",
        "/_matrix/client/v3/keys/claim",
        Some(r#"{"timeout":1000,"one_time_keys":{"{userId}":{"{deviceId}":"signed_curve25519"}}}"#),
    ),
    token("GET", "/_matrix/client/v3/keys/changes?from=x&to=y", None),
    token(
        "POST",
        "/_matrix/client/v3/keys/device_signing/upload",
        Some(
            r#"{"master_key":{"user_id":"{userId}","usage":["master"],"keys":{"ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}},"self_signing_key":{"user_id":"{userId}","usage":["self_signing"],"keys":{"ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"},"signatures":{"{userId}":{"ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA":"AA"}}},"auth":{"type":"m.login.password","session":"none"}}"#,
        ),
    ),
    token(
        "POST",
        "/_matrix/client/v3/keys/signatures/upload",
        Some(
            r#"{"{userId}":{"{deviceId}":{"user_id":"{userId}","device_id":"{deviceId}","algorithms":[],"keys":{},"signatures":{"{userId}":{"ed25519:AA":"AA"}}}}}"#,
        ),
    ),
    token(
        "POST",
        "/_matrix/client/v3/room_keys/version",
        Some(
            r#"{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{"public_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","signatures":{}}}"#,
        ),
    ),
    token("GET", "/_matrix/client/v3/room_keys/version", None),
    token("GET", "/_matrix/client/v3/room_keys/version/{version}", None),
    token(
        "PUT",
        "/_matrix/client/v3/room_keys/version/{version}",
        Some(
            r#"{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","auth_data":{"public_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","signatures":{}},"version":"1"}"#,
        ),
    ),
    token("DELETE", "/_matrix/client/v3/room_keys/version/{version}", None),
    token("GET", "/_matrix/client/v3/room_keys/keys?version={version}", None),
    token(
        "PUT",
        "/_matrix/client/v3/room_keys/keys?version={version}",
        Some(
            r#"{"rooms":{"{roomId}":{"sessions":{"s":{"first_message_index":0,"forwarded_count":0,"is_verified":true,"session_data":{}}}}}}"#,
        ),
    ),
    token("DELETE", "/_matrix/client/v3/room_keys/keys?version={version}", None),
    token(
        "PUT",
        "/_matrix/client/v3/room_keys/keys/{roomId}?version={version}",
        Some(
            r#"{"sessions":{"s":{"first_message_index":0,"forwarded_count":0,"is_verified":true,"session_data":{}}}}"#,
        ),
    ),
    token(
        "PUT",
        "/_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}?version={version}",
        Some(r#"{"first_message_index":0,"forwarded_count":0,"is_verified":true,"session_data":{}}"#),
    ),
    token("GET", "/_matrix/client/v3/room_keys/keys/{roomId}/{sessionId}?version={version}", None),
    // Notifications.
    token("GET", "/_matrix/client/v3/pushrules/", None),
    token("GET", "/_matrix/client/v3/pushrules/global/override/{ruleId}", None),
    token(
        "PUT",
        "/_matrix/client/v3/pushrules/global/override/{ruleId}",
        Some(
            r#"{"actions":["notify",{"set_tweak":"sound","value":"default"}],"conditions":[{"kind":"event_match","key":"type","pattern":"p"},{"kind":"room_member_count","is":"2"}]}"#,
        ),
    ),
    token(
        "PUT",
        "/_matrix/client/v3/pushrules/global/content/{ruleId}",
        Some(r#"{"actions":["notify"],"pattern":"p"}"#),
    ),
    token("PUT", "/_matrix/client/v3/pushrules/global/override/.m.rule.master/enabled", Some(r#"{"enabled":false}"#)),
    token("PUT", "/_matrix/client/v3/pushrules/global/override/.m.rule.master/actions", Some(r#"{"actions":[]}"#)),
    token("DELETE", "/_matrix/client/v3/pushrules/global/override/{ruleId}", None),
    token("GET", "/_matrix/client/v3/pushers", None),
    token(
        "POST",
        "/_matrix/client/v3/pushers/set",
        Some(
            r#"{"app_id":"a","app_display_name":"n","device_display_name":"d","kind":"http","lang":"ru","pushkey":"k","profile_tag":"t","append":false,"data":{"url":"https://push.example.org/_matrix/push/v1/notify","format":"event_id_only"}}"#,
        ),
    ),
    token("GET", "/_matrix/client/v3/notifications", None),
    either("GET", "/_matrix/client/v1/room_summary/{roomId}"),
    token("DELETE", "/_matrix/client/v3/profile/{userId}/{type}", None),
    token("GET", "/_matrix/client/v3/pushrules/global/override/{ruleId}/actions", None),
    token("GET", "/_matrix/client/v3/room_keys/keys/{roomId}?version={version}", None),
    token("DELETE", "/_matrix/client/v3/room_keys/keys/{roomId}?version={version}", None),
    // Media.
    token("GET", "/_matrix/client/v1/media/config", None),
    token("GET", "/_matrix/client/v1/media/download/{serverName}/{mediaId}", None),
    token("GET", "/_matrix/client/v1/media/download/{serverName}/{mediaId}/{fileName}", None),
    token("GET", "/_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}?width=32&height=32&method=scale", None),
    token("POST", "/_matrix/media/v1/create", None),
    // Those that end something come last: each is tried by a user of its own anyway.
    token("POST", "/_matrix/client/v3/rooms/{roomId}/leave", Some(r#"{"reason":"r"}"#)),
    token("POST", "/_matrix/client/v3/rooms/{roomId}/forget", None),
    token("POST", "/_matrix/client/v3/logout", None),
    token("POST", "/_matrix/client/v3/logout/all", None),
];
