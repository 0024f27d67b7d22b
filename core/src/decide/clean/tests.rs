use std::sync::LazyLock;

use proptest::{prelude::*, sample::Index};

use super::*;
use crate::{decide::evidence, model::is_hidden};

const PROXY: &str = "http://build-7:p%40ss-W0rd!7@proxy.corp.example:3128/";
const PASSWORD: &str = "p@ss-W0rd!7";
const TOKEN: &str = "Zx81-kilobyte";

static CLEANER: LazyLock<Cleaner> = LazyLock::new(|| {
    let known_folders = KnownFolders::new(Some("/home/joe".into()));
    Cleaner::new(Redactor::new([PROXY, TOKEN]), known_folders)
});

fn text(said: &str) -> String {
    CLEANER.text(said.as_bytes())
}

/// Tokens: their prefix, the class of the other characters (letters, also digits, hexadecimal
/// digits, capitals and digits), and their length. The other characters are generated here, so that
/// this file is not reported as a leak.
const TOKENS: &[(&str, char, usize)] = &[
    ("ghp_", 'l', 36),
    ("gho_", 'd', 36),
    ("ghu_", 'd', 36),
    ("ghs_", 'd', 36),
    ("ghr_", 'd', 36),
    ("github_pat_11ABCDEFG0abcdefghijkl_", 'd', 59),
    ("glpat-", 'd', 20),
    ("gldt-", 'd', 20),
    ("glrt-", 'd', 20),
    ("AKIA", 'u', 16),
    ("ASIA", 'u', 16),
    ("npm_", 'd', 36),
    ("pypi-AgEIcHlwaS5vcmc", 'd', 60),
    ("rubygems_", 'h', 48),
    ("cio", 'd', 32),
    ("CLOJARS_", 'd', 60),
    ("dckr_pat_", 'd', 27),
    ("xoxb-1234567890-1234567890-", 'd', 24),
    ("xoxp-1234567890-", 'h', 32),
    ("xapp-1-A01-1234-", 'h', 64),
    ("https://hooks.slack.com/services/T0001/B0001/", 'd', 24),
    ("https://discord.com/api/webhooks/1234567890/", 'd', 68),
    ("AIza", 'd', 35),
    ("ya29.a0Af-", 'd', 60),
    ("GOCSPX-", 'd', 28),
    ("sk_live_", 'd', 24),
    ("rk_test_", 'd', 24),
    ("whsec_", 'd', 32),
    ("sk-", 'd', 48),
    ("sk-proj-", 'l', 48),
    ("sk-ant-api03-", 'd', 60),
    ("hf_", 'd', 34),
    ("gsk_", 'd', 52),
    ("dop_v1_", 'h', 64),
    ("hvs.", 'd', 24),
    ("a1b2c3d4e5f6g7.atlasv1.", 'd', 60),
    ("SG.a1B2c3D4e5F6g7H8i9J0k1.", 'd', 43),
    ("SK", 'h', 32),
    ("key-", 'h', 32),
    ("shpat_", 'h', 32),
    ("dapi", 'h', 32),
    ("tskey-auth-", 'd', 30),
    ("glsa_", 'd', 32),
    ("123456789:AA", 'd', 33),
    ("abc8Q~", 'd', 34),
    ("AGE-SECRET-KEY-1", 'u', 58),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.", 'd', 43),
];

/// Labels of private keys.
const KEYS: &[&str] = &[
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "PGP PRIVATE KEY BLOCK",
];

