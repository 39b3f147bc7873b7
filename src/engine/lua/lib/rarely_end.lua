
  rare = {
    refusal = refusal, promote = promote, mark_delay = mark_delay, free_dedup = free_dedup,
    requeue_parked = requeue_parked, parent_of = parent_of, child_completed = child_completed,
    child_failed = child_failed, unlink = unlink, delete_job = delete_job, evict = evict,
    count_metric = count_metric, retry_job = retry_job, postpone_job = postpone_job, put_back = put_back,
    await_children = await_children, grave_of = grave_of, bury = bury,
  }
  return rare
end
