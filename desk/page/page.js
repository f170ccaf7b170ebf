"use strict";
// All that comes from people, photos or models is put in as text, never as HTML.
const texts = JSON.parse(document.body.dataset.texts);
const find = (id) => document.getElementById(id);
const language = document.body.dataset.language;
let key = sessionStorage.getItem("key") || "";
let photo = null;
let number = 0; // of what was asked last: what comes late of an earlier one is not shown

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

async function call(path, options = {}) {
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch {
    throw new Error(texts.no_connection);
  }
  if (response.ok) return response;
  const known = { 401: texts.bad_key, 408: texts.too_slow, 413: texts.too_large, 422: texts.bad_photo, 429: texts.busy,
                  503: texts.busy, 504: texts.too_slow }[response.status];
  const detail = await response.json().then((problem) => problem.detail, () => "");
  const error = new Error([known || texts.failed, detail].filter(Boolean).join(" — "));
  error.status = response.status;
  throw error;
}

async function attempt(work, button, problem = find("problem")) {
  problem.textContent = "";
  if (button) button.disabled = true;
  try {
    await work();
  } catch (error) {
    problem.textContent = error.message;
  } finally {
    if (button) button.disabled = false;
  }
}

const percent = (share) => (share === null ? texts.uncalibrated : `${(100 * share).toFixed(1)} %`);
const verdict = (status) => texts[`verdict_${status}`] || status;

/* --- ask --- */

function show(file) {
  if (!file) return;
  photo = file;
  number++; // what is under way is about another photo
  URL.revokeObjectURL(find("shown").src);
  find("photo-name").textContent = file.name || texts.pasted;
  find("shown").src = URL.createObjectURL(file);
  find("stage").hidden = false;
  clear();
}

function clear() {
  const canvas = find("over");
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  find("answer").replaceChildren();
}

function surface() {
  const image = find("shown"), canvas = find("over");
  canvas.width = image.clientWidth;
  canvas.height = image.clientHeight;
  return canvas.getContext("2d");
}

function drawHeatmap(rows) {
  if (!rows || !rows.length) return;
  const context = surface(), { width, height } = context.canvas;
  const most = Math.max(...rows.flat());
  rows.forEach((row, y) => row.forEach((share, x) => {
    context.fillStyle = `rgba(255, 60, 0, ${most ? (0.6 * share) / most : 0})`;
    context.fillRect((x * width) / row.length, (y * height) / rows.length, width / row.length + 1, height / rows.length + 1);
  }));
}

function drawBoxes(lines) {
  const context = surface(), { width, height } = context.canvas;
  context.lineWidth = 2;
  for (const line of lines) {
    context.strokeStyle = line.status === "sure" ? "#00b050" : "#ff9800";
    context.beginPath();
    line.box.forEach(([x, y], corner) => context[corner ? "lineTo" : "moveTo"](x * width, y * height));
    context.closePath();
    context.stroke();
  }
}

function form(fields) {
  const made = new FormData();
  made.append("photo", photo, photo.name || "photo");
  for (const [name, value] of Object.entries(fields)) made.append(name, value);
  return made;
}

async function ask() {
  if (!photo) throw new Error(texts.photo_first);
  const question = find("question").value.trim(), mine = ++number;
  const product = sku();
  const fields = { question, heatmap: true, read_text: true, ...(product && { product }) };
  const response = await call("/v1/answers", { method: "POST", body: form(fields) });
  const { answers: [answer], product: found } = await response.json();
  const said = [answer.text, verdict(answer.status)].filter(Boolean);
  const entry = element("li", `${question} — ${said.join(" · ")}`);
  find("history").prepend(entry);
  if (mine !== number) return;
  clear();
  drawHeatmap(answer.heatmap);
  const box = find("answer");
  box.append(element("p", answer.text || texts.no_answer, "said"));
  const isEstimate = !["catalogue", "rule"].includes(answer.source);
  box.append(element("p", [
    verdict(answer.status),
    ...(isEstimate ? [`${texts.confidence}: ${percent(answer.confidence)}`] : []),
    `${texts.source}: ${texts[`source_${answer.source}`] || answer.source}`,
  ].join(" · "), `note ${answer.status}`));
  const reason = answer.source === "rule" ? "" : answer.reason;
  if (reason) box.append(element("p", reason, "note"));
  if (product && !found) box.append(element("p", texts.not_there, "note problem"));
  const others = answer.alternatives.filter((other) => other.text !== answer.text);
  if (others.length) {
    box.append(element("p", `${texts.alternatives}: ` +
      others.map((other) => `${other.text} (${percent(other.confidence)})`).join(", "), "note"));
  }
  if (answer.feedback_id !== null) {
    const note = element("p", texts.asked_a_person, "note");
    box.append(note);
    wait(answer.feedback_id, note, entry, question);
  }
}

