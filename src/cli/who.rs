//! Who sits at this terminal, as far as the system tells.

use crate::operate::journal::Who;

/// This process's account, terminal and machine.
pub fn who() -> Who {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
    Who {
        user: get("USER").or_else(|| get("LOGNAME")).or_else(|| get("USERNAME")).or_else(|| Some(account())),
        sudo_user: get("SUDO_USER"),
        ssh: get("SSH_CONNECTION"),
        tty: get("SSH_TTY"),
        host: host.or_else(|| get("HOSTNAME")).or_else(|| get("COMPUTERNAME")),
        pid: std::process::id(),
    }
}

/// Where the environment names nobody.
fn account() -> String {
    #[cfg(unix)]
    return format!("uid {}", rustix::process::getuid().as_raw());
    #[cfg(not(unix))]
    return "unknown".to_owned();
}
