//! Bots that are ordinary clients, scenarios, honest figures, reports.