async function wait(id, note, entry, question) {
  for (;;) {
    await new Promise((done) => setTimeout(done, 3000));
    let item;
    try {
      item = await (await call(`/v1/feedback/${id}`)).json();
    } catch {
      continue; // busy, or the desk starts anew
    }
    if (item.state === "open") continue;
    note.textContent = item.state === "answered" ? `${texts.person_says}: ${item.answer}` : texts.nobody_answers;
    const headline = note.parentNode && note.parentNode.querySelector(".said");
    if (headline && item.state === "answered") headline.textContent = item.answer;
    entry.textContent = `${question} — ${note.textContent}`;
    return;
  }
}

async function why() {
  if (!photo) throw new Error(texts.photo_first);
  const question = find("question").value.trim(), mine = ++number;
  if (!question) throw new Error(texts.question_first);
  const found = await (await call("/v1/explanations", { method: "POST", body: form({ question }) })).json();
  if (mine !== number) return;
  const context = surface();
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  drawHeatmap(found.drops);
  if (!find("answer").children.length) find("answer").append(element("p", found.answer.text || texts.no_answer, "said"));
  find("answer").append(element("p", texts.why_shown, "note"));
}

async function read() {
  if (!photo) throw new Error(texts.photo_first);
  const mine = ++number;
  const reading = await (await call("/v1/readings", { method: "POST", body: form({}) })).json();
  if (mine !== number) return;
  clear();
  drawBoxes(reading.lines);
  const lines = reading.lines.map((line) => (line.status === "sure" ? "" : "? ") + line.text);
  const codes = reading.codes.map((code) => `${code.kind}: ${code.text}`);
  find("answer").append(element("pre", [...lines, ...codes].join("\n") || texts.nothing_written));
}

/* --- what the shop knows --- */

const sku = () => (find("sku") ? find("sku").value.trim() : "");
const first = (byLanguage) => byLanguage[language] || Object.values(byLanguage)[0] || "";

function productLine(known) {
  const { amount, currency } = known.price || {};
  const price = !amount ? "" : language === "zh" ? `${amount} ${currency === "CNY" ? "元" : currency}` : `${currency} ${amount}`;
  const isThere = known.stock === null ? known.is_in_stock : known.stock > 0;
  const stock = isThere === null ? "" : isThere ? texts.in_stock : texts.sold_out;
  return [first(known.names), price, stock, ...Object.entries(first(known.attributes) || {}).map((pair) => pair.join(": "))]
    .filter(Boolean).join(" · ");
}

async function showFacts() {
  find("facts").textContent = "";
  if (!sku()) return;
  try {
    find("facts").textContent = productLine(await (await call(`/v1/products/${encodeURIComponent(sku())}`)).json());
  } catch (error) {
    throw error.status === 404 ? new Error(texts.not_there) : error;
  }
}

async function findSimilar() {
  const product = sku(), wish = find("wish").value.trim(), mine = ++number;
  find("understood").textContent = "";
  find("hits").replaceChildren();
  if (!photo && !product) throw new Error(texts.photo_first);
  const body = photo ? form({ wish, ...(product && { product }) }) : new FormData();
  if (!photo) for (const [name, value] of Object.entries({ wish, product })) body.append(name, value);
  const found = await (await call("/v1/similar", { method: "POST", body })).json();
  if (mine !== number) return;
  const words = (meanings) => [...new Set(meanings.map((one) => one.words || one))].join(", ");
  const told = { understood: found.understood, not_found: found.not_found, contradictions: found.contradictions,
                 not_understood: found.not_understood };
  find("understood").textContent = Object.entries(told).filter(([, meanings]) => meanings.length)
    .map(([name, meanings]) => `${texts[name]}: ${words(meanings)}`).join(" · ");
  find("hits").replaceChildren(...found.hits.map((hit) =>
    element("li", `${hit.sku} · ${productLine(hit.product)} (${hit.score.toFixed(3)})`)));
  if (!found.hits.length) find("hits").append(element("li", texts.empty));
}

