//! Reads lists in the text format of Postgres: `{a,b}`.

/// The elements of `{a,"b c"}`; `None` if the text is not a list of texts, for example because it
/// contains a null.
pub(crate) fn parse(text: &str) -> Option<Vec<String>> {
    let inside = text.strip_prefix('{')?.strip_suffix('}')?;
    if inside.is_empty() {
        return Some(vec![]);
    }
    let mut rest = inside.chars().peekable();
    let mut elements = vec![];
    loop {
        let is_quoted = rest.next_if_eq(&'"').is_some();
        let mut element = String::new();
        let end = loop {
            match rest.next() {
                Some('\\') => element.push(rest.next()?),
                Some('"') if is_quoted => break rest.next(),
                Some('{' | '}' | '"') if !is_quoted => return None,
                Some(',') if !is_quoted => break Some(','),
                Some(c) => element.push(c),
                None if is_quoted => return None,
                None => break None,
            }
        };
        let is_null = element.is_empty() || element.eq_ignore_ascii_case("null");
        if !is_quoted && is_null {
            return None;
        }
        elements.push(element);
        match end {
            Some(',') => {}
            Some(_) => return None,
            None => return Some(elements),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_they_are_written() {
        let check = |text, elements: &[&str]| assert_eq!(parse(text).unwrap(), elements, "{text}");
        check("{}", &[]);
        check("{rg}", &["rg"]);
        check("{bar,foo}", &["bar", "foo"]);
        check(r#"{"a b","c\"d","e\\f",g}"#, &["a b", "c\"d", "e\\f", "g"]);
        check(r#"{"",x}"#, &["", "x"]);
        check(r#"{"null"}"#, &["null"]);
        check(r#"{"a,b"}"#, &["a,b"]);
    }

    #[test]
    fn values_other_than_lists_of_texts_are_unknown() {
        for text in
            ["", "a", "{", "{a", "a}", "{a,}", "{,a}", "{NULL}", "{\"a}", "{\"a\"b}", "{{a}}"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
