use proptest::prelude::*;

use super::*;

#[test]
fn one_element_after_the_other_allocates_nothing() {
    let mut queue = Queue::default();
    for number in 0..10 {
        queue.push_back(number);
        assert_eq!(queue.pop_front(), Some(number));
    }
    assert_eq!(queue.rest.capacity(), 0);
}

proptest! {
    #[test]
    fn is_a_queue(steps in proptest::collection::vec(any::<Option<u16>>(), 0..200), from in any::<u16>()) {
        let (mut queue, mut model) = (Queue::default(), VecDeque::new());
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                // What is queued is in order, as `iter_after` wants it.
                Some(_) => {
                    queue.push_back(number);
                    model.push_back(number);
                }
                None => prop_assert_eq!(queue.pop_front(), model.pop_front()),
            }
            let from = usize::from(from) % 200;
            prop_assert_eq!(queue.len(), model.len());
            prop_assert_eq!(queue.is_empty(), model.is_empty());
            prop_assert_eq!(queue.front(), model.front());
            prop_assert!(queue.iter().eq(&model));
            let later = queue.iter_after(|&number| number < from);
            prop_assert!(later.eq(model.iter().filter(|&&number| number >= from)));
        }
        queue.clear();
        prop_assert!(queue.is_empty() && queue.pop_front().is_none());
    }
}
