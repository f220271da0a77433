//! Where the names above the curves stand.

use super::{HEAD, LEFT, SIZE};

/// Height of a line of names, and of the sentence below the title, in pixels.
const LINE: u32 = 20;

/// The part above the curves.
pub(super) struct Head {
    /// Its height, in pixels.
    pub height: u32,
    /// Where the sentence below the title stands, if there is one.
    pub remark: Option<i32>,
    /// Where the mark of each name begins, and the middle of its line.
    pub places: Vec<(i32, i32)>,
}

impl Head {
    /// Places names one after another, in as many lines as they need.
    pub fn new(names: &[&str], remark: bool) -> Head {
        let below = if remark { LINE } else { 0 };
        let (left, mut x, mut y) = (LEFT as i32, LEFT as i32, 45 + below as i32);
        let mut places = Vec::new();
        for name in names {
            // There is no font to measure with: this is about the width of a letter.
            let text = 24 + 8 * name.chars().count() as i32;
            if x > left && x + text > SIZE.0 as i32 && !name.is_empty() {
                (x, y) = (left, y + LINE as i32);
            }
            places.push((x, y));
            if !name.is_empty() {
                x += text + 20;
            }
        }
        let height = HEAD.saturating_add_signed(y - 45);
        Head { height, remark: remark.then_some(36), places }
    }
}
