'use strict';
(() => {
  const root = document.documentElement;
  const errors = [];
  addEventListener('error', event => { errors.push(event.message); root.dataset.errors = errors.join('; '); });
  root.dataset.errors = '';
  const data = JSON.parse(document.getElementById('data').textContent);
  const work = data.work, total = Math.max(1, data.tookMs), HEIGHT = 24;
  const element = id => document.getElementById(id);
  const rows = element('rows'), sizer = element('sizer'), search = element('search'), order = element('order');
  const count = element('count'), detail = element('detail'), onlyCritical = element('critical');
  const boxes = [...document.querySelectorAll('input[name=state]')];
  const texts = work.map(item => [item.path, item.template, item.message || '', item.phase].join('\n').toLowerCase());
  let shown = [], selected = -1;

  const make = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const duration = ms => {
    if (ms === null || ms === undefined) return '';
    const seconds = ms / 1000;
    if (seconds < 10) return seconds.toFixed(1) + 's';
    if (seconds < 60) return Math.floor(seconds) + 's';
    const two = number => String(Math.floor(number)).padStart(2, '0');
    if (seconds < 3600) return Math.floor(seconds / 60) + 'm' + two(seconds % 60) + 's';
    return Math.floor(seconds / 3600) + 'h' + two(seconds % 3600 / 60) + 'm';
  };
  const sorts = {
    start: (a, b) => a - b,
    duration: (a, b) => (work[b].tookMs || 0) - (work[a].tookMs || 0) || a - b,
    waiting: (a, b) => work[b].waitedMs - work[a].waitedMs || a - b,
    name: (a, b) => work[a].path < work[b].path ? -1 : work[a].path > work[b].path ? 1 : a - b,
  };

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const states = new Set(boxes.filter(box => box.checked).map(box => box.value));
    const current = shown[selected];
    shown = [];
    for (let at = 0; at < work.length; at++) {
      const item = work[at];
      if (states.has(item.state) && (!onlyCritical.checked || item.critical) && words.every(word => texts[at].includes(word))) shown.push(at);
    }
    shown.sort(sorts[order.value] || sorts.start);
    selected = shown.indexOf(current);
    count.textContent = shown.length + ' of ' + work.length;
    root.dataset.shown = shown.length;
    sizer.style.height = shown.length * HEIGHT + 'px';
    draw();
  }

  function row(index) {
    const item = work[shown[index]];
    const made = make('div', 'row' + (item.critical ? ' critical' : ''));
    made.id = 'row-' + index;
    made.style.top = index * HEIGHT + 'px';
    made.setAttribute('role', 'option');
    made.setAttribute('aria-selected', index === selected);
    made.setAttribute('aria-setsize', shown.length);
    made.setAttribute('aria-posinset', index + 1);
    const sign = data.signs[item.state];
    const name = make('div', 'name');
    name.append(make('span', item.state, sign + ' '), item.path + (item.critical ? ' ◆' : ''));
    name.title = item.path + ': ' + item.state;
    const track = make('div', 'track');
    if (item.startMs !== null) {
      const left = item.startMs / total * 100, width = (item.tookMs || 0) / total * 100;
      if (item.waitedMs > 0) {
        const pause = make('div', 'pause');
        pause.style.left = Math.max(0, (item.startMs - item.waitedMs) / total * 100) + '%';
        pause.style.width = item.waitedMs / total * 100 + '%';
        track.append(pause);
      }
      const bar = make('div', 'bar ' + item.state);
      bar.style.left = Math.min(99.6, left) + '%';
      bar.style.width = Math.min(100 - left, width) + '%';
      track.append(bar);
    }
    made.append(name, track, make('div', 'took', item.state === 'cached' ? 'cached' : duration(item.tookMs)));
    made.addEventListener('click', () => select(index));
    return made;
  }

  function draw() {
    const first = Math.max(0, Math.floor(rows.scrollTop / HEIGHT) - 5);
    const last = Math.min(shown.length, first + Math.ceil(rows.clientHeight / HEIGHT) + 10);
    const fresh = document.createDocumentFragment();
    for (let index = first; index < last; index++) fresh.append(row(index));
    sizer.replaceChildren(fresh);
    if (selected >= first && selected < last) rows.setAttribute('aria-activedescendant', 'row-' + selected);
    else rows.removeAttribute('aria-activedescendant');
  }

  function list(title, values) {
    if (!values || !values.length) return;
    detail.append(make('h4', '', title));
    const table = make('table');
    for (const { name, value } of values) {
      const line = make('tr');
      line.append(make('td', '', name), make('td', '', value));
      table.append(line);
    }
    detail.append(table);
  }

  function select(index) {
    if (!shown.length) return;
    selected = Math.max(0, Math.min(shown.length - 1, index));
    const top = selected * HEIGHT;
    if (top < rows.scrollTop) rows.scrollTop = top;
    if (top + HEIGHT > rows.scrollTop + rows.clientHeight) rows.scrollTop = top + HEIGHT - rows.clientHeight;
    draw();
    const item = work[shown[selected]];
    root.dataset.selected = item.path;
    const title = make('h3');
    title.append(make('span', item.state, data.signs[item.state] + ' '), item.path);
    const facts = [item.state, item.phase, 'template ' + item.template];
    if (item.exitCode) facts.push('exit code ' + item.exitCode);
    if (item.tookMs !== null) facts.push('took ' + duration(item.tookMs));
    if (item.waitedMs > 0) facts.push('waited ' + duration(item.waitedMs));
    if (item.critical) facts.push('on the critical path');
    if (item.before) facts.push('before: ' + item.before.state + ' ' + duration(item.before.tookMs));
    detail.replaceChildren(title, make('div', 'dim', item.node), make('div', '', facts.join(' · ')));
    if (item.message) detail.append(make('div', item.state, item.message));
    list('Inputs', item.inputs);
    list('Outputs', item.outputs);
    if (item.log && item.log.length) {
      detail.append(make('h4', '', 'Last lines of the log'), make('pre', '', item.log.join('\n')));
    }
    if (item.after.length) {
      detail.append(make('div', 'dim', 'after ' + item.after.slice(0, 20).map(at => work[at].path).join(', ') + (item.after.length > 20 ? ', …' : '')));
    }
  }

  function only(states) {
    for (const box of boxes) box.checked = states.includes(box.value);
    filter();
  }

  const page = () => Math.max(1, Math.floor(rows.clientHeight / HEIGHT) - 1);
  addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target, typing = target.matches && target.matches('input[type=search],select');
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page(), PageUp: -page(), Home: -shown.length, End: shown.length };
    if (event.key === 'Escape') {
      search.value = '';
      onlyCritical.checked = false;
      only(boxes.map(box => box.value));
      rows.focus();
    } else if (typing) return;
    else if (event.key in moves && (target === rows || target === document.body)) {
      select((selected < 0 && moves[event.key] > 0 ? -1 : Math.max(selected, 0)) + moves[event.key]);
      rows.focus();
    } else if (event.key === '/') search.focus();
    else if (event.key === 'f') only(['failed', 'lost']);
    else if (event.key === 'c') { onlyCritical.checked = !onlyCritical.checked; filter(); }
    else return;
    event.preventDefault();
  });
  let waits = false;
  rows.addEventListener('scroll', () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => { waits = false; draw(); });
  });
  addEventListener('resize', draw);
  search.addEventListener('input', filter);
  for (const control of [order, onlyCritical, ...boxes]) control.addEventListener('change', filter);

  // A link can say what is shown: #q=load&state=failed&sort=duration&node=load
  const asked = new URLSearchParams(location.hash.slice(1));
  if (asked.has('q')) search.value = asked.get('q');
  if (asked.has('sort')) order.value = asked.get('sort');
  if (asked.has('critical')) onlyCritical.checked = true;
  if (asked.has('state')) for (const box of boxes) box.checked = asked.getAll('state').includes(box.value);
  filter();
  if (asked.has('node')) select(shown.findIndex(at => work[at].path === asked.get('node')));
  root.dataset.ready = Math.round(performance.now());
})();
