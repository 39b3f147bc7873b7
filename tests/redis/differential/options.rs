//! Options and their rules: cases 3, 10 and 11.

use rstest::rstest;
use serde_json::{Value, json};
use toril::engine::{AddError, JobOptions, OptionError};

use super::pair::Pair;
use crate::support::{Dump, Lib};

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_03_options_are_stored_in_the_same_form(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let all = json!({
        "attempts": 5, "backoff": {"type": "exponential", "delay": 250, "jitter": 0.5}, "lifo": true,
        "removeOnComplete": {"age": 60, "count": 9, "limit": 7}, "removeOnFail": 4, "keepLogs": 3,
        "stackTraceLimit": 0, "sizeLimit": 100, "jobId": "mine", "timestamp": 1_795_150_226_523_u64,
        "deduplication": {"id": "d", "ttl": 90_000, "extend": true},
        "failParentOnFailure": true, "telemetry": {"metadata": "00-ab/cd-01", "omitContext": true},
    });
    pair.both(&json!({}), &all);
    for opts in [
        json!({"backoff": 70}),
        json!({"backoff": {"type": "mine", "delay": 0.5}}),
        json!({"removeOnComplete": true, "removeOnFail": {"age": 60}}),
        json!({"removeOnComplete": false, "removeOnFail": {"count": 2}}),
        json!({"ignoreDependencyOnFailure": true, "failParentOnFailure": false, "lifo": false}),
        json!({"continueParentOnFailure": true, "attempts": -1, "priority": 0, "delay": 0}),
        json!({"removeDependencyOnFailure": true, "attempts": 1.5}),
        json!({"mine": {"a": [null, {"b": "x/y"}], "ü": -1.25e-7}, "none": null, "timestamp": 0}),
    ] {
        pair.both(&json!({}), &opts);
    }
    let without_false = |mut opts: Value| {
        opts.as_object_mut().unwrap().retain(|name, value| !(name == "fpof" && *value == false));
        opts
    };
    for id in ["mine", "2", "3", "4", "5", "6", "7", "8", "9"] {
        let [theirs, ours] = pair.opts(id).map(without_false);
        assert_eq!(theirs, ours, "{id}");
    }
}

/// Node's options go through the server's own JSON, which ours do not.
#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn options_of_ones_own_lose_nothing(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let odd = json!({"empty": [], "deep": {"a": []}, "long": 1_234_567_890_123_456_i64, "fine": 0.123_456_789_012_345_67});
    pair.both(&json!({}), &odd);
    let [theirs, ours] = pair.opts("1");
    assert_eq!(
        theirs,
        json!({"attempts": 0, "empty": {}, "deep": {"a": {}}, "long": 1.234_567_890_123_5e15, "fine": 0.123_456_789_012_35})
    );
    let mut expected = odd;
    expected["attempts"] = json!(0);
    assert_eq!(ours, expected);
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_10_what_is_refused_and_how(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    let parent = json!({"id": "1", "queue": "bull:q"});
    let all = json!({
        "ignoreDependencyOnFailure": true, "continueParentOnFailure": true, "failParentOnFailure": true,
        "removeDependencyOnFailure": true,
    });
    for opts in [
        json!({"jobId": "12"}),
        json!({"jobId": "-5"}),
        json!({"jobId": "a:b"}),
        json!({"jobId": "a:b:c:d"}),
        json!({"priority": 1.5}),
        json!({"priority": "5"}),
        json!({"priority": 2_097_152}),
        all,
        json!({"failParentOnFailure": true, "ignoreDependencyOnFailure": true}),
        json!({"deduplication": {}}),
        json!({"deduplication": {"id": ""}}),
        json!({"deduplication": {"id": "d"}, "parent": parent}),
        json!({"backoff": {"type": "fixed", "delay": 1, "jitter": 1.5}}),
        json!({"backoff": {"type": "fixed", "delay": 1, "jitter": -0.5}}),
    ] {
        let theirs = pair.refusal(&opts).unwrap_err();
        assert_eq!(ours_of(&pair, &opts).unwrap_err().to_string(), theirs, "{opts}");
    }
    for id in ["0", "0:1"] {
        let theirs = pair.refusal(&json!({ "jobId": id })).unwrap_err();
        let ours = ours_of(&pair, &json!({ "jobId": id })).unwrap_err().to_string();
        // BullMQ 5 leaves out two quotes.
        assert_eq!(ours.replace('\'', ""), theirs.replace('\'', ""));
        assert!(lib == Lib::BullMq5 || ours == theirs, "{ours} {theirs}");
    }
    let debounce = json!({"debounce": {"id": "d"}});
    assert_eq!(ours_of(&pair, &debounce), Err(AddError::Options(OptionError::Debounce)));
    match lib {
        Lib::BullMq6 => assert_eq!(pair.refusal(&debounce), Err(OptionError::Debounce.to_string())),
        _ => assert!(pair.refusal(&debounce).is_ok(), "BullMQ 5 takes the old name"),
    }
    let before = pair.dumps()[1].clone();
    assert!(before.keys().is_empty(), "nothing was sent: {:?}", before.keys());
    for id in ["012", "1.5", "", "a:b:c", "events2", "--5", "9007199254740993"] {
        let opts = json!({ "jobId": id });
        assert!(pair.refusal(&opts).is_ok() && ours_of(&pair, &opts).is_ok(), "{id}");
    }
}

impl Pair {
    fn refusal(&mut self, opts: &Value) -> Result<Value, String> {
        self.node.try_call(json!({"op": "add", "queue": "q", "opts": opts, "data": {}}))
    }
}

fn ours_of(pair: &Pair, opts: &Value) -> Result<(), AddError> {
    let options = JobOptions::parse(opts.as_object().unwrap())?;
    pair.ours.wait(pair.ours.queue("q").add("job", &json!({}), options)).map(drop)
}

#[rstest]
#[case(Lib::BullMq5)]
#[case(Lib::BullMq6)]
fn case_11_the_size_limit_counts_bytes(#[case] lib: Lib) {
    let mut pair = Pair::new(lib);
    // Four characters, nine bytes with the quotes.
    let data = json!("aé\u{1F980}");
    assert_eq!(data.to_string().len(), 9);
    pair.both(&data, &json!({"sizeLimit": 9}));
    pair.compare();
    let theirs = pair
        .node
        .try_call(json!({"op": "add", "queue": "q", "name": "big", "data": data, "opts": {"sizeLimit": 8}}))
        .unwrap_err();
    let options = JobOptions { size_limit: Some(8), ..JobOptions::default() };
    let ours = pair.ours.wait(pair.ours.queue("q").add("big", &data, options)).unwrap_err();
    assert_eq!(ours.to_string(), theirs);
    assert_eq!(Dump::of(&pair.servers[1]).len("bull:q:wait"), 1);
    pair.compare();
}
