"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const { seconds } = JSON.parse(at("settings").textContent);
  const rows = new Map(), drawn = new Map();
  let latest = null;

  const make = (tag, className = "", text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
  const change = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  const whole = (value) => (value === null ? "–" : Math.round(value).toLocaleString("en"));
  const points = (value, digits) => (value === null ? "–" : value.toFixed(digits));
  const duration = (value) => {
    if (value === null) return "–";
    const minutes = Math.floor(value / 60), hours = Math.floor(minutes / 60);
    if (hours) return say("watch.hours", { h: hours, m: String(minutes % 60).padStart(2, "0") });
    return minutes ? say("watch.minutes", { m: minutes, s: String(Math.floor(value % 60)).padStart(2, "0") }) : say("watch.seconds", { s: Math.floor(value) });
  };
  const word = (status) => (["new", "running", "stopped", "stopped_early", "failed", "done", "broken"].includes(status) ? say(`status.${status}`) : status);

  // ---- one run is one row, which is changed and never made anew, so that what is open stays open
  const newRow = (run) => {
    const row = make("tr"), head = make("th", "", run.label), state = make("td", "state"), progress = make("td", "progress");
    head.scope = "row";
    const badge = make("span", "status"), phase = make("span", "phase"), trouble = make("div", "trouble");
    const message = make("div"), read = make("div"), details = make("details"), tail = make("pre");
    details.append(make("summary"), tail);
    trouble.append(message, read, details);
    state.append(badge, phase, trouble);
    const bar = make("progress"), percent = make("span");
    bar.max = 1;
    bar.setAttribute("aria-label", run.label);
    progress.append(bar, percent);
    const cells = ["left", "took", "step", "epoch", "score", "sign"].map((name) => make("td", name));
    row.append(head, state, progress, ...cells);
    return { row, badge, phase, trouble, message, read, details, tail, bar, percent, cells };
  };

  const fill = (parts, run) => {
    parts.badge.className = `status status-${run.status}${run.is_silent ? " is-silent" : ""}`;
    change(parts.badge, run.is_silent ? say("watch.silent") : word(run.status));
    change(parts.phase, run.phase ? say(`watch.phase.${run.phase}`) : "");
    parts.trouble.hidden = !run.message || run.status === "done";
    change(parts.message, run.message);
    change(parts.read, run.log ? `${say("watch.read")} ${run.log}` : "");
    parts.details.hidden = !run.tail;
    change(parts.details.firstChild, say("watch.tail"));
    change(parts.tail, run.tail);
    parts.bar.value = run.share ?? 0;
    change(parts.percent, run.share === null ? "–" : `${Math.floor(run.share * 100)}%`);
    const texts = [duration(run.seconds_left), duration(run.seconds), whole(run.step), points(run.epoch, 1), points(run.mAP50, 3), run.quiet_seconds === null ? "–" : say("watch.ago", { time: duration(run.quiet_seconds) })];
    parts.cells.forEach((cell, k) => change(cell, texts[k]));
  };

  const fits = (run) => (!at("by-status").value || run.status === at("by-status").value) && run.label.toLowerCase().includes(at("by-name").value.trim().toLowerCase());

  const showRuns = () => {
    for (const [label, parts] of rows) if (!latest.runs.some((run) => run.label === label)) { parts.row.remove(); rows.delete(label); }
    latest.runs.forEach((run, place) => {
      if (!rows.has(run.label)) rows.set(run.label, newRow(run));
      const parts = rows.get(run.label);
      fill(parts, run);
      parts.row.hidden = !fits(run);
      if (at("rows").children[place] !== parts.row) at("rows").insertBefore(parts.row, at("rows").children[place] ?? null);
    });
    at("none").hidden = latest.runs.length > 0;
    at("left-out").hidden = !latest.left_out;
    change(at("left-out"), say("watch.left_out", { shown: whole(latest.runs.length), left_out: whole(latest.left_out) }));
  };

  const showCounts = () => {
    const { counts } = latest;
    const text = ["running", "done", "failed", "stopped", "stopped_early", "broken", "new"].filter((status) => counts[status]).map((status) => [counts[status], word(status)]);
    const key = JSON.stringify(text);
    if (drawn.get("counts") === key) return;
    drawn.set("counts", key);
    at("counts").replaceChildren(...text.map(([count, name]) => { const part = make("span"); part.append(make("b", "", count), ` ${name}`); return part; }));
    document.title = `${counts.running ?? 0} ${word("running")} · bunri watch`;
  };

  // A figure is drawn again only when it has changed, so that what is pointed at stays pointed at.
  const showCurves = () => {
    const names = JSON.stringify(latest.names);
    if (drawn.get("names") !== names) { drawn.set("names", names); at("names").replaceChildren(); drawNames(at("names"), latest.names); }
    for (const element of document.querySelectorAll("[data-curve]")) {
      const spec = latest.figures[element.dataset.curve] ?? { kind: "lines", x: "chart.iteration", series: [] };
      const key = JSON.stringify(spec);
      if (drawn.get(element) === key) continue;
      drawn.set(element, key);
      drawChart(element, spec);
    }
  };

  const show = () => {
    if (!latest) return;
    change(at("roots"), latest.roots.join(", "));
    showCounts();
    showRuns();
    showCurves();
  };

  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch("runs.json");
        if (!answer.ok) throw new Error(answer.status);
        latest = await answer.json();
        at("away").hidden = true;
        show();
      } catch { at("away").hidden = false; }
    }
    setTimeout(look, seconds * 1000);
  };

  at("filters").addEventListener("input", show);
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target === at("by-name")) { at("by-name").value = ""; at("by-name").blur(); show(); }
    if (event.key !== "/" || event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    at("by-name").focus();
  });
  onLanguage(() => { drawn.delete("counts"); show(); });
  look();
})();
