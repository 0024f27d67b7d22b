//! The expressions of GitHub Actions, as far as the workflows use them.
//!
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/expressions>

use serde_json::{Number, Value};

/// What an expression can ask for.
pub(super) struct Scope {
    /// `github`, `needs`, `steps`, `matrix`, and so on.
    pub(super) contexts: Value,
    /// Whether everything before has succeeded.
    pub(super) is_success: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(f64),
    Sign(&'static str),
}

const SIGNS: &[&str] = &["&&", "||", "==", "!=", "!", "(", ")", "[", "]", ".", ","];

fn tokens(text: &str) -> Vec<Token> {
    let (mut found, mut rest) = (vec![], text.trim_start());
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let end = rest[1..].find('\'').expect("a text ends") + 1;
            found.push(Token::Text(rest[1..end].to_owned()));
            rest = &rest[end + 1..];
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            found.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            assert!(end > 0, "{rest:?} in {text:?} is no expression");
            let word = &rest[..end];
            found.push(match word.parse() {
                Ok(number) => Token::Number(number),
                Err(_) => Token::Word(word.to_owned()),
            });
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    found
}

/// Whether `text` asks how the run is going, so that no other condition is added to it.
pub(super) fn asks_for_status(text: &str) -> bool {
    let calls = ["success", "failure", "always", "cancelled"];
    tokens(strip(text)).windows(2).any(|pair| match pair {
        [Token::Word(word), Token::Sign("(")] => calls.contains(&&**word),
        _ => false,
    })
}

/// `text` without `${{` and `}}` around it.
fn strip(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix("${{").and_then(|text| text.strip_suffix("}}")).unwrap_or(text)
}

impl Scope {
    /// Whether the condition `text` holds.
    pub(super) fn holds(&self, text: &str) -> bool {
        is_true(&self.evaluate(strip(text)))
    }

    /// `text` with the values of its expressions. A text that is one expression may be any value.
    pub(super) fn filled(&self, text: &str) -> Value {
        let trimmed = text.trim();
        let is_one =
            trimmed.starts_with("${{") && trimmed.find("}}") == trimmed.len().checked_sub(2);
        if is_one {
            return self.evaluate(strip(trimmed));
        }
        let (mut filled, mut rest) = (String::new(), text);
        while let Some((before, expression)) = rest.split_once("${{") {
            let (expression, after) = expression.split_once("}}").expect("an expression ends");
            filled += before;
            filled += &as_text(&self.evaluate(expression));
            rest = after;
        }
        Value::String(filled + rest)
    }

    /// The same as a text.
    pub(super) fn text(&self, value: &Value) -> String {
        match value {
            Value::String(text) => as_text(&self.filled(text)),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => as_text(value),
        }
    }

    fn evaluate(&self, text: &str) -> Value {
        let mut reader = Reader { scope: self, tokens: tokens(text), at: 0 };
        let value = reader.or();
        assert_eq!(reader.at, reader.tokens.len(), "{text:?}");
        value
    }
}

pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map(|number| number.to_string()).expect("finite"),
        Value::Bool(value) => value.to_string(),
        Value::Array(_) | Value::Object(_) => panic!("{value} is no text"),
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

struct Reader<'a> {
    scope: &'a Scope,
    tokens: Vec<Token>,
    at: usize,
}

