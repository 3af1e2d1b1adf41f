//! `mu-core review list|show|resolve` and `mu-core item`: what waits for an operator, and where an item has been.

#![allow(clippy::print_stdout, reason = "this is the program's front end")]

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use mu_storage::event::{Deed, Letter, Place, Resolve, Text, ValueEvent};
use mu_storage::ids::{ItemUid, Sequence};
use mu_storage::store::{ItemStep, Outcome, Review, ReviewEntry, Role, open};
use serde_json::{Value, json};

use super::CommandError;
use super::check::load;
use super::cli::ConfigArgs;
use super::offline;

/// Arguments of `mu-core review`.
#[derive(Debug, Args)]
pub struct ReviewArgs {
    #[command(subcommand)]
    command: ReviewCommand,
}

#[derive(Debug, Subcommand)]
enum ReviewCommand {
    /// What was set aside and waits for a decision; exit code 2 if anything does
    List(ListArgs),
    /// One event: what it says, what it found, what is there now, what it freezes
    Show(ShowArgs),
    /// Decide one event, by an event of its own in the journal; only while no server runs on it
    Resolve(ResolveArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Also those already decided
    #[arg(long)]
    all: bool,
    /// Print JSON, one event per line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ShowArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The event, 32 hex digits
    #[arg(value_name = "EVENT", value_parser = event_id)]
    event: u128,
}

#[derive(Debug, Args)]
struct ResolveArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The event, 32 hex digits
    #[arg(value_name = "EVENT", value_parser = event_id)]
    event: u128,
    /// What becomes of it
    #[arg(value_enum)]
    action: Action,
    /// Who decides, at most 32 bytes
    #[arg(long, value_name = "NAME")]
    operator: String,
    /// Why, at most 128 bytes
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who else agrees; needed where cash is concerned or the event cannot be read
    #[arg(long, value_name = "NAME", default_value = "")]
    second: String,
    /// With compensate: the character that gets a parcel
    #[arg(long, value_name = "CHARACTER", requires = "zen")]
    to: Option<i64>,
    /// With compensate: the zen in the parcel
    #[arg(long, value_name = "N", requires = "to")]
    zen: Option<i64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Action {
    /// Its changes are made now, if they still can be
    Apply,
    /// It changes nothing; what it froze is free again
    Discard,
    /// It changes nothing, and somebody gets a parcel for it
    Compensate,
}

/// Arguments of `mu-core item`.
#[derive(Debug, Args)]
pub struct ItemArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The item's identity
    #[arg(value_name = "UID")]
    uid: i64,
    /// Print JSON, one step per line
    #[arg(long)]
    json: bool,
}

/// `mu-core review …`.
///
/// # Errors
/// [`CommandError`] with what could not be read or decided.
pub fn run(args: &ReviewArgs) -> Result<ExitCode, CommandError> {
    match &args.command {
        ReviewCommand::List(args) => list(args),
        ReviewCommand::Show(args) => show(args),
        ReviewCommand::Resolve(args) => resolve(args),
    }
}

