// A person in a web client: Hydrogen in a headless Chromium, driven as by hand, against the server whose base URL is
// given. `CHROMIUM` names the browser; where `SCREENSHOT` names a file, it shows what the page looked like when a check
// failed.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join as path } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { chromium } from "playwright-core";

import { entered, event, PASSWORD, register, say, signIn, until } from "./person.mjs";

const TYPES = { ".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
const PAGE = `<!doctype html><html><head><meta charset="utf-8"><title>Hydrogen</title>
<link rel="stylesheet" href="/assets/theme-element-light.css"></head>
<body class="hydrogen"><script type="module" src="/page.js"></script></body></html>`;

/** Serves the client; gives its address. */
async function serve() {
    const here = (name) => fileURLToPath(new URL(name, import.meta.url));
    const of = (name) => dirname(fileURLToPath(import.meta.resolve(name)));
    const { outputFiles } = await build({
        entryPoints: [here("page.mjs")], bundle: true, format: "esm", write: false, logLevel: "error",
        external: ["crypto", "fs", "path"],
    });
    const library = of("hydrogen-view-sdk");
    const folders = { assets: path(library, "../asset-build/assets"), olm: of("@matrix-org/olm") };
    const read = async (url) => {
        const [, folder, name] = url.match(/^\/(assets|olm)\/([\w.-]+)$/) ?? [];
        if (url === "/") return PAGE;
        if (url === "/page.js") return outputFiles[0].text;
        if (url === "/sw.js") return readFile(path(library, "sw.js"));
        return folder && readFile(path(folders[folder], name)).catch(() => undefined);
    };
    const server = createServer(async (request, response) => {
        const { pathname } = new URL(request.url, "http://localhost");
        const body = await read(pathname);
        const type = pathname === "/" ? "text/html" : TYPES[extname(pathname)] ?? "application/octet-stream";
        response.writeHead(body ? 200 : 404, { "content-type": type }).end(body);
    });
    await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
    return `http://127.0.0.1:${server.address().port}`;
}

const base = process.argv[2].replace(/\/$/, "");
const anna = await signIn(base, await register(base, "anna"));
const boris = await register(base, "boris");
const { room_id: room } = await anna.createRoom({ name: "Кабинет 12", invite: [boris] });
const here = await entered(anna, room);

const address = await serve();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
page.setDefaultTimeout(30_000);
const complaints = [];
page.on("pageerror", (error) => complaints.push(error.message));
try {
    await page.goto(address);
    await page.locator("input#homeserver").fill(base);
    await page.locator("input#homeserver").press("Tab");
    await page.locator("input#username").fill(boris);
    await page.locator("input#password").fill(PASSWORD);
    await page.locator(".PasswordLoginView button[type=submit]").click();
    await page.locator(".RoomList").getByText("Кабинет 12").click();
    say("signed in by typing, sees the invitation");

    await page.getByRole("button", { name: "Accept" }).click();
    await until("Boris", () => here.getMember(boris)?.membership === "join");
    await page.locator(".MessageComposer_input textarea").fill("Я с браузера");
    await page.locator(".MessageComposer_input textarea").press("Enter");
    const read = await until("the message", () => here.getLiveTimeline().getEvents().find(
        (found) => found.getSender() === boris && found.getType() === "m.room.message"));
    assert.equal(read.getContent().body, "Я с браузера");
    say("joins and sends");

    const { event_id } = await anna.sendTextMessage(room, "Вижу тебя");
    await event(anna, room, event_id);
    await page.locator(".Timeline_message").getByText("Вижу тебя").waitFor();
    say("sees the answer");
    assert.deepEqual(complaints, []);
} catch (error) {
    if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
    throw new Error(`${error.message}\nThe page said: ${complaints.join("\n")}`, { cause: error });
} finally {
    await browser.close();
}
process.exit(0);
