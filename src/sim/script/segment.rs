//! Segments as scripts write them: `PSH,ACK seq=1..101 ack=1 win=512 <ts 5 0>`.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::wire::tcp::Flags;
use crate::wire::tcp_options::{Cookie, FastOpen, Form, Options, SackBlock, Timestamps};
use crate::wire::{SeqNum, ip};

/// As much text as fits a packet with the longest headers (RFC 791 3.1).
const MAX_TEXT: usize = 65_535 - 120;

/// A segment with relative numbers; what is left out is `None`, but the flags never are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    pub(super) flags: Flags,
    /// The sequence numbers of its text; an empty range for one without.
    pub(super) seq: Option<Range<u32>>,
    pub(super) ack: Option<u32>,
    /// The window as it stands in the header.
    pub(super) win: Option<u16>,
    pub(super) options: Option<Listed>,
    /// The two ECN bits of the IP header (RFC 3168 5).
    pub(super) ecn: Option<u8>,
}

/// Options between angle brackets.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Listed {
    /// SACK blocks and timestamps of ours are relative too.
    pub(super) options: Options,
    /// There may be more: the list ends with three dots.
    pub(super) open: bool,
}

impl Shape {
    /// For a segment that is to be made: only what has a default may be left out.
    pub(super) fn complete(self) -> Result<Shape, String> {
        let with_ack = self.flags.contains(Flags::ACK);
        if self.seq.is_none() {
            return Err("a segment that is injected needs seq=".to_owned());
        }
        if with_ack != self.ack.is_some() {
            return Err("a segment that is injected needs ack= with ACK, and only then".to_owned());
        }
        if self.seq.as_ref().is_some_and(|seq| seq.len() > MAX_TEXT) {
            return Err(format!("a segment has at most {MAX_TEXT} bytes of text"));
        }
        Ok(self)
    }

    /// What is named here and otherwise in the segment that was `sent`.
    pub(super) fn difference(&self, sent: &Shape) -> Option<&'static str> {
        if self.flags != sent.flags {
            return Some("combination of flags");
        }
        if self.seq.is_some() && self.seq != sent.seq {
            return Some("seq");
        }
        if self.ack.is_some() && self.ack != sent.ack {
            return Some("ack");
        }
        if self.win.is_some() && self.win != sent.win {
            return Some("win");
        }
        if self.ecn.is_some() && self.ecn != sent.ecn {
            return Some("ecn");
        }
        let (wanted, sent) = (self.options.as_ref()?, sent.options.as_ref()?);
        if wanted.fits(&sent.options) { None } else { Some("list of options") }
    }
}

impl Listed {
    fn fits(&self, sent: &Options) -> bool {
        let Options { mss, window_scale, sack_permitted, timestamps, sack, fast_open, order: _ } =
            &self.options;
        let fits = |named: bool, same: bool| same || (self.open && !named);
        fits(mss.is_some(), *mss == sent.mss)
            && fits(window_scale.is_some(), *window_scale == sent.window_scale)
            && fits(*sack_permitted, *sack_permitted == sent.sack_permitted)
            && fits(timestamps.is_some(), *timestamps == sent.timestamps)
            && fits(!sack.is_empty(), *sack == sent.sack)
            && fits(fast_open.is_some(), *fast_open == sent.fast_open)
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Shape, String> {
        let (text, options) = match text.split_once('<') {
            None => (text, None),
            Some((text, list)) => {
                let list = list.trim_end().strip_suffix('>');
                (text, Some(list.ok_or("the options do not end with '>'")?.parse()?))
            }
        };
        let mut words = text.split_whitespace();
        let flags = flags(words.next().unwrap_or_default())?;
        let mut shape = Shape { flags, seq: None, ack: None, win: None, options, ecn: None };
        for word in words {
            let read = match word.split_once('=') {
                Some(("seq", value)) => once(&mut shape.seq, range(value)),
                Some(("ack", value)) => once(&mut shape.ack, value.parse().ok()),
                Some(("win", value)) => once(&mut shape.win, value.parse().ok()),
                Some(("ecn", value)) => once(&mut shape.ecn, codepoint(value)),
                _ => None,
            };
            read.ok_or_else(|| {
                format!("'{word}' does not belong here; allowed, each once: seq=N, seq=N..M with text, ack=N, win=N, ecn=ect0, ect1, ce or none, and options in angle brackets")
            })?;
        }
        Ok(shape)
    }
}

/// Flags by their names, with commas between.
fn flags(word: &str) -> Result<Flags, String> {
    let mut all = (0..8).map(|bit| Flags::from_bits(1 << bit));
    let mut flag = |name: &str| all.clone().find(|flag| flag.to_string() == name);
    if word == Flags::default().to_string() {
        return Ok(Flags::default());
    }
    let named: Option<Vec<Flags>> = word.split(',').map(&mut flag).collect();
    match named {
        Some(named) if !has_twice(&named) => {
            Ok(named.into_iter().fold(Flags::default(), |all, one| all | one))
        }
        _ => {
            let names = all.by_ref().map(|flag| flag.to_string()).collect::<Vec<_>>();
            Err(format!(
                "'{word}' is not flags such as SYN,ACK; there are {} and none",
                names.join(", ")
            ))
        }
    }
}

fn has_twice(flags: &[Flags]) -> bool {
    flags.iter().enumerate().any(|(at, flag)| flags[..at].contains(flag))
}

/// Gives `place` its value, which it must not have yet.
fn once<T>(place: &mut Option<T>, value: Option<T>) -> Option<()> {
    if place.is_some() {
        return None;
    }
    *place = Some(value?);
    Some(())
}

/// `1..101`, or `1` for what has no length.
fn range(word: &str) -> Option<Range<u32>> {
    let (from, to) = word.split_once("..").unwrap_or((word, word));
    let range = from.parse().ok()?..to.parse().ok()?;
    (range.start <= range.end).then_some(range)
}

/// A fast-open option by its form and its cookie.
fn fast_open(form: &str, digits: String) -> Option<FastOpen> {
    let form = if form == "fo" { Form::Standard } else { Form::Experimental };
    let pairs = digits.as_bytes().chunks(2).map(std::str::from_utf8);
    let bytes = pairs.map(|pair| u8::from_str_radix(pair.ok()?, 16).ok());
    let cookie = Cookie::new(&bytes.collect::<Option<Vec<u8>>>()?)?;
    digits.is_ascii().then_some(FastOpen { cookie, form })
}

/// The option as scripts write it.
fn fast_open_words(option: &FastOpen) -> String {
    let word = if option.form == Form::Standard { "fo" } else { "foexp" };
    let digits = option.cookie.bytes().iter().map(|byte| format!("{byte:02x}"));
    format!("{word} {}", digits.collect::<String>()).trim_end().to_owned()
}

/// The ECN bits by their name.
fn codepoint(word: &str) -> Option<u8> {
    (0..4).find(|&bits| ip::ecn_name(bits).unwrap_or("none") == word)
}

impl FromStr for Listed {
    type Err = String;

