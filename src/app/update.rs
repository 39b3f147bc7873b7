//! The one function that changes the state.

use super::action::{Action, Scope};
use super::effect::{Answer, Effect, Slot};
use super::key::{Code, Key};
use super::modal::{self, Modal};
use super::msg::Msg;
use super::panel::{Panel, Step};
use super::screen::Screen;
use super::stack::Root;
use super::toast::Toast;
use super::{App, acts, draft, lookup};
use crate::monitor::Interest;

/// Takes in a message; what the shell is asked to do. `now` is ms since the epoch by this host.
pub fn update(app: &mut App, msg: Msg, now: i64) -> Vec<Effect> {
    app.toasts.retain(|toast| toast.until > now);
    let mut effects = match msg {
        Msg::Key(key) => on_key(app, key, now),
        Msg::Paste(text) => on_paste(app, &text, now),
        Msg::Scroll(rows) => {
            let action = if rows > 0 { Action::Down } else { Action::Up };
            (0..rows.unsigned_abs().min(50)).flat_map(|_| act(app, action, now)).collect()
        }
        Msg::Click(column, row, twice) => on_click(app, column, row, twice, now),
        Msg::Resize(columns, rows) => {
            app.size = (columns, rows);
            refresh(app, now)
        }
        Msg::Snapshot(snapshot) => {
            app.snapshot = snapshot;
            tell_refused(app, now);
            let mut effects = modal::confirm::look(app, now);
            effects.extend(refresh(app, now));
            effects
        }
        Msg::Link(link) => {
            let lost = app.link.is_connected() && !link.is_connected();
            app.link = link.follow(&app.link, now);
            let mut effects = if lost { modal::confirm::link_lost(app, now) } else { Vec::new() };
            effects.extend(refresh(app, now));
            effects
        }
        Msg::Feed(events) => with_all(app, now, |panel, cx| {
            panel.feed(cx, &events);
            Vec::new()
        }),
        Msg::Fetched(id, answer) => on_answer(app, id, answer, now),
        Msg::Edited(id, edited) => on_edited(app, id, edited, now),
        Msg::Progress(id, progress) => {
            acts::progress(app, id, progress);
            Vec::new()
        }
        Msg::Done(id, result) => {
            acts::done(app, id, result, now);
            refresh(app, now)
        }
        Msg::Note(text) => {
            app.toasts.push(Toast::plain(text).shown_at(now));
            Vec::new()
        }
        Msg::Tick => refresh(app, now),
    };
    effects.extend(interest(app, now));
    effects
}

/// Asks the monitor to keep fresh what is on screen now, when that changed.
fn interest(app: &mut App, now: i64) -> Option<Effect> {
    let wanted = {
        let cx = app.context(now);
        let acted = app.acted.clone();
        Interest { refresh: app.refreshes, acted, ..app.stacks.current().panel().interest(&cx) }
    };
    if app.interest.as_ref() == Some(&wanted) {
        return None;
    }
    let feeds = |interest: &Interest| interest.feed.is_some();
    if app.interest.as_ref().is_some_and(|before| !feeds(before)) && feeds(&wanted) {
        with_current(app, now, |panel, cx| {
            panel.fed_again(cx);
            Vec::new()
        });
    }
    app.interest = Some(wanted.clone());
    Some(Effect::Interest(wanted))
}

/// Says once what this account may not use.
fn tell_refused(app: &mut App, now: i64) {
    let App { snapshot, told, toasts, .. } = app;
    let new: Vec<_> = snapshot.refused.iter().filter(|what| !told.contains(what)).cloned().collect();
    if !new.is_empty() {
        let words: Vec<_> = new.iter().map(crate::text::Clean::as_str).collect();
        toasts.push(Toast::plain(words.join("; ")).shown_at(now));
        told.extend(new);
    }
}

fn refresh(app: &mut App, now: i64) -> Vec<Effect> {
    with_current(app, now, |panel, cx| panel.refresh(cx))
}

