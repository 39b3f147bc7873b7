//! The program: the console and the command line.

fn main() {}
