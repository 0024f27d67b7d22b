//! What is taken out of a text, to the byte: the secret, and nothing beside it.

use crate::decide::clean::{Cleaner, KnownFolders, Redactor};

fn cleaned(text: &str) -> String {
    Cleaner::default().text(text.as_bytes())
}

/// A text that is made of both, so many times over.
fn mixed(alphabet: &str, len: usize) -> String {
    alphabet.chars().cycle().take(len).collect()
}

/// Texts, and what is left of them.
const NAMED: &[(&str, &str)] = &[
    ("GET https://h/x?sig=abc&y=1", "GET https://h/x?sig=***&y=1"),
    ("GET https://h/x?a=1&x-signature=abc d", "GET https://h/x?a=1&x-signature=*** d"),
    ("Server=x;Pwd=a1 x", "Server=x;Pwd=*** x"),
    ("user[password]=hunter2 x", "user[password]=*** x"),
    ("password = hunter2 x", "password = *** x"),
    ("password  =   hunter2 x", "password  =   *** x"),
    ("password=hunter2, x", "password=*** x"),
    ("password: hunter2 x", "password: *** x"),
    ("password => hunter2 x", "password => *** x"),
    ("password := hunter2 x", "password := *** x"),
    ("token=q x", "token=*** x"),
    (r#"{"password": "correct horse", "x": 1}"#, r#"{"password": "***", "x": 1}"#),
    (r#"{"password":"it's", "x": 1}"#, r#"{"password":"***", "x": 1}"#),
    (r#"{'password': 'correct "horse"', 'x': 1}"#, r"{'password': '***', 'x': 1}"),
    (r#"{\"password\": \"correct horse\", \"x\"}"#, r#"{\"password\": \"***\", \"x\"}"#),
    (r"{\'password\': \'correct horse\', \'x\'}", r"{\'password\': \'***\', \'x\'}"),
    (r#"{"token": "correct horse", "x": 1}"#, r#"{"token": "***", "x": 1}"#),
    ("password=`hunter2` x", "password=`***` x"),
    ("x-api-key: 9k3yk3yk3yk3y x", "x-api-key: *** x"),
    ("x-api-key: v.k3yk3yk3y x", "x-api-key: *** x"),
    ("x-api-key: k3y!@#$%^* x", "x-api-key: *** x"),
    ("x --token hunter2 y", "x --token *** y"),
    ("x --db-password hunter2 y", "x --db-password *** y"),
    ("machine h login joe password hunter2 y", "machine h login joe password *** y"),
    ("Authorization: Bearer hunter2 x", "Authorization: Bearer ***"),
    (
        "-H 'Authorization: Bearer hunter2' https://h x",
        "-H 'Authorization: Bearer ***' https://h x",
    ),
    ("Authorization: k3yk3yk3y x", "Authorization: *** x"),
    ("-H 'Cookie: a=1; b=2' https://h x", "-H 'Cookie: ***' https://h x"),
    ("https://joe:hunter2@host/x y", "https://***@host/x y"),
    ("https://joe@host@host/x y", "https://***@host/x y"),
    ("password=hunter2&x=1", "password=***&x=1"),
];

#[test]
fn a_value_is_taken_out_because_of_its_name_and_the_rest_stays() {
    for (said, expected) in NAMED {
        assert_eq!(cleaned(said), *expected, "{said}");
        let lines = format!("first\n{said}\nlast");
        assert_eq!(cleaned(&lines), format!("first\n{expected}\nlast"), "{said}");
    }
}

/// What has a part of a secret's shape and is none.
const PUBLIC: &[&str] = &[
    "GET https://h/x?signal=5&design=6",
    "the pwd=/home/x",
    "if password == other {",
    "if password =~ other {",
    "password::Kind",
    "(password: )",
    "password=, token=;",
    "password: <yours>",
    "token:kind",
    "token =lexer",
    r#"{"token": lexer}"#,
    r#"token: "lexer""#,
    "auth-key: 1.10.0-beta.1",
    "auth-key: v1.10.0-beta.1",
    "auth-key: /etc/keys/k3y",
    "auth-key: ./keys/k3y.pem",
    "auth-key: k3yk3y",
    "auth-key: keykeykey",
    "auth-key: 123456789",
    "auth-key: k3yk3y(k3y)",
    "authorization: denied by policy",
    "Authorization: Bearer ",
    "Authorization: Bearer",
    "Cookie: none at all",
    "--password-file /etc/x",
    "--password -x",
    "--password [PASSWORD]",
    "--password PASS_WORD",
    "the password hunter2",
    "password     = far off",
    "password=null, password: none; password=undefined)",
    "https://@host/x",
    "https://host/@joe/x",
    "https://host/x?y=joe@host",
    "ssh://git@host/x",
];

#[test]
fn what_only_looks_a_little_like_a_secret_stays() {
    for said in PUBLIC {
        assert_eq!(cleaned(said), *said);
    }
}

/// Marks of tokens, what the rest is made of, and how long that is at least.
const TOKENS: &[(&str, &str, usize)] = &[
    ("ghp_", "a1B", 20),
    ("ghs_", "a1_B-", 20),
    ("glpat-", "a1.B-", 16),
    ("rubygems_", "0af", 20),
    ("AKCp", "a1B", 40),
    ("ya29.", "a1.B_", 16),
    ("ATATT3", "a1+/=~B", 20),
    ("FlyV1 ", "a1+/=~B", 40),
    ("sntrys_", "a1+/=~B", 40),
    ("whsec_", "a1+/B", 20),
];

#[test]
fn a_token_is_as_long_as_it_is_and_no_shorter_than_its_mark_says() {
    for &(mark, alphabet, least) in TOKENS {
        for len in [least, least + 1, least + 9] {
            let said = format!("x {mark}{} y", mixed(alphabet, len));
            assert_eq!(cleaned(&said), "x *** y", "{said}");
            // Nothing that it may be made of.
            let said = format!("x {mark}{}(y", mixed(alphabet, len));
            assert_eq!(cleaned(&said), "x ***(y", "{said}");
        }
        let said = format!("x {mark}{} y", mixed(alphabet, least - 1));
        assert_eq!(cleaned(&said), said);
    }
}

#[test]
fn a_token_of_known_length_has_just_that_length_and_stands_alone() {
    for (mark, alphabet, len) in [("AKIA", "A1B", 16), ("SK", "0af", 32), ("cio", "a1B", 32)] {
        let rest = mixed(alphabet, len);
        assert_eq!(cleaned(&format!("x {mark}{rest} y")), "x *** y");
        assert_eq!(cleaned(&format!("x ({mark}{rest}) y")), "x (***) y");
        for said in [
            format!("x {mark}{} y", &rest[1..]),
            format!("x {mark}{rest}0 y"),
            format!("x a{mark}{rest} y"),
            format!("x _{mark}{rest} y"),
            format!("x {}{rest} y", mark.to_lowercase().replace("cio", "Cio")),
        ] {
            assert_eq!(cleaned(&said), said);
        }
    }
}

#[test]
fn a_short_mark_begins_a_token_only_where_a_word_begins() {
    for (mark, alphabet, least) in [("hf_", "a1B", 30), ("dapi", "0af", 32), ("1//0", "a1_B-", 40)]
    {
        let rest = mixed(alphabet, least);
        assert_eq!(cleaned(&format!("x {mark}{rest} y")), "x *** y");
        let said = format!("x a{mark}{rest} y");
        assert_eq!(cleaned(&said), said);
    }
}

#[test]
fn a_mark_that_begins_ordinary_words_begins_a_token_only_if_that_has_a_digit() {
    let words = mixed("ab-", 24);
    assert_eq!(cleaned(&format!("x sk-{words} y")), format!("x sk-{words} y"));
    assert_eq!(cleaned(&format!("x sk-{words}1 y")), "x *** y");
    assert_eq!(cleaned(&format!("x task-{words}1 y")), format!("x task-{words}1 y"));
}

#[test]
fn what_stands_before_a_mark_belongs_to_the_token_if_it_is_as_long_as_it_must_be() {
    let rest = mixed("a1_B", 33);
    for n in [8, 9, 10] {
        let said = format!("x {}:AA{rest} y", mixed("123", n));
        assert_eq!(cleaned(&said), "x *** y", "{said}");
    }
    for before in ["1234567", "abcdefgh", ""] {
        let said = format!("x {before}:AA{rest} y");
        assert_eq!(cleaned(&said), said);
    }
    let said = format!("x 0123456789{}:AA{rest} y", mixed("1", 3));
    assert_eq!(cleaned(&said), "x 012*** y");
    let rest = mixed("a1~B", 34);
    assert_eq!(cleaned(&format!("x a~1bQ~{rest} y")), "x *** y");
    let said = format!("x a1bQ~{} y", mixed("a1_B", 34));
    assert_eq!(cleaned(&said), said);
}

#[test]
fn a_web_token_has_three_parts_and_thirty_bytes() {
    let (head, rest) = ("eyJhbGciOiJI", "UzI1NiJ9");
    assert_eq!(cleaned(&format!("x {head}.{rest}.{rest} y")), "x *** y");
    assert_eq!(cleaned(&format!("x {head}.{rest}.{rest}.{rest}, y")), "x ***, y");
    for said in [
        format!("x {head}.{rest}{rest}{rest} y"),
        format!("x {head}.{rest}.{} y", &rest[..6]),
        format!("x EYJhbGciOiJI.{rest}.{rest} y"),
    ] {
        assert_eq!(cleaned(&said), said);
    }
    // Thirty bytes just.
    assert_eq!(cleaned(&format!("x {head}.{rest}.{} y", mixed("a", 8))), "x *** y");
    assert_eq!(cleaned(&format!("x {head}.{rest}.{} y", mixed("a", 7))).len(), 33);
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

#[test]
fn a_private_key_is_taken_out_from_its_beginning_to_its_end() {
    let body = format!("{}\n{}\nAb3=", mixed("a1+/", 64), mixed("B2", 64));
    for kind in ["", "RSA ", "ENCRYPTED ", "ABCDEFGHIJKLMNOPQR "] {
        let key = format!("{BEGIN}{kind}PRIVATE KEY-----\n{body}\n{END}{kind}PRIVATE KEY-----");
        assert_eq!(cleaned(&format!("x\n{key}\ny")), "x\n***\ny", "{kind}");
        assert_eq!(cleaned(&format!("x ({key}) y")), "x (***) y", "{kind}");
        let escaped = key.replace('\n', "\\n");
        assert_eq!(cleaned(&format!("x ({escaped}) y")), "x (***) y", "{kind}");
    }
    for kind in ["PUBLIC KEY", "CERTIFICATE"] {
        let key = format!("x\n{BEGIN}{kind}-----\n{body}\n{END}{kind}-----\ny");
        assert_eq!(cleaned(&key), key);
    }
}

#[test]
fn of_half_a_private_key_what_looks_like_its_body_is_taken_out() {
    let line = mixed("a1+/", 64);
    for newline in ["\n", "\\n", "\r\n", "\\r\\n"] {
        let body = [&*line, &line, &mixed("B2", 16)].join(newline);
        let begun = format!("x {BEGIN}PRIVATE KEY-----{newline}{body}{newline}and no end");
        let left = cleaned(&begun);
        assert!(left.starts_with("x ***") && left.ends_with("and no end"), "{left}");
        assert!(!left.contains("B2"), "{left}");
        let ended = format!("it is\n{body}{newline}Ab3={newline}{END}PRIVATE KEY-----, y");
        let left = cleaned(&ended);
        assert!(left.starts_with("it is\n***") && left.ends_with("***, y"), "{left}");
        assert!(!left.contains("B2") && !left.contains("Ab3"), "{left}");
    }
    // A line that is too short for one of a key ends it.
    let short = format!("{BEGIN}PRIVATE KEY-----\n{line}\n{}\n{line}", mixed("B2", 15));
    assert_eq!(cleaned(&short), format!("***\n{}\n{line}", mixed("B2", 15)));
    let short = format!("{line}\n{}\n{line}\n{END}PRIVATE KEY-----", mixed("B2", 15));
    assert_eq!(cleaned(&short), format!("{line}\n{}\n***", mixed("B2", 15)));
}

#[test]
fn a_second_key_that_begins_ends_the_first() {
    let line = mixed("a1+/", 64);
    let said = format!(
        "{BEGIN}PRIVATE KEY-----\n{line}\nin between\n{BEGIN}PRIVATE KEY-----\n{line}\n\
         {END}PRIVATE KEY-----"
    );
    assert_eq!(cleaned(&said), "***\nin between\n***");
}

#[test]
fn every_byte_of_a_value_is_counted_as_work() {
    let steps = |said: &str| Redactor::default().redact(said).steps;
    assert!(steps(&"-".repeat(1000)) >= 1000);
    assert!(steps(&format!("password={}", "-".repeat(1000))) >= 2000);
    // Marks within a value are passed, one by one.
    assert!(steps(&format!("password={}", "sig".repeat(1000))) >= 7000);
    let of_known = |value: &str, said: &str| Redactor::new([value]).redact(said).steps;
    // The text, what it is decoded to, each place of the value, and once more for shapes.
    let anywhere = of_known("abcdef", &"abcdef".repeat(1000));
    assert!((20_000..21_000).contains(&anywhere), "{anywhere}");
    // The text, each place, once more for shapes, and all but the places again.
    let words = of_known("abc", &"abc ".repeat(1000));
    assert!((18_000..19_000).contains(&words), "{words}");
}

#[test]
fn known_values_are_found_in_base64_whatever_stands_around_them() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    let long = mixed("abcdefghijklmnopqrstuvwxyz0123456789", 90);
    let redactor = Redactor::new(["abcdefghi", "abcdef/", &*long]);
    let around = ["", "1", "12", "123"];
    for (before, after) in around.iter().flat_map(|before| around.map(|after| (*before, after))) {
        for value in ["abcdefghi", &*long] {
            let encoded = STANDARD.encode(format!("{before}{value}{after}"));
            let left = redactor.redact(&format!("x ({encoded}) y")).text;
            assert!(
                left.starts_with("x (") && left.ends_with(") y") && left.contains("***"),
                "{left}"
            );
            // At most the digits that encode what stands around it.
            assert!(left.len() <= "x (***) y".len() + 8, "{left}");
        }
    }
    assert_eq!(redactor.redact("x 616263646566676869 y").text, "x *** y", "in hex");
    assert_eq!(redactor.redact("x ff616263646566676869ff y").text, "x ff***ff y");
    assert_eq!(redactor.redact("x ABCDEFGHI y").text, "x *** y");
    assert_eq!(redactor.redact("x abcdef y").text, "x *** y", "without the stroke at its end");
    assert_eq!(redactor.redact("x abcdeg y").text, "x abcdeg y");
}

#[test]
fn a_short_value_is_a_word_of_its_own() {
    let redactor = Redactor::new(["abc", "ab", "abcde"]);
    for (said, expected) in [
        ("x abc y", "x *** y"),
        ("x abcde y", "x *** y"),
        ("(abc)", "(***)"),
        ("abc", "***"),
        ("x ab y", "x ab y"),
        ("x ABC y", "x ABC y"),
        ("xabc abcx _abc abc_ éabc abcé", "xabc abcx _abc abc_ éabc abcé"),
    ] {
        assert_eq!(redactor.redact(said).text, expected);
    }
}

#[test]
fn the_parts_of_an_address_with_a_password_are_secrets_of_their_own() {
    let redactor = Redactor::new(["https://some-user:pass%2Fword@h.example:1/x?y#z"]);
    for part in ["some-user", "pass%2Fword", "pass/word", "some-user:pass/word"] {
        assert_eq!(redactor.redact(&format!("x {part} y")).text, "x *** y", "{part}");
    }
    assert_eq!(redactor.redact("x h.example y").text, "x h.example y");
    let redactor = Redactor::new(["a-proxy-user:sec/ret@h.example:1"]);
    for part in ["a-proxy-user", "sec/ret"] {
        assert_eq!(redactor.redact(&format!("x {part} y")).text, "x *** y", "{part}");
    }
    // A user without a password is a token, whatever it is called.
    let redactor = Redactor::new(["https://username@h.example"]);
    assert_eq!(redactor.redact("x username y").text, "x *** y");
}

#[test]
fn a_value_is_found_in_any_spelling_of_its_characters() {
    let redactor = Redactor::new(["a/b-cd!ef"]);
    for spelling in [
        "a/b-cd!ef",
        r"a\/b-cd!ef",
        "a%2Fb-cd%21ef",
        "a%2fb%2Dcd%21ef",
        "a%252Fb-cd%2521ef",
        r"a\u002fb-cd\u0021ef",
        r"a\x2fb-cd\x21ef",
        "a/b\n-cd!ef",
        r"a/b\n-cd!ef",
        r"a/b\t-c d!ef",
    ] {
        let left = redactor.redact(&format!("x {spelling} y")).text;
        assert_eq!(left, "x *** y", "{spelling}");
    }
    for other in ["a/b-cd!eg", r"a/b\x-cd!ef", r"a/b\u-cd!ef", "a/b%-cd!ef", r"a\u0a2fb-cd!ef"] {
        let said = format!("x {other} y");
        assert_eq!(redactor.redact(&said).text, said);
    }
}

#[test]
fn bytes_that_are_no_text_are_replaced_and_single_ones_that_terminals_obey_are_left_out() {
    for (bytes, text) in [
        (&b"a\xffb\x9bc\xe2\x82d"[..], "a\u{fffd}bc\u{fffd}d"),
        (b"\x1b[1m\xff\x1b[0m\xc2\x85e\x80", "\u{fffd}e"),
        (b"ghp_a1B2c3D4\x80e5F6g7H8i9J0 x", "*** x"),
        (b"\x1b[31mghp_a1B2c3D4\x1b]0;title\x07e5F6g7H8i9J0\x1b[0m\tx\x1b[2J", "*** x"),
    ] {
        assert_eq!(Cleaner::default().text(bytes), text, "{bytes:?}");
    }
}

#[test]
fn what_a_carriage_return_overwrites_is_left_out_and_line_ends_stay() {
    for (said, expected) in [
        ("a\rb\n", "b\n"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("a\rb\r", "b"),
        ("ab\rc", "c"),
        ("\ra\n", "a\n"),
        ("a\n\r\nb", "a\n\nb"),
        ("a\r\r\n", "a\n"),
        ("a", "a"),
        ("\n", "\n"),
        ("", ""),
    ] {
        assert_eq!(cleaned(said), expected, "{said:?}");
    }
}

#[test]
fn a_folder_is_written_in_short_only_where_it_is_one() {
    let cleaner = Cleaner::new(Redactor::default(), KnownFolders::new(Some("/home/joe".into())));
    let output = |said: &str| cleaner.output(said.as_bytes(), std::path::Path::new("/srv/w"));
    for (said, expected) in [
        ("/srv/w/a/b", "$WORK/b"),
        ("/srv/w/a", "$WORK"),
        ("(/srv/w/a)", "($WORK)"),
        ("/srv/w/.x/b", "$SCRATCH/b"),
        ("/srv/w/", "/srv/w/"),
        ("/srv/w//b", "/srv/w//b"),
        ("/srv/w/ b", "/srv/w/ b"),
        ("/srv/wa/b", "/srv/wa/b"),
        ("x/srv/w/a", "x/srv/w/a"),
        ("/srv/w/a/srv/w/b", "$WORK/srv/w/b"),
        ("/srv/w/a:/srv/w/b", "$WORK:$WORK"),
        ("/home/joe", "~"),
        ("/home/joe/x:/home/joe/y", "~/x:~/y"),
        ("/home/joey /home/joe-x /home/joe.x", "/home/joey /home/joe-x /home/joe.x"),
        ("-I/home/joe", "-I/home/joe"),
    ] {
        assert_eq!(output(said), expected);
    }
}

/// What stands for a part that was left out.
fn gap(n: usize) -> String {
    crate::decide::evidence::gap(n as u64)
}

#[test]
fn words_that_a_gap_cuts_go_and_whole_ones_stay() {
    let gap = gap(12);
    for (said, expected) in [
        (format!("a half{gap}half b"), format!("a ***{gap}*** b")),
        (format!("a {gap} b"), format!("a {gap} b")),
        (format!("half{gap}"), format!("***{gap}")),
        (format!("{gap}half"), format!("{gap}***")),
        (format!("a half{gap}half{gap}half b"), format!("a ***{gap}***{gap}*** b")),
        (format!("a x…{gap}…x b"), format!("a x…{gap}…x b")),
        (format!("a ***{gap}*** b"), format!("a ***{gap}*** b")),
        // No gap: nothing that this program wrote.
        (
            "a half\n[… x bytes left out …]\nhalf b".to_owned(),
            "a half\n[… x bytes left out …]\nhalf b".to_owned(),
        ),
        ("a half\n[… 12 bytes\nhalf b".to_owned(), "a half\n[… 12 bytes\nhalf b".to_owned()),
    ] {
        assert_eq!(cleaned(&said), expected);
    }
}

#[test]
fn of_a_word_beside_a_gap_no_more_goes_than_a_secret_is_long() {
    let gap = gap(7);
    for letter in ["x", "é"] {
        let n = 256 / letter.len();
        for more in [0, 1, 9] {
            let long = letter.repeat(n + more);
            let left = letter.repeat(more);
            assert_eq!(cleaned(&format!("{long}{gap}")), format!("{left}***{gap}"));
            assert_eq!(cleaned(&format!("{gap}{long}")), format!("{gap}***{left}"));
        }
    }
}
