//! The engine's rooms from outside.

<<<<<<< ours
mod gateway;
=======
mod map;
>>>>>>> theirs
mod runtime;
