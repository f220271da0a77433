use super::*;
use proptest::prelude::*;

#[test]
fn scarcity_begins_at_two_thirds_and_ends_at_half() {
    let mut memory = MemoryUse::new(600);
    let mut charged = 0;
    let levels = [
        (0, Memory::Plenty),
        (400, Memory::Plenty),
        (401, Memory::Scarce),
        (300, Memory::Scarce),
        (600, Memory::Scarce),
        (601, Memory::Exhausted),
        (600, Memory::Scarce),
        (299, Memory::Plenty),
        (400, Memory::Plenty),
    ];
    for (held, level) in levels {
        memory.settle(&mut charged, held);
        assert_eq!((memory.used(), memory.level()), (held, level));
    }
}

proptest! {
    #[test]
    fn what_is_used_is_the_sum(steps in proptest::collection::vec((0usize..5, 0usize..1000), 1..100)) {
        let mut memory = MemoryUse::new(2000);
        let mut charged = [0; 5];
        for (who, held) in steps {
            memory.settle(&mut charged[who], held);
            prop_assert_eq!(memory.used(), charged.iter().sum::<usize>());
            prop_assert_eq!(memory.level() == Memory::Exhausted, memory.used() > 2000);
        }
    }
}
