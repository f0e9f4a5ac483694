//! What is written is what holds; what is wrong is refused where it stands.

use std::path::Path;

use holdpoint_core::{Environment, ResourceId};

use super::{
    Chosen, Config, ConfigError, Flags, HoldTerms, LastGood, Limits, RefusalTerms, SnapshotTerms,
    SqlTerms,
};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/state/holdpoint.toml"))
}

#[test]
fn nothing_written_is_the_default() {
    assert_eq!(parse("").unwrap(), Config::default());
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Config::load(dir.path(), &Flags::default()).unwrap(), Config::default());
    let hold = HoldTerms::default();
    let terms = [hold.wait_seconds, hold.open_hours, hold.answer_minutes, hold.approval_minutes];
    assert_eq!(terms, [25, 24, 10, 5]);
    assert_eq!(RefusalTerms::default().remember_minutes, 30);
    assert_eq!(Config::default().limits.body_bytes, 10 * 1024 * 1024);
}

#[test]
fn the_example_holds_every_key_and_the_defaults() {
    let example = Config::example();
    let config = parse(&example).unwrap();
    let default = Config::default();
    assert_eq!(
        (&config.proxy, &config.limits, &config.hold, &config.refusals),
        (&default.proxy, &default.limits, &default.hold, &default.refusals),
    );
    assert_eq!(config.hosts.len(), 2);
    assert_eq!(config.hosts[1].environment, Environment::None);
    assert_eq!(config.inventory[0].resource, ResourceId::new("railway:volume/3d2c42fb"));
    assert_eq!(config.policies, [Path::new("/state/team.cedar")]);
    assert_eq!(config.resolve[0].to, "127.0.0.1:8443".parse().unwrap());
    assert_eq!((config.reverse[0].host.as_str(), config.reverse[0].port), ("api.example.com", 443));
    assert!(matches!(&config.upstream.proxy, Chosen::Proxy(proxy) if proxy.port() == 3128));
    assert!(config.upstream.no_proxy.unwrap().covers("10.1.1.1", 443));
    for key in [
        "resolve",
        "upstream_ca",
        "[upstream]",
        "no_proxy",
        "policies",
        "[[reverse]]",
        "[[database]]",
        "[[hosts]]",
        "[[inventory]]",
    ] {
        assert!(example.contains(key), "{key}");
    }
}

#[test]
fn every_number_has_a_least_and_a_greatest_value() {
    let sections = [
        ("limits", Limits::SETTINGS),
        ("hold", HoldTerms::SETTINGS),
        ("refusals", RefusalTerms::SETTINGS),
        ("snapshots", SnapshotTerms::SETTINGS),
        ("sql", SqlTerms::SETTINGS),
    ];
    for (section, settings) in sections {
        for setting in settings {
            assert!((setting.min..=setting.max).contains(&setting.default), "{}", setting.name);
            let with = |value: i128| parse(&format!("[{section}]\n{} = {value}\n", setting.name));
            let (min, max) = (i128::from(setting.min), i128::from(setting.max));
            for (value, expect) in
                [(min, true), (max, true), (min - 1, false), (max + 1, false), (-1, false)]
            {
                assert_eq!(with(value).is_ok(), expect, "{section}.{} = {value}", setting.name);
            }
            let error = with(max + 1).unwrap_err().to_string();
            assert!(error.contains(&setting.max.to_string()), "{error}");
        }
    }
}

