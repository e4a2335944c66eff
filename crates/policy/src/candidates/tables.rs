//! Rules by what a device must be.

use rustc_hash::FxHashMap;

use super::{
    Order,
    hooks::{Start, What},
    numbers::Numbers,
};
use crate::{Attribute, Facts, Udev};

type Map<K> = FxHashMap<K, Vec<Order>>;

/// The rules, each under what it needs.
#[derive(Debug, Default)]
pub(super) struct Tables {
    subsystem: Map<Vec<u8>>,
    devtype: Map<Vec<u8>>,
    driver: Map<Vec<u8>>,
    devnum: Numbers,
    devname: Starts,
    devpath: Starts,
    part: Map<Vec<u8>>,
    property: Values,
    attr: Values,
    tag: Texts,
    link: Texts,
    /// Those under `property`, `tag` and `link`: while udev has not spoken they may be about any device.
    of_udev: Vec<Order>,
    /// Whether anything was added.
    used: bool,
}

/// By a text or its beginning.
#[derive(Debug, Default)]
struct Starts {
    whole: Map<Vec<u8>>,
    prefix: Map<Vec<u8>>,
    /// The lengths of the prefixes, ascending.
    lengths: Vec<usize>,
}

/// By the value of something that has a name.
#[derive(Debug, Default)]
struct Values(FxHashMap<Vec<u8>, Texts>);

/// By a text, or under none in particular.
#[derive(Debug, Default)]
struct Texts {
    whole: Map<Vec<u8>>,
    any: Vec<Order>,
}

impl Tables {
    pub fn is_empty(&self) -> bool {
        !self.used
    }

    pub fn add(&mut self, what: What, order: Order) {
        self.used = true;
        if matches!(what, What::Property(..) | What::Tag(_) | What::Link(_)) {
            self.of_udev.push(order);
        }
        match what {
            What::Subsystem(name) => self.subsystem.entry(name).or_default().push(order),
            What::Devtype(name) => self.devtype.entry(name).or_default().push(order),
            What::Driver(name) => self.driver.entry(name).or_default().push(order),
            What::Devnum(pattern) => self.devnum.add(pattern, order),
            What::Devname(start) => self.devname.add(start, order),
            What::Devpath(start) => self.devpath.add(start, order),
            What::Part(part) => self.part.entry(part).or_default().push(order),
            What::Property(key, value) => self.property.add(&key, value, order),
            What::Attr(name, value) => self.attr.add(&name, value, order),
            What::Tag(tag) => self.tag.add(tag, order),
            What::Link(link) => self.link.add(link, order),
        }
    }

    /// Adds the rules that may be about this device, some more than once.
    pub fn find(&self, facts: &Facts, found: &mut Vec<Order>) {
        if !self.used {
            return;
        }
        let device = &facts.device;
        let mut look = |map: &Map<Vec<u8>>, text: Option<&[u8]>| {
            if let Some(orders) = text
                .filter(|_| !map.is_empty())
                .and_then(|text| map.get(text))
            {
                found.extend_from_slice(orders);
            }
        };
        look(
            &self.subsystem,
            device.subsystem.as_deref().map(Vec::as_slice),
        );
        look(&self.driver, device.driver.as_deref().map(Vec::as_slice));
        if !self.devtype.is_empty() {
            look(&self.devtype, device.devtype());
        }
        if !self.devnum.is_empty()
            && let Some(number) = device.devnum()
        {
            self.devnum.find(number, found);
        }
        if let Some(name) = device
            .properties
            .get(b"DEVNAME")
            .filter(|_| self.devname.used())
        {
            self.devname.find(name, found);
        }
        self.devpath.find(device.devpath.as_bytes(), found);
        if !self.part.is_empty() {
            for part in device.devpath.as_bytes().split(|byte| *byte == b'/') {
                if let Some(orders) = self.part.get(part) {
                    found.extend_from_slice(orders);
                }
            }
        }
        self.property.find(device.properties.iter(), found);
        if !self.attr.0.is_empty() {
            for (name, attribute) in facts.attrs.iter() {
                match attribute {
                    Attribute::Said(text) => self
                        .attr
                        .find([(name.as_bytes(), text.as_slice())].into_iter(), found),
                    Attribute::Unknown => self.attr.find_all(name, found),
                    Attribute::Absent => {}
                }
            }
        }
        match &facts.udev {
            Udev::Absent => {}
            Udev::Unknown => found.extend_from_slice(&self.of_udev),
            Udev::Known(said) => {
                self.property.find(said.properties.iter(), found);
                self.tag
                    .find(said.tags.iter().map(|tag| tag.as_slice()), found);
                self.link
                    .find(said.links.iter().map(|link| link.as_bytes()), found);
            }
        }
    }
}

impl Starts {
    fn used(&self) -> bool {
        !self.whole.is_empty() || !self.lengths.is_empty()
    }

    fn add(&mut self, start: Start, order: Order) {
        match start {
            Start::Whole(text) => self.whole.entry(text).or_default().push(order),
            Start::Prefix(text) => {
                if let Err(at) = self.lengths.binary_search(&text.len()) {
                    self.lengths.insert(at, text.len());
                }
                self.prefix.entry(text).or_default().push(order);
            }
        }
    }

    fn find(&self, text: &[u8], found: &mut Vec<Order>) {
        if let Some(orders) = self.whole.get(text) {
            found.extend_from_slice(orders);
        }
        for length in self
            .lengths
            .iter()
            .take_while(|length| **length <= text.len())
        {
            if let Some(orders) = self.prefix.get(&text[..*length]) {
                found.extend_from_slice(orders);
            }
        }
    }
}

impl Values {
    fn add(&mut self, name: &str, value: Option<Vec<u8>>, order: Order) {
        let texts = self.0.entry(name.as_bytes().to_vec()).or_default();
        texts.add(value, order);
    }

    fn find<'a>(&self, said: impl Iterator<Item = (&'a [u8], &'a [u8])>, found: &mut Vec<Order>) {
        if self.0.is_empty() {
            return;
        }
        for (name, value) in said {
            if let Some(texts) = self.0.get(name) {
                texts.find([value].into_iter(), found);
            }
        }
    }

    /// Adds all rules under this name: what it says is not known.
    fn find_all(&self, name: &str, found: &mut Vec<Order>) {
        if let Some(texts) = self.0.get(name.as_bytes()) {
            found.extend(texts.whole.values().flatten());
            found.extend_from_slice(&texts.any);
        }
    }
}

impl Texts {
    fn add(&mut self, text: Option<Vec<u8>>, order: Order) {
        match text {
            Some(text) => self.whole.entry(text).or_default().push(order),
            None => self.any.push(order),
        }
    }

    fn find<'a>(&self, texts: impl Iterator<Item = &'a [u8]>, found: &mut Vec<Order>) {
        if self.whole.is_empty() && self.any.is_empty() {
            return;
        }
        for text in texts {
            found.extend_from_slice(&self.any);
            if let Some(orders) = self.whole.get(text) {
                found.extend_from_slice(orders);
            }
        }
    }
}
