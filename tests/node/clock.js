'use strict';
// A Date that can be held still. It has to be in place before the libraries are loaded.

function install() {
  const Real = Date;
  let held;
  class Held extends Real {
    constructor(...args) {
      if (args.length === 0 && held !== undefined) super(held);
      else super(...args);
    }
    static now() {
      return held === undefined ? Real.now() : held;
    }
  }
  globalThis.Date = Held;
  return {
    fix(ms) {
      held = ms ?? undefined;
      return Held.now();
    },
    real: () => Real.now(),
  };
}

module.exports = { install };
