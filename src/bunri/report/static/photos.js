"use strict";
// The browser of pictures: filters, a list of thumbnails that are made when they come into sight, and one photo large.
const startBrowser = (browser) => {
  const facts = photoFacts(browser);
  const at = (id) => document.getElementById(id);
  const CHUNK = 90, CROWDED = innerWidth < 600 ? 5 : 12;
  let numbers = [], drawn = 0, current = 0, enlarged = null;

  const svg = (tag, attributes = {}, text = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text) element.textContent = text;
    return element;
  };
  const picture = (number) => (browser.thumbs[number] ? `data:image/webp;base64,${browser.thumbs[number]}` : null);

  const wanted = () => ({
    name: at("by-name").value.trim(),
    label: at("by-class").value === "" ? null : Number(at("by-class").value),
    mistake: at("by-mistake").value,
    judge: Number(at("judge").value),
    agreement: at("by-agreement")?.value ?? "any",
    score: Number(at("by-score").value),
    order: at("order").value,
  });

  const shown = browser.members.map((member, k) => {
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    const label = document.createElement("label");
    label.append(box, member.name);
    at("shown").append(label);
    box.addEventListener("change", drawPhoto);
    return { k, box };
  });

  // ---- the list
  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      if (target.dataset.end) { target.remove(); drawChunk(); continue; }
      const uri = picture(Number(target.dataset.number));
      if (uri) target.prepend(Object.assign(document.createElement("img"), { src: uri, alt: "", decoding: "async" }));
    }
  }, { root: at("thumbs"), rootMargin: "200px" });

  const thumb = (place) => {
    const number = numbers[place], photo = browser.photos[number], { judge, score } = wanted();
    const count = facts.mistakes(photo, judge, score).length;
    const element = document.createElement("div");
    Object.assign(element, { className: "thumb", tabIndex: -1, title: photo.name });
    element.setAttribute("role", "option");
    element.setAttribute("aria-selected", "false");
    element.append(Object.assign(document.createElement("span"), { className: "unseen", textContent: `${photo.name}: ${inWords(count)}` }));
    Object.assign(element.dataset, { number, place });
    if (count) element.append(Object.assign(document.createElement("b"), { textContent: count, ariaHidden: "true" }));
    observer.observe(element);
    return element;
  };
  const inWords = (count) => (count === 1 ? say("photos.one_mistake") : say("photos.mistakes", { n: count }));

  const drawChunk = () => {
    const end = Math.min(drawn + CHUNK, numbers.length);
    for (; drawn < end; drawn++) at("thumbs").append(thumb(drawn));
    if (drawn === numbers.length) return;
    const sentinel = Object.assign(document.createElement("div"), { className: "unseen" });
    sentinel.dataset.end = "1";
    sentinel.setAttribute("role", "presentation");
    at("thumbs").append(sentinel);
    observer.observe(sentinel);
  };

  const refresh = () => {
    const before = browser.photos[numbers[current]]?.name;
    at("by-score-value").textContent = (wanted().score / 100).toFixed(2);
    numbers = facts.chosen(wanted());
    drawn = 0;
    at("thumbs").replaceChildren();
    at("thumbs").scrollTop = 0;
    drawChunk();
    at("photo-count").textContent = say("photos.count", { shown: numbers.length.toLocaleString(), all: browser.photos.length.toLocaleString() });
    const kept = numbers.findIndex((number) => browser.photos[number].name === before);
    select(kept > 0 && kept < CHUNK ? kept : 0, false);
  };

  const select = (place, focus = true) => {
    current = Math.max(0, Math.min(place, numbers.length - 1));
    while (drawn <= current && drawn < numbers.length) { at("thumbs").querySelector("[data-end]")?.remove(); drawChunk(); }
    for (const old of at("thumbs").querySelectorAll('[aria-selected="true"]')) {
      old.setAttribute("aria-selected", "false");
      old.tabIndex = -1;
    }
    const element = at("thumbs").querySelector(`[data-place="${current}"]`);
    if (element) {
      element.setAttribute("aria-selected", "true");
      element.tabIndex = 0;
      if (focus) { element.focus({ preventScroll: true }); element.scrollIntoView({ block: "nearest", inline: "nearest" }); }
    }
    drawPhoto();
  };

  // ---- one photo
  function drawPhoto() {
    const number = numbers[current], photo = browser.photos[number];
    at("panels").replaceChildren();
    at("photo-name").textContent = photo ? photo.name : "";
    at("photo-mistakes").textContent = photo ? inWords(facts.mistakes(photo, wanted().judge, wanted().score).length) : say("photos.nothing_fits");
    at("photo-words").textContent = "";
    if (!photo) return;
    const { score, judge } = wanted();
    const panels = [panel(number, "truth", say("photos.truth"), facts.objects(photo))];
    for (const { k, box } of shown) {
      if (!box.checked) continue;
      const seen = photo.boxes[k] !== null, mistakes = seen ? inWords(facts.mistakes(photo, k, score).length) : say("photos.not_seen");
      panels.push(panel(number, String(k), browser.members[k].name, seen ? [...facts.missed(photo, k, score), ...facts.boxes(photo, k, score)] : [], mistakes));
    }
    at("panels").append(...panels);
    at("photo-words").textContent = `${photo.name}. ${say("photos.truth")}: ${words(facts.objects(photo))}. ${browser.members[judge].name}: ${words([...facts.missed(photo, judge, score), ...facts.boxes(photo, judge, score)])}`;
    scaleLabels();
  }

  const words = (boxes) => {
    const parts = boxes.map((box) => (box.kind === "truth" ? browser.classes[box.label] : `${browser.classes[box.label]} (${say(`kind.${box.kind}`)})`));
    return parts.join(", ") || say("photos.no_boxes");
  };

  const panel = (number, id, title, boxes, note = "") => {
    const [width, height] = browser.photos[number].size, uri = picture(number);
    const element = Object.assign(document.createElement("button"), { type: "button", className: "panel" });
    element.setAttribute("aria-expanded", String(enlarged === id));
    element.addEventListener("click", () => { enlarged = enlarged === id ? null : id; drawPhoto(); at("panels").querySelector(`[data-id="${id}"]`)?.focus(); });
    element.dataset.id = id;
    const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    if (uri) drawing.append(svg("image", { href: uri, width, height, preserveAspectRatio: "none" }));
    else drawing.append(svg("text", { x: width / 2, y: height / 2, "text-anchor": "middle", class: "label" }, say("photos.no_picture")));
    const labelled = enlarged === id || boxes.length <= CROWDED;
    drawing.append(...boxes.map((box) => drawBox(box, width, labelled)));
    const caption = Object.assign(document.createElement("span"), { className: "panel-title" });
    caption.append(Object.assign(document.createElement("b"), { textContent: title }), " ", Object.assign(document.createElement("span"), { textContent: note }));
    element.append(caption, Object.assign(document.createElement("span"), { className: "unseen", textContent: `: ${words(boxes)}` }), drawing);
    return element;
  };

  const drawBox = ({ label, percent, kind, x, y, width, height }, photoWidth, labelled) => {
    const group = svg("g", { class: `box box-${kind}` });
    const text = percent === undefined ? browser.classes[label] : `${browser.classes[label]} ${(percent / 100).toFixed(2)}`;
    const low = kind === "missed", right = x > 0.6 * photoWidth;
    group.append(svg("rect", { x, y, width, height }));
    if (labelled) group.append(svg("text", { class: "label", x: right ? x + width - 3 : x + 3, y: low ? y + height : y, dy: low ? "-0.35em" : "1em", ...(right ? { "text-anchor": "end" } : {}) }, text));
    return group;
  };

  // Labels keep their size on the screen, however large the photo is.
  const scaleLabels = () => {
    for (const drawing of at("panels").querySelectorAll("svg")) {
      const scale = drawing.viewBox.baseVal.width / Math.max(drawing.clientWidth, 1);
      for (const text of drawing.querySelectorAll(".label")) {
        text.style.fontSize = `${11 * scale}px`;
        text.style.strokeWidth = `${3 * scale}px`;
        keepInside(text, drawing.viewBox.baseVal.width);
      }
    }
  };

  const keepInside = (text, width) => {
    text.dataset.x ??= text.getAttribute("x");
    const x = Number(text.dataset.x), length = text.getComputedTextLength(), room = 3;
    if (text.getAttribute("text-anchor") === "end") text.setAttribute("x", Math.max(x, length + room));
    else if (!text.hasAttribute("text-anchor")) text.setAttribute("x", Math.max(room, Math.min(x, width - length - room)));
  };

  // ---- keys
  const columns = () => getComputedStyle(at("thumbs")).gridTemplateColumns.split(" ").length;
  const steps = { ArrowLeft: () => current - 1, ArrowRight: () => current + 1, ArrowUp: () => current - columns(), ArrowDown: () => current + columns(), Home: () => 0, End: () => numbers.length - 1 };
  const isTyping = (element) => element.matches("input, select, textarea");
  at("photos").addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isTyping(event.target)) { event.preventDefault(); select(current); return; }
    if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey || !steps[event.key]) return;
    event.preventDefault();
    select(steps[event.key]());
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    at("by-name").scrollIntoView({ block: "center" });
    at("by-name").focus();
    at("by-name").select();
  });
  at("thumbs").addEventListener("click", (event) => {
    const element = event.target.closest(".thumb");
    if (element) select(Number(element.dataset.place));
  });
  at("filters").addEventListener("input", refresh);
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("resize", scaleLabels);
  onLanguage(refresh);
  refresh();
};
