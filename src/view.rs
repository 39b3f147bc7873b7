//! From the application's state to cells: a pure function of the state and the time.

mod chrome;
mod modal;
pub mod pen;
mod screen;
pub mod theme;
mod widget;

use ratatui::buffer::Buffer;

use crate::app::App;
use crate::app::screen::Screen;
use pen::Pen;
use theme::Theme;

/// Draws the whole terminal. `now` is ms since the epoch by this host.
pub fn draw(app: &App, theme: &Theme, now: i64, buffer: &mut Buffer) {
    let panes = app.panes();
    let mut pen = Pen::new(buffer, theme, app.size);
    let cx = app.context(now);
    match app.stacks.current() {
        Screen::Queues(queues) => {
            screen::queues::draw(&mut pen, queues, &|row| screen::errors::chief(app, row), &cx);
        }
        Screen::Queue(queue) => {
            let chief = cx.queue(&queue.id).and_then(|row| screen::errors::chief(app, row));
            screen::queue::draw(&mut pen, queue, chief.as_ref(), &cx);
        }
        Screen::Job(job) => screen::job::draw(&mut pen, job, &cx),
        Screen::Find(find) => screen::find::draw(&mut pen, find, &cx),
        Screen::Redis(redis) => screen::redis::draw(&mut pen, redis, &cx),
        Screen::Workers(workers) => screen::workers::draw(&mut pen, workers, &cx),
        Screen::WorkerJobs(jobs) => screen::workers::draw_jobs(&mut pen, jobs, &cx),
        Screen::Schedulers(schedulers) => screen::schedulers::draw(&mut pen, schedulers, &cx),
        Screen::Events(events) => screen::events::draw(&mut pen, events, &cx),
        Screen::Errors(errors) => screen::errors::draw(&mut pen, errors, &cx),
        Screen::Group(members) => screen::errors::draw_members(&mut pen, members, &cx),
        Screen::Doctor(doctor) => screen::doctor::draw(&mut pen, doctor, &cx),
        Screen::Log(log) => screen::log::draw(&mut pen, log, &cx),
        Screen::Record(record) => screen::log::draw_record(&mut pen, record, &cx),
        Screen::Why(why) => screen::why::draw(&mut pen, why, &cx),
    }
    // The Redis screen has an age of its own, and the log is as true as ever.
    let ages = !matches!(app.stacks.current(), Screen::Redis(_) | Screen::Log(_) | Screen::Record(_));
    if ages && app.link.old_ms(now).is_some() {
        pen.tint(panes.body, theme::Role::Dim);
    }
    chrome::top(&mut pen, app, panes.top, now);
    chrome::bottom(&mut pen, app, panes.bottom, now);
    chrome::toasts(&mut pen, app, panes.body, now);
    modal::draw(&mut pen, app, now);
}
