//! A queue that allocates nothing while it holds at most one element.
//!
//! ```text
//!   front: the oldest | rest: [second] [third] ... [newest]
//! ```
//!
//! A connection that exchanges a request and a reply never has more than one chunk waiting.

use std::collections::VecDeque;

/// First in, first out.
#[derive(Debug)]
pub struct Queue<T> {
    /// The oldest element; `None` only while `rest` is empty too.
    front: Option<T>,
    rest: VecDeque<T>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue { front: None, rest: VecDeque::new() }
    }
}

impl<T> Queue<T> {
    /// How many elements it holds.
    pub fn len(&self) -> usize {
        usize::from(self.front.is_some()) + self.rest.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.front.is_none()
    }

    /// Appends an element.
    pub fn push_back(&mut self, element: T) {
        if self.front.is_none() {
            self.front = Some(element);
        } else {
            self.rest.push_back(element);
        }
    }

    /// The oldest element.
    pub fn front(&self) -> Option<&T> {
        self.front.as_ref()
    }

    /// The oldest element, to be changed.
    pub fn front_mut(&mut self) -> Option<&mut T> {
        self.front.as_mut()
    }

    /// Takes the oldest element.
    pub fn pop_front(&mut self) -> Option<T> {
        let next = self.rest.pop_front();
        std::mem::replace(&mut self.front, next)
    }

    /// Forgets all elements.
    pub fn clear(&mut self) {
        self.front = None;
        self.rest.clear();
    }

    /// All elements, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.front.iter().chain(&self.rest)
    }

    /// The elements from the first one on for which `passed` does not hold; it holds for none after
    /// that one.
    pub fn iter_after(&self, passed: impl Fn(&T) -> bool) -> impl Iterator<Item = &T> {
        let front = self.front.as_ref().filter(|front| !passed(front));
        let first = self.rest.partition_point(passed);
        front.into_iter().chain(self.rest.range(first..))
    }
}

#[cfg(test)]
mod tests;
