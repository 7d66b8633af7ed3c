// An app with a session through msmd: node app.js 127.0.0.1:9001
const http = require('http')

const server = http.createServer((req, res) => {
  let text = ''
  req.setEncoding('utf8').on('data', more => { text += more }).on('end', () => {
    const session = JSON.parse(req.headers['msm-session'] || 'null')
    const [path, query] = req.url.split('?')

    // A header value is JSON in UTF-8, or the same in base64 between colons.
    // Node writes the characters of a header as Latin-1, so each is a byte,
    // but only if the body below is a Buffer: with a string both are UTF-8.
    const json = Buffer.from(JSON.stringify(JSON.parse(text || '{}')))
    const value = query === 'raw' ? json.toString('latin1') : `:${json.toString('base64')}:`

    if (req.method === 'POST' && path === '/count') {
      const n = session && session.n || 0
      res.setHeader('Msm-Session-Patch', JSON.stringify({ n: n + 1 }))
    } else if (req.method === 'POST' && path === '/replace') {
      res.setHeader('Msm-Session-Replace', value)
    } else if (req.method === 'POST' && path === '/logout') {
      res.setHeader('Msm-Session-Do', 'destroy')
    } else if (req.method === 'POST') {
      res.setHeader('Msm-Session-Patch', value)
      if (path === '/login') res.setHeader('Msm-Session-Do', 'rotate')
    }
    const seen = {}
    for (let i = 0; i < req.rawHeaders.length; i += 2) {
      seen[req.rawHeaders[i]] = (seen[req.rawHeaders[i]] || '') + req.rawHeaders[i + 1]
    }
    res.setHeader('Content-Type', 'application/json')
    res.end(Buffer.from(JSON.stringify({ session, pid: process.pid, seen })))
  })
})

const [host, port] = process.argv[2].split(':')
server.listen(port, host, () => console.log(`node on http://${host}:${server.address().port}`))
