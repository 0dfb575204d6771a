"""Fills an empty server with a small academy: a space, two class rooms, two teachers, six students, one personal chat.

Usage: seed.py BASE_URL SERVER_NAME CONFIG_FILE MARKER_FILE. Does nothing once MARKER_FILE is there.
"""

import hashlib
import hmac
import json
import math
import pathlib
import struct
import sys
import tomllib
import urllib.error
import urllib.parse
import urllib.request
import zlib

PASSWORD = "shkolnaya-parta"
TEACHERS = {"ivanova": "Мария Иванова", "petrov": "Сергей Петров"}
STUDENTS = {
    "anna": "Анна Белова", "boris": "Борис Зайцев", "vera": "Вера Котова",
    "gleb": "Глеб Орлов", "dasha": "Даша Лисина", "egor": "Егор Волков",
}


class Server:
    def __init__(self, base):
        self.base = base

    def call(self, method, path, token=None, body=None, content_type="application/json"):
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", content_type)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        except OSError as error:
            raise SystemExit(f"{method} {path}: {error}") from error


class Person:
    """An account that is signed in."""

    def __init__(self, server, secret, localpart, name, admin=False):
        nonce = server.call("GET", "/_synapse/admin/v1/register")["nonce"]
        text = "\0".join([nonce, localpart, PASSWORD, "admin" if admin else "notadmin"])
        mac = hmac.new(secret.encode(), text.encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": localpart, "password": PASSWORD, "admin": admin, "mac": mac, "displayname": name}
        answer = server.call("POST", "/_synapse/admin/v1/register", body=body)
        self.server, self.id, self.token, self.sent = server, answer["user_id"], answer["access_token"], 0

    def call(self, method, path, body=None, **more):
        return self.server.call(method, path, self.token, body, **more)

    def create(self, **options):
        return self.call("POST", "/_matrix/client/v3/createRoom", options)["room_id"]

    def join(self, room):
        self.call("POST", f"/_matrix/client/v3/rooms/{urllib.parse.quote(room)}/join", {})

    def event(self, room, kind, content):
        self.sent += 1
        path = f"/_matrix/client/v3/rooms/{urllib.parse.quote(room)}/send/{kind}/seed{self.sent}"
        return self.call("PUT", path, content)["event_id"]

    def say(self, room, text, reply_to=None):
        content = {"msgtype": "m.text", "body": text}
        if reply_to:
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": reply_to}}
        return self.event(room, "m.room.message", content)

    def state(self, room, kind, key, content):
        path = f"/_matrix/client/v3/rooms/{urllib.parse.quote(room)}/state/{kind}/{urllib.parse.quote(key)}"
        self.call("PUT", path, content)

    def upload(self, data, mime, name):
        path = "/_matrix/media/v3/upload?filename=" + urllib.parse.quote(name)
        return self.call("POST", path, data, content_type=mime)["content_uri"]


def parabola():
    """A picture for a lesson: y = x² on squared paper, as PNG."""
    width, height, cell = 640, 480, 40
    rows = []
    for y in range(height):
        row = bytearray([0])
        for x in range(width):
            u, v = (x - width / 2) / cell, (height - 60 - y) / cell
            slope = math.hypot(1, u)
            if abs(v - u * u / 2) / slope < 0.07:
                colour = (31, 111, 84)
            elif abs(u) < 0.04 or abs(v) < 0.04:
                colour = (29, 32, 33)
            elif x % cell == 0 or (height - 60 - y) % cell == 0:
                colour = (226, 222, 212)
            else:
                colour = (251, 250, 247)
            row += bytes(colour)
        rows.append(bytes(row))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"".join(rows), 9)) + chunk(b"IEND", b"")
    return png, width, height


HOMEWORK = """Домашнее задание на четверг. Алгебра, 9 «А».

1. Постройте график функции y = x²/2 и найдите по нему y при x = 1,5.
2. Решите уравнение x² − 5x + 6 = 0 двумя способами.
3. Для тех, кому мало: при каких a уравнение x² + ax + 9 = 0 имеет один корень?
"""


