// The answer: one card for each kind of thing, with the bin's colour and the steps.

import { choose, say } from "./words.js";

/** An element with a class and children; texts are set as text, never as HTML. */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** The bin of a class, and its rule; null where the rules do not know it. */
export function ruleOf(about, className) {
  const place = about.rule_of[className];
  if (place === undefined) return null;
  const rule = about.rules.classes[place];
  return { rule, bin: about.rules.bins[rule.bin] };
}

export const colourOf = (about, className) => ruleOf(about, className)?.bin.colour ?? "#5f6368";

export const nameOf = (about, className) => {
  const found = ruleOf(about, className);
  return found ? choose(found.rule.name) : className;
};

const SAME_PLACE = 0.6; // IoU from which two boxes of different classes are one thing

/** Objects, the surest first, where others at the same place became what it could also be. */
export function oneForEachPlace(objects) {
  const kept = [];
  for (const one of objects) {
    const surer = kept.find((other) => overlap(other.box, one.box) >= SAME_PLACE);
    if (surer) surer.others.push(one.class_name);
    else kept.push({ ...one, box: [...one.box], others: [] });
  }
  return kept;
}

const areaOf = ([left, top, right, bottom]) => Math.max(right - left, 0) * Math.max(bottom - top, 0);

function overlap(a, b) {
  const shared = areaOf([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  return shared / (areaOf(a) + areaOf(b) - shared);
}

/** Cards for objects, those of one class together, the surest first. */
export function cardsOf(about, objects) {
  const groups = new Map();
  for (const one of objects) groups.set(one.class_name, [...(groups.get(one.class_name) ?? []), one]);
  return [...groups].map(([className, members]) => card(about, className, members));
}

function card(about, className, members) {
  const found = ruleOf(about, className);
  const made = element("article", "card", head(about, className, members, found));
  made.style.setProperty("--bin", colourOf(about, className));
  made.dataset.class = className;
  if (!found) {
    made.append(element("p", "steps", say("no_rule")));
    return made;
  }
  made.append(element("ol", "steps", ...found.rule.steps.map((step) => element("li", "", choose(step)))));
  if (found.rule.elsewhere.length) made.append(elsewhere(about, found.rule));
  return made;
}

function head(about, className, members, found) {
  const percent = Math.round(Math.max(...members.map((one) => one.score)) * 100);
  const times = members.length > 1 ? ` × ${members.length}` : "";
  const title = element("h3", "", `${nameOf(about, className)}${times}`);
  const made = element("header", "", title, element("p", "sure", say("sure", { percent })));
  if (found) made.prepend(element("p", "bin", choose(found.bin.name)));
  const others = new Set(members.flatMap((one) => one.others).filter((name) => name !== className));
  if (others.size) made.append(element("p", "or", say("or", { names: [...others].map((name) => nameOf(about, name)).join(", ") })));
  return made;
}

function elsewhere(about, rule) {
  const list = rule.elsewhere.map((one) => {
    const bin = about.rules.bins[one.bin];
    const where = element("strong", "where", choose(bin.name));
    where.style.setProperty("--bin", bin.colour);
    return element("li", "", choose(one.what), " ", element("span", "arrow", say("goes_to")), " ", where);
  });
  return element("details", "elsewhere", element("summary", "", say("not_here")), element("ul", "", ...list));
}
