//! What our connections are called in `CLIENT LIST`.

/// Longest name; Redis has no limit of its own.
const NAME_MAX: usize = 100;

/// `program:user@host:pid`, so that an operator knows whom to ask. What Redis would refuse
/// (spaces, line ends) and what could confuse a reader stands as `_`.
pub fn client_name(program: &str) -> String {
    let user = variable(&["USER", "LOGNAME", "USERNAME"]);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .filter(|name| !name.trim().is_empty())
        .or_else(|| variable(&["HOSTNAME", "HOST", "COMPUTERNAME"]));
    let mut name = tame(program);
    if let Some(user) = user {
        name.push(':');
        name.push_str(&tame(user.trim()));
    }
    if let Some(host) = host {
        name.push('@');
        name.push_str(&tame(host.trim()));
    }
    name.truncate(NAME_MAX);
    format!("{name}:{}", std::process::id())
}

fn variable(names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_redis_takes() {
        let name = client_name("toril");
        assert!(name.starts_with("toril") && name.ends_with(&format!(":{}", std::process::id())));
        assert!(name.bytes().all(|b| b.is_ascii_graphic()));
        assert_eq!(tame("Jo Ann\n\u{e9}"), "Jo_Ann__");
    }
}