/// `mu-core item`: where an item has been.
///
/// # Errors
/// [`CommandError::Store`], or [`CommandError::Usage`] for an item that never was.
pub fn item(args: &ItemArgs) -> Result<ExitCode, CommandError> {
    let plan = load(&args.config)?;
    let steps = open(&plan.settings.store.url, Role::Tool)?.provenance(ItemUid(args.uid))?;
    if steps.is_empty() {
        return Err(CommandError::Usage(format!("there is and was no item {}", args.uid)));
    }
    for step in &steps {
        if args.json {
            println!("{}", step_json(step));
        } else {
            let kind = step.kind.map_or("unknown", |kind| kind.name());
            let place = |place: Option<Place>, name: &str| match place {
                Some(place) => format!("{} {} of {} {name}", place_name(place), place.slot, place.owner),
                None => "nowhere".to_owned(),
            };
            let (from, to) = (place(step.from, &step.from_name), place(step.to, &step.to_name));
            println!("{:>4}  {}  {kind:<14} {from} -> {to}  event {:032x}", step.version, step.lsn, step.event_id);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(args: &ListArgs) -> Result<ExitCode, CommandError> {
    let plan = load(&args.config)?;
    let entries = open(&plan.settings.store.url, Role::Tool)?.review_list(args.all)?;
    for entry in &entries {
        if args.json {
            println!("{}", entry_json(entry));
        } else {
            println!("{}", line(entry));
        }
    }
    let waiting = entries.iter().filter(|entry| entry.resolved.is_none()).count();
    if !args.json {
        println!("{waiting} wait for a decision");
    }
    Ok(if waiting > 0 { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

fn show(args: &ShowArgs) -> Result<ExitCode, CommandError> {
    let plan = load(&args.config)?;
    let Some(review) = open(&plan.settings.store.url, Role::Tool)?.review(args.event)? else {
        return Err(no_such(args.event));
    };
    let Review { entry, payload, event, found, now, freezes, related } = &review;
    println!("{}", line(entry));
    match event {
        Some(event) => println!("says\n{event:#?}"),
        None => println!("cannot be read: {} bytes {}", payload.len(), hex(payload)),
    }
    println!("found\n{found}\nnow\n{now}");
    for (kind, id) in freezes {
        println!("freezes {kind} {id}");
    }
    for other in related {
        println!("with it waits {other:032x}");
    }
    Ok(ExitCode::SUCCESS)
}

fn resolve(args: &ResolveArgs) -> Result<ExitCode, CommandError> {
    let plan = load(&args.config)?;
    let mut store = open(&plan.settings.store.url, Role::Tool)?;
    match store.review(args.event)? {
        None => return Err(no_such(args.event)),
        Some(review) if review.entry.resolved.is_some() => {
            return Err(CommandError::Usage(format!("{} is decided already", line(&review.entry))));
        }
        Some(_) => {}
    }
    let parcel = match (args.action, args.to, args.zen) {
        (Action::Compensate, Some(to), Some(zen)) if zen > 0 => Some((store.id_block(Sequence::Parcel, 1)?, to, zen)),
        (Action::Compensate, _, _) => {
            return Err(CommandError::Usage("compensate needs --to CHARACTER and --zen N above 0".to_owned()));
        }
        (Action::Apply | Action::Discard, None, None) => None,
        (Action::Apply | Action::Discard, _, _) => {
            return Err(CommandError::Usage("--to and --zen are for compensate only".to_owned()));
        }
    };
    drop(store);
    let deed = Deed::Resolution {
        event_id: args.event,
        action: match args.action {
            Action::Apply => Resolve::Apply,
            Action::Discard => Resolve::Discard,
            Action::Compensate => Resolve::Compensate,
        },
        operator: Text::new(&args.operator),
        reason: Text::new(&args.reason),
        second: Text::new(&args.second),
    };
    let outcome = offline::decide(&plan.settings, |event_id| {
        let letters: Vec<Letter<'_>> =
            parcel.iter().map(|&(id, to, zen)| Letter { id, to, zen, items: &[], goods: &[] }).collect();
        ValueEvent::resolution(event_id, deed, &letters, None)
    })?;
    match outcome {
        Outcome::Applied => {
            println!("decided");
            Ok(ExitCode::SUCCESS)
        }
        Outcome::Rejected(reason) | Outcome::Quarantined(reason) => {
            println!("not decided: {reason:?}");
            Ok(ExitCode::from(2))
        }
    }
}

fn event_id(text: &str) -> Result<u128, String> {
    u128::from_str_radix(text, 16).map_err(|error| format!("`{text}` is not an event id of hex digits: {error}"))
}

fn no_such(event: u128) -> CommandError {
    CommandError::Usage(format!("event {event:032x} was never set aside"))
}

fn line(entry: &ReviewEntry) -> String {
    let kind = entry.kind.map_or("unreadable", |kind| kind.name());
    let decided = match &entry.resolved {
        Some((by, how)) => format!("decided: {how:?} by {by:032x}"),
        None => "waits".to_owned(),
    };
    format!("{:032x}  {}  {kind:<14} {:?}: {}  {decided}", entry.event_id, entry.lsn, entry.reason, entry.detail)
}

fn entry_json(entry: &ReviewEntry) -> Value {
    json!({
        "event_id": format!("{:032x}", entry.event_id),
        "lsn": entry.lsn.0,
        "kind": entry.kind.map(|kind| kind.name()),
        "reason": format!("{:?}", entry.reason),
        "detail": entry.detail,
        "resolved_by": entry.resolved.map(|(by, _)| format!("{by:032x}")),
        "action": entry.resolved.map(|(_, how)| format!("{how:?}")),
    })
}

fn step_json(step: &ItemStep) -> Value {
    let place = |place: Option<Place>, name: &str| {
        place.map(|p| json!({ "container": place_name(p), "owner": p.owner, "slot": p.slot, "name": name }))
    };
    json!({
        "version": step.version,
        "event_id": format!("{:032x}", step.event_id),
        "lsn": step.lsn.0,
        "kind": step.kind.map(|kind| kind.name()),
        "from": place(step.from, &step.from_name),
        "to": place(step.to, &step.to_name),
    })
}

const fn place_name(place: Place) -> &'static str {
    match place.container {
        Place::INVENTORY => "inventory",
        Place::WAREHOUSE => "warehouse",
        Place::GROUND => "ground",
        Place::POST => "post",
        Place::AUCTION => "auction",
        _ => "unknown",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
