// What pages of that age brought along: forms by XMLHttpRequest, the query, uploads. No token in any request: whatever
// says who asks has to be a cookie these scripts do not know of.

function parseQuery(name) {
  return new URLSearchParams(location.search).get(name)
}

function ask(url, body, type, then) {
  var request = new XMLHttpRequest()
  request.open('POST', url, true)
  if (type) request.setRequestHeader('Content-Type', type)
  request.onreadystatechange = function () {
    if (request.readyState === 4 && request.status === 200) then(JSON.parse(request.responseText))
  }
  request.send(body)
}

function post(url, data, then) {
  var pairs = []
  for (var name in data) pairs.push(name + '=' + encodeURIComponent(data[name]))
  ask(url, pairs.join('&'), 'application/x-www-form-urlencoded', then)
}

/** `more`: fields that those servers ignore. */
function uploadFile(url, file, name, more, then) {
  var form = new FormData()
  for (var field in more) form.append(field, more[field])
  form.append('file', file, name)
  ask(url, form, null, then)
}

function toast(text) {
  document.getElementById('toast').textContent = text
}

/** A message as those pages draw it: text, voice and pictures, and nothing of anything else. */
function draw(where, mine, name, media, content, url, amount) {
  var row = document.createElement('li')
  row.dataset.media = media
  row.dataset.mine = mine
  var from = document.createElement('b')
  from.textContent = name
  row.appendChild(from)
  if (media === 1) row.appendChild(document.createTextNode(content))
  if (media === 3) {
    var play = document.createElement('button')
    play.textContent = amount + ' s'
    play.onclick = function () {
      var audio = document.getElementById('player')
      audio.src = url
      audio.play()
    }
    row.appendChild(play)
  }
  if (media === 4) {
    var picture = document.createElement('img')
    picture.src = url
    row.appendChild(picture)
  }
  return where.appendChild(row)
}

/** Talking while the button is held; then what was said, and for how long. */
function holdToTalk(button, said) {
  var recorder, began
  button.onpointerdown = function () {
    navigator.mediaDevices.getUserMedia({ audio: true, video: false }).then(function (stream) {
      recorder = new MediaRecorder(stream)
      recorder.ondataavailable = function (event) {
        stream.getTracks().forEach(function (track) {
          track.stop()
        })
        said(event.data, Math.ceil((Date.now() - began) / 1000))
      }
      began = Date.now()
      recorder.start()
      button.dataset.talking = 'yes'
    })
  }
  button.onpointerup = function () {
    recorder.stop()
    delete button.dataset.talking
  }
}
