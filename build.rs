//! Links the program for a fixed address, as Go's programs are, where it is a dynamic one of Linux. Else the loader writes
//! 40,000 addresses into each of its processes, and a local run has one for each task at once: at most 14 MB, and half of
//! the time of a short command.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let of_target = |name: &str| std::env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let is_static = of_target("FEATURE").split(',').any(|feature| feature == "crt-static");
    if of_target("OS") == "linux" && of_target("ENV") == "gnu" && !is_static {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
