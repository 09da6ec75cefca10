//! kubectl alone, without the server linked in: `cargo run -p kubectl --example kubectl -- get po`.

fn main() -> std::process::ExitCode {
    kubectl::main(std::env::args_os().skip(1))
}
