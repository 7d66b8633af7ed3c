"""An app with a session through msmd: python3 app.py 127.0.0.1:9001"""
import base64, json, os, socketserver, sys
from wsgiref.simple_server import WSGIServer, make_server


def app(environ, start_response):
    session = json.loads(environ.get('HTTP_MSM_SESSION', 'null'))
    body = json.loads(environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0)) or '{}')
    headers = [('Content-Type', 'application/json')]

    # A header value is JSON in UTF-8, or the same in base64 between colons.
    # WSGI wants the bytes of a header as Latin-1.
    value = json.dumps(body, ensure_ascii=False).encode()
    if environ['QUERY_STRING'] != 'raw':
        value = b':' + base64.b64encode(value) + b':'
    value = value.decode('latin-1')

    if environ['REQUEST_METHOD'] == 'POST':
        path = environ['PATH_INFO']
        if path == '/count':
            headers.append(('Msm-Session-Patch', json.dumps({'n': (session or {}).get('n', 0) + 1})))
        elif path == '/replace':
            headers.append(('Msm-Session-Replace', value))
        elif path == '/logout':
            headers.append(('Msm-Session-Do', 'destroy'))
        else:
            headers.append(('Msm-Session-Patch', value))
        if path == '/login':
            headers.append(('Msm-Session-Do', 'rotate'))
    start_response('200 OK', headers)
    seen = {name: v for name, v in environ.items() if name.startswith('HTTP_')}
    return [json.dumps({'session': session, 'pid': os.getpid(), 'seen': seen}).encode()]


host, port = sys.argv[1].split(':')
server = make_server(host, int(port), app, type('Server', (socketserver.ThreadingMixIn, WSGIServer), {}))
print('python on http://%s:%d' % (host, server.server_port), flush=True)
server.serve_forever()
