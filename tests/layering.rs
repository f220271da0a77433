//! Checks the shape that `docs/design.md` fixes, on the syntax tree of every file in `src/`:
//!
//! * a module uses only modules that stand above it in [`LAYERS`];
//! * production files have at most [`MAX_FILE_LINES`] lines, functions [`MAX_FN_LINES`];
//! * the core reads no clock, draws no ambient randomness, logs nothing and makes no system call;
//! * `unsafe` stands only where [`UNSAFE_ALLOWED`] says.
//!
//! Unit tests (`tests.rs`, `tests/`, anything under `#[cfg(test)]`) are exempt. The second half
//! proves that the checker can fail: it feeds it one offence of each kind.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// The top-level modules; each may use only those before it.
const LAYERS: &[&str] = &[
    "time", "wire", "event", "flight", "context", "tcp", "stack", "sync", "device", "observe",
    "net", "runtime", "sim", "lab", "service", "control", "web", "client", "cli", "main",
];

/// Lines a production file may have.
const MAX_FILE_LINES: usize = 600;
/// Lines a function may have, from its signature to its closing brace.
const MAX_FN_LINES: usize = 70;

/// Where `unsafe` may stand: these modules and what is inside them.
const UNSAFE_ALLOWED: &[&str] = &["device::tun_offload", "device::uring", "runtime"];

/// Modules that compute and nothing else.
const CORE: &[&str] = &["time", "wire", "event", "flight", "context", "tcp", "stack"];

/// What is forbidden, where and why. A path stands for itself and everything below it.
struct Ban {
    why: &'static str,
    layers: &'static [&'static str],
    paths: &'static [&'static str],
}

const BANS: &[Ban] = &[
    Ban {
        why: "only the runtime reads the clock of the system",
        layers: &[
            "time", "wire", "event", "flight", "context", "tcp", "stack", "device", "observe",
            "net", "sim", "lab",
        ],
        paths: &[
            "std::time::Instant",
            "std::time::SystemTime",
            "std::time::UNIX_EPOCH",
            "tokio::time::Instant",
            "nix::time",
            "nix::sys::time",
        ],
    },
    Ban {
        why: "randomness enters the core only through the context",
        layers: CORE,
        paths: &[
            "rand",
            "getrandom",
            "std::hash::RandomState",
            "std::collections::hash_map::RandomState",
            "std::collections::HashMap::new",
            "std::collections::HashMap::with_capacity",
            "std::collections::HashSet::new",
            "std::collections::HashSet::with_capacity",
        ],
    },
    Ban {
        why: "the core logs nothing: it tells the observer",
        layers: &["time", "wire", "event", "flight", "context", "tcp", "stack", "net"],
        paths: &["log", "env_logger", "tracing"],
    },
    Ban {
        why: "a library does not print",
        layers: &[
            "time", "wire", "event", "flight", "context", "tcp", "stack", "device", "observe",
            "net", "runtime", "lab", "service",
        ],
        paths: &["println!", "print!", "eprintln!", "eprint!", "dbg!"],
    },
    Ban {
        why: "the core makes no system call",
        layers: CORE,
        paths: &[
            "std::fs",
            "std::env",
            "std::process",
            "std::thread",
            "std::os",
            "std::io::stdin",
            "std::io::stdout",
            "std::io::stderr",
            "std::net::TcpStream",
            "std::net::TcpListener",
            "std::net::UdpSocket",
            "std::net::ToSocketAddrs",
            "tokio",
            "nix",
            "rustix",
            "filedescriptor",
            "libc",
            "tun_tap",
            "rtnetlink",
        ],
    },
    Ban {
        why: "one connection knows no lock",
        layers: &["time", "wire", "event", "flight", "context", "tcp"],
        paths: &[
            "std::sync::Mutex",
            "std::sync::RwLock",
            "std::sync::Condvar",
            "std::sync::mpsc",
            "std::sync::atomic",
            "std::cell::RefCell",
        ],
    },
];

/// One broken rule, at one place.
#[derive(Debug)]
struct Violation {
    file: PathBuf,
    line: usize,
    rule: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.rule)
    }
}

/// The module path of a file below `src/`, or `None` for one that holds only tests.
/// `tcp/output/plan.rs` is `[tcp, output, plan]`, `tcp/mod.rs` is `[tcp]`, `lib.rs` is `[]`.
fn module_of(file: &Path) -> Option<Vec<String>> {
    let without_extension = file.with_extension("");
    let mut module: Vec<String> =
        without_extension.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.iter().any(|part| part == "tests") {
        return None;
    }
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    Some(module)
}

