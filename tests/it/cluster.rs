//! Whole clusters from the outside: real node processes, real sockets, and what clients may rely on.
//!
//! Nothing here reaches into the server's code; what is checked is what a client, an operator or a stranger on the
//! network could see.

mod alterations;
mod any_node;
mod authorised_frames;
mod bad_input;
mod blackout;
mod checker;
mod client;
mod crowd;
mod dialects;
mod documented_rights;
mod every_action;
mod frozen_node;
mod groups_live;
mod harness;
mod hooks_live;
mod hostile_bus;
mod leaving;
mod losses;
mod mariadb_killed;
mod mariadb_trouble;
mod membership;
mod monitoring;
mod over_redis;
mod own_server;
mod packets;
mod presence;
mod redis_lost;
mod restored_backup;
mod retention;
mod saving;
mod sessions;
mod slow_reader;
mod store_trouble;
mod two_nodes;
