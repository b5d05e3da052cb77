"use strict";
// Figures drawn as SVG from their facts: lines over a common axis, and values with their intervals.
// drawCharts(root) draws all .chart in root when they come into sight; drawChart(element, spec) draws one again.
const { drawChart, drawCharts, drawNames } = (() => {
  const DASHES = ["", "6 3", "2 3", "8 3 2 3", "12 4"];
  const hidden = new Set();
  const specs = new Map();

  const svg = (tag, attributes = {}, text = "") => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== "") element.textContent = text;
    return element;
  };
  const html = (tag, className = "", text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
  const colour = (series) => (series.bold ? "var(--ink)" : `var(--c${series.colour % 8})`);

  const short = (value) => {
    const size = Math.abs(value);
    if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
    if (size >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
    if (size !== 0 && size < 1e-4) return value.toExponential(0).replace("e-", "e−");
    return String(+value.toPrecision(3));
  };

  // About `count` round values that lie in [low, high]; some floor and ceiling of 1, 2 or 5 times a power of ten.
  const ticks = (low, high, count) => {
    const raw = (high - low || 1) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((part) => part * power).find((candidate) => candidate >= raw * 0.999);
    const values = [];
    for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-9; value += step) values.push(value);
    return values;
  };

  const extent = (values, padding) => {
    const known = values.filter((value) => value !== null && Number.isFinite(value));
    if (!known.length) return [0, 1];
    let low = known[0], high = known[0];
    for (const value of known) { low = Math.min(low, value); high = Math.max(high, value); }
    if (low === high) return [low - (Math.abs(low) || 1) * 0.1, high + (Math.abs(high) || 1) * 0.1];
    return [low - (high - low) * padding, high + (high - low) * padding];
  };

  // All but the highest fiftieth: a loss begins far above where it is read.
  const withoutPeaks = (values) => {
    const known = values.filter((value) => value !== null).sort((a, b) => a - b);
    return known.slice(0, Math.max(Math.ceil(known.length * 0.97), 2));
  };

  const path = (series, x, y) => {
    let drawn = "", pen = "M";
    series.x.forEach((at, k) => {
      if (series.y[k] === null) { pen = "M"; return; }
      drawn += `${pen}${x(at).toFixed(1)} ${Math.max(y(series.y[k]), 0).toFixed(1)}`;
      pen = "L";
    });
    return drawn;
  };

  const axes = (figure, box, xTicks, yTicks, x, y) => {
    for (const value of yTicks) {
      figure.append(svg("line", { class: "grid-line", x1: box.left, x2: box.right, y1: y(value), y2: y(value) }));
      figure.append(svg("text", { x: box.left - 6, y: y(value), dy: "0.35em", "text-anchor": "end" }, short(value)));
    }
    for (const value of xTicks)
      figure.append(svg("text", { x: x(value), y: box.bottom + 15, "text-anchor": "middle" }, short(value)));
  };

  const lines = (element, spec) => {
    const width = Math.max(element.clientWidth, 160), height = spec.height ?? 220;
    const box = { left: 42, right: width - 8, top: 8, bottom: height - (spec.x ? 34 : 22) };
    const shown = spec.series.filter((series) => !hidden.has(series.name));
    const [x0, x1] = spec.xRange ?? extent(spec.series.flatMap((series) => series.x), 0);
    const [y0, y1] = spec.yRange ?? extent((spec.peaks ? withoutPeaks : (all) => all)(shown.flatMap((series) => series.y)), 0.05);
    const x = (value) => box.left + ((value - x0) / (x1 - x0)) * (box.right - box.left);
    const y = (value) => box.bottom - ((value - y0) / (y1 - y0)) * (box.bottom - box.top);
    const figure = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" });
    axes(figure, box, ticks(x0, x1, width < 300 ? 3 : 5), ticks(y0, y1, 4), x, y);
    if (spec.diagonal) figure.append(svg("line", { class: "diagonal", x1: x(x0), y1: y(y0), x2: x(x1), y2: y(y1) }));
    if (spec.x) figure.append(svg("text", { x: (box.left + box.right) / 2, y: height - 3, "text-anchor": "middle" }, say(spec.x)));
    for (const series of shown) {
      const attributes = { class: `series${series.bold ? " bold" : ""}`, stroke: colour(series), d: path(series, x, y) };
      if (DASHES[series.dash ?? 0]) attributes["stroke-dasharray"] = DASHES[series.dash % DASHES.length];
      figure.append(svg("path", attributes));
      if (spec.marks && series.x.length < 25)
        series.x.forEach((at, k) => series.y[k] !== null && figure.append(svg("circle", { cx: x(at), cy: y(series.y[k]), r: 2.4, fill: colour(series) })));
    }
    pointed(element, figure, shown, box, (pixel) => x0 + ((pixel - box.left) / (box.right - box.left)) * (x1 - x0), x);
    return figure;
  };

  // What lies under the pointer: the nearest point of every line, the highest first.
  const pointed = (element, figure, shown, box, value, x) => {
    const cursor = svg("line", { class: "cursor", y1: box.top, y2: box.bottom, visibility: "hidden" });
    const tip = html("div", "tip");
    tip.hidden = true;
    figure.append(cursor);
    const leave = () => { tip.hidden = true; cursor.setAttribute("visibility", "hidden"); };
    figure.addEventListener("pointerleave", leave);
    figure.addEventListener("pointermove", (event) => {
      const at = value(event.clientX - figure.getBoundingClientRect().left);
      const points = shown.map((series) => ({ series, ...nearest(series, at) })).filter((point) => point.y !== undefined);
      if (!points.length) return leave();
      points.sort((a, b) => b.y - a.y);
      const main = points.reduce((best, point) => (Math.abs(point.x - at) < Math.abs(best.x - at) ? point : best));
      tip.replaceChildren(html("i", "", short(main.x)), ...points.slice(0, 12).map(({ series, y }) => {
        const line = html("div"), key = html("span", "series-key");
        key.style.color = colour(series);
        line.append(key, `${series.label ?? series.name} `, html("b", "", y.toPrecision(4)));
        return line;
      }));
      tip.hidden = false;
      cursor.setAttribute("visibility", "visible");
      for (const end of ["x1", "x2"]) cursor.setAttribute(end, x(main.x));
      const right = x(main.x) > (box.left + box.right) / 2;
      tip.style.left = right ? "" : `${x(main.x) + 10}px`;
      tip.style.right = right ? `${element.clientWidth - x(main.x) + 10}px` : "";
    });
    element.append(tip);
  };

  const nearest = (series, at) => {
    let best = {};
    series.x.forEach((x, k) => {
      if (series.y[k] !== null && (best.x === undefined || Math.abs(x - at) < Math.abs(best.x - at))) best = { x, y: series.y[k] };
    });
    return best;
  };

  const intervals = (element, spec) => {
    const width = Math.max(element.clientWidth, 160), narrow = width < 520, row = narrow ? 38 : 25;
    const longest = Math.max(...spec.rows.map((each) => each.name.length));
    const left = narrow ? 4 : Math.min(longest * 7.3 + 14, width * 0.42);
    const box = { left, right: width - 12, top: 6, bottom: 6 + row * spec.rows.length };
    const values = spec.rows.flatMap((each) => [each.value, each.low, each.high, each.test ?? null]);
    const [x0, x1] = extent(spec.zero ? [...values, 0] : values, 0.04);
    const x = (value) => box.left + ((value - x0) / (x1 - x0)) * (box.right - box.left);
    const height = box.bottom + 22;
    const figure = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" });
    for (const value of ticks(x0, x1, narrow ? 4 : 7)) {
      const kind = spec.zero && Math.abs(value) < 1e-12 ? "zero" : "grid-line";
      figure.append(svg("line", { class: kind, x1: x(value), x2: x(value), y1: box.top, y2: box.bottom }));
      figure.append(svg("text", { x: x(value), y: box.bottom + 15, "text-anchor": "middle" }, short(value)));
    }
    spec.rows.forEach((each, k) => figure.append(...intervalRow(each, x, box, box.top + row * (k + (narrow ? 0.72 : 0.5)), narrow)));
    return figure;
  };

  const intervalRow = (each, x, box, y, narrow) => {
    const paint = each.bold ? "var(--ink)" : "var(--c0)", parts = [];
    const place = narrow ? { x: box.left, y: y - 10 } : { x: box.left - 12, y, dy: "0.35em", "text-anchor": "end" };
    parts.push(svg("text", { class: "name", ...place, ...(each.bold ? { "font-weight": 650 } : {}) }, each.name));
    if (each.low !== null && each.high !== null)
      parts.push(svg("line", { x1: x(each.low), x2: x(each.high), y1: y, y2: y, stroke: paint, "stroke-width": 2, "stroke-opacity": 0.55 }));
    if (each.value !== null) parts.push(svg("circle", { cx: x(each.value), cy: y, r: 4.6, fill: paint }));
    if (each.test !== undefined && each.test !== null)
      parts.push(svg("rect", { x: -4, y: -4, width: 8, height: 8, transform: `translate(${x(each.test)} ${y}) rotate(45)`, fill: "none", stroke: "var(--c4)", "stroke-width": 2 }));
    return parts;
  };

  const drawChart = (element, spec) => {
    specs.set(element, spec);
    element.querySelectorAll("svg, .tip").forEach((old) => old.remove());
    element.append((spec.kind === "intervals" ? intervals : lines)(element, spec));
  };
  const redraw = () => {
    for (const [element, spec] of specs) element.isConnected ? drawChart(element, spec) : specs.delete(element);
  };

  // Names of lines as buttons, for all figures of a page that have a line of that name.
  const drawNames = (element, names = JSON.parse(element.querySelector("script").textContent)) => {
    element.append(...names.map((series) => {
      const button = html("button"), key = html("span", "series-key");
      key.style.color = colour(series);
      if (series.dash) key.style.borderTopStyle = series.dash % 2 ? "dashed" : "dotted";
      button.append(key, series.name);
      button.setAttribute("aria-pressed", String(!hidden.has(series.name)));
      button.addEventListener("click", () => {
        hidden.has(series.name) ? hidden.delete(series.name) : hidden.add(series.name);
        for (const other of document.querySelectorAll(".names button"))
          if (other.textContent === series.name) other.setAttribute("aria-pressed", String(!hidden.has(series.name)));
        redraw();
      });
      return button;
    }));
  };

  const sight = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      sight.unobserve(target);
      drawChart(target, JSON.parse(target.querySelector("script").textContent));
    }
  }, { rootMargin: "400px" });

  const drawCharts = (root) => {
    for (const element of root.querySelectorAll(".chart")) sight.observe(element);
    root.querySelectorAll(".names").forEach((element) => drawNames(element));
  };

  let width = document.documentElement.clientWidth;
  addEventListener("resize", () => {
    if (document.documentElement.clientWidth !== width) { width = document.documentElement.clientWidth; redraw(); }
  });
  document.addEventListener("toggle", redraw, true);
  onLanguage(redraw);
  return { drawChart, drawCharts, drawNames };
})();
