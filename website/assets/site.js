// Extras for complete pages: ids, ages, filters, sorting.
(() => {
  "use strict";
  var query = new URLSearchParams(location.search), isFile = location.protocol === "file:";
  var all = (selector, root) => [...(root || document).querySelectorAll(selector)];

  // failure.html?id=… and run.html?id=…: a plain id is its own page name; older ones are in their month.
  var door = document.querySelector("[data-go]");
  if (door && query.has("id")) {
    var id = query.get("id"), noun = door.dataset.go;
    var odd = all("main li a").find((a) => a.textContent === id);
    var isPlain = id.length <= 200 && /^(?=[a-z0-9])(?:\dT(?=\d)|\dZ(?=-|$)|[a-z0-9._+~-])+$/.test(id);
    var start = (noun === "run" ? /^.+-((\d{4}-\d\d)-\d\dT\d\d-\d\d-\d\dZ)$/ : /^[^-]+-((\d{4}-\d\d)-\d\dT\d\d-\d\d-\d\dZ)-/).exec(id);
    if (odd) location.replace(odd.href);
    else if (isPlain && start && start[1] < door.dataset.since) location.replace("history/" + noun + "s-" + start[2] + ".html#" + noun[0] + "-" + id);
    else if (isPlain && start) location.replace(noun + "s/" + id + ".html");
    else door.textContent = "No page can be found by this id: " + id;
  }

  // Only the reader's clock knows that this page was the last one.
  var doubt = document.querySelector("[data-fresh-until]");
  if (doubt) doubt.hidden = !(Date.parse(doubt.dataset.freshUntil) < Date.now());

  all(".ago time").forEach((time) => {
    var minutes = Math.floor((Date.now() - Date.parse(time.dateTime)) / 60000);
    if (!(minutes >= 0)) return;
    var age = minutes < 60 ? minutes + " min" : minutes < 2880 ? Math.floor(minutes / 60) + " h" : Math.floor(minutes / 1440) + " d";
    time.after(" (" + age + " ago)");
  });

  function value(cell) {
    var time = cell.querySelector("time");
    return time ? time.dateTime || time.textContent : cell.textContent.trim();
  }

  function element(name, text) {
    var made = document.createElement(name);
    made.textContent = text;
    return made;
  }

  // A text, a text with its link (0: a status), or with several links.
  function fill(cell, content, root) {
    var text = plain(content), target = text === content ? "" : content[1], isTime = cell.className === "when" && text;
    if (Array.isArray(target)) {
      cell.append(text);
      target.forEach((pair, i) => { if (i) cell.append(", "); fill(cell, pair, root); });
      return;
    }
    var shown = element(isTime ? "time" : "bdi", text);
    if (target === 0) shown.className = "status s-" + text.replace(/ /g, "_");
    if (target) {
      var link = element("a", "");
      link.href = root + target;
      link.append(shown);
      shown = link;
    }
    cell.append(shown);
  }

  function plain(content) { return typeof content === "string" ? content : content[0]; }

  function makeFilter(form, table) {
    var body = table.tBodies[0], here = [...body.rows], head = [...table.tHead.rows[0].cells];
    var total = +form.dataset.total, whole = null, wanted = 0;
    var fields = [...form.elements].filter((field) => field.name);
    // Its rows are in other lists; only a server gives the file that has them.
    if (!here.length && isFile) return;
    var pager = document.querySelector(".pager"), output = form.querySelector("output");

    function column(key) { return head.findIndex((cell) => cell.dataset.key === key); }

    // What is the same in all rows of this list, which is a part of the list with the index.
    var preset = [...new URLSearchParams(form.dataset.preset || "")];

    function active() {
      var filled = fields.filter((field) => field.value);
      return filled.map((field) => [field.name, field.value]);
    }

    function tests(pairs, column, read) {
      return pairs.map((pair) => {
        var name = pair[0], text = pair[1];
        var i = name === "q" ? 0 : column(name === "from" || name === "to" ? "time" : name);
        return (row) => {
          var found = read(row, i);
          if (name === "q") return found.toLowerCase().includes(text.toLowerCase());
          if (name === "from") return found.slice(0, 10) >= text;
          if (name === "to") return found && found.slice(0, 10) <= text;
          return found === text;
        };
      });
    }

    function say(n, of, more) {
      output.textContent = n ? "Showing " + n + " of " + of + "." + more : "Nothing matches; " + of + " were looked at." + more;
    }

    function inPage() {
      var checks = tests(active(), column, (row, i) => value(row.cells[i])), n = 0;
      here.forEach((row) => {
        row.hidden = !checks.every((test) => test(row));
        if (!row.hidden) n += 1;
      });
      say(n, here.length, here.length < total ? " Only this page of " + total + " rows is filtered; the lists above are complete." : "");
    }

    function inWhole() {
      var columns = head.map((cell) => {
        return whole.columns.find((column) => column.label === cell.textContent);
      });
      function content(row, i) { return columns[i].values[columns[i].rows[row]]; }
      var own = whole.columns, found = [];
      function of(key) { return own.findIndex((column) => column.key === key); }
      var checks = tests(preset.concat(active()), of, (row, i) => plain(own[i].values[own[i].rows[row]]));
      for (var row = 0; row < own[0].rows.length; row += 1) {
        if (checks.every((test) => test(row))) found.push(row);
      }
      body.replaceChildren(...found.slice(0, 500).map((row) => {
        var made = element("tr", "");
        head.forEach((cell, i) => {
          var one = element(i ? "td" : "th", "");
          one.className = cell.className;
          if (i) one.dataset.label = cell.textContent; else one.scope = "row";
          fill(one, content(row, i), form.dataset.root);
          made.append(one);
        });
        return made;
      }));
      say(Math.min(found.length, 500), total, found.length > 500 ? " " + found.length + " match." : "");
    }

    function apply() {
      var given = new URLSearchParams(active()).toString(), turn = wanted += 1, search = given && "?" + given;
      history.replaceState(null, "", location.pathname + search + location.hash);
      all("a[data-carry]").forEach((link) => { link.search = search; });
      if (pager) pager.hidden = search && form.dataset.index && !isFile;
      if (!search) {
        here.forEach((row) => { row.hidden = false; });
        body.replaceChildren(...here);
        output.textContent = "";
      } else if (!form.dataset.index || isFile) {
        inPage();
      } else if (whole) {
        inWhole();
      } else {
        fetch(form.dataset.index).then((answer) => answer.json()).then((json) => {
          whole = json;
          if (turn === wanted) inWhole();
        }).catch(inPage);
      }
    }

    fields.forEach((field) => {
      var given = query.get(field.name);
      if (given === null) return;
      field.value = given;
      if (field.value !== given && field.options) field.add(new Option(given, given, true, true));
    });
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => { event.preventDefault(); apply(); });
    form.addEventListener("reset", () => { setTimeout(apply); });
    form.hidden = false;
    apply();
  }

  function makeSortable(table) {
    [...table.tHead.rows[0].cells].forEach((cell, i) => {
      var button = element("button", "");
      button.type = "button";
      button.append(...cell.childNodes);
      cell.append(button);
      button.addEventListener("click", () => {
        var sign = cell.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        all("[aria-sort]", table).forEach((other) => { other.removeAttribute("aria-sort"); });
        cell.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        var rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => {
          return sign * value(a.cells[i]).localeCompare(value(b.cells[i]), "en", { numeric: true });
        });
        table.tBodies[0].append(...rows);
      });
    });
  }

  all("form[data-filters]").forEach((form) => {
    var table = document.getElementById(form.dataset.filters);
    makeFilter(form, table);
    makeSortable(table);
  });
})();