def main():
    base, name, config, marker = sys.argv[1:5]
    marker = pathlib.Path(marker)
    if marker.exists():
        return
    secret = tomllib.loads(pathlib.Path(config).read_text())["registration"]["shared_secret"]
    server = Server(base)
    people = {}
    for localpart, display_name in (TEACHERS | STUDENTS).items():
        people[localpart] = Person(server, secret, localpart, display_name, admin=localpart == "ivanova")
    ivanova, petrov, anna, boris, vera = (people[p] for p in ("ivanova", "petrov", "anna", "boris", "vera"))

    everybody = [person.id for person in people.values() if person is not ivanova]
    space = ivanova.create(
        name="Академия «Парта»", topic="Всё, что нужно для учёбы", preset="private_chat", invite=everybody,
        creation_content={"type": "m.space"},
    )
    # The game bot is a user of the games' application service; it joins by itself when invited.
    bot = f"@games:{name}"
    classes = {
        "9 «А»": ("algebra-9a", "Алгебра и геометрия. Учитель — Мария Иванова", ivanova),
        "10 «Б»": ("physics-10b", "Физика. Учитель — Сергей Петров", petrov),
    }
    rooms = {}
    for title, (alias, topic, teacher) in classes.items():
        others = [person.id for person in people.values() if person is not teacher]
        room = teacher.create(name=title, topic=topic, preset="private_chat", room_alias_name=alias, invite=[*others, bot])
        rooms[title] = room
        ivanova.state(space, "m.space.child", room, {"via": [name], "suggested": True})
    for person in people.values():
        if person is not ivanova:
            person.join(space)
        for title, room in rooms.items():
            if person is not classes[title][2]:
                person.join(room)

    algebra, physics = rooms["9 «А»"], rooms["10 «Б»"]
    ivanova.say(algebra, "Здравствуйте! Это комната нашего класса. Здесь — задания, вопросы и объявления.")
    question = boris.say(algebra, "Мария Александровна, а контрольная будет в четверг или в пятницу?")
    answer = ivanova.say(algebra, "В пятницу, вторым уроком. В четверг повторим параболу.", reply_to=question)
    for person in (anna, boris, vera):
        person.event(algebra, "m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": answer, "key": "👍"}})
    picture, width, height = parabola()
    url = ivanova.upload(picture, "image/png", "парабола.png")
    ivanova.event(algebra, "m.room.message", {
        "msgtype": "m.image", "body": "парабола.png", "url": url,
        "info": {"mimetype": "image/png", "size": len(picture), "w": width, "h": height},
    })
    vera.say(algebra, "Спасибо, теперь понятно, почему ветви вверх.")
    petrov.say(physics, "Коллеги и ученики, на следующем уроке — лабораторная. Возьмите линейки.")
    people["gleb"].say(physics, "А калькуляторы можно?")
    petrov.say(physics, "Можно, но сначала считаем в уме.")

    chat = anna.create(preset="trusted_private_chat", is_direct=True, invite=[ivanova.id])
    ivanova.join(chat)
    for owner, other in ((anna, ivanova), (ivanova, anna)):
        path = f"/_matrix/client/v3/user/{urllib.parse.quote(owner.id)}/account_data/m.direct"
        owner.call("PUT", path, {other.id: [chat]})
    anna.say(chat, "Мария Александровна, я болела во вторник. Что нужно сделать дома?")
    ivanova.say(chat, "Аня, выздоравливайте! Вот задание и рисунок к нему.")
    data = HOMEWORK.encode()
    url_file = ivanova.upload(data, "text/plain", "Домашнее задание.txt")
    ivanova.event(chat, "m.room.message", {
        "msgtype": "m.file", "body": "Домашнее задание.txt", "filename": "Домашнее задание.txt", "url": url_file,
        "info": {"mimetype": "text/plain", "size": len(data)},
    })
    ivanova.event(chat, "m.room.message", {
        "msgtype": "m.image", "body": "парабола.png", "url": url,
        "info": {"mimetype": "image/png", "size": len(picture), "w": width, "h": height},
    })
    anna.say(chat, "Спасибо! Первую задачу уже решила: при x = 1,5 получается 1,125.")
    marker.write_text("The academy is there. deploy/demo.sh --reset begins anew.\n")


main()
