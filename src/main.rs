//! The program: the console and the command line.

fn main() -> std::process::ExitCode {
    toril::cli::main()
}
