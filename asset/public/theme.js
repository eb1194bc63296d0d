// Runs before the first paint so that a dark page never flashes white.
// Keys and values are those of views/src/stores/settings.ts.
(function () {
  var choice = null, language = null;
  try {
    choice = localStorage.getItem('starling.theme');
    language = localStorage.getItem('starling.language');
  } catch (_) {
    // Storage may be forbidden; the system's theme is then the answer.
  }
  var dark = choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  var root = document.documentElement;
  root.dataset.theme = dark ? 'dark' : 'light';
  if (language) root.lang = language;
  var meta = document.querySelector('meta[name="theme-color"]');
  if (meta && dark) meta.setAttribute('content', '#0C1012');
})();
