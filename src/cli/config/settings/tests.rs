use super::super::file::parse;
use super::*;

const FILE: &str = "
    [profile.prod]
    url = 'redis://prod:7000/1'
    user = 'alice'
    password = 'canary'
    prefix = ['app', 'other']
    label = 'production'
    read_only = true
    [profile.easy]
    url = 'redis://local'
    protected = false
    label = 'mine'
";

fn resolve(globals: &Globals, env: &Environment) -> Settings {
    Settings::resolve(globals, env, &parse(FILE).unwrap()).unwrap()
}

fn profile(name: &str) -> Globals {
    Globals { profile: Some(name.to_owned()), ..Globals::default() }
}

#[test]
fn without_a_word_there_is_the_default() {
    let settings = resolve(&Globals::default(), &Environment::default());
    assert_eq!(settings.endpoint.to_string(), "127.0.0.1:6379/0");
    assert_eq!(settings.prefixes, [Prefix::new("bull")]);
    assert_eq!(settings.access, Access::ReadWrite);
    assert!(settings.protected && settings.endpoint.password.is_none());
    assert!(settings.list.iter().all(|setting| setting.origin == Origin::Default));
}

#[test]
fn flag_before_environment_before_profile() {
    let mut globals = profile("prod");
    let mut env = Environment::default();
    assert_eq!(resolve(&globals, &env).endpoint.to_string(), "alice@prod:7000/1");
    assert_eq!(resolve(&globals, &env).access, Access::ReadOnly);
    env.redis_url = Some("redis://second".to_owned());
    env.prefix = Some("mine".to_owned());
    assert_eq!(resolve(&globals, &env).endpoint.to_string(), "second:6379/0");
    assert_eq!(resolve(&globals, &env).warnings.len(), 1);
    env.url = Some("redis://first".to_owned());
    assert_eq!(resolve(&globals, &env).endpoint.to_string(), "first:6379/0");
    globals.url = Some("redis://bob:x@flag".to_owned());
    globals.write = true;
    let settings = resolve(&globals, &env);
    assert_eq!(settings.endpoint.to_string(), "bob@flag:6379/0");
    assert_eq!(settings.access, Access::ReadWrite);
    assert_eq!(settings.prefixes, [Prefix::new("mine")]);
}

#[test]
fn a_profiles_login_and_word_stay_with_its_server() {
    let mut globals = profile("prod");
    globals.url = Some("redis://elsewhere".to_owned());
    let settings = resolve(&globals, &Environment::default());
    assert!(settings.endpoint.password.is_none() && settings.endpoint.user.is_none());
    assert_eq!((settings.label, settings.access), (None, Access::ReadOnly));
    let mut globals = profile("easy");
    assert!(!resolve(&globals, &Environment::default()).protected);
    globals.url = Some("redis://elsewhere".to_owned());
    assert!(resolve(&globals, &Environment::default()).protected);
}

#[test]
fn a_login_counts_as_much_as_its_source() {
    let env = Environment {
        user: Some("env".to_owned()),
        redis_url: Some("redis://url:x@h".to_owned()),
        ..Environment::default()
    };
    assert_eq!(resolve(&Globals::default(), &env).endpoint.user.as_deref(), Some("env"));
    let globals = Globals { url: Some("redis://flag:x@h".to_owned()), ..Globals::default() };
    assert_eq!(resolve(&globals, &env).endpoint.user.as_deref(), Some("flag"));
}

#[test]
fn no_secret_is_shown() {
    let settings = resolve(&profile("prod"), &Environment::default());
    let shown = format!("{settings:?} {:?}", parse(FILE).unwrap());
    assert!(!shown.contains("canary") && shown.contains("***"), "{shown}");
}

#[test]
fn colour_follows_the_conventions() {
    let env = Environment { no_color: true, force_color: true, ..Environment::default() };
    assert_eq!(resolve(&Globals::default(), &env).color, ColorWhen::Never);
    let globals = Globals { color: Some(ColorWhen::Always), ..Globals::default() };
    assert_eq!(resolve(&globals, &env).color, ColorWhen::Always);
}

#[test]
fn a_certificate_and_its_key_belong_together() {
    let globals = Globals { tls_ca: Some("ca.pem".into()), ..Globals::default() };
    let settings = resolve(&globals, &Environment::default());
    assert!(settings.list.iter().any(|one| one.key == "url" && one.value.starts_with("rediss://")));
    let globals = Globals { tls_cert: Some("cert.pem".into()), ..Globals::default() };
    let result = Settings::resolve(&globals, &Environment::default(), &File::default());
    assert!(result.is_err_and(|failure| failure.code() == 2));
}
