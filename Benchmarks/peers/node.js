//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// ws on node: what is said below /bc goes to all of that path, elsewhere it comes back.
// usage: node.js PORT
'use strict';
const { WebSocketServer } = require('ws');

const rooms = new Map();
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  backlog: 4096,
  clientTracking: false,
  maxPayload: 16 << 20,
  perMessageDeflate: false,
});

server.on('connection', (peer, request) => {
  peer.on('error', () => {});
  if (!request.url.startsWith('/bc')) {
    peer.on('message', (data, binary) => peer.send(data, { binary }));
    return;
  }
  const room = rooms.get(request.url) ?? new Set();
  rooms.set(request.url, room);
  room.add(peer);
  peer.on('message', (data, binary) => {
    for (const other of room) other.send(data, { binary });
  });
  peer.on('close', () => room.delete(peer));
});