/// Lets the panel in front work, and does what it wants.
pub(super) fn with_current(
    app: &mut App,
    now: i64,
    work: impl FnOnce(&mut dyn Panel, &super::panel::Context<'_>) -> Vec<Step>,
) -> Vec<Effect> {
    let steps = {
        let App { stacks, snapshot, config, link, ids, size, .. } = app;
        let body = super::Panes::new(size.0, size.1).body;
        let cx = super::panel::Context { snapshot, config, link, body, now, ids };
        work(stacks.current_mut().panel_mut(), &cx)
    };
    steps.into_iter().flat_map(|step| take(app, step, now)).collect()
}

pub(super) fn with_all(
    app: &mut App,
    now: i64,
    mut work: impl FnMut(&mut dyn Panel, &super::panel::Context<'_>) -> Vec<Step>,
) -> Vec<Effect> {
    let steps: Vec<Step> = {
        let App { stacks, snapshot, config, link, ids, size, .. } = app;
        let body = super::Panes::new(size.0, size.1).body;
        let cx = super::panel::Context { snapshot, config, link, body, now, ids };
        stacks.all_mut().flat_map(|screen| work(screen.panel_mut(), &cx)).collect()
    };
    steps.into_iter().flat_map(|step| take(app, step, now)).collect()
}

fn take(app: &mut App, step: Step, now: i64) -> Vec<Effect> {
    match step {
        Step::Effect(effect) => vec![effect],
        Step::Open(screen) => {
            leave(app, now);
            app.stacks.push(*screen);
            refresh(app, now)
        }
        Step::Close => {
            app.stacks.pop();
            refresh(app, now)
        }
        Step::Toast(toast) => {
            app.toasts.push(toast.shown_at(now));
            Vec::new()
        }
        Step::Act(act, count) => acts::ask(app, act, count, now),
        Step::Undo(id) => acts::undo(app, Some(id)),
        Step::Form(form) => acts::form(app, form, now),
        Step::RunScheduler(queue, era, id) => lookup::scheduler(app, queue, era, id),
        Step::AskLine(prompt, text) => {
            app.modal = Some(Modal::Line(prompt, text.into()));
            Vec::new()
        }
        Step::Resume(id, era) => acts::resume(app, id, era),
        Step::EditData(queue, era, id) => draft::begin(app, queue, era, id, now),
    }
}

fn on_answer(
    app: &mut App,
    id: super::effect::FetchId,
    answer: Result<Answer, crate::text::Clean>,
    now: i64,
) -> Vec<Effect> {
    if let Some(modal) = &mut app.modal {
        let Err(()) = modal.answer(id, &answer, now) else { return Vec::new() };
    }
    if let Ok(effects) = draft::answer(app, id, &answer, now) {
        return effects;
    }
    if let Ok(effects) = lookup::answer(app, id, &answer, now) {
        return effects;
    }
    if app.undoing.is_some_and(|(asked, _)| asked == id) {
        if let Ok(Answer::Resumable(act, jobs)) = answer {
            return acts::resumable(app, *act, jobs, now);
        }
        let taken = answer.and_then(|answer| match answer {
            Answer::Undoable(taken) => Ok(*taken),
            _ => Err(crate::text::Clean::line("nothing came")),
        });
        return acts::undoable(app, id, taken, now);
    }
    // An answer belongs to the panel that still waits for its number; all are offered it, so that
    // one that arrives while another root is in front is not lost.
    let mut answer = Some(answer);
    with_all(app, now, |panel, cx| match answer.take() {
        None => Vec::new(),
        Some(taken) => panel.answer(cx, id, taken).unwrap_or_else(|back| {
            answer = Some(back);
            Vec::new()
        }),
    })
}

/// An editor ended: its text belongs to the panel that opened it, or to a draft.
fn on_edited(
    app: &mut App,
    id: super::effect::FetchId,
    edited: Result<draft::Edited, crate::text::Clean>,
    now: i64,
) -> Vec<Effect> {
    let mut taken = false;
    let effects = with_all(app, now, |panel, cx| {
        let steps = panel.edited(cx, id, &edited);
        taken |= steps.is_some();
        steps.unwrap_or_default()
    });
    if taken { effects } else { draft::edited(app, id, edited, now) }
}

fn on_key(app: &mut App, key: Key, now: i64) -> Vec<Effect> {
    // Ctrl-C ends the program whatever is open, and whatever else it is bound to.
    if key == Key::ctrl('c') {
        return vec![Effect::Quit];
    }
    if app.modal.is_some() {
        return modal::on_key(app, key, now);
    }
    let scopes = scopes(app);
    match app.keymap.action(&scopes, key) {
        Some(action) => act(app, action, now),
        None => Vec::new(),
    }
}

fn on_paste(app: &mut App, text: &str, now: i64) -> Vec<Effect> {
    match &mut app.modal {
        Some(modal) => modal.paste(text),
        None => app.toasts.push(Toast::plain("pasted text goes nowhere here").shown_at(now)),
    }
    modal::after_edit(app, now)
}

fn on_click(app: &mut App, column: u16, row: u16, twice: bool, now: i64) -> Vec<Effect> {
    if app.modal.is_some() {
        return Vec::new();
    }
    let body = app.panes().body;
    if column < body.x || row < body.y || row >= body.y + body.height {
        return Vec::new();
    }
    let mut effects = with_current(app, now, |panel, cx| panel.click(cx, column - body.x, row - body.y));
    if twice {
        effects.extend(act(app, Action::Open, now));
    }
    effects
}

/// The scopes of the screen in front, narrowest first, `Global` last.
pub fn scopes(app: &App) -> Vec<Scope> {
    let mut scopes = app.stacks.current().panel().scopes().to_vec();
    scopes.push(Scope::Global);
    scopes
}

/// Does an action, by key or by name.
pub(super) fn act(app: &mut App, action: Action, now: i64) -> Vec<Effect> {
    if action.row().writes
        && let Some(why) = app.cannot_write()
    {
        app.toasts.push(Toast::bad(why).shown_at(now));
        return Vec::new();
    }
    match action {
        Action::Quit => vec![Effect::Quit],
        Action::QuitOrBack if app.stacks.at_root() => vec![Effect::Quit],
        Action::QuitOrBack | Action::Back => back(app, now),
        Action::Suspend => vec![Effect::Suspend],
        Action::ScreenQueues => go(app, Root::Queues, now),
        Action::ScreenErrors => go(app, Root::Errors, now),
        Action::ScreenWorkers => go(app, Root::Workers, now),
        Action::ScreenSchedulers => go(app, Root::Schedulers, now),
        Action::ScreenEvents => go(app, Root::Events, now),
        Action::ScreenRedis => go(app, Root::Redis, now),
        Action::ScreenDoctor => go(app, Root::Doctor, now),
        Action::ScreenLog => go(app, Root::Log, now),
        Action::LastScreen => {
            leave(app, now);
            app.stacks.go_back();
            refresh(app, now)
        }
        Action::Help => {
            app.modal = Some(Modal::help());
            Vec::new()
        }
        Action::Palette => {
            app.modal = Some(Modal::palette());
            Vec::new()
        }
        Action::Filter => {
            if let Some(text) = app.stacks.current().panel().filter_text() {
                app.modal = Some(Modal::filter(text));
            }
            Vec::new()
        }
        Action::Refresh => {
            app.refreshes += 1;
            // Rights may have been given meanwhile.
            app.forbidden = None;
            let mut effects = vec![Effect::Reconnect];
            effects.extend(refresh(app, now));
            effects
        }
        Action::StopBulk => {
            let effects = with_current(app, now, |panel, cx| panel.act(cx, Action::StopBulk));
            if effects.is_empty() { acts::stop(app, now) } else { effects }
        }
        Action::Find => {
            let effects = open(app, Screen::Find(Box::default()), now);
            app.modal = Some(Modal::filter(""));
            effects
        }
        Action::Undo => acts::undo(app, None),
        other => {
            let mut effects = with_current(app, now, |panel, cx| panel.act(cx, other));
            effects.extend(refresh(app, now));
            effects
        }
    }
}

/// Tells the panel in front that another one comes.
fn leave(app: &mut App, now: i64) {
    with_current(app, now, |panel, cx| {
        panel.left(cx);
        Vec::new()
    });
}

fn go(app: &mut App, root: Root, now: i64) -> Vec<Effect> {
    leave(app, now);
    app.stacks.go(root);
    refresh(app, now)
}

/// Out of a filter first, then out of the screen.
fn back(app: &mut App, now: i64) -> Vec<Effect> {
    let panel = app.stacks.current().panel();
    let filtered = !panel.keeps_filter() && panel.filter_text().is_some_and(|text| !text.is_empty());
    if filtered {
        return with_current(app, now, |panel, cx| panel.filter(cx, "", true));
    }
    // A search below another screen goes on.
    let searches = [
        matches!(app.stacks.current(), Screen::Find(_)).then_some(Slot::Find),
        matches!(app.stacks.current(), Screen::Queue(_)).then_some(Slot::Scan),
    ];
    if !app.stacks.pop() {
        return Vec::new();
    }
    // What only the screen that was left waited for is not worth its end.
    let slots = [Slot::Field, Slot::Logs].into_iter().chain(searches.into_iter().flatten());
    let mut effects: Vec<Effect> = slots.map(Effect::Cancel).collect();
    effects.extend(refresh(app, now));
    effects
}

/// Opens the screen of a queue or job that was named in the palette.
pub(super) fn open(app: &mut App, screen: Screen, now: i64) -> Vec<Effect> {
    if matches!(app.stacks.root(), Root::Redis | Root::Log | Root::Doctor) {
        app.stacks.go(Root::Queues);
    }
    app.stacks.push(screen);
    refresh(app, now)
}

/// Escape is *out* in every dialog, whatever it is bound to elsewhere.
pub(super) fn is_escape(key: Key) -> bool {
    key.code == Code::Esc || key == Key::ctrl('g')
}
