//! How soon a worker starts what is ready. The figures that matter are printed; the limits are five
//! times what is wanted, because the machine of a test has other things to do.

mod idle;
mod limits;
mod soon;
mod stopwatch;
