//! Which characters a person can see.

/// Whether `c` shows nothing by itself: control characters, line and paragraph separators, marks
/// that change the direction of writing, characters without width, tags, and everything else that
/// Unicode says to ignore where it cannot be displayed (`Default_Ignorable_Code_Point`).
///
/// Such characters hide text from a person, or make two different texts look the same. Blanks of
/// any width are not hidden.
pub const fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{fffe}'..='\u{ffff}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether the character `c` is allowed in the texts of a recipe: no character that terminals
/// interpret, that breaks the line or that changes the direction of the text.
pub fn is_text(c: char) -> bool {
    let is_hidden = matches!(
        c,
        '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    );
    !c.is_control() && !is_hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_hidden_and_ordinary_ones_are_not() {
        let hidden = "\0\t\n\r\u{7}\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{34f}\u{61c}\u{180e}\u{200b}\
                      \u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\
                      \u{2064}\u{2066}\u{2069}\u{206f}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\
                      \u{1d173}\u{e0001}\u{e0041}\u{e007f}\u{e0100}";
        let shown: String = hidden.chars().filter(|&c| !is_hidden(c)).collect();
        assert_eq!(shown, "");
        let shown = "a ~é\u{a0}ß·…—漢字かな한글العربية֍فارسی👩🇩🇪\u{301}\u{3000}";
        let hidden: String = shown.chars().filter(|&c| is_hidden(c)).collect();
        assert_eq!(hidden, "");
    }
}
