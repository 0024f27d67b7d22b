//! The same JSON in another order: a map has none, so nothing may follow from it.

use fastrand::Rng;
use serde_json::{Map, Value};

/// `body` with the keys of every object in another order; what is no JSON, nor lines of it, stays
/// as it is.
pub(super) fn shuffled(body: &[u8], rng: &mut Rng) -> Vec<u8> {
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        return in_other_order(value, rng).to_string().into_bytes();
    }
    let Ok(text) = std::str::from_utf8(body) else { return body.to_vec() };
    let line = |line: &str| match serde_json::from_str::<Value>(line) {
        Ok(value @ Value::Object(_)) => in_other_order(value, rng).to_string() + "\n",
        Ok(_) | Err(_) => line.to_owned() + "\n",
    };
    let is_lines_of_objects = text.starts_with('{') && text.lines().count() > 1;
    if is_lines_of_objects {
        text.lines().map(line).collect::<String>().into()
    } else {
        body.to_vec()
    }
}

fn in_other_order(value: Value, rng: &mut Rng) -> Value {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<(String, Value)> = map.into_iter().collect();
            rng.shuffle(&mut pairs);
            let pairs = pairs.into_iter().map(|(key, value)| (key, in_other_order(value, rng)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        Value::Array(values) => {
            Value::Array(values.into_iter().map(|value| in_other_order(value, rng)).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_order_of_keys_changes() {
        let body = br#"{"a":[1,{"b":2,"c":3}],"d":null,"e":"x","f":{}}"#;
        let mut rng = Rng::with_seed(1);
        let orders: Vec<Vec<u8>> = (0..9).map(|_| shuffled(body, &mut rng)).collect();
        assert!(orders.iter().any(|order| order != body), "{orders:?}");
        let value: Value = serde_json::from_slice(body).unwrap();
        for order in &orders {
            assert_eq!(serde_json::from_slice::<Value>(order).unwrap(), value);
        }
        let lines = b"{\"a\":1,\"b\":2}\n{\"c\":3,\"d\":4}\n";
        assert_eq!(shuffled(lines, &mut rng).len(), lines.len());
        assert_eq!(shuffled(b"<html>", &mut rng), b"<html>");
    }
}
