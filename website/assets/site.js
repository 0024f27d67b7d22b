// Extras for a page that is complete without them: ids, ages, filters, sorting.
(function () {
  "use strict";
  var query = new URLSearchParams(location.search);

  // failure.html?id=… and run.html?id=…: an id made of plain characters is its own page name.
  var door = document.querySelector("[data-go]");
  if (door && query.has("id")) {
    var id = query.get("id");
    if (id.length <= 200 && /^(?=[a-z0-9])(?:\dT(?=\d)|\dZ(?=-|$)|[a-z0-9._+~-])+$/.test(id)) {
      location.replace(door.dataset.go + id + ".html");
    } else {
      door.textContent = "No page can be found by this id: " + id;
    }
  }

  // A static page cannot know that it is the last one that was built; the reader's clock can.
  var doubt = document.querySelector("[data-fresh-until]");
  if (doubt) doubt.hidden = !(Date.parse(doubt.dataset.freshUntil) < Date.now());

  // Ages, beside the instants that the page already shows.
  document.querySelectorAll(".ago time").forEach(function (time) {
    var minutes = Math.floor((Date.now() - Date.parse(time.dateTime)) / 60000);
    if (!(minutes >= 0)) return;
    var age = minutes < 60 ? minutes + " min" : minutes < 2880 ? Math.floor(minutes / 60) + " h" : Math.floor(minutes / 1440) + " d";
    time.parentNode.append(" (" + age + " ago)");
  });

  function columns(table) {
    var keys = {};
    Array.from(table.tHead.rows[0].cells).forEach(function (cell, i) {
      if (cell.dataset.key) keys[cell.dataset.key] = i;
    });
    return keys;
  }

  function value(row, i) {
    var time = row.cells[i].querySelector("time");
    return time ? time.dateTime : row.cells[i].textContent.trim();
  }

  function makeFilter(form, table) {
    var keys = columns(table), rows = Array.from(table.tBodies[0].rows);
    var fields = Array.from(form.elements).filter(function (field) { return field.name; });

    function matches(row) {
      return fields.every(function (field) {
        var wanted = field.value;
        if (!wanted) return true;
        if (field.name === "from") return value(row, keys.time).slice(0, 10) >= wanted;
        if (field.name === "to") return value(row, keys.time).slice(0, 10) <= wanted;
        var found = value(row, keys[field.name]);
        if (field.type === "search") return found.toLowerCase().includes(wanted.toLowerCase());
        return found === wanted;
      });
    }

    function apply() {
      var shown = 0, active = new URLSearchParams();
      rows.forEach(function (row) {
        row.hidden = !matches(row);
        if (!row.hidden) shown += 1;
      });
      fields.forEach(function (field) { if (field.value) active.set(field.name, field.value); });
      var search = active.toString() ? "?" + active : "";
      history.replaceState(null, "", location.pathname + search + location.hash);
      document.querySelectorAll("a[data-carry]").forEach(function (link) { link.search = search; });
      var more = document.querySelector("a[data-carry]") ? " on this page; the others are filtered when you go there" : "";
      form.querySelector("output").textContent = search ? "Matching " + shown + " of " + rows.length + more + "." : "";
    }

    fields.forEach(function (field) {
      var wanted = query.get(field.name);
      if (wanted === null) return;
      if (field.tagName === "SELECT" && !Array.from(field.options).some(function (o) { return o.value === wanted; })) {
        field.add(new Option(wanted, wanted));
      }
      field.value = wanted;
    });
    form.addEventListener("input", apply);
    form.addEventListener("submit", function (event) { event.preventDefault(); apply(); });
    form.addEventListener("reset", function () { setTimeout(apply); });
    form.hidden = false;
    apply();
  }

  function makeSortable(table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (cell, i) {
      var button = document.createElement("button");
      button.type = "button";
      button.append.apply(button, Array.from(cell.childNodes));
      cell.append(button);
      button.addEventListener("click", function () {
        var sign = cell.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        Array.from(cell.parentNode.cells).forEach(function (other) { other.removeAttribute("aria-sort"); });
        cell.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        var rows = Array.from(table.tBodies[0].rows);
        rows.sort(function (a, b) {
          return sign * value(a, i).localeCompare(value(b, i), "en", { numeric: true });
        });
        table.tBodies[0].append.apply(table.tBodies[0], rows);
      });
    });
  }

  document.querySelectorAll("form[data-filters]").forEach(function (form) {
    var table = document.getElementById(form.dataset.filters);
    makeFilter(form, table);
    makeSortable(table);
  });
})();
