//! Fleets of BullMQ's workers and ours.

/// The mixed soak.
#[test]
fn case_70_nothing_is_lost_while_workers_of_every_kind_are_killed() {
    crate::soak::fleet::soak();
}