#[test]
fn an_address_stands_for_one_upstream_and_one_agent() {
    let reverse = |listen: &str, upstream: &str, agent: &str| {
        parse(&format!(
            "[[reverse]]\nlisten = \"{listen}\"\nupstream = \"{upstream}\"\nagent = \"{agent}\"\n"
        ))
    };
    for (upstream, tls, host, port) in [
        ("https://api.example.com", true, "api.example.com", 443),
        ("http://API.example.com.:8080/", false, "api.example.com", 8080),
        ("https://[::1]:8443", true, "::1", 8443),
    ] {
        let config = reverse("[::1]:7081", upstream, "worker").unwrap();
        let found = config.reverse.first().unwrap();
        assert_eq!((found.tls, found.host.as_str(), found.port), (tls, host, port), "{upstream}");
    }
    let good = ("127.0.0.1:7081", "https://api.example.com", "worker");
    for (listen, upstream, agent, mend) in [
        ("0.0.0.0:7081", good.1, good.2, "an address of this machine"),
        ("192.168.0.7:7081", good.1, good.2, "an address of this machine"),
        ("localhost", good.1, good.2, "an address of this machine"),
        (good.0, "api.example.com", good.2, "https://HOST"),
        (good.0, "https://api.example.com/v1", good.2, "https://HOST"),
        (good.0, "https://*.example.com", good.2, "https://HOST"),
        (good.0, "https://u@api.example.com", good.2, "https://HOST"),
        (good.0, "https://api.example.com:0", good.2, "https://HOST"),
        (good.0, "wss://api.example.com", good.2, "https://HOST"),
        (good.0, good.1, "", "name of an agent"),
    ] {
        let error = reverse(listen, upstream, agent).unwrap_err().to_string();
        assert!(error.contains(mend), "{listen} {upstream} {agent}: {error}");
    }
    let one = "[[reverse]]\nlisten = \"127.0.0.1:7081\"\nupstream = \"https://a.example\"\nagent = \"a\"\n";
    let any = one.replace("7081", "0");
    assert!(parse(&one.repeat(2)).unwrap_err().to_string().contains("twice"));
    assert_eq!(parse(&any.repeat(16)).unwrap().reverse.len(), 16);
    assert!(parse(&any.repeat(17)).unwrap_err().to_string().contains("more than 16"));
}

#[test]
fn limits_that_are_set_are_those_that_hold() {
    let config = parse("[limits]\nholds_open = 3\n[hold]\nwait_seconds = 0").unwrap();
    assert_eq!((config.limits.holds_open, config.hold.wait_seconds), (3, 0));
    assert_eq!(config.limits.agents, Limits::default().agents);
}

#[test]
fn what_is_wrong_is_refused_with_file_line_column_and_mend() {
    for (text, line, column, mend) in [
        ("proxi = \"127.0.0.1:1\"", 1, 1, "`proxy`"),
        ("\n\nproxy = \"localhost\"", 3, 9, "write an address and a port"),
        ("proxy = 7080", 1, 9, "expected a string"),
        ("proxy = ", 1, 9, "string"),
        ("[limits]\nholds_opne = 1", 2, 1, "`holds_open`"),
        ("[limits]\nholds_open = 0", 2, 14, "from 1 to 100000"),
        ("[limits]\nholds_open = \"many\"", 2, 14, "expected i64"),
        ("[hold]\napproval_minutes = 16", 2, 20, "from 1 to 15"),
        ("resolve = [\"a.example:443\"]", 1, 12, "HOST:PORT:ADDR:PORT"),
        ("resolve = [\"*.a.example:443:127.0.0.1:1\"]", 1, 12, "HOST:PORT:ADDR:PORT"),
        ("policies = [\"\"]", 1, 13, "name of a file"),
        ("[[hosts]]\nhost = \"https://a.example\"\nspeaks = \"rest\"", 2, 8, "no scheme"),
        ("[[hosts]]\nhost = \"a.example\"\nspeaks = \"REST\"", 3, 10, "graphql, rest"),
        ("[[hosts]]\nhost = \"a.example\"", 1, 1, "`speaks`"),
        ("[[hosts]]\nhost = \"a.example\"\nspeaks = \"rest\"\nport = 0", 4, 8, "1 to 65535"),
        (
            "[[hosts]]\nhost = \"a.example\"\nspeaks = \"rest\"\nenvironment = \"prod\"",
            4,
            15,
            "production, staging",
        ),
        (
            "[[hosts]]\nhost = \"a.example\"\nspeaks = \"rest\"\n[[hosts]]\nhost = \"A.example\"\nspeaks = \"graphql\"",
            5,
            8,
            "listed twice",
        ),
        (
            "[[inventory]]\nresource = \"volume\"\nenvironment = \"staging\"",
            2,
            12,
            "provider:type/identifier",
        ),
        ("[upstream]\nproxy = \"socks5://proxy:1080\"", 2, 9, "SOCKS"),
        ("[upstream]\nproxy = \"http://proxy:x\"", 2, 9, "from 1 to 65535"),
        ("[upstream]\nno_proxy = [\"a..b\"]", 2, 13, "10.0.0.0/8"),
        ("[upstream]\nproxies = 1", 2, 1, "`no_proxy`"),
        ("# \u{e4}\u{f6}\nk\u{e4} = 1", 2, 2, ""),
    ] {
        match parse(text).unwrap_err() {
            ConfigError::Invalid { path, line: at, column: from, message } => {
                assert_eq!(path, Path::new("/state/holdpoint.toml"));
                assert_eq!((at, from), (line, column), "{text}: {message}");
                assert!(message.contains(mend), "{text}: {message}");
            }
            other => panic!("{text}: {other}"),
        }
    }
}