/// Checks one file, named relative to `src/`.
fn check_file(file: &Path, source: &str) -> Vec<Violation> {
    let Some(module) = module_of(file) else {
        return Vec::new();
    };
    let mut checker = Checker { file, module, aliases: HashMap::new(), violations: Vec::new() };
    let lines = source.lines().count();
    if lines > MAX_FILE_LINES {
        checker.report(
            lines,
            format!("the file has {lines} lines, at most {MAX_FILE_LINES} are allowed"),
        );
    }
    if let Some(layer) = checker.module.first().cloned()
        && !LAYERS.contains(&layer.as_str())
    {
        checker
            .report(1, format!("module `{layer}` has no place in LAYERS (design.md, section 1)"));
    }
    match syn::parse_file(source) {
        Ok(tree) => checker.visit_file(&tree),
        Err(error) => checker.report(error.span().start().line, format!("not Rust: {error}")),
    }
    checker.violations
}

/// Walks the tree of one file.
struct Checker<'a> {
    file: &'a Path,
    /// The module that is being walked, inline modules included.
    module: Vec<String>,
    /// What a name brought in by `use` stands for.
    aliases: HashMap<String, Vec<String>>,
    violations: Vec<Violation>,
}

impl Checker<'_> {
    fn report(&mut self, line: usize, rule: String) {
        self.violations.push(Violation { file: self.file.to_owned(), line, rule });
    }

    fn layer(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    /// The path with `crate`, `self`, `super`, our own package's name and aliases resolved.
    fn resolve(&self, path: &[String]) -> Vec<String> {
        let mut base = match path[0].as_str() {
            "crate" | "glasstcp" => vec!["crate".to_owned()],
            "self" | "super" => [&["crate".to_owned()], self.module.as_slice()].concat(),
            name => {
                let mut full = match self.aliases.get(name) {
                    Some(full) => full.clone(),
                    None => vec![name.to_owned()],
                };
                full.extend_from_slice(&path[1..]);
                return full;
            }
        };
        let mut rest = path;
        while let [first, tail @ ..] = rest
            && matches!(first.as_str(), "crate" | "glasstcp" | "self" | "super")
        {
            if first == "super" {
                base.pop();
            }
            rest = tail;
        }
        base.extend_from_slice(rest);
        base
    }

    /// Checks one path as written at `span`.
    fn check_path(&mut self, path: &[String], span: Span) {
        let full = self.resolve(path);
        let line = span.start().line;
        let layer = self.layer().to_owned();
        if full[0] == "crate" {
            self.check_direction(&layer, &full, line);
        } else if full.len() > 1 {
            self.check_bans(&layer, &full.join("::"), line);
        }
    }

    fn check_bans(&mut self, layer: &str, name: &str, line: usize) {
        let name = match name.strip_prefix("core::") {
            Some(rest) => format!("std::{rest}"),
            None => name.to_owned(),
        };
        let hit = |banned: &&&str| match name.strip_suffix("::*") {
            // A glob brings in what is banned below it.
            Some(parent) => below(banned, parent) || below(parent, banned),
            None => below(&name, banned),
        };
        for ban in BANS.iter().filter(|ban| ban.layers.contains(&layer)) {
            if let Some(banned) = ban.paths.iter().find(hit) {
                self.report(line, format!("`{banned}` in `{layer}`: {}", ban.why));
            }
        }
    }

    fn check_direction(&mut self, layer: &str, full: &[String], line: usize) {
        let place = |name: &str| LAYERS.iter().position(|&known| known == name);
        let (Some(own), Some(used)) = (place(layer), full.get(1).and_then(|name| place(name)))
        else {
            return;
        };
        if used > own {
            let used = LAYERS[used];
            self.report(line, format!("`{layer}` uses `{used}`, which stands below it"));
        }
    }

    /// Remembers what the names of a `use` stand for.
    fn bring_in(&mut self, item: &syn::ItemUse) -> Vec<Import> {
        let mut found = Vec::new();
        imports(&[], &item.tree, &mut found);
        for import in &found {
            let full = self.resolve(&import.path);
            self.aliases.insert(import.called.clone(), full);
        }
        found
    }

    /// Finds the paths and the `unsafe` among the tokens of a macro's arguments or body.
    fn check_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Group(group) => self.check_tokens(group.stream()),
                TokenTree::Ident(ident) => {
                    if ident == "unsafe" {
                        self.check_unsafe(ident.span());
                    }
                    let mut path = vec![ident.to_string()];
                    while is_colons(&tokens[at..])
                        && let Some(TokenTree::Ident(next)) = tokens.get(at + 2)
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    if is_punct(tokens.get(at), '!') {
                        self.check_macro(&path, ident.span());
                    }
                    self.check_path(&path, ident.span());
                }
                _ => {}
            }
        }
    }

    fn check_macro(&mut self, path: &[String], span: Span) {
        if let Some(name) = path.last() {
            let layer = self.layer().to_owned();
            self.check_bans(&layer, &format!("{name}!"), span.start().line);
        }
    }

    fn check_unsafe(&mut self, span: Span) {
        let module = self.module.join("::");
        if !UNSAFE_ALLOWED.iter().any(|allowed| below(&module, allowed)) {
            let allowed = UNSAFE_ALLOWED.join(" and ");
            self.report(span.start().line, format!("`unsafe` is allowed only in {allowed}"));
        }
    }

    fn check_fn(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = signature.span().start().line;
        let lines = block.brace_token.span.close().end().line - first + 1;
        if lines > MAX_FN_LINES {
            let name = &signature.ident;
            self.report(
                first,
                format!("fn `{name}` has {lines} lines, at most {MAX_FN_LINES} are allowed"),
            );
        }
    }
}

