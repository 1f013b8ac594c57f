"use strict";
// The pages work without this script. It adds refreshing in place, which the
// reader may switch off, and a filter for the configuration.

const box = document.getElementById("auto");
const interval = Number(document.body.dataset.refresh) || 15000;

function remember(on) {
  try { localStorage.setItem("auto", on ? "on" : "off"); } catch { /* private window */ }
}

function remembered() {
  try { return localStorage.getItem("auto") !== "off"; } catch { return true; }
}

// refresh replaces the contents with those of a fresh copy of the page, unless
// the reader is busy in them.
async function refresh() {
  const main = document.getElementById("main");
  const busy = main.contains(document.activeElement) || String(getSelection()) !== "";
  if (!box.checked || document.hidden || busy) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    if (!fresh) return;
    const scrolled = [...main.querySelectorAll(".data")].map((e) => e.scrollTop);
    main.replaceChildren(...fresh.childNodes);
    main.querySelectorAll(".data").forEach((e, i) => { e.scrollTop = scrolled[i] || 0; });
    filter();
  } catch { /* the server is away; the next turn tries again */ }
}

let wanted = "";

// filter hides the rows of the configuration that do not contain what was typed.
function filter() {
  const input = document.getElementById("filter");
  if (!input) return;
  input.hidden = false;
  input.value = wanted;
  const apply = () => {
    wanted = input.value;
    const text = wanted.toLowerCase();
    for (const row of document.querySelectorAll("#filtered tbody tr")) {
      row.hidden = !row.textContent.toLowerCase().includes(text);
    }
  };
  input.oninput = apply;
  apply();
}

document.querySelector(".auto").hidden = false;
box.checked = remembered();
box.onchange = () => { remember(box.checked); refresh(); };
setInterval(refresh, interval);
filter();