impl Reader<'_> {
    fn takes(&mut self, sign: &str) -> bool {
        let is_next = matches!(self.tokens.get(self.at), Some(Token::Sign(it)) if *it == sign);
        self.at += usize::from(is_next);
        is_next
    }

    fn or(&mut self) -> Value {
        let mut value = self.and();
        while self.takes("||") {
            let other = self.and();
            value = if is_true(&value) { value } else { other };
        }
        value
    }

    fn and(&mut self) -> Value {
        let mut value = self.compared();
        while self.takes("&&") {
            let other = self.compared();
            value = if is_true(&value) { other } else { value };
        }
        value
    }

    fn compared(&mut self) -> Value {
        let value = self.unary();
        if self.takes("==") {
            return (same(&value, &self.unary())).into();
        }
        if self.takes("!=") {
            return (!same(&value, &self.unary())).into();
        }
        value
    }

    fn unary(&mut self) -> Value {
        if self.takes("!") {
            return (!is_true(&self.unary())).into();
        }
        let mut value = if self.takes("(") {
            let value = self.or();
            assert!(self.takes(")"));
            value
        } else {
            self.primary()
        };
        loop {
            if self.takes(".") {
                let Some(Token::Word(name)) = self.tokens.get(self.at) else { panic!("a name") };
                value = value.get(name).cloned().unwrap_or(Value::Null);
                self.at += 1;
            } else if self.takes("[") {
                let index = self.or();
                assert!(self.takes("]"));
                let found = match &index {
                    Value::String(name) => value.get(name),
                    Value::Number(_) => {
                        as_text(&index).parse().ok().and_then(|at: usize| value.get(at))
                    }
                    Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
                };
                value = found.cloned().unwrap_or(Value::Null);
            } else {
                return value;
            }
        }
    }

    fn primary(&mut self) -> Value {
        let token = self.tokens.get(self.at).cloned().expect("an operand");
        self.at += 1;
        match token {
            Token::Text(text) => text.into(),
            Token::Number(number) => Number::from_f64(number).expect("finite").into(),
            Token::Word(word) => match &*word {
                "true" => true.into(),
                "false" => false.into(),
                "null" => Value::Null,
                word if self.takes("(") => self.call(word),
                word => self
                    .scope
                    .contexts
                    .get(word)
                    .cloned()
                    .unwrap_or_else(|| panic!("no context {word}")),
            },
            Token::Sign(sign) => panic!("{sign} is no operand"),
        }
    }

    fn call(&mut self, name: &str) -> Value {
        let mut arguments = vec![];
        while !self.takes(")") {
            arguments.push(self.or());
            self.takes(",");
        }
        match (name, &arguments[..]) {
            ("success", []) => self.scope.is_success.into(),
            ("failure", []) => (!self.scope.is_success).into(),
            ("always", []) => true.into(),
            ("cancelled", []) => false.into(),
            ("fromJSON", [Value::String(text)]) => serde_json::from_str(text).expect("JSON"),
            other => panic!("{other:?} is not known"),
        }
    }
}

/// As GitHub compares: texts without case; values of different kinds as numbers.
fn same(left: &Value, right: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Null => Some(0.0),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text.is_empty() => Some(0.0),
        Value::String(text) => text.trim().parse().ok(),
        Value::Array(_) | Value::Object(_) => None,
    };
    match (left, right) {
        (Value::String(left), Value::String(right)) => left.eq_ignore_ascii_case(right),
        (left, right) => number(left).is_some() && number(left) == number(right),
    }
}

/// The rules that the workflows rely on.
pub(crate) fn follows_the_rules() {
    let contexts = serde_json::json!({
        "inputs": {}, "github": { "event_name": "schedule", "run_id": "7" },
        "needs": { "rung-2": { "outputs": { "has_jobs": "true", "m": "{\"include\":[{\"r\":\"x\"}]}" } } },
        "vars": { "G": "builtin" },
    });
    let scope = Scope { contexts, is_success: true };
    for (text, expected) in [
        ("${{ inputs.tier || 3 }}", "3"),
        ("${{ inputs.skip || false }}", "false"),
        ("a-${{ github.event_name == 'schedule' && 'scheduled' || github.run_id }}", "a-scheduled"),
        ("${{ fromJSON(needs.rung-2.outputs.m).include[0].r }}", "x"),
        ("${{ vars.G != 'builtin' }}", "false"),
        ("${{ vars.OTHER || 'auto' }}", "auto"),
        ("${{ github.event_name == 'schedule' && 'settings' || inputs.auto_merge }}", "settings"),
    ] {
        assert_eq!(as_text(&scope.filled(text)), expected, "{text}");
    }
    assert!(scope.holds("${{ !cancelled() && needs.rung-2.outputs.has_jobs == 'true' }}"));
    assert!(!scope.holds("needs.preflight.outputs.is_planned == 'true'"), "an absent value");
    assert!(
        asks_for_status("${{ !cancelled() && true }}") && !asks_for_status("vars.G == 'success()'")
    );
}