/// Whether `path` is `parent` or something inside it.
fn below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn is_punct(token: Option<&TokenTree>, char: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

fn is_colons(tokens: &[TokenTree]) -> bool {
    is_punct(tokens.first(), ':') && is_punct(tokens.get(1), ':')
}

/// One name that a `use` brings in.
struct Import {
    path: Vec<String>,
    called: String,
    span: Span,
}

/// Every name that a `use` brings in.
fn imports(prefix: &[String], tree: &syn::UseTree, found: &mut Vec<Import>) {
    let with = |name: &syn::Ident| [prefix, &[name.to_string()]].concat();
    let span = tree.span();
    match tree {
        syn::UseTree::Path(path) => imports(&with(&path.ident), &path.tree, found),
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                imports(prefix, tree, found);
            }
        }
        syn::UseTree::Glob(_) => found.push(Import {
            path: [prefix, &["*".to_owned()]].concat(),
            called: "*".to_owned(),
            span,
        }),
        syn::UseTree::Name(name) if name.ident == "self" => found.push(Import {
            path: prefix.to_vec(),
            called: prefix.last().cloned().unwrap_or_default(),
            span,
        }),
        syn::UseTree::Name(name) => {
            found.push(Import { path: with(&name.ident), called: name.ident.to_string(), span })
        }
        syn::UseTree::Rename(rename) => found.push(Import {
            path: match rename.ident == "self" {
                true => prefix.to_vec(),
                false => with(&rename.ident),
            },
            called: rename.rename.to_string(),
            span,
        }),
    }
}

/// Whether the item is there for tests only: `#[cfg(test)]` or `#[test]`.
fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

