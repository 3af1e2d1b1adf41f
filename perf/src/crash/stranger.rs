//! A client that shares no code with the server lives through its scenario at a real one: the evidence that the documents say
//! enough to write a client from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::kill::conserved;
use super::process::Process;
use super::site::Site;
use super::{Broken, CrashOptions, at_site, broken};

/// From the client's start to its report.
const SCENARIO_MAX: Duration = Duration::from_secs(120);

/// Runs the Python client in `wire/clients/python` with these arguments beside the gateway's address, and gives its report.
///
/// # Errors
/// What the client says it missed, a contradiction in the books afterwards, or what the programs said.
pub fn python_client(options: &CrashOptions, arguments: &[&str]) -> Result<Value, Broken> {
    at_site(options, |site| run(site, arguments))
}

fn run(site: &mut Site, arguments: &[&str]) -> Result<Value, Broken> {
    let mut server = site.start_server()?;
    let path = format!("PYTHONPATH={}", folder().display());
    let (python, gateway) = (python()?.display().to_string(), site.gateway());
    let command = [&[&*path, &*python, "-B", "-m", "mu_client", "--gateway", &*gateway], arguments].concat();
    let output = site.folder().join("python-client.txt");
    let mut client = Process::start(Path::new("/usr/bin/env"), &command, output)?;
    let status = client.finish(SCENARIO_MAX)?;
    if !status.success() {
        let error = Broken(format!("the Python client ends with {status}"));
        return Err(server.with_output(client.with_output(error)));
    }
    let said = fs::read_to_string(&client.output).map_err(|error| broken("the client's report", error))?;
    let report = serde_json::from_str(said.lines().last().unwrap_or(""))
        .map_err(|error| client.with_output(broken("the client's report", error)))?;
    conserved(site)?;
    server.terminate()?;
    server.finish(Duration::from_secs(5))?;
    site.audit(&[])?;
    Ok(report)
}

/// Where the package lies.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/clients/python")
}

/// An interpreter that has the one package the client needs: the first of the path, or the system's.
fn python() -> Result<PathBuf, Broken> {
    let able = |program: &&str| {
        let mut command = Command::new(program);
        command.args(["-c", "import cryptography"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let found = ["python3", "/usr/bin/python3"].into_iter().find(able);
    found.map(PathBuf::from).ok_or_else(|| {
        Broken("no python3 with the package `cryptography`: ./scripts/prepare test installs it".to_owned())
    })
}
