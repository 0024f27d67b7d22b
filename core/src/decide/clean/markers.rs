//! What secrets begin with, and the names that secrets have.

use super::scan::Class;

/// The form of a token that can be recognised by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    /// Its first characters, in exactly this case.
    pub(super) mark: &'static str,
    /// The characters that follow.
    pub(super) class: Class,
    /// The least number of characters that follow.
    pub(super) len: usize,
    /// Whether the character before it must not be part of a word.
    pub(super) is_alone: bool,
    /// Whether the number of characters is exactly `len`.
    pub(super) is_exact: bool,
    /// Whether it must contain a digit, because ordinary words begin in the same way.
    pub(super) has_digit: bool,
    /// The characters before the prefix that belong to the token: least number, greatest number,
    /// and which.
    pub(super) before: (usize, usize, Class),
}

impl Token {
    const fn new(mark: &'static str, class: Class, len: usize) -> Self {
        let (is_alone, is_exact, has_digit) = (false, false, false);
        Self { mark, class, len, is_alone, is_exact, has_digit, before: (0, 0, is_alnum) }
    }

    const fn alone(self) -> Self {
        Self { is_alone: true, ..self }
    }

    const fn exact(self) -> Self {
        Self { is_alone: true, is_exact: true, ..self }
    }

    const fn with_digit(self) -> Self {
        Self { is_alone: true, has_digit: true, ..self }
    }

    const fn after(self, least: usize, most: usize, class: Class) -> Self {
        Self { before: (least, most, class), ..self }
    }
}

pub(super) const fn is_alnum(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

const fn is_upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

const fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

/// Characters of tokens in base64 for URLs.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

pub(super) const fn is_dotted(byte: u8) -> bool {
    is_word(byte) || byte == b'.'
}

pub(super) const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Characters of both alphabets of base64, and characters that join parts of it.
pub(super) const fn is_packed(byte: u8) -> bool {
    is_base64(byte) || is_dotted(byte) || byte == b'~'
}

/// Tokens, grouped by issuer, as the issuers document them or as they are known.
pub(super) const TOKENS: &[Token] = &[
    // GitHub, GitLab, Bitbucket and Atlassian
    Token::new("ghp_", is_alnum, 20),
    Token::new("gho_", is_alnum, 20),
    Token::new("ghu_", is_alnum, 20),
    Token::new("ghs_", is_word, 20),
    Token::new("ghr_", is_alnum, 20),
    Token::new("github_pat_", is_word, 20),
    Token::new("glpat-", is_dotted, 16),
    Token::new("gldt-", is_word, 16),
    Token::new("glrt-", is_dotted, 16),
    Token::new("glcbt-", is_word, 16),
    Token::new("glptt-", is_word, 16),
    Token::new("glft-", is_word, 16),
    Token::new("glsoat-", is_word, 16),
    Token::new("glagent-", is_word, 16),
    Token::new("gloas-", is_word, 16),
    Token::new("GR1348941", is_word, 16),
    Token::new("ATATT3", is_packed, 20),
    Token::new("ATCTT3", is_packed, 20),
    Token::new("ATBB", is_alnum, 20).alone(),
    // Registries
    Token::new("npm_", is_alnum, 20),
    Token::new("pypi-Ag", is_word, 16),
    Token::new("rubygems_", is_hex, 20),
    Token::new("cio", is_alnum, 32).exact(),
    Token::new("oy2", is_alnum, 43).exact(),
    Token::new("CLOJARS_", is_alnum, 20),
    Token::new("dckr_pat_", is_word, 16),
    Token::new("dckr_oat_", is_word, 16),
    Token::new("AKCp", is_alnum, 40),
    Token::new("cmVmdGtu", is_alnum, 40),
    // Clouds
    Token::new("AKIA", is_upper, 16).exact(),
    Token::new("ASIA", is_upper, 16).exact(),
    Token::new("ABIA", is_upper, 16).exact(),
    Token::new("ACCA", is_upper, 16).exact(),
    Token::new("AIza", is_word, 30),
    Token::new("ya29.", is_dotted, 16),
    Token::new("GOCSPX-", is_word, 16),
    Token::new("1//0", is_word, 40).alone(),
    Token::new("LTAI", is_alnum, 16).with_digit(),
    Token::new("Q~", is_packed, 31).after(4, 4, is_packed),
    Token::new("dop_v1_", is_hex, 32),
    Token::new("doo_v1_", is_hex, 32),
    Token::new("dor_v1_", is_hex, 32),
    Token::new("HRKU-", is_word, 20),
    Token::new("nfp_", is_alnum, 30),
    Token::new("fm2_", is_packed, 40).alone(),
    Token::new("FlyV1 ", is_packed, 40),
    Token::new("dapi", is_hex, 32).alone(),
    Token::new("sbp_", is_hex, 32),
    Token::new("pscale_tkn_", is_dotted, 20),
    Token::new("pscale_pw_", is_dotted, 20),
    Token::new("pscale_oauth_", is_dotted, 20),
    Token::new("sha256~", is_word, 40),
    // Secrets of infrastructure
    Token::new("hvs.", is_word, 20),
    Token::new("hvb.", is_word, 20),
    Token::new("hvr.", is_word, 20),
    Token::new(".atlasv1.", is_word, 40).after(10, 20, is_alnum),
    Token::new("pul-", is_hex, 40).alone(),
    Token::new("dp.pt.", is_alnum, 30).alone(),
    Token::new("dp.st.", is_dotted, 30).alone(),
    Token::new("tskey-", is_word, 16),
    Token::new("AGE-SECRET-KEY-1", is_upper, 40),
    Token::new("ops_eyJ", is_packed, 40),
    Token::new("glsa_", is_word, 32),
    Token::new("glc_ey", is_packed, 32),
    Token::new("NRAK-", is_alnum, 20),
    Token::new("dt0c01.", is_dotted, 40),
    Token::new("sntrys_", is_packed, 40),
    Token::new("sntryu_", is_hex, 40),
    Token::new("squ_", is_hex, 40),
    Token::new("sqp_", is_hex, 40),
    Token::new("CCIPAT_", is_word, 30),
    Token::new("bkua_", is_hex, 30),
    // Chat, mail and payment
    Token::new("xoxb-", is_word, 16),
    Token::new("xoxp-", is_word, 16),
    Token::new("xoxa-", is_word, 16),
    Token::new("xoxr-", is_word, 16),
    Token::new("xoxs-", is_word, 16),
    Token::new("xoxe-", is_word, 16),
    Token::new("xapp-", is_word, 16),
    Token::new("hooks.slack.com/services/", is_packed, 20),
    Token::new("hooks.slack.com/workflows/", is_packed, 20),
    Token::new("/api/webhooks/", is_packed, 40),
    Token::new("webhook.office.com/webhookb2/", is_packed, 40),
    Token::new(":AA", is_word, 30).after(8, 10, is_digit),
    Token::new("SK", is_hex, 32).exact(),
    Token::new("SG.", is_dotted, 40).alone(),
    Token::new("key-", is_hex, 32).exact(),
    Token::new("sk_live_", is_alnum, 16),
    Token::new("sk_test_", is_alnum, 16),
    Token::new("rk_live_", is_alnum, 16),
    Token::new("rk_test_", is_alnum, 16),
    Token::new("whsec_", is_packed, 20),
    Token::new("sq0atp-", is_word, 20),
    Token::new("sq0csp-", is_word, 20),
    Token::new("shpat_", is_hex, 30),
    Token::new("shpca_", is_hex, 30),
    Token::new("shppa_", is_hex, 30),
    Token::new("shpss_", is_hex, 30),
    // Language models, and others
    Token::new("sk-ant-", is_word, 20),
    Token::new("sk-proj-", is_word, 20),
    Token::new("sk-", is_word, 20).with_digit(),
    Token::new("hf_", is_alnum, 30).alone(),
    Token::new("gsk_", is_alnum, 40).alone(),
    Token::new("r8_", is_alnum, 36).alone(),
    Token::new("pplx-", is_alnum, 40).alone(),
    Token::new("PMAK-", is_word, 40),
    Token::new("lin_api_", is_alnum, 30),
    Token::new("ntn_", is_alnum, 40).alone(),
    Token::new("figd_", is_word, 30),
    Token::new("CFPAT-", is_word, 40),
    Token::new("EZAK", is_alnum, 50).alone(),
    Token::new("Bearer ", is_packed, 16).with_digit(),
    Token::new("bearer ", is_packed, 16).with_digit(),
];

/// What a name says about the value beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// A password, whatever its form.
    Password,
    /// A token or key. Ordinary prose uses these names too.
    Token,
    /// Credentials that follow a word for their kind, up to the end of the line.
    Header,
    /// Pairs of names and values, up to the end of the line.
    Cookie,
    /// A part of the query of a URL, or of a connection string.
    Query,
}

