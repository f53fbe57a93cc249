//! Networks, servers and disks that fail in the middle of a run, and people who interrupt it. A run ends in
//! bounded time, says why, leaves nothing half-written, and the next one or a resume goes well.

mod memory;
mod network;
mod partial;
mod restart;
mod signals;
mod site;
mod space;
mod state;
