//! The clients of the old systems, written from their descriptions, against whole clusters: each flow of their pages and
//! programs, and that people who use different ones understand each other.

mod across;
mod doors;
mod drawn_packets;
mod ginchat;
mod imooc;
mod kinds;
mod page;
mod places;
mod program;
mod shyim;
mod spellings;
