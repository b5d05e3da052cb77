// The page: a photo in, boxes and cards out, corrections back.

import { Boxes } from "./boxes.js";
import { cardsOf, nameOf, oneForEachPlace } from "./cards.js";
import { choose, currentLanguage, say, setLanguage } from "./words.js";

const at = (id) => document.getElementById(id);
const state = { about: null, file: null, found: null, draft: null, status: null };
const boxes = new Boxes(at("boxes"), showChosen);

// ---- talking to the server

async function call(path, form) {
  let answer;
  try {
    answer = await fetch(path, form ? { method: "POST", body: form } : {});
  } catch {
    throw { code: "network" };
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw body.error ?? { code: "failed", message: `HTTP ${answer.status}` };
  return body;
}

const limits = () => ({
  megabytes: Math.round(state.about.max_photo_bytes / 2 ** 20),
  megapixels: Math.round(state.about.max_photo_pixels / 1e6),
});

async function untilReady() {
  for (;;) {
    const health = await call("/api/health");
    if (health.state === "ready") return;
    if (health.state === "failed") throw { code: "model_failed", message: health.message };
    tell("loading");
    await new Promise((wake) => setTimeout(wake, 500));
  }
}

async function look(file) {
  if (!file) return;
  finishEditing();
  Object.assign(state, { file, found: null });
  document.body.classList.remove("answered"); // where it is no photo, another can be chosen
  at("result").hidden = true;
  document.body.classList.add("busy");
  try {
    await untilReady();
    tell("looking");
    const form = new FormData();
    form.append("photo", file);
    form.append("preview", "true");
    state.found = await call("/api/find", form);
    tell(null);
    showResult();
  } catch (error) {
    tell(error.code, { message: error.message }, true);
  } finally {
    document.body.classList.remove("busy");
  }
}

async function save() {
  const form = new FormData();
  form.append("photo", state.file);
  form.append("objects", JSON.stringify(state.draft.map(({ class_name, box }) => ({ class_name, box }))));
  at("save").disabled = true;
  tell("saving");
  try {
    const saved = await call("/api/corrections", form);
    state.found.objects = state.draft.map((one) => ({ ...one, score: 1 }));
    finishEditing();
    tell("saved", { count: saved.annotations, photos: saved.photos });
    showObjects();
  } catch (error) {
    tell(error.code, { message: error.message }, true);
  } finally {
    at("save").disabled = false;
  }
}

// ---- showing

function tell(key, values = {}, wrong = false) {
  state.status = key && { key, values, wrong };
  at("status").hidden = !key;
  at("status").classList.toggle("wrong", wrong);
  at("status").textContent = key ? say(key, { ...limits(), ...values }) : "";
  if (key) at("status").scrollIntoView({ block: "nearest" });
}

function showResult() {
  const { width, height, preview } = state.found;
  at("photo").src = preview;
  at("stage").style.setProperty("--ratio", `${width} / ${height}`);
  at("stage").style.setProperty("--aspect", width / height);
  at("result").hidden = false;
  document.body.classList.add("answered");
  showObjects();
  at("count").focus({ preventScroll: true });
  at("result").scrollIntoView({ block: "start" });
}

const shownObjects = () => oneForEachPlace(state.found.objects.filter((one) => one.score >= at("threshold").value / 100));

function showObjects() {
  at("shown").textContent = `${at("threshold").value}%`;
  if (!state.found) return;
  const shown = state.draft ?? shownObjects();
  boxes.show(state.about, state.found, shown, state.draft !== null);
  const count = shown.length;
  at("count").textContent = count ? say(count === 1 ? "found_one" : "found", { count }) : say("nothing");
  at("cards").replaceChildren(...cardsOf(state.about, shown));
  if (!count) at("cards").textContent = say("nothing_hint");
}

function showChosen() {
  const one = boxes.chosen;
  at("class").disabled = at("delete").disabled = !one;
  if (one) at("class").value = one.class_name;
  showObjects();
}

function startEditing() {
  state.draft = shownObjects();
  document.body.classList.add("correcting");
  at("editor").hidden = false;
  tell(null);
  showChosen();
}

function finishEditing() {
  state.draft = boxes.chosen = null;
  document.body.classList.remove("correcting");
  at("editor").hidden = true;
  showObjects();
}

function startAgain() {
  finishEditing();
  state.found = null;
  at("result").hidden = true;
  document.body.classList.remove("answered");
  tell(null);
  scrollTo({ top: 0 });
}

function showWords() {
  document.documentElement.lang = currentLanguage();
  document.title = `bunri · ${say("title")}`;
  for (const place of document.querySelectorAll("[data-text]")) place.textContent = say(textOf(place), limits());
  for (const button of document.querySelectorAll("[data-language]"))
    button.setAttribute("aria-pressed", String(button.dataset.language === currentLanguage()));
  const { model, members, rules, classes } = state.about;
  at("model").textContent = members.length > 1 ? say("members", { model, count: members.length }) : model;
  const { title, publisher, date, note } = rules.source;
  at("source").textContent = `${say("source", { title: choose(title), publisher: choose(publisher), date: choose(date) })} ${choose(note)}`;
  const chosen = at("class").value;
  at("class").replaceChildren(...classes.map((name) => new Option(nameOf(state.about, name), name)));
  if (chosen) at("class").value = chosen;
  if (state.status) tell(state.status.key, state.status.values, state.status.wrong);
  showObjects();
}

const textOf = ({ dataset: { text } }) => (text === "promise" && !state.about.corrections ? "promise_nothing" : text);

// ---- listening

function listen() {
  for (const input of [at("file"), at("camera")])
    input.addEventListener("change", () => {
      look(input.files[0]);
      input.value = "";
    });
  for (const button of document.querySelectorAll("[data-language]"))
    button.addEventListener("click", () => {
      setLanguage(button.dataset.language);
      showWords();
    });
  at("threshold").addEventListener("input", showObjects);
  at("correct").addEventListener("click", startEditing);
  at("cancel").addEventListener("click", finishEditing);
  at("again").addEventListener("click", startAgain);
  at("save").addEventListener("click", save);
  at("add").addEventListener("click", () => boxes.add());
  at("delete").addEventListener("click", () => boxes.chosen && boxes.remove(boxes.chosen));
  at("class").addEventListener("change", () => {
    boxes.chosen.class_name = at("class").value;
    boxes.choose(boxes.chosen);
  });
  addEventListener("paste", (event) => look(event.clipboardData?.files[0]));
  listenForDrops();
}

function listenForDrops() {
  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("dragging"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    look(event.dataTransfer.files[0]);
  });
}

async function begin() {
  state.about = await call("/api/about");
  at("correct").hidden = !state.about.corrections;
  listen();
  showWords();
  try {
    await untilReady();
    if (state.status?.key === "loading") tell(null);
  } catch (error) {
    tell(error.code, { message: error.message }, true);
  }
}

begin();
