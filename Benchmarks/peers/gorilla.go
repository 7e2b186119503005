//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// gorilla/websocket: what is said below /bc goes to all of that path, elsewhere it comes back.
// usage: gorilla PORT
package main

import (
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"

	"github.com/gorilla/websocket"
)

// A member's own goroutine writes to it, as gorilla's example of a chat does.
type member struct {
	queue chan *websocket.PreparedMessage
}

type room struct {
	sync.Mutex
	members map[*member]struct{}
}

var (
	upgrader = websocket.Upgrader{ReadBufferSize: 4096, WriteBufferSize: 4096, WriteBufferPool: &sync.Pool{}}
	lock     sync.Mutex
	rooms    = map[string]*room{}
)

func named(path string) *room {
	lock.Lock()
	defer lock.Unlock()
	if rooms[path] == nil {
		rooms[path] = &room{members: map[*member]struct{}{}}
	}
	return rooms[path]
}

func echo(w http.ResponseWriter, r *http.Request) {
	peer, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer peer.Close()
	for {
		kind, data, err := peer.ReadMessage()
		if err != nil || peer.WriteMessage(kind, data) != nil {
			return
		}
	}
}

func broadcast(w http.ResponseWriter, r *http.Request) {
	peer, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer peer.Close()
	here, self := named(r.URL.Path), &member{make(chan *websocket.PreparedMessage, 1024)}
	here.Lock()
	here.members[self] = struct{}{}
	here.Unlock()
	go func() {
		for message := range self.queue {
			if peer.WritePreparedMessage(message) != nil {
				peer.Close()
			}
		}
	}()
	for {
		kind, data, err := peer.ReadMessage()
		if err != nil {
			break
		}
		message, err := websocket.NewPreparedMessage(kind, data)
		if err != nil {
			break
		}
		here.Lock()
		for other := range here.members {
			other.queue <- message
		}
		here.Unlock()
	}
	here.Lock()
	delete(here.members, self)
	here.Unlock()
	close(self.queue)
}

func main() {
	runtime.GOMAXPROCS(1)
	http.HandleFunc("/bc/", broadcast)
	http.HandleFunc("/", echo)
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, nil))
}
