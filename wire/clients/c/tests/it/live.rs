//! The example at the real server: logged in over HTTP as a player's launcher would, it walks, talks and leaves.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;

use crate::programs::{Build, compile, libraries, run};

/// From the start to `readyz`.
const START_MAX: Duration = Duration::from_secs(60);

/// A running server with a folder of its own; killed when dropped.
struct Server {
    process: Child,
    gateway: String,
    agent: Agent,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it was ours");
    }
}

impl Server {
    fn start(folder: &Path) -> Self {
        let gateway = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
        let game = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let text = format!(
            "[host]\nname = \"c-client\"\n[udp]\nbind = \"127.0.0.1\"\nport = {game}\nconnections_max = 64\n\
             [gateway]\nbind = \"{gateway}\"\nargon2_memory_kib = 64\nargon2_iterations = 1\n\
             [cores]\nmap = [0]\nhousekeeping = [0]\n[store]\nurl = \"sqlite:{}\"\n\
             [wal]\ndir = \"wal\"\nsegment_mib = 1\n[keys]\nfile = \"keys\"\n",
            folder.join("mu.db").display()
        );
        let config = folder.join("mu-core.toml");
        fs::write(&config, text).expect("the folder can be written");
        let program = libraries().parent().expect("a folder").join("mu-core");
        let output = fs::File::create(folder.join("server.txt")).expect("the folder can be written");
        let process = Command::new(&program)
            .args(["serve", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(output.try_clone().expect("one file, two names"))
            .stdout(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; cargo build --bins builds it", program.display()));
        let agent = Agent::config_builder().timeout_global(Some(Duration::from_secs(10))).build().new_agent();
        let mut server = Self { process, gateway: format!("http://{gateway}"), agent };
        server.wait_until_ready(folder);
        server
    }

    #[expect(clippy::disallowed_methods, reason = "a test against a real process needs the real time")]
    fn wait_until_ready(&mut self, folder: &Path) {
        let begun = Instant::now();
        while self.agent.get(format!("{}/readyz", self.gateway)).call().is_err() {
            let ended = self.process.try_wait().expect("it was ours");
            let said = || fs::read_to_string(folder.join("server.txt")).unwrap_or_default();
            assert!(ended.is_none() && begun.elapsed() < START_MAX, "{ended:?}\n{}", said());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn post(&self, path: &str, token: &str, body: &Value) -> String {
        let request =
            self.agent.post(format!("{}{path}", self.gateway)).header("Authorization", format!("Bearer {token}"));
        let mut answer = request.send_json(body).unwrap_or_else(|error| panic!("{path}: {error}"));
        answer.body_mut().read_to_string().expect("an answer is text")
    }

    /// The gateway's answer to the selection of a new account's new character.
    fn ticket(&self, name: &str) -> String {
        let account = json!({ "username": name, "password": "a-password" });
        self.post("/v1/auth/register", "", &account);
        let parse = |text: String| serde_json::from_str::<Value>(&text).expect("an answer is JSON");
        let session = parse(self.post("/v1/auth/login", "", &account));
        let token = session["token"].as_str().expect("a token");
        let character = parse(self.post("/v1/characters", token, &json!({ "name": name })));
        self.post(&format!("/v1/characters/{}/select", character["id"]), token, &json!({}))
    }
}

#[test]
fn the_example_plays_at_the_real_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path());
    let mut example = Command::new(compile("example.c", Build::Static, folder.path()));
    let said = run(example.arg("2"), &server.ticket("cexample"));
    for part in
        ["connected\n", "cexample stands on map ", "cexample says: Hello from C!\n", ": you, entity ", "closed: "]
    {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
    assert!(!said.contains("refused"), "{said}");
}
