//! The printed form of a lab.