function startAsking() {
  if (find("sku")) {
    find("sku").addEventListener("change", () => attempt(showFacts, null, find("similar-problem")));
    find("similar").addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(findSimilar, event.submitter, find("similar-problem"));
    });
  }
  for (const id of ["photo", "camera"]) find(id).addEventListener("change", (event) => show(event.target.files[0]));
  find("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(ask, event.submitter);
  });
  find("read").addEventListener("click", (event) => attempt(read, event.target));
  find("why").addEventListener("click", (event) => attempt(why, event.target));
  const drop = find("drop");
  addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  addEventListener("dragleave", () => drop.classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    show(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => show(event.clipboardData.files[0]));
}

/* --- inbox --- */

async function list() {
  const asked = new URLSearchParams({ state: find("state").value, limit: 20 }), mine = ++number;
  if (find("product").value.trim()) asked.set("product", find("product").value.trim());
  const items = await (await call(`/v1/feedback?${asked}`)).json();
  if (mine !== number) return;
  for (const image of document.querySelectorAll("#items img")) URL.revokeObjectURL(image.src);
  find("items").replaceChildren(...items.map(card));
  showPictures(items, mine);
  if (!items.length) find("items").append(element("li", texts.empty));
  await count();
}

async function count() {
  const counts = await (await call("/v1/feedback/counts")).json();
  const taken = counts.median_answer_s === null ? "" : ` · ${texts.median}: ${Math.round(counts.median_answer_s / 60)} ${texts.minutes}`;
  find("counts").textContent = `${texts.open}: ${counts.open} · ${texts.answered_by_people}: ${counts.answered} · ` +
    `${texts.dismissed}: ${counts.dismissed}${taken}`;
}

function card(item) {
  const made = element("li");
  made.append(element("p", item.question, "said"));
  const said = item.said && `${texts.said}: ${item.said} (${percent(item.confidence)})`; // a rule asks no model
  made.append(element("p", [item.product, said, `× ${item.times}`].filter(Boolean).join(" · "), "note"));
  made.id = `item-${item.id}`;
  if (item.state === "answered") made.append(element("p", `${texts.person_says}: ${item.answer}`, "note answered"));
  if (item.state === "open") made.append(...controls(item));
  return made;
}

async function showPictures(items, mine) { // one after the other: the shop's rate is for asking
  for (const item of items.filter((one) => one.has_photo)) {
    const into = find(`item-${item.id}`);
    if (mine !== number) return;
    if (!into) continue;
    try {
      const image = element("img");
      image.alt = texts.photo_of_question;
      image.src = URL.createObjectURL(await (await call(`/v1/feedback/${item.id}/photo`)).blob());
      into.insertBefore(image, into.children[1]);
    } catch (error) {
      into.append(element("p", error.status === 404 ? texts.no_photo : error.message, "note"));
    }
  }
}

function controls(item) {
  const form_ = element("form", undefined, "row"), label = element("label", texts.right_answer, "grow");
  const input = element("input");
  input.required = true;
  input.maxLength = 500;
  label.append(input);
  const send = element("button", texts.answer), dismiss = element("button", texts.dismiss);
  dismiss.type = "button";
  form_.append(label, send, dismiss);
  const close = (action, fields) => async () => {
    const body = new FormData();
    for (const [name, value] of Object.entries({ by: find("who").value, ...fields })) body.append(name, value);
    try {
      await call(`/v1/feedback/${item.id}/${action}`, { method: "POST", body });
    } catch (error) {
      if (error.status !== 409) throw error; // somebody has been faster: this card is done, too
      find("problem").textContent = error.message;
    }
    find(`item-${item.id}`).remove(); // the others stay, with what is being typed there
    await count();
    if (!find("items").children.length) await list();
  };
  form_.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(close("answer", { text: input.value }), send);
  });
  dismiss.addEventListener("click", () => attempt(close("dismiss", {}), dismiss));
  const suggestions = element("div", undefined, "suggestions");
  for (const text of new Set([item.said, ...item.suggestions].filter(Boolean))) {
    const button = element("button", text);
    button.type = "button";
    button.addEventListener("click", () => { input.value = text; input.focus(); });
    suggestions.append(button);
  }
  return [suggestions, form_];
}

/* --- both --- */

if (find("key-form")) {
  find("key").value = key;
  find("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    key = find("key").value.trim();
    sessionStorage.setItem("key", key);
    if (find("items")) attempt(list, event.submitter);
  });
}
if (find("ask")) startAsking();
if (find("items")) {
  find("state").addEventListener("change", () => attempt(list));
  find("filter").addEventListener("submit", (event) => { event.preventDefault(); attempt(list, event.submitter); });
  if (key || document.body.dataset.keyed === "no") attempt(list);
}
