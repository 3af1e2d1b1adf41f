//! CPU time of this process and of a private server with all its children: what a trade costs, whoever else uses the machine.

use std::error::Error;
use std::fs;
use std::time::Duration;

use mu_perf::timing::process_cpu;
use mu_storage::testing::PrivatePostgres;

/// The kernel counts processes in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// CPU time used so far by this process and, if there is one, by the server.
pub(super) fn used(server: Option<&PrivatePostgres>) -> Result<Duration, Box<dyn Error>> {
    server.map_or(Ok(Duration::ZERO), of_server).map(|server| process_cpu() + server)
}

/// The server's main process, its ended children and its living ones.
fn of_server(server: &PrivatePostgres) -> Result<Duration, Box<dyn Error>> {
    let socket = server.socket();
    let folder = socket.parent().ok_or("the socket lies in a folder")?;
    let lock = fs::read_to_string(folder.join("data/postmaster.pid"))?;
    let pid = lock.lines().next().ok_or("the server's lock file is empty")?;
    let mut ticks = times(pid, 4).ok_or("the server does not run")?;
    for child in fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?.split_whitespace() {
        // One that ends in between counts with the main process.
        ticks += times(child, 2).unwrap_or(0);
    }
    Ok(TICK * u32::try_from(ticks)?)
}

/// The first two, or all four, of a process's own and its ended children's user and system times.
fn times(pid: &str, fields: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let behind_name = stat.rsplit_once(") ")?.1;
    behind_name.split_whitespace().skip(11).take(fields).map(|field| field.parse::<u64>().ok()).sum()
}
