//! `toril acl`.

use super::args::{AclArgs, RoleName};
use super::failure::{Failure, exit};
use super::session::Session;
use crate::conn::{Request, Verb, text};
use crate::engine::acl::{Role, Version, commands, rule};
use crate::text::Clean;
use crate::wire::Prefix;

/// Prints the rule for the server that is connected.
pub async fn run(session: &mut Session, args: &AclArgs) -> Result<u8, Failure> {
    let info = session.conn.call(Request::new(Verb::Info).arg("server")).await?;
    let told = text(&info).and_then(|info| {
        info.lines().find_map(|line| line.strip_prefix("redis_version:")).map(Version::parse)
    });
    let Some(version) = told else {
        let cause = "the server does not tell its version";
        return Err(Failure::unsupported(cause, "an account that may run INFO"));
    };
    let role = Role::from(args.role);
    let user = args.account.clone().unwrap_or_else(|| format!("toril-{}", args.role.word()));
    let mut prefixes: Vec<Vec<u8>> =
        session.settings.prefixes.iter().map(|prefix| prefix.as_bytes().to_vec()).collect();
    if prefixes.is_empty() {
        prefixes.push(Prefix::default().as_bytes().to_vec());
    }
    let Some(rule) = rule(role, &user, &prefixes, version) else {
        return Err(Failure::unsupported(
            "Redis has accounts since version 6",
            "this server has one password for all",
        ));
    };
    if session.json {
        let prefixes: Vec<_> = prefixes.iter().map(|prefix| crate::text::lossless(prefix)).collect();
        session.out.json(&serde_json::json!({
            "role": args.role.word(),
            "user": user,
            "version": format!("{}.{}.{}", version.0, version.1, version.2),
            "prefixes": prefixes,
            "commands": commands(role, version),
            "rule": rule,
        }))?;
    } else {
        session.out.line(Clean::line(&rule))?;
        session
            .note(format_args!("put a password in the place of PASSWORD; redis-cli takes the line as it is"));
    }
    Ok(exit::DONE)
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Operator => Self::Operator,
            RoleName::Worker => Self::Worker,
        }
    }
}
