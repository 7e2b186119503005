//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//
// Debian's node-ws: node_peer.js URL CERTIFICATE
'use strict';
const fs = require('fs');
const WebSocket = require('ws');
const { version } = require('ws/package.json');

const [url, certificate] = process.argv.slice(2);
const text = 'Nachtschwalbe, козодой, ヨタカ, 🌙';
const large = Buffer.alloc(1 << 20, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));

// check(protocols, options, body): what `body` hands to `done`, a failure, or a complaint after 20 s.
function check(protocols, options, body) {
  return new Promise((resolve) => {
    if (url.startsWith('wss:')) options.ca = fs.readFileSync(certificate);
    const ws = new WebSocket(url, protocols, options);
    const timer = setTimeout(() => done('FAILED: no answer within 20 s'), 20000);
    const done = (result) => {
      clearTimeout(timer);
      resolve(result);
      ws.terminate();
    };
    ws.on('upgrade', (response) => { ws.agreed = response.headers['sec-websocket-extensions']; });
    ws.on('error', (error) => done(`FAILED: ${error.message}`));
    ws.on('open', () => body(ws, done));
  });
}

const verdict = (good, what) => (good ? 'ok' : `FAILED: ${what}`);

function echo(message, binary, options = {}) {
  return check([], options, (ws, done) => {
    ws.on('message', (data, isBinary) =>
      done(verdict(isBinary === binary && data.equals(Buffer.from(message)), 'another answer')));
    ws.send(message);
  });
}

const checks = {
  text: () => echo(text, false),
  binary: () => echo(large.subarray(0, 256), true),
  large: () => echo(large, true),
  fragmented: () => check([], {}, (ws, done) => {
    ws.on('message', (data) => done(verdict(data.toString() === 'fragmented', 'another answer')));
    ws.send('frag', { fin: false });
    ws.send('men', { fin: false });
    ws.send('ted', { fin: true });
  }),
  deflate: () => check([], {}, (ws, done) => {
    const long = 'compressible '.repeat(10000);
    ws.on('message', (data) => done(data.toString() === long ? ws.agreed || 'declined' : 'FAILED: another answer'));
    ws.send(long);
  }),
  ping: () => check([], {}, (ws, done) => {
    ws.on('pong', (data) => done(verdict(data.toString() === 'are you there?', 'another pong')));
    ws.ping('are you there?');
  }),
  client_close: () => check([], {}, (ws, done) => {
    ws.on('close', (code) => done(verdict(code === 4001, code)));
    ws.close(4001, 'enough');
  }),
  server_close: () => check([], { perMessageDeflate: false }, (ws, done) => {
    ws.on('close', (code) => done(verdict(code === 1009, code)));
    ws.send(Buffer.concat([large, Buffer.from('!')]));
  }),
  protocol: () => check(['nightjar.one', 'nightjar.two'], {}, (ws, done) => done(ws.protocol || 'none')),
};

(async () => {
  const results = {};
  for (const [name, run] of Object.entries(checks)) results[name] = await run();
  console.log(JSON.stringify({ version: `ws ${version} (Node ${process.versions.node})`, checks: results }));
})();