/// Texts that mark a value as secret, and such a value.
const NAMED: &[(&str, &str)] = &[
    (
        r#"{"private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvQ{}\n-----END PRIVATE KEY-----\n"}"#,
        "IBADANBgkqhkiG9w0BAQ",
    ),
    ("https://joe:{}@host/x", "hunter"),
    ("https://{}@host/x", "deadbeefcafe"),
    ("postgres://app:{}@db:5432/x", "tr0ub4dor&3"),
    ("redis://:{}@cache", "hunter2"),
    ("git clone https://x-access-token:{}@github.com/a/b.git", "v1.abcdef"),
    ("//registry.example/:_authToken={}", "hunter2"),
    ("_auth = {}", "aHVudGVyOmh1bnRlcg=="),
    ("//r/:_password={}", "aHVudGVyMg=="),
    ("password={}", "hunter2"),
    ("DB_PASSWORD: {}", "hunter2"),
    ("mysql --password {} -h x", "hunter2"),
    ("--token {}", "hunter2"),
    ("machine h login joe password {}", "hunter2"),
    (r#"{"password":"{}"}"#, "correct horse"),
    (r#"{"token": "{}"}"#, "hunter"),
    (r#"{\"access_token\":\"{}\"}"#, "hunter2"),
    (r#"{"auths": {"x": {"auth": "{}"}}}"#, "aHVudGVyOmh1bnRlcg=="),
    ("token={}", "q"),
    ("GET https://h/x?access_token={}&y=1", "hunter2"),
    ("NPM_TOKEN={} npm publish", "hunter2"),
    ("api_key: '{}'", "k3yk3yk3y"),
    ("x-api-key: {}", "k3yk3yk3yk3y"),
    ("PRIVATE-TOKEN: {}", "k3yk3yk3yk3y"),
    ("client_secret={}", "hunter"),
    ("aws_secret_access_key = {}", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("AccountName=x;AccountKey={};EndpointSuffix=core", "aHVudGVyMg=="),
    ("Server=x;Uid=joe;Pwd={};", "hunter2"),
    ("https://x.blob.example/c?sv=2020&sig={}&se=1", "aHVudGVy%3D"),
    ("https://b.example/o?X-Amz-Signature={}", "0123456789abcdef"),
    ("Authorization: Bearer {}", "hunter2"),
    ("authorization: Basic {}", "am9lOmh1bnRlcg=="),
    ("curl -H 'Authorization: token {}' https://h", "hunter2"),
    (r#"{"Authorization":"Bearer {}"}"#, "hunter2"),
    ("Proxy-Authorization: Basic {}", "am9lOmh1bnRlcg=="),
    ("Authorization: AWS4-HMAC-SHA256 Credential=x, Signature={}", "0123456789ab"),
    ("Cookie: session={}; theme=dark", "hunter2"),
    ("set-cookie: sid={}; Path=/", "hunter2"),
    ("sent Bearer {}", "abcdefghijklmnop1"),
];

/// Texts that contain a secret, each with the part that must not be visible.
fn secrets() -> Vec<(String, String)> {
    let rest = |kind, len| {
        let alphabet = match kind {
            'l' => "AbCdEfGhIjKlMnOpQrStUvWxYz",
            'd' => "a1B2c3D4e5F6g7H8i9J0k1L2m3N4",
            'h' => "0123456789abcdef",
            _ => "ABCDEFGHIJKLMNOP2345",
        };
        alphabet.chars().cycle().take(len).collect::<String>()
    };
    let tokens = TOKENS.iter().map(|&(mark, kind, len)| {
        let rest = rest(kind, len);
        (format!("{mark}{rest}"), rest)
    });
    let body = format!("{}\n{}\nAb3=", rest('h', 64), rest('h', 64));
    let (begin, end) = ("-----BEGIN ", "-----END ");
    let keys = KEYS.iter().map(|key| format!("{begin}{key}-----\n{body}\n{end}{key}-----"));
    let halves = [
        format!("{begin}PRIVATE KEY-----\n{}\nand no end", body.replace("\nAb3=", "")),
        format!("{body}\n{end}PRIVATE KEY-----"),
    ];
    let keys = keys.chain(halves).map(|text| (text, rest('h', 64)));
    let named = NAMED.iter().map(|(text, value)| (text.replace("{}", value), (*value).to_owned()));
    tokens.chain(keys).chain(named).collect()
}

/// Texts that look like secrets and are not.
const PUBLIC: &[&str] = &[
    "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  less-1.0.tgz",
    "d41d8cd98f00b204e9800998ecf8427e",
    "checksum = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"",
    "\"integrity\": \"sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg==\"",
    "\"shasum\": \"3f786850e387550fdab836ed7e6dc881de23001b\"",
    "\"sig\": \"MEUCIQDoO2aZdGa2vGMKjH3eLnZKaL0ZbFvLSGmQJbDKPbjVhQIgMjjN6zYfTNuyMdvQoC7\"",
    "\"keyid\": \"SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA\"",
    "resolved https://registry.yarnpkg.com/less/-/less-4.2.0.tgz#cbefbfaa14a4cd388e2099b2b51f956e1465c450",
    "github.com/spf13/cobra v1.8.0 h1:7aJaZx1B85qltLMc546zn58BxxfZdR/W22ej9CFoEf0=",
    "golang.org/x/sys v0.0.0-20220715151400-c0bba94af5f8",
    "--hash=sha256:aa4839bbbbdd8cf3e8b2d9ff2d1b3a4d1d6ad9a8b2a2d5d2c8f8c3aaf9b6ab01",
    "image ghcr.io/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "/nix/store/3p6l0w3rq9yzjk0g6v9m8n1c2d3f4g5h-hello-2.12",
    "request id 550e8400-e29b-41d4-a716-446655440000",
    "main.3f2a9c1bd4.js 1.2 MB",
    "1.2.3-beta.4+build.5f3a9c1",
    "ETag: W/\"5f3a9c1bd4e7\"",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    "-----BEGIN CERTIFICATE-----\nMIIBszCCARygAwIBAgIJAOxMHY4\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMIIBszCCARygAwIBAgIJAOxMHY4\n-----END PUBLIC KEY-----",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJbDKPbjVhQIgMjjN6zYfTNuyMdvQoC7DoO2aZdGa2vG joe@host",
    "RSA key fingerprint is SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",
    "SyntaxError: Unexpected token < in JSON at position 0",
    "SyntaxError: Unexpected token: punc (})",
    "error: expected token: '}'",
    "error[E0425]: cannot find value `token` in this scope",
    "    let token = lexer.next_token();",
    "  password: string;",
    "\"token\": null",
    "type Token = { token: string }",
    "if token == end_of_file {",
    "token::Kind::Eof",
    "max_tokens=4096",
    "token_type=bearer",
    "npm error 401 Incorrect or missing password.",
    "npm error need auth This command requires you to be logged in",
    "error: no token found, please login first",
    "Usage: x --token <TOKEN> --password PASSWORD",
    "Options: --token  the token to use",
    "Authorization failed: denied",
    "authorization: required for this repository",
    "The Bearer authentication scheme is required",
    "Cookie: the name of the cookie",
    "secret-service 3.0.1",
    "tokenizers==0.15.0",
    "scikit-learn sk-learn disk-usage task-runner-with-a-long-name",
    "npm_config_cache=/x npm_lifecycle_event=install",
    "pypi-attestations==0.0.11",
    "AKIA and ASIA are prefixes",
    "git@github.com:a/b.git",
    "ssh://git@github.com/a/b.git",
    "https://registry.npmjs.org/@angular/cli/-/cli-17.0.0.tgz",
    "https://registry.npmjs.org:443/less",
    "pkg:npm/%40angular/cli@17.0.0",
    "error sending request for url (https://index.crates.io/ri/pg/ripgrep)",
    "npm install less@4.2.0 --no-audit",
    "at Object.<anonymous> (node:internal/modules/cjs/loader:1080:15)",
    "thread 'main' panicked at src/main.rs:12:5:",
    "2026-11-28T20:48:23.123456789Z build-id 0x7ffd5c3a9b10",
    "fe80::1ff:fe23:4567:890a 00:1b:44:11:3a:b7",
    "signature: 0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "minisign: RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
    "cosign verify --certificate-identity=x@y --key cosign.pub",
    "?key=value&page=2&sort=desc",
];

#[test]
fn secrets_in_sixty_formats_are_removed() {
    let secrets = secrets();
    assert!(60 <= secrets.len());
    for (said, secret) in secrets {
        for said in
            [said.clone(), format!("x {said} y"), format!("\"{said}\""), format!("a\n{said}\nb")]
        {
            let cleaned = text(&said);
            assert!(cleaned.contains(REDACTED), "{said}\n{cleaned}");
            for part in secret.lines() {
                assert!(!cleaned.contains(part), "{part:?} of {said}\n{cleaned}");
            }
            assert_eq!(text(&cleaned), cleaned, "cleaned twice");
        }
    }
}

#[test]
fn public_texts_are_not_taken_for_secrets() {
    let redactor = Redactor::new([PROXY, TOKEN]);
    for said in PUBLIC {
        assert_eq!(redactor.redact(said).text, *said);
    }
    let all = PUBLIC.join("\n");
    assert_eq!(redactor.redact(&all).text, all);
}

/// All parts of the handed-out values that must not be visible.
const PARTS: [&str; 6] =
    [PASSWORD, "p%40ss-W0rd!7", "build-7", "build-7:p%40ss-W0rd!7", "build-7:p@ss-W0rd!7", TOKEN];

#[track_caller]
fn assert_unseen(said: &str) {
    let cleaned = text(said);
    let letters: String = cleaned.chars().filter(|c| !c.is_whitespace()).collect();
    for part in PARTS {
        assert!(!letters.to_lowercase().contains(&part.to_lowercase()), "{said}\n{cleaned}");
    }
    assert!(cleaned.contains(REDACTED), "{said}\n{cleaned}");
}

#[test]
fn values_given_to_the_job_are_removed_in_every_usual_encoding() {
    use base64::{
        Engine as _,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };

    for part in PARTS {
        assert_unseen(&format!("it is {part}, you see"));
        assert_unseen(&format!("{{\"x\":{}}}", serde_json::json!(part)));
    }
    assert_unseen(&format!("proxy {PROXY} refused"));
    for part in [PASSWORD, TOKEN, "build-7:p@ss-W0rd!7"] {
        assert_unseen(&part.to_uppercase());
        let bytes = |write: fn(u8) -> String| part.bytes().map(write).collect::<Vec<_>>().concat();
        let percent = bytes(|byte| format!("%{byte:02X}"));
        let json = bytes(|byte| format!("\\u{byte:04x}"));
        let hex = bytes(|byte| format!("{byte:02x}"));
        let some = part.replace('@', "%40").replace('!', "%21").replace('-', "%2d");
        let spellings = [percent.clone(), percent.replace('%', "%25"), json, hex, some];
        for spelling in spellings {
            assert_eq!(text(&format!("x={spelling};")).matches("***").count(), 1, "{spelling}");
            assert!(!text(&spelling).contains(&spelling[2..spelling.len() - 2]), "{spelling}");
        }
        // Inside other text, at each of the three positions of a group.
        for around in ["", "a", "ab", "abc"] {
            let whole = format!("{around}{part}{around}");
            for spelling in [STANDARD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole)] {
                let cleaned = text(&format!("x {spelling} y"));
                let n_seen = cleaned.len() - "x *** y".len();
                assert!(n_seen <= 8 && cleaned.contains(REDACTED), "{spelling} {cleaned}");
            }
        }
    }
}

#[test]
fn short_values_and_common_user_names_are_kept() {
    let redactor = Redactor::new(["http://admin:abc1@h:1", "http://user:ab@h:2", "http://joe:x@h"]);
    let check = |said: &str, expected: &str| {
        let text = redactor.redact(said).text;
        assert_eq!(text, expected);
        assert_eq!(redactor.redact(&text).text, text, "twice");
    };
    check("abc1 (abc1) xabc1 abc12", "*** (***) xabc1 abc12");
    check("admin and user ab of joe", "admin and user ab of ***");
    check("admin:abc1 user:ab", "*** ***");
}

#[test]
fn an_empty_value_is_no_secret() {
    let redactor = Redactor::new(["", " ", "http://", "http://@h", "http://:@h", "@", ":"]);
    assert_eq!(redactor.redact("a b : @ http").text, "a b : @ http");
}

#[test]
fn control_sequences_of_terminals_are_removed() {
    let shown = CLEANER
        .text(b"\x1b[31mred\x1b[0m\x07 10%\r20%\r done\r\nx\x00y \xe2\x80\xaetxt.exe \xc2\x85\xff");
    assert_eq!(shown, " done\nxy txt.exe \u{fffd}");
    assert_eq!(text("go: x\treading y\n\tserver response"), "go: x reading y\n server response");
    assert_eq!(text("a\u{200b}b\u{e0041}\u{61c}c\u{2028}::x::"), "abc::x::");
    assert_eq!(text("\u{200b}:\u{2060}:set-output name=x::y"), ":\\:set-output name=x::y");
    assert_eq!(text("#\u{ad}#[add-mask]x"), "##\\[add-mask]x");
}

#[test]
fn folders_of_the_machine_are_abbreviated() {
    let said =
        b"ENOENT /srv/w/less-Xy1/bin/less, log in /srv/w/.scratch-9a/home/x, /home/joe/.npmrc";
    let short = "ENOENT $WORK/bin/less, log in $SCRATCH/home/x, ~/.npmrc";
    assert_eq!(CLEANER.output(said, Path::new("/srv/w")), short);
    assert_eq!(CLEANER.output(short.as_bytes(), Path::new("/srv/w")), short);
}

#[test]
fn a_secret_cut_by_the_length_limit_is_removed() {
    let gap = evidence::gap(1234);
    let said = format!("the token ghp_a1B2c3{gap}5E6f7G8h and so on");
    assert_eq!(text(&said), format!("the token ***{gap}*** and so on"));
    assert_eq!(text(&text(&said)), text(&said));
    let line = "x".repeat(1000);
    assert_eq!(text(&format!("{line}{gap}{line}")).len(), 2 * (1000 - 256 + 3) + gap.len());
}

#[test]
fn shortened_and_cleaned_text_contains_no_command_and_is_stable() {
    let said = format!(
        "{}::set-output name=x::y{}",
        "a".repeat(evidence::HEAD_BYTES),
        "::b".repeat(99_999)
    );
    let (capped, _) = evidence::cap(&text(&said));
    assert_eq!(text(&capped), capped);
    let message = evidence::message(&text(&said));
    assert_eq!(text(&message), message);
}

/// Many prefixes in sequence, none or all of which begin a secret.
const HOSTILE: &[&str] = &[
    "a",
    " ",
    "\n",
    "%",
    "%25",
    "\\",
    "\\u00",
    "eyJ",
    "eyJ.",
    "eyJa.b.",
    "ghp_",
    "ghp_a",
    "AKIA",
    "SK0",
    "password=",
    "password: ",
    "\"password\":\"",
    "token=",
    "token: ",
    "token : a1",
    "--token ",
    "login password ",
    "authorization: ",
    "authorization: bearer ",
    "cookie: ",
    "cookie: a=",
    "?sig=",
    "&pwd=",
    "://",
    "://a@",
    "://a:b@c",
    "http://:",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAAAAAA\n",
    "AAAAAAAAAAAAAAAAAAAA\n",
    "Q~",
    "000Q~",
    ".atlasv1.",
    "1234567:AA",
    "sk-",
    "Bearer ",
    "p@ss-W0rd!",
    "p@ss-W0rd!7",
    "Zx81-",
    "\n[… 1 bytes left out …]\n",
    "##[",
    "::",
];

#[test]
fn the_time_is_proportional_to_the_length_of_the_text() {
    let redactor = Redactor::new([PROXY, TOKEN]);
    for part in HOSTILE {
        let steps = |n_bytes: usize| {
            let said = part.repeat(n_bytes / part.len());
            redactor.redact(&said).steps
        };
        let (short, long) = (steps(16_000), steps(64_000));
        assert!(long <= 64_000 * 40, "{part:?}: {long} steps");
        assert!(long <= short * 5, "{part:?}: {short} steps, then {long}");
    }
}

#[test]
fn a_text_of_addresses_only_is_cleaned_with_a_small_stack() {
    let said = "https://a:b@c/".repeat(20_000);
    let small = std::thread::Builder::new().stack_size(256 << 10);
    let cleaned = small.spawn(move || text(&said)).unwrap().join().unwrap();
    assert_eq!(cleaned, "https://***@c/".repeat(20_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Texts that consist of prefixes, values and noise.
    #[test]
    fn clean_text_is_unchanged(
        parts in prop::collection::vec(prop_oneof![
            prop::sample::select(HOSTILE).prop_map(str::to_owned),
            prop::sample::select(&PARTS[..]).prop_map(str::to_owned),
            prop::sample::select(secrets()).prop_map(|(said, _)| said),
            "[a-zA-Z0-9:=@/\"' \n*.-]{0,12}",
            any::<char>().prop_map(String::from),
        ], 0..8),
    ) {
        let said = parts.concat();
        let cleaned = text(&said);
        prop_assert!(cleaned.chars().all(|c| c == '\n' || !is_hidden(c)));
        prop_assert_eq!(text(&cleaned), cleaned, "{:?}", said);
    }

    #[test]
    fn any_bytes_become_clean_text(bytes: Vec<u8>) {
        let cleaned = CLEANER.output(&bytes, Path::new("/a"));
        prop_assert!(cleaned.chars().all(|c| c == '\n' || !is_hidden(c)));
        prop_assert_eq!(text(&cleaned), cleaned);
    }

    /// At every position at which a known value can be divided.
    #[test]
    fn a_value_split_over_lines_is_removed(
        part in prop::sample::select(&[PASSWORD, TOKEN, "build-7:p@ss-W0rd!7", PROXY][..]),
        cut in prop::sample::select(&["\n", "\r\n", "\n   ", "\x1b[0m", "\x1b]0;x\x07", "\u{200b}", "\\n", " \n\t"][..]),
        at: Index,
    ) {
        let at = 1 + at.index(part.len() - 1);
        let said = format!("it is {}{cut}{}, you see", &part[..at], &part[at..]);
        let (cleaned, whole) = (text(&said), "it is ***, you see");
        prop_assert_eq!(cleaned, whole, "{:?}", said);
    }

    /// At every position at which a token of known length can be divided.
    #[test]
    fn a_token_split_over_lines_is_removed(
        token in prop::sample::select(&[
            "ghp_a1B2c3D4e5F6g7H8i9J0",
            "AKIAABCDEFGHIJKLMNOP",
            "hvs.a1B2c3D4e5F6g7H8i9J0",
            "SK0123456789abcdef0123456789abcdef",
        ][..]),
        cut in prop::sample::select(&["\n", "\r\n", "\x1b[0m", "\x1b[1;31m", "\u{200b}"][..]),
        at: Index,
    ) {
        let at = 1 + at.index(token.len() - 1);
        let said = format!("it is {}{cut}{}, you see", &token[..at], &token[at..]);
        prop_assert_eq!(text(&said), "it is ***, you see", "{:?}", said);
    }
}
