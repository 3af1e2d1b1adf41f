//! Chooses the database by address.

use crate::error::StoreError;
use crate::store::{Role, Store};

/// Opens the store at `url`.
pub(crate) fn open(url: &str, _role: Role) -> Result<Box<dyn Store>, StoreError> {
    Err(StoreError::Permanent(format!(
        "`{url}` is neither sqlite:PATH nor postgres://…"
    )))
}