    fn from_str(list: &str) -> Result<Listed, String> {
        let mut listed = Listed { options: Options::default(), open: false };
        for option in list.split(',').map(str::trim).filter(|option| !option.is_empty()) {
            listed.take(option).ok_or_else(|| {
                format!("'{option}' does not belong here; allowed, each once: mss N, wscale N, sackok, ts VALUE ECHO, sack N..M (up to four), fo or foexp with or without a cookie in hexadecimal, and ... for any others")
            })?;
        }
        Ok(listed)
    }
}

impl Listed {
    fn take(&mut self, option: &str) -> Option<()> {
        let words: Vec<&str> = option.split_whitespace().collect();
        let options = &mut self.options;
        match words[..] {
            ["mss", mss] => once(&mut options.mss, mss.parse().ok())?,
            ["wscale", shift] => once(&mut options.window_scale, shift.parse().ok())?,
            ["sackok"] if !options.sack_permitted => options.sack_permitted = true,
            ["ts", value, echo] => {
                let (tsval, tsecr) = (value.parse().ok()?, echo.parse().ok()?);
                once(&mut options.timestamps, Some(Timestamps { tsval, tsecr }))?;
            }
            ["sack", ref blocks @ ..]
                if (1..=4).contains(&blocks.len()) && options.sack.is_empty() =>
            {
                for block in blocks {
                    let Range { start, end } = range(block)?;
                    let (left, right) = (SeqNum::new(start), SeqNum::new(end));
                    options.sack.push(SackBlock { left, right });
                }
            }
            [form @ ("fo" | "foexp"), ref cookie @ ..] if cookie.len() <= 1 => {
                once(&mut options.fast_open, fast_open(form, cookie.concat()).map(Box::new))?;
            }
            ["..."] => self.open = true,
            _ => return None,
        }
        Some(())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.flags)?;
        match &self.seq {
            Some(seq) if seq.is_empty() => write!(f, " seq={}", seq.start)?,
            Some(seq) => write!(f, " seq={}..{}", seq.start, seq.end)?,
            None => {}
        }
        if let Some(ack) = self.ack {
            write!(f, " ack={ack}")?;
        }
        if let Some(win) = self.win {
            write!(f, " win={win}")?;
        }
        if let Some(ecn) = self.ecn.and_then(ip::ecn_name) {
            write!(f, " ecn={ecn}")?;
        }
        self.options.as_ref().map_or(Ok(()), |listed| write!(f, " {listed}"))
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { mss, window_scale, sack_permitted, timestamps, sack, fast_open, order: _ } =
            &self.options;
        let blocks = sack.iter().map(|b| format!(" {}..{}", b.left.value(), b.right.value()));
        let blocks: String = blocks.collect();
        let words = [
            mss.map(|mss| format!("mss {mss}")),
            sack_permitted.then(|| "sackok".to_owned()),
            timestamps.map(|ts| format!("ts {} {}", ts.tsval, ts.tsecr)),
            window_scale.map(|shift| format!("wscale {shift}")),
            (!blocks.is_empty()).then(|| format!("sack{blocks}")),
            fast_open.as_deref().map(fast_open_words),
            self.open.then(|| "...".to_owned()),
        ];
        write!(f, "<{}>", words.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}
