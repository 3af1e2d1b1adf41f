//! Server settings and world content: text to a checked, derived plan.
