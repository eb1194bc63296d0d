// Runs before the first paint. Keys and values are those of views/src/stores/settings.ts.
(function () {
  var stored = {};
  try {
    stored = localStorage;
  } catch (_) {
    // Storage may be forbidden; the system's choices are then the answer.
  }
  function chosen(name) {
    return stored['starling.' + name] || '';
  }

  // A dark page never flashes white, and no text changes its size.
  function system(query) {
    return matchMedia(query).matches;
  }
  var theme = chosen('theme');
  var dark = theme === 'dark' || (theme !== 'light' && system('(prefers-color-scheme: dark)'));
  var root = document.documentElement;
  root.dataset.theme = dark ? 'dark' : 'light';
  root.dataset.font = chosen('fontSize');
  root.dataset.density = chosen('density');
  root.dataset.contrast = chosen('contrast') === 'high' || system('(prefers-contrast: more)') ? 'high' : 'normal';
  if (chosen('language')) root.lang = chosen('language');
  var meta = document.querySelector('meta[name="theme-color"]');
  if (meta && dark) meta.setAttribute('content', '#0C1012');

  // Whoever was logged in, or follows a link to something inside, most likely is: his scripts and the answers that his
  // first look needs are asked for now, not one after the other as the scripts come to them. The build names the scripts;
  // views/src/net/ahead.ts takes the answers.
  var path = location.pathname;
  if (path === '/login' || path === '/register' || (path === '/' && !chosen('me'))) return;
  var files = document.currentScript.dataset;
  function preload(names) {
    (names || '').split(' ').forEach(function (name) {
      if (!name) return;
      var link = document.createElement('link');
      link.rel = 'modulepreload';
      link.crossOrigin = '';
      link.href = name;
      document.head.appendChild(link);
    });
  }
  var chinese = navigator.languages.length === 0 || navigator.languages.some(function (tag) { return tag.indexOf('zh') === 0; });
  preload(files.inside);
  preload((chosen('language') || (chinese ? 'zh-CN' : 'en')) === 'en' ? files.en : files.zh);

  var ahead = (window.starlingAhead = {});
  function ask(question) {
    ahead[question] = fetch(question, { headers: { Accept: 'application/json' }, credentials: 'same-origin', signal: AbortSignal.timeout(15000) });
    ahead[question].catch(function () {
      // Whoever takes the answer is told.
    });
  }
  ask('/api/v1/me');
  ahead['/api/v1/me'].then(function (answer) {
    if (!answer.ok) return;
    ask('/api/v1/conversations');
    var conversation = /^\/c\/(u|g)\/(\d{1,16})$/.exec(path);
    if (conversation) ask('/api/v1/conversations/' + conversation[1] + ':' + conversation[2] + '/entries?limit=50');
  }, function () {
    // Nobody is there.
  });
})();
