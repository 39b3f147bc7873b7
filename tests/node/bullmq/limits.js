'use strict';
// Limits of a whole queue.

module.exports = ({ queue }) => ({
  removeGlobalConcurrency: (r) => queue(r).removeGlobalConcurrency(),
  removeGlobalRateLimit: (r) => queue(r).removeGlobalRateLimit(),
  removeRateLimitKey: (r) => queue(r).removeRateLimitKey(),
});
