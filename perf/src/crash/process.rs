//! The two programs as processes: started with their output in files, ended by number, never left behind.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::pause::until;
use super::{Broken, broken};

/// Where the programs lie.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `mu-core`.
    pub server: PathBuf,
    /// `mu-loadgen`.
    pub bots: PathBuf,
}

impl Programs {
    /// The programs in one folder.
    ///
    /// # Errors
    /// With the command that builds what is missing.
    pub fn in_folder(folder: &Path) -> Result<Self, Broken> {
        let found = Self { server: folder.join("mu-core"), bots: folder.join("mu-loadgen") };
        for program in [&found.server, &found.bots] {
            if !program.exists() {
                return Err(Broken(format!("{} is missing: cargo build --bins builds it", program.display())));
            }
        }
        Ok(found)
    }
}

/// A running program; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
    pub(crate) output: PathBuf,
}

impl Process {
    /// Starts a program with its standard output and errors in one file.
    pub(crate) fn start(program: &Path, arguments: &[&str], output: PathBuf) -> Result<Self, Broken> {
        Self::start_with(program, arguments, &[], output)
    }

    /// The same with variables of its environment.
    pub(crate) fn start_with(
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, String)],
        output: PathBuf,
    ) -> Result<Self, Broken> {
        let name = program.file_name().map_or_else(|| "program".to_owned(), |name| name.to_string_lossy().into_owned());
        let file = File::create(&output).map_err(|error| broken("the output file", error))?;
        let errors = file.try_clone().map_err(|error| broken("the output file", error))?;
        let child = Command::new(program)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .map_err(|error| broken(&program.display().to_string(), error))?;
        Ok(Self { child, name, output })
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) -> Result<(), Broken> {
        self.child.kill().and_then(|()| self.child.wait()).map(drop).map_err(|error| broken(&self.name, error))
    }

    /// TERM.
    pub(crate) fn terminate(&self) -> Result<(), Broken> {
        let pid = i32::try_from(self.child.id()).map_err(|error| broken(&self.name, error))?;
        mu_core::runtime::signals::terminate(pid).map_err(|error: io::Error| broken(&self.name, error))
    }

    /// Waits for its end.
    pub(crate) fn finish(&mut self, limit: Duration) -> Result<ExitStatus, Broken> {
        let name = self.name.clone();
        until(&format!("the end of {name}"), limit, || self.child.try_wait().ok().flatten())
            .map_err(|error| self.with_output(error))
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The failure with the last lines the program wrote.
    pub(crate) fn with_output(&self, error: Broken) -> Broken {
        let text = fs::read_to_string(&self.output).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n");
        Broken(format!("{error}\n--- {} said ---\n{tail}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ended_meanwhile = self.kill();
        }
    }
}
