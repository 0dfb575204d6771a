//! The client beside nheko, on a screen of a classroom's size: how soon it shows something, what it holds and costs while
//! nothing happens, how it scrolls through 10,000 messages, and whether it grows. Prints a table; docs/benchmarks.md says
//! how to run and read it.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends there")]

#[allow(dead_code, reason = "the test at desks cuts lines")]
#[path = "../../tests/desktop/academy.rs"]
mod academy;
#[allow(dead_code, reason = "the test at desks does more with them")]
#[path = "../../tests/desktop/desk.rs"]
mod desk;
mod peer;
mod seed;
#[allow(dead_code, reason = "the test at desks does more with it")]
#[path = "../../tests/desktop/tree.rs"]
mod tree;
mod watch;

use std::{
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use academy::Academy;
use desk::Desk;
use tree::Role;
use watch::{Screen, Start, cost, memory, middle};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_mins(3);
/// A program is left alone for so long before what it holds and costs is looked at.
const REST: Duration = Duration::from_secs(20);
/// Time in which nothing happens and the cost of that is measured.
const IDLE: Duration = Duration::from_secs(30);
/// Starts of which the middle one counts.
const STARTS: usize = 5;
/// Presses on rooms, two by turns.
const SWITCHES: usize = 1_000;
/// So many times memory is looked at between them.
const PARTS: usize = 4;
/// Turns of the wheel up the long room, each time.
const TURNS: usize = 1_500;

/// Asks again and again until there is an answer.
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(50));
    }
}

/// A line of the table.
fn tell(what: &str, ours: &dyn std::fmt::Display, theirs: &dyn std::fmt::Display) {
    println!("| {what} | {ours} | {theirs} |");
}

fn main() {
    // `cargo test --all-targets` runs this too: a measurement is asked for.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    // What is measured may be named: `cargo bench --package parta --bench desktop -- scroll`.
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    let academy = Academy::open();
    let line = academy.line();
    let school = seed::fill(&line.address());
    let pulse = academy.folder().join("pulse.json");

    let mut desk = Desk::set_up("ru");
    desk.start(&line);
    desk.write("Имя пользователя", school.user);
    desk.write("Пароль", school.password);
    desk.press("Войти");
    // The first look around of somebody new here.
    desk.press("Пропустить");
    desk.press(school.class);
    desk.read(&school.class_last);
    desk.kill();

    println!("| | Parta | nheko |\n| --- | --- | --- |");
    if wanted("rest") {
        let ours = measure(&desk, |desk| desk.parta(&line));
        let theirs = peer::measure(&line.address(), &school);
        tell("start to the first frame, s", &ours.start.first, &theirs.start.first);
        tell("start to the picture that stays, s", &ours.start.settled, &theirs.start.settled);
        tell("memory, 100 rooms, one open, MB: RSS / PSS", &ours.memory, &theirs.memory);
        tell("idle, % of a core", &ours.idle.0, &theirs.idle.0);
        tell("idle, wake-ups a second", &ours.idle.1, &theirs.idle.1);
    }

    let mut command = desk.parta(&line);
    command.env("PARTA_PULSE", &pulse);
    desk.run(command);
    if wanted("scroll") {
        scroll(&desk, &school, &pulse);
    }
    if wanted("switch") {
        switch(&desk, &school);
    }
}

/// What a program holds and costs.
struct Measured {
    start: Start,
    memory: watch::Memory,
    idle: (watch::Share, watch::Share),
}

/// Starts a signed-in program a few times, then leaves it alone.
fn measure(desk: &Desk, command: impl Fn(&Desk) -> std::process::Command) -> Measured {
    let screen = Screen::open(&desk.screen);
    let log = desk.folder.path().join("measured.log");
    let start = || {
        screen.wait_until_empty();
        let begun = Instant::now();
        let program = academy::Program::start(command(desk), &log);
        (screen.watch(begun), program)
    };
    let start = middle((0..STARTS).map(|_| start().0).collect());
    let program = academy::Program::start(command(desk), &log);
    sleep(REST);
    let idle = cost(program.id(), IDLE);
    Measured { start, memory: memory(program.id()), idle }
}

/// Scrolls up 10,000 messages with the wheel, as fast as a hand can; then on, with a screen reader that hears of it all.
fn scroll(desk: &Desk, school: &seed::School, pulse: &Path) {
    desk.press(school.long);
    let last = desk.read(&school.long_last);
    desk.point(&last);
    let before = memory(process(desk));
    desk.tree.listen(false);
    let alone = turns(desk, pulse);
    desk.tree.listen(true);
    let told = turns(desk, pulse);
    let reached = desk.tree.elements().into_iter().filter_map(|element| number(&element.name)).min();
    tell(&format!("the window's thread in {TURNS} turns of the wheel up 10,000 messages"), &alone, &"");
    tell("the same with a screen reader", &told, &"");
    tell("the oldest message that came on screen", &reached.map_or(-1, |number| number), &"");
    tell("memory before and after, MB: RSS / PSS", &format!("{before} → {}", memory(process(desk))), &"");
}

/// Turns the wheel up, and says what the window's thread was busy with meanwhile.
fn turns(desk: &Desk, pulse: &Path) -> String {
    // Its file is written every second, and begun anew once it is gone.
    sleep(Duration::from_secs(2));
    std::fs::remove_file(pulse).unwrap();
    for _ in 0..TURNS / 10 {
        desk.hands(&["click", "--repeat", "10", "--delay", "15", "4"]);
    }
    sleep(Duration::from_secs(2));
    std::fs::read_to_string(pulse).unwrap().trim().to_owned()
}

/// The program's number at the kernel.
fn process(desk: &Desk) -> u32 {
    desk.program.as_ref().unwrap().id()
}

/// The number in the words of a message of the long room.
fn number(name: &str) -> Option<i32> {
    let (_, rest) = name.split_once("message ")?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

/// Goes to and fro between two rooms.
fn switch(desk: &Desk, school: &seed::School) {
    let (one, other) = (desk.find(Some(Role::Button), school.class), desk.find(Some(Role::Button), school.long));
    // What grows once is kept for use; what grows every time is a leak, and the parts tell one from the other.
    let mut held = vec![memory(process(desk)).to_string()];
    for _ in 0..PARTS {
        for _ in 0..SWITCHES / PARTS / 2 {
            desk.click(&one);
            desk.click(&other);
        }
        desk.read(&school.long_last);
        sleep(Duration::from_secs(5));
        held.push(memory(process(desk)).to_string());
    }
    tell(
        &format!("memory before {SWITCHES} switches of the room and after each {}, MB: RSS / PSS", SWITCHES / PARTS),
        &held.join(" → "),
        &"",
    );
}
