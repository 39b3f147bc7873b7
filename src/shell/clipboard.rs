//! The terminal's clipboard, through OSC 52. There is no answer: whether the terminal took it
//! cannot be known.

use base64::Engine as _;

/// Longest text that is sent: beyond this terminals drop it without a word.
const LIMIT: usize = 64 * 1024;

/// The sequence that copies a text, and what is said about it.
pub fn copy(text: &str) -> Result<(Vec<u8>, String), String> {
    let text = text.trim_end_matches(['\n', '\r']);
    if text.len() > LIMIT {
        return Err(format!("{} bytes are too many for a terminal's clipboard (64 KiB at most)", text.len()));
    }
    let safe: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let encoded = base64::engine::general_purpose::STANDARD.encode(&safe);
    let lines = safe.lines().count();
    let lines = if lines > 1 { format!(", {lines} lines") } else { String::new() };
    Ok((
        format!("\x1b]52;c;{encoded}\x07").into_bytes(),
        format!("sent {} bytes{lines} to the terminal's clipboard", safe.len()),
    ))
}
