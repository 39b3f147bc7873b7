'use strict';
// Operations of an operator that need one of the library's classes.

module.exports = ({ lib: { UnrecoverableError }, queue }) => ({
  // Fails a job that no worker of ours holds; the token `0` asks for no lock.
  failAbandoned: async (r) => {
    const error = new UnrecoverableError(r.message);
    error.stack = r.message;
    await (await queue(r).getJob(String(r.job))).moveToFailed(error, '0', false);
    return null;
  },
});
