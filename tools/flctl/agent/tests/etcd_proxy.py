#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A gateway of etcd that goes wrong when told to.

etcd_proxy.py PORT TARGET_PORT FILE: forwards every POST.  The word in FILE is
one fault; it is removed when the fault has happened:

    error cancel end half rubbish foreign	the next watch line is replaced
    mute			watches say nothing any more, all else works
    rival overlap	before our record is created, another node takes the
			same key, or its IPv4 subnet with another IPv6 subnet
    unsure		the next transaction is done, the answer is lost
    short		the next list is without its last record
"""
import base64
import http.client
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, TARGET, FILE = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
VALUE = b'{"PublicIP":"192.0.2.99","PublicIPv6":null}'
LINES = {
    'error': b'{"error":{"grpc_code":14,"http_code":503,"message":"transport is closing"}}\n',
    'cancel': b'{"result":{"header":%s,"canceled":true,"compact_revision":"7"}}\n',
    'rubbish': b'{"result":{"header":%s,"events":[{"kv":}\n',
    'foreign': b'{"result":{"header":{"cluster_id":"1","revision":"3"}}}\n',
    'half': b'{"result":{"header":',
    'end': b'',
}
LOCK = threading.Lock()


def fault(*names):
    """The fault that is asked for, if it is one of names."""
    with LOCK:
        try:
            with open(FILE, encoding='ascii') as file:
                word = file.read().strip()
        except OSError:
            return None
        if word not in names:
            return None
        if word != 'mute':
            os.unlink(FILE)
        return word


def ask(path, body):
    connection = http.client.HTTPConnection('127.0.0.1', TARGET)
    connection.request('POST', path, body, {'Content-Type': 'application/json'})
    return connection.getresponse()


def put_rival(body, overlap):
    key = base64.b64decode(json.loads(body)['compare'][0]['key'])
    if overlap:
        key = key.split(b'&')[0] + b'&fd00:99:99:99::-64'
    ask('/v3/kv/put', json.dumps({
        'key': base64.b64encode(key).decode(),
        'value': base64.b64encode(VALUE).decode()})).read()


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args):
        pass

    def chunk(self, data):
        self.wfile.write(b'%x\r\n%s\r\n' % (len(data), data))

    def stream(self, answer):
        self.send_response(answer.status)
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        while True:
            line = answer.readline()
            if not line or not self.pass_line(line):
                return

    def pass_line(self, line):
        word = fault('mute', *LINES)
        if word == 'mute':
            return True
        if not word or b'"created"' in line:
            self.chunk(line)
            return True
        header = json.dumps(json.loads(line)['result']['header']).encode()
        data = LINES[word]
        data = data % header if b'%s' in data else data
        if data:
            self.chunk(data)
        if word == 'end':
            self.wfile.write(b'0\r\n\r\n')
        if word in ('end', 'half'):
            self.close_connection = True
            self.connection.shutdown(2)
        return word not in ('end', 'half')

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        if b'"VERSION"' in body:
            word = fault('rival', 'overlap')
            if word:
                put_rival(body, word == 'overlap')
        answer = ask(self.path, body)
        if self.path == '/v3/watch':
            self.stream(answer)
            return
        data = answer.read()
        if b'"compare"' in body and fault('unsure'):
            self.close_connection = True
            self.connection.shutdown(2)
            return
        if b'"range_end"' in body and b'"limit"' in body and fault('short'):
            reply = json.loads(data)
            reply['responses'][0]['response_range']['kvs'].pop()
            data = json.dumps(reply).encode()
        self.send_response(answer.status)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)


ThreadingHTTPServer(('127.0.0.1', PORT), Handler).serve_forever()