#[test]
fn the_inventory_may_list_a_resource_twice() {
    let entry = |environment: &str| {
        format!("[[inventory]]\nresource = \"a:b/c\"\nenvironment = \"{environment}\"\n")
    };
    let config = parse(&[entry("staging"), entry("production")].concat()).unwrap();
    let table = crate::inventory::InventoryTable::merge(&config.inventory, &[]);
    assert_eq!(table.find(&ResourceId::new("a:b/c")), Some(Environment::Production));
}

#[test]
fn flags_win_over_the_file() {
    let file = "proxy = \"127.0.0.1:1\"\nconsole = \"127.0.0.1:2\"\nresolve = [\"a.example:443:127.0.0.1:3\"]";
    let flags = Flags {
        proxy: Some("127.0.0.1:9".parse().unwrap()),
        resolve: vec!["a.example:443:[::1]:4".parse().unwrap()],
        ..Flags::default()
    };
    let config = parse(file).unwrap().with(&flags);
    assert_eq!(config.proxy.port(), 9);
    assert_eq!(config.console.port(), 2);
    let ports: Vec<u16> = config.resolve.iter().map(|resolve| resolve.to.port()).collect();
    assert_eq!(ports, [4, 3]);
}

#[test]
fn the_proxy_s_password_is_shown_nowhere() {
    let config = parse("[upstream]\nproxy = \"http://user:hunter2@proxy:1\"").unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let direct = parse("[upstream]\nproxy = \"\"").unwrap();
    assert_eq!(direct.upstream.proxy, Chosen::Direct);
    for bad in ["http://user:hunter2@proxy:x", "socks5://user:hunter2@proxy:1", "a:hunter2@b/c"] {
        let error = parse(&format!("[upstream]\nproxy = \"{bad}\"")).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_running_gateway_keeps_the_last_good_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(dir.path().join("holdpoint.toml"), text).unwrap();
    write("[hold]\nwait_seconds = 1");
    let config = LastGood::load(dir.path(), Flags::default()).unwrap();
    for (text, good, expect) in [
        ("[hold]\nwait_seconds = 2", true, 2),
        ("[hold]\nwait_seconds = \"soon\"", false, 2),
        ("[hold", false, 2),
        ("\u{feff}[hold]\nwait_seconds = 3", true, 3),
        (&"#".repeat(2 * 1024 * 1024), false, 3),
        ("", true, 25),
    ] {
        write(text);
        assert_eq!(config.reload().is_ok(), good);
        assert_eq!(config.config().hold.wait_seconds, expect);
    }
    write("nonsense");
    assert!(LastGood::load(dir.path(), Flags::default()).is_err());
}

#[test]
fn fixed_addresses_are_read() {
    for (text, host, to) in [
        ("a.example:443:127.0.0.1:8443", "a.example", "127.0.0.1:8443"),
        ("A.example.:443:[::1]:8443", "a.example", "[::1]:8443"),
        ("[::1]:443:127.0.0.1:1", "::1", "127.0.0.1:1"),
    ] {
        let resolve: super::Resolve = text.parse().unwrap();
        assert_eq!((resolve.host.as_str(), resolve.port), (host, 443), "{text}");
        assert_eq!(resolve.to, to.parse().unwrap(), "{text}");
    }
    for text in
        ["", ":", "a", "a:1", "a:1:b", "a:1:b:2", "a:x:127.0.0.1:1", ":1:127.0.0.1:1", "a:1:::1:1"]
    {
        assert!(text.parse::<super::Resolve>().is_err(), "{text}");
    }
}
