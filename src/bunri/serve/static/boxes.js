// Boxes over the photo: shown, and drawn, moved, resized and deleted by mouse, finger and keyboard.
// All numbers are pixels of the photo; the layer is scaled by CSS percentages.

import { colourOf, element, nameOf } from "./cards.js";
import { say } from "./words.js";

const LEAST = 4; // pixels a side

export class Boxes {
  constructor(layer, onChange) {
    this.layer = layer;
    this.onChange = onChange;
    this.editing = false;
    this.chosen = null;
    this.objects = [];
    layer.addEventListener("pointerdown", (event) => this.#begin(event));
    layer.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Show objects of a photo {width, height}. */
  show(about, photo, objects, editing = false) {
    Object.assign(this, { about, photo, objects, editing });
    if (!objects.includes(this.chosen)) this.chosen = null;
    this.layer.classList.toggle("editing", editing);
    this.layer.replaceChildren(...objects.map((one) => this.#box(one)));
  }

  choose(one) {
    this.chosen = one;
    this.onChange(); // shows all anew
    if (one) this.layer.children[this.objects.indexOf(one)].focus({ preventScroll: true });
  }

  remove(one) {
    this.objects.splice(this.objects.indexOf(one), 1);
    this.choose(null);
  }

  #box(one) {
    const percent = Math.round(one.score * 100);
    const name = say("box", { name: nameOf(this.about, one.class_name), percent });
    const made = element("div", "box", element("span", "label", name));
    made.style.setProperty("--bin", colourOf(this.about, one.class_name));
    made.style.zIndex = String(Math.round(one.score * 1000)); // the surest on top
    this.#place(made, one.box);
    made.setAttribute("role", this.editing ? "button" : "img");
    made.setAttribute("aria-label", name);
    if (this.editing) {
      made.tabIndex = 0;
      made.classList.toggle("chosen", one === this.chosen);
      for (const corner of ["nw", "ne", "sw", "se"]) {
        const handle = element("i", `handle ${corner}`);
        handle.dataset.corner = corner;
        made.append(handle);
      }
    }
    return made;
  }

  #place(made, [left, top, right, bottom]) {
    const { width, height } = this.photo;
    const share = (value, whole) => `${(100 * value) / whole}%`;
    made.style.left = share(left, width);
    made.style.top = share(top, height);
    made.style.width = share(right - left, width);
    made.style.height = share(bottom - top, height);
    made.classList.toggle("high", top < height * 0.08);
  }

  #point(event) {
    const frame = this.layer.getBoundingClientRect();
    const x = ((event.clientX - frame.left) / frame.width) * this.photo.width;
    const y = ((event.clientY - frame.top) / frame.height) * this.photo.height;
    return [clamp(x, this.photo.width), clamp(y, this.photo.height)];
  }

  #begin(event) {
    if (!this.editing || event.button > 0) return;
    event.preventDefault();
    const start = this.#point(event);
    const place = [...this.layer.children].indexOf(event.target.closest(".box"));
    const one = place < 0 ? this.#new([...start, ...start]) : this.objects[place];
    const corner = place < 0 ? "se" : event.target.dataset.corner;
    const before = [...one.box];
    if (one !== this.chosen) this.choose(one);
    const move = (moved) => {
      const [x, y] = this.#point(moved);
      one.box = changed(before, corner, x - start[0], y - start[1], this.photo);
      this.#place(this.layer.children[this.objects.indexOf(one)], one.box);
    };
    const end = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      this.#settle(one);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  }

  /** Add a box in the middle, to be moved by keys too. */
  add() {
    const { width, height } = this.photo;
    this.#new([width / 4, height / 4, (3 * width) / 4, (3 * height) / 4]);
  }

  #new(box) {
    const class_name = this.chosen?.class_name ?? this.about.classes[0];
    const one = { class_name, score: 1, box, others: [] };
    this.objects.push(one);
    this.choose(one);
    return one;
  }

  #settle(one) {
    const [left, top, right, bottom] = one.box;
    if (right - left < LEAST || bottom - top < LEAST) this.remove(one);
    else this.choose(one);
  }

  #key(event) {
    const one = this.objects[[...this.layer.children].indexOf(event.target.closest(".box"))];
    if (!this.editing || !one) return;
    const step = Math.max(this.photo.width, this.photo.height) / 100;
    const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key] ?? [];
    if (event.key === "Delete" || event.key === "Backspace") this.remove(one);
    else if (event.key === "Enter" || event.key === " ") this.choose(one);
    else if (dx !== undefined) {
      const moved = changed(one.box, event.shiftKey ? "se" : undefined, dx, dy, this.photo);
      if (moved[2] - moved[0] >= LEAST && moved[3] - moved[1] >= LEAST) one.box = moved;
      this.choose(one);
    } else return;
    event.preventDefault();
  }
}

const clamp = (value, most) => Math.min(Math.max(value, 0), most);

/** A box of which a corner, or all of it, has been moved; it stays on the photo and its sides stay in order. */
function changed([left, top, right, bottom], corner, dx, dy, { width, height }) {
  if (!corner) {
    const x = clamp(left + dx, width - (right - left)) - left;
    const y = clamp(top + dy, height - (bottom - top)) - top;
    return [left + x, top + y, right + x, bottom + y];
  }
  const xs = corner.includes("w") ? [left + dx, right] : [left, right + dx];
  const ys = corner.includes("n") ? [top + dy, bottom] : [top, bottom + dy];
  const [x0, x1] = xs.map((value) => clamp(value, width)).sort((a, b) => a - b);
  const [y0, y1] = ys.map((value) => clamp(value, height)).sort((a, b) => a - b);
  return [x0, y0, x1, y1];
}
