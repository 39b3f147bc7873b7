//! `toril` without a command: the console.

use super::config::Settings;
use super::failure::Failure;
use crate::app::keymap::Keymap;
use crate::shell::{self, ColorChoice, Ended, Profile, ShellError, Start};
use crate::wire::{QueueId, QueueName};

/// Opens the console on the server of the settings; its exit code.
pub fn run(settings: &Settings, keymap: Keymap, demo: bool, seconds: Option<u64>) -> Result<u8, Failure> {
    let (globs, names): (Vec<_>, Vec<_>) =
        settings.queues.iter().cloned().partition(|name| name.contains(['*', '?']));
    // An exact name without a prefix is looked for under each prefix that is known.
    let prefixes = if settings.prefixes.is_empty() {
        vec![crate::wire::Prefix::default()]
    } else {
        settings.prefixes.clone()
    };
    let queues = prefixes
        .iter()
        .flat_map(|prefix| names.iter().map(|name| QueueId::new(prefix.clone(), QueueName::legacy(name))))
        .collect();
    let start = Start {
        endpoint: settings.endpoint.clone(),
        access: settings.access,
        profile: Profile {
            label: settings.label.clone(),
            colour: settings.colour.clone(),
            protected: settings.protected,
        },
        prefixes: settings.prefixes.clone(),
        queues,
        globs,
        fleet: settings.fleet,
        who: super::who::who(),
        policy: settings.policy.clone(),
        mask: settings.mask.clone(),
        // The list of a server that goes away is not remembered.
        state_dir: if demo { None } else { super::config::state_dir() },
        color: match settings.color {
            super::args::ColorWhen::Auto => ColorChoice::Auto,
            super::args::ColorWhen::Always => ColorChoice::Always,
            super::args::ColorWhen::Never => ColorChoice::Never,
        },
        ascii: settings.ascii,
        mouse: settings.mouse,
        demo,
        seconds,
    };
    match shell::run(start, keymap) {
        Ok(Ended::Quit) => Ok(0),
        Ok(Ended::Signal(signal)) => Ok(u8::try_from(128 + signal).unwrap_or(130)),
        Err(ShellError::Login(error)) => Err(error.into()),
        Err(error @ ShellError::Terminal(_)) => Err(Failure::internal(error.to_string(), "")),
    }
}
