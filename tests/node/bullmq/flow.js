'use strict';
// Flows, read back: a child whose hash is gone is a node without a job.

module.exports = ({ flow }) => {
  const tree = (node) =>
    node && { id: node.job ? node.job.id : null, children: (node.children ?? []).map(tree) };
  return {
    flowTree: async (r) =>
      tree(await flow(r).getFlow({ queueName: r.queue, id: r.job, prefix: r.prefix, ...r.opts })),
  };
};
