//! Inputs: what the player wants its character to do.

#![allow(unsafe_code, reason = "the C functions of this file; each block names the rule of the header it relies on")]
#![allow(clippy::missing_safety_doc, reason = "the rules of all functions stand once, in the header's head")]

use mu_wire::messages::{Input, MAX_INPUT_BYTES, Walk};
use mu_wire::motion::{Direction, MAX_STEPS, Position, Steps};

use crate::border::{Outcome, bytes, with, write};
use crate::client::MuClient;
use crate::status::{MU_ERROR_ARGUMENT, Status};

/// Steps of a walk at most.
pub const MU_MAX_STEPS: usize = 16;
/// (0, −1)
pub const MU_DIRECTION_NORTH: u8 = 0;
/// (1, −1)
pub const MU_DIRECTION_NORTH_EAST: u8 = 1;
/// (1, 0)
pub const MU_DIRECTION_EAST: u8 = 2;
/// (1, 1)
pub const MU_DIRECTION_SOUTH_EAST: u8 = 3;
/// (0, 1)
pub const MU_DIRECTION_SOUTH: u8 = 4;
/// (−1, 1)
pub const MU_DIRECTION_SOUTH_WEST: u8 = 5;
/// (−1, 0)
pub const MU_DIRECTION_WEST: u8 = 6;
/// (−1, −1)
pub const MU_DIRECTION_NORTH_WEST: u8 = 7;

const _: () = assert!(MU_MAX_STEPS == MAX_STEPS, "the header says so");

fn put(client: &mut MuClient, input: &Input) -> Outcome {
    let mut buffer = [0; MAX_INPUT_BYTES];
    let length = input.encode(&mut buffer).map_err(|_| Status(MU_ERROR_ARGUMENT))?;
    client.core.input(buffer.get(..length).unwrap_or(&[]))?;
    Ok(())
}

/// Walks `count` steps, 1 to MU_MAX_STEPS, each MU_DIRECTION_…, from where the client has its character, in
/// 1/256 tiles. It replaces what the character is doing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_walk(client: *mut MuClient, x: u16, y: u16, steps: *const u8, count: usize) -> i32 {
    let inside = |client: &mut MuClient| {
        // SAFETY: rule 2.
        let numbers = unsafe { bytes(steps, count) }?;
        let mut directions = [Direction::North; MAX_STEPS];
        for (to, number) in directions.iter_mut().zip(numbers) {
            *to = *Direction::ALL.get(usize::from(*number)).ok_or(Status(MU_ERROR_ARGUMENT))?;
        }
        let steps = directions.get(..count).and_then(Steps::new).ok_or(Status(MU_ERROR_ARGUMENT))?;
        put(client, &Input::Walk(Walk { from: Position::new(x, y), steps }))
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// One step towards a neighbour: `dx`, `dy` are −1, 0 or 1 and not both 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_step(client: *mut MuClient, dx: i8, dy: i8) -> i32 {
    let inside = |client: &mut MuClient| {
        Direction::from_delta(dx, dy).ok_or(Status(MU_ERROR_ARGUMENT))?;
        put(client, &Input::Step { dx, dy })
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

/// Looks there: 1/256 of a turn, clockwise from north.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_turn(client: *mut MuClient, heading: u8) -> i32 {
    // SAFETY: rule 1.
    unsafe { with(client, |client| put(client, &Input::Turn { heading })) }
}

/// Stands still at the next centre of a tile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_stop(client: *mut MuClient) -> i32 {
    // SAFETY: rule 1.
    unsafe { with(client, |client| put(client, &Input::Stop)) }
}

/// An input in bytes of the caller's own making, at most 32, and into `*sequence` its number, unless that is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mu_client_input(
    client: *mut MuClient,
    input: *const u8,
    length: usize,
    sequence: *mut u32,
) -> i32 {
    let inside = |client: &mut MuClient| {
        // SAFETY: rule 2.
        let input = unsafe { bytes(input, length) }?;
        let number = client.core.input(input)?;
        if sequence.is_null() {
            return Ok(());
        }
        // SAFETY: rule 2.
        unsafe { write(sequence, number) }
    };
    // SAFETY: rule 1.
    unsafe { with(client, inside) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_have_the_numbers_of_the_protocol() {
        let numbers = [
            MU_DIRECTION_NORTH,
            MU_DIRECTION_NORTH_EAST,
            MU_DIRECTION_EAST,
            MU_DIRECTION_SOUTH_EAST,
            MU_DIRECTION_SOUTH,
            MU_DIRECTION_SOUTH_WEST,
            MU_DIRECTION_WEST,
            MU_DIRECTION_NORTH_WEST,
        ];
        assert_eq!(numbers, Direction::ALL.map(|direction| direction as u8));
        assert_eq!(Direction::NorthWest.delta(), (-1, -1));
    }
}
