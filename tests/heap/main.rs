//! What connections take of memory, and what segments ask the allocator for.

mod allocations;
mod allocator;
mod scale;

#[global_allocator]
static ALLOCATOR: allocator::Counted = allocator::Counted;