/// The ends of such names, in lower case: `NPM_TOKEN` ends in `token`.
pub(super) const NAMES: &[(&str, Name)] = &[
    ("password", Name::Password),
    ("passwd", Name::Password),
    ("passphrase", Name::Password),
    ("token", Name::Token),
    ("secret", Name::Token),
    ("apikey", Name::Token),
    ("api_key", Name::Token),
    ("api-key", Name::Token),
    ("accesskey", Name::Token),
    ("access_key", Name::Token),
    ("access-key", Name::Token),
    ("accountkey", Name::Token),
    ("account_key", Name::Token),
    ("secretkey", Name::Token),
    ("secret_key", Name::Token),
    ("secret-key", Name::Token),
    ("privatekey", Name::Token),
    ("private_key", Name::Token),
    ("private-key", Name::Token),
    ("authkey", Name::Token),
    ("auth_key", Name::Token),
    ("auth-key", Name::Token),
    ("encryption_key", Name::Token),
    ("encryptionkey", Name::Token),
    ("signing_key", Name::Token),
    ("_auth", Name::Password),
    ("\"auth", Name::Token),
    ("authorization", Name::Header),
    ("cookie", Name::Cookie),
    ("sig", Name::Query),
    ("signature", Name::Query),
    ("credential", Name::Query),
    ("pwd", Name::Query),
];

/// Words before credentials in a header.
pub(super) const SCHEMES: &[&str] = &[
    "bearer",
    "basic",
    "token",
    "digest",
    "negotiate",
    "ntlm",
    "apikey",
    "oauth",
    "splunk",
    "aws4-hmac-sha256",
];

/// Words in the place of a value that are not secret: types, placeholders in usage lines, and empty
/// values.
pub(super) const NO_VALUES: &[&str] = &[
    "null",
    "none",
    "nil",
    "undefined",
    "true",
    "false",
    "string",
    "str",
    "&str",
    "bool",
    "boolean",
    "number",
    "any",
    "required",
    "optional",
    "missing",
    "redacted",
];