fn item_attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Checker<'_> {
    fn visit_file(&mut self, file: &'ast syn::File) {
        // Names first: a path may stand before the `use` that explains it.
        for item in &file.items {
            if let syn::Item::Use(item) = item
                && !is_test_only(&item.attrs)
            {
                self.bring_in(item);
            }
        }
        visit::visit_file(self, file);
    }

    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test_only(item_attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.content.is_some() {
            self.module.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for import in self.bring_in(item) {
            self.check_path(&import.path, import.span);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.check_path(&names, path.span());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let path: Vec<String> =
            item.path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.check_macro(&path, item.span());
        self.check_tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.check_fn(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test_only(&item.attrs) {
            self.check_fn(&item.sig, &item.block);
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.check_fn(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_signature(&mut self, item: &'ast syn::Signature) {
        if let syn::Safety::Unsafe(token) = &item.safety {
            self.check_unsafe(token.span);
        }
        visit::visit_signature(self, item);
    }

    fn visit_expr_unsafe(&mut self, item: &'ast syn::ExprUnsafe) {
        self.check_unsafe(item.unsafe_token.span);
        visit::visit_expr_unsafe(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let Some(token) = &item.unsafety {
            self.check_unsafe(token.span);
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        if let Some(token) = &item.unsafety {
            self.check_unsafe(token.span);
        }
        visit::visit_item_trait(self, item);
    }

    fn visit_item_foreign_mod(&mut self, item: &'ast syn::ItemForeignMod) {
        if let Some(token) = &item.unsafety {
            self.check_unsafe(token.span);
        }
        visit::visit_item_foreign_mod(self, item);
    }
}

/// Every Rust file below `folder`, named relative to it, with its text.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a readable file");
                let name = path.strip_prefix(folder).expect("it is inside").to_owned();
                found.push((name, text));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_source_keeps_the_shape() {
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(files.len() > 10, "only {} files were found in src/", files.len());
    let violations: Vec<String> = files
        .iter()
        .flat_map(|(file, source)| check_file(file, source))
        .map(|violation| format!("src/{violation}"))
        .collect();
    let report = violations.join("\n");
    assert!(violations.is_empty(), "docs/design.md, section 1:\n{report}");
}

/// What the checker says about one made-up file, a line each.
fn verdict(file: &str, source: &str) -> Vec<String> {
    let violations = check_file(Path::new(file), source);
    violations.iter().map(ToString::to_string).collect()
}

/// Asserts that there is exactly one offence, at `line`, whose rule contains `rule`.
#[track_caller]
fn assert_refused(file: &str, source: &str, line: usize, rule: &str) {
    let found = verdict(file, source);
    let start = format!("{file}:{line}: ");
    assert!(
        matches!(found.as_slice(), [one] if one.starts_with(&start) && one.contains(rule)),
        "expected {start}…{rule}…, found {found:#?} in:\n{source}"
    );
}

#[track_caller]
fn assert_accepted(file: &str, source: &str) {
    let found = verdict(file, source);
    assert!(found.is_empty(), "expected nothing, found {found:#?} in:\n{source}");
}

#[test]
fn upward_uses_are_accepted() {
    assert_accepted("tcp/mod.rs", "use crate::wire::{SeqNum, tcp::Flags};");
    assert_accepted("tcp/output/plan.rs", "use super::super::snd; use crate::time::Instant;");
    assert_accepted("runtime/mod.rs", "use crate::net::Shared; fn f() { crate::stack::run(); }");
    assert_accepted("lib.rs", "pub use net::TcpStream; pub use crate::runtime::Driver;");
}

#[test]
fn downward_uses_are_refused() {
    let rule = "`tcp` uses `stack`, which stands below it";
    assert_refused("tcp/mod.rs", "\nuse crate::stack::Stack;", 2, rule);
    assert_refused("tcp/mod.rs", "use crate::{wire::SeqNum,\n stack};", 2, rule);
    assert_refused("tcp/mod.rs", "use super::stack::Config;", 1, rule);
    assert_refused("tcp/output/plan.rs", "use super::super::super::stack;", 1, rule);
    assert_refused("tcp/mod.rs", "fn f() {\n crate::stack::run()\n}", 2, rule);
    assert_refused("tcp/mod.rs", "fn f(_: &crate::stack::Stack) {}", 1, rule);
    assert_refused("tcp/mod.rs", "fn f() { assert!(\ncrate::stack::ok()); }", 2, rule);
    assert_refused("tcp/mod.rs", "macro_rules! m { () => { $crate::stack::ok() } }", 1, rule);
    assert_refused("tcp/mod.rs", "mod inner { use super::super::stack::Stack; }", 1, rule);
    assert_refused("cli/mod.rs", "use glasstcp::main;", 1, "`cli` uses `main`");
}

#[test]
fn a_module_without_a_place_is_refused() {
    assert_refused("misc.rs", "", 1, "module `misc` has no place");
}

#[test]
fn long_files_and_functions_are_refused() {
    let file = |lines| "// a line\n".repeat(lines);
    assert_accepted("wire/ip.rs", &file(MAX_FILE_LINES));
    assert_refused("wire/ip.rs", &file(MAX_FILE_LINES + 1), 601, "the file has 601 lines");
    assert_accepted("wire/ip/tests.rs", &file(MAX_FILE_LINES + 1));

    let body = |lines: usize| format!("{{\n{}}}", "let _ = \"}}\"; // }}\n".repeat(lines - 2));
    let rule = "fn `long` has 71 lines, at most 70";
    let free = |lines| format!("/// Docs.\n#[inline]\nfn long() {}", body(lines));
    assert_accepted("wire/ip.rs", &free(MAX_FN_LINES));
    assert_refused("wire/ip.rs", &free(MAX_FN_LINES + 1), 3, rule);
    let method = format!("impl X {{\nfn long() {}\n}}", body(MAX_FN_LINES + 1));
    assert_refused("wire/ip.rs", &method, 2, rule);
    let default = format!("trait X {{\nfn long() {}\n}}", body(MAX_FN_LINES + 1));
    assert_refused("wire/ip.rs", &default, 2, rule);
}

#[test]
fn what_the_core_must_not_do_is_refused() {
    let clock = "only the runtime reads the clock";
    assert_accepted("tcp/rtt.rs", "use std::time::Duration; use crate::time::Instant;");
    assert_refused("tcp/rtt.rs", "use std::time::{Duration,\n Instant};", 2, clock);
    assert_refused("tcp/rtt.rs", "use std::time::*;", 1, clock);
    assert_refused("sim/world.rs", "fn f() { std::time::SystemTime::now(); }", 1, clock);
    let found = verdict("device/tun.rs", "use std::time as t; fn f() { t::Instant::now(); }");
    assert!(found.iter().any(|one| one.contains(clock)), "{found:?}");
    assert_accepted("runtime/mod.rs", "use std::time::Instant;");

    let random = "randomness enters";
    assert_refused("tcp/isn.rs", "fn f() -> u32 { rand::random() }", 1, random);
    let table = "use std::collections::HashMap;\nfn f() -> HashMap<u8, u8> {\n HashMap::new() }";
    assert_refused("stack/demux.rs", table, 3, random);

    assert_refused("stack/mod.rs", "fn f() { log::info!(\"x\"); }", 1, "tells the observer");
    assert_refused("net/mod.rs", "use log::info;", 1, "tells the observer");
    assert_accepted("runtime/mod.rs", "fn f() { log::info!(\"x\"); let log = 1; g(log); }");
    assert_refused("wire/ip.rs", "fn f() { println!(\"x\"); }", 1, "does not print");
    assert_refused("wire/ip.rs", "macro_rules! m { () => { dbg!(1) } }", 1, "does not print");
    assert_accepted("cli/up.rs", "fn f() { println!(\"x\"); }");

    let call = "makes no system call";
    assert_refused("stack/mod.rs", "fn f() { std::thread::yield_now(); }", 1, call);
    assert_refused("context.rs", "use std::fs;", 1, call);
    assert_refused("stack/mod.rs", "fn f(_: tokio::time::Sleep) {}", 1, call);
    assert_refused("tcp/mod.rs", "use std::sync::Mutex;", 1, "knows no lock");
}

#[test]
fn unsafe_is_refused_where_it_is_not_allowed() {
    let rule = "`unsafe` is allowed only in device::tun_offload and device::uring and runtime";
    assert_refused("wire/ip.rs", "fn f() {\n unsafe { g() } }", 2, rule);
    assert_refused("device/tun.rs", "unsafe fn f() {}", 1, rule);
    assert_refused("net/mod.rs", "unsafe impl Send for X {}", 1, rule);
    assert_refused("net/mod.rs", "unsafe trait X {}", 1, rule);
    assert_refused("net/mod.rs", "unsafe extern \"C\" {}", 1, rule);
    assert_refused("net/mod.rs", "fn f() { vec![unsafe { g() }]; }", 1, rule);
    assert_accepted("device/tun_offload.rs", "fn f() { unsafe { g() } }");
    assert_accepted("runtime/poll.rs", "fn f() { unsafe { g() } }");
}

#[test]
fn tests_are_exempt() {
    assert_accepted("tcp/tests.rs", "use crate::stack::Stack;");
    assert_accepted("tcp/tests/close.rs", "use crate::stack::Stack;");
    assert_accepted("tcp/mod.rs", "#[cfg(test)]\nmod tests { use crate::stack::Stack; }");
    assert_accepted("tcp/mod.rs", "#[cfg(test)]\nuse crate::stack::Stack;");
    assert_refused("tcp/mod.rs", "#[cfg(not(test))]\nuse crate::stack::Stack;", 2, "below it");
}

#[test]
fn what_is_not_rust_is_refused() {
    assert_refused("wire/ip.rs", "\nfn {", 2, "not Rust");
}
