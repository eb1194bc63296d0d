// Runs before the first paint so that a dark page never flashes white and no text changes its size.
// Keys and values are those of views/src/stores/settings.ts.
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
})();
