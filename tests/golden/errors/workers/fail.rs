//! Panics for one of several causes; what it writes to stderr is what `toril work --exec` keeps:
//! `RUST_BACKTRACE=1 fail CAUSE NUMBER`.

use std::collections::HashMap;

#[derive(Debug)]
#[allow(dead_code)]
enum PaymentError {
    Declined { charge: String, amount: u64 },
}

#[inline(never)]
fn price(prices: &HashMap<u64, u64>, sku: u64) -> u64 {
    *prices.get(&sku).unwrap_or_else(|| panic!("no price for sku {sku}"))
}

#[inline(never)]
fn weight(weights: &HashMap<u64, u64>, sku: u64) -> u64 {
    *weights.get(&sku).expect("no weight")
}

#[inline(never)]
fn length(lengths: &HashMap<u64, u64>, sku: u64) -> u64 {
    *lengths.get(&sku).expect("no weight")
}

#[inline(never)]
fn charge(amount: u64) -> Result<(), PaymentError> {
    Err(PaymentError::Declined { charge: format!("ch_{:016x}", amount.wrapping_mul(0x9e37_79b9_7f4a_7c15)), amount })
}

#[inline(never)]
fn pick(list: &[u64], at: usize) -> u64 {
    list[at]
}

#[inline(never)]
fn read(n: u64) -> String {
    std::fs::read_to_string(format!("/tmp/no-such-folder/list-{n}.csv")).unwrap()
}

fn main() {
    let mut args = std::env::args().skip(1);
    let cause = args.next().unwrap_or_default();
    let n: u64 = args.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    let nothing = HashMap::new();
    match cause.as_str() {
        "price" => drop(price(&nothing, n)),
        "weight" => drop(weight(&nothing, n)),
        "length" => drop(length(&nothing, n)),
        "charge" => charge(n).unwrap(),
        "index" => drop(pick(&[], n as usize)),
        "file" => drop(read(n)),
        "thread" => std::thread::spawn(move || price(&HashMap::new(), n)).join().map(drop).unwrap_or(()),
        _ => drop("x".parse::<u64>().unwrap()),
    }
}
