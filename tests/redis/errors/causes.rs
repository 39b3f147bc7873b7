//! Failures of forty causes, as they stand in `tests/golden/errors/causes.json`: what stands in braces there differs
//! from job to job.

use std::collections::HashMap;

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Template {
    message: String,
    stack: String,
}

pub fn templates() -> Vec<Template> {
    serde_json::from_str(include_str!("../../golden/errors/causes.json")).unwrap()
}

/// A generator of numbers that is the same in every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16 & 0xffff_ffff_ffff
    }

    fn of(&mut self, alphabet: &str, length: usize) -> String {
        let letters = alphabet.as_bytes();
        (0..length).map(|_| char::from(letters[(self.next() % letters.len() as u64) as usize])).collect()
    }

    fn number(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    fn value(&mut self, name: &str) -> Option<String> {
        const HEX: &str = "0123456789abcdef";
        const B36: &str = "0123456789abcdefghijklmnopqrstuvwxyz";
        const B62: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        const NAMES: [&str; 8] = ["kim", "eve", "bob", "Alex P", "maria", "noor", "chen", "rui"];
        Some(match name {
            "n" => self.number(1_000_000).to_string(),
            "ms" => ["1000", "5000", "30000", "60000"][self.number(4) as usize].to_owned(),
            "line" => (1 + self.number(400)).to_string(),
            "col" => (1 + self.number(60)).to_string(),
            "release" => {
                let day = ["20240801", "20240914", "20241102"][self.number(3) as usize];
                format!("{day}{:06}", self.number(240_000))
            }
            "id" => format!("{}{}{}", self.of(B36, 8), self.number(10), self.of(B36, 2)),
            "id5" => self.of(B36, 5),
            "hex8" => self.of(HEX, 8),
            "hex40" => self.of(HEX, 40),
            "nano" => self.of(B62, 16),
            "uuid" => [8, 4, 4, 4, 12].map(|length| self.of(HEX, length)).join("-"),
            "email" => format!("{}.{}@example.org", self.of(B36, 6), self.of("abcdefgh", 4)),
            "ip" => format!("10.{}.{}.{}", self.number(256), self.number(256), self.number(256)),
            "port" => (32_768 + self.number(28_000)).to_string(),
            "path" => format!("/tmp/upload-{}/report-{}.csv", self.of(HEX, 6), self.number(1000)),
            "url" => format!("https://{}.example.com/v1/hooks/{}?t=1", self.of(B36, 6), self.number(100_000)),
            "iso" => format!(
                "2024-{:02}-{:02}T12:{:02}:07.{:03}Z",
                1 + self.number(12),
                1 + self.number(28),
                self.number(60),
                self.number(1000)
            ),
            "name" => NAMES[self.number(8) as usize].to_owned(),
            "sku" => format!("{}-{}", self.of("ABCDEFGH", 3), self.number(100_000)),
            "money" => format!("{},{} EUR", self.number(10_000), self.number(100)),
            _ => return None,
        })
    }
}

impl Template {
    /// A failure: its message and its stack. A name means one value in both, lines and columns apart.
    pub fn failure(&self, dice: &mut Dice) -> (String, String) {
        let mut values = HashMap::new();
        let mut fill = |text: &str| {
            let mut filled = String::new();
            let mut rest = text;
            while let Some((before, after)) = rest.split_once('{') {
                filled.push_str(before);
                let known = after.split_once('}').and_then(|(name, after)| {
                    let new = dice.value(name)?;
                    let value = match name {
                        "line" | "col" => new,
                        _ => values.entry(name.to_owned()).or_insert(new).clone(),
                    };
                    Some((value, after))
                });
                if let Some((value, after)) = known {
                    filled.push_str(&value);
                    rest = after;
                } else {
                    filled.push('{');
                    rest = after;
                }
            }
            filled + rest
        };
        let message = fill(&self.message);
        let stack = fill(&self.stack);
        (message, stack)
    }
}
