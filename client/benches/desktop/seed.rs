//! A school to measure in: a member of 100 rooms, one of them with pictures, one with 10,000 messages.

use std::io::Cursor;

use serde_json::{Value, json};

/// Rooms that the member is in.
const ROOMS: usize = 100;
/// Messages of the room that is open.
const CLASS: usize = 200;
/// Pictures among them.
const PICTURES: usize = 20;
/// Messages of the room that is scrolled.
const LONG: usize = 10_000;

/// What is in it.
pub(crate) struct School {
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
    /// Name of the room that is open
    pub(crate) class: &'static str,
    /// Words of its newest message
    pub(crate) class_last: String,
    /// Name of the room that is scrolled
    pub(crate) long: &'static str,
    /// Words of its newest message
    pub(crate) long_last: String,
}

/// Asks a server, one question after the other.
pub(crate) struct Server {
    base: String,
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
}

impl Server {
    pub(crate) fn at(base: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { base: base.to_owned(), runtime, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// Asks for something; the answer has to be a good one.
    pub(crate) fn ask(&self, method: &str, path: &str, token: &str, body: Vec<u8>, mime: &str) -> Value {
        let request = self
            .http
            .request(method.parse().unwrap(), format!("{}/_matrix/{path}", self.base))
            .header("content-type", mime)
            .body(body);
        let request = if token.is_empty() { request } else { request.bearer_auth(token) };
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert!(status.is_success(), "{path}: {status} {text}");
            serde_json::from_str(&text).unwrap()
        })
    }

    fn json(&self, method: &str, path: &str, token: &str, body: &Value) -> Value {
        self.ask(method, path, token, body.to_string().into_bytes(), "application/json")
    }

    fn register(&self, name: &str, password: &str) -> String {
        let body = json!({ "username": name, "password": password, "auth": { "type": "m.login.dummy" } });
        let answer = self.json("POST", "client/v3/register", "", &body);
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Signs in on a new device.
    pub(crate) fn sign_in(&self, school: &School) -> Value {
        let user = json!({ "type": "m.id.user", "user": school.user });
        let body = json!({ "type": "m.login.password", "identifier": user, "password": school.password });
        self.json("POST", "client/v3/login", "", &body)
    }
}

/// Fills an empty server.
pub(crate) fn fill(base: &str) -> School {
    let server = Server::at(base);
    let school = School {
        user: "anna",
        password: "dlinnyj-parol-7",
        class: "Класс",
        class_last: format!("message {}", CLASS - 1),
        long: "Долгая",
        long_last: format!("message {}", LONG - 1),
    };
    let (anna, boris) = (server.register(school.user, school.password), server.register("boris", school.password));
    let room = |name: &str| {
        let body = json!({ "name": name, "preset": "public_chat" });
        let id = server.json("POST", "client/v3/createRoom", &boris, &body)["room_id"].as_str().unwrap().to_owned();
        server.json("POST", &format!("client/v3/join/{id}"), &anna, &json!({}));
        id
    };
    let send = |room: &str, n: usize, content: &Value| {
        server.json("PUT", &format!("client/v3/rooms/{room}/send/m.room.message/t{n}"), &boris, content);
    };
    let words = |n: usize| json!({ "msgtype": "m.text", "body": format!("message {n} of a long conversation about nothing in particular") });
    for n in 2..ROOMS {
        let id = room(&format!("Комната {n}"));
        (0..5).for_each(|n| send(&id, n, &words(n)));
    }
    let long = room(school.long);
    (0..LONG).for_each(|n| send(&long, n, &words(n)));
    let class = room(school.class);
    for n in 0..CLASS {
        if n % (CLASS / PICTURES) == 0 {
            let picture = picture(n as u8);
            let size = picture.len();
            let answer = server.ask("POST", "media/v3/upload", &boris, picture, "image/png");
            let info = json!({ "w": 640, "h": 480, "mimetype": "image/png", "size": size });
            let content = json!({
                "msgtype": "m.image", "body": format!("{n}.png"), "url": answer["content_uri"], "info": info
            });
            send(&class, n, &content);
        } else {
            send(&class, n, &words(n));
        }
    }
    school
}

/// A picture that no other one is.
fn picture(seed: u8) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = image::RgbImage::from_fn(640, 480, |x, y| image::Rgb([x as u8 ^ seed, y as u8, seed]));
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}
