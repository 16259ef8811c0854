package mailworld

import (
	"net"
	"sync"
)

// anyPort is a free port of loopback.
const anyPort = "127.0.0.1:0"

// A listener accepts connections and gives each a goroutine.
type listener struct {
	net.Listener

	running sync.WaitGroup
	mu      sync.Mutex
	stopped chan struct{}
	conns   map[net.Conn]struct{}
}

// A handler serves one connection, which is closed when it returns. stopped is closed when the
// listener is being stopped; the connection is closed then too.
type handler func(conn net.Conn, stopped <-chan struct{})

// listen opens a listener at an address and serves its connections.
func listen(address string, handle handler) (*listener, error) {
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return serve(tcp, handle), nil
}

// serve serves the connections of an open listener.
func serve(tcp net.Listener, handle handler) *listener {
	l := &listener{Listener: tcp, stopped: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	l.running.Go(func() {
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			if !l.enter(conn) {
				conn.Close()
				return
			}
			l.running.Go(func() {
				defer l.leave(conn)
				handle(conn, l.stopped)
			})
		}
	})
	return l
}

// enter notes an open connection, unless the listener is being stopped.
func (l *listener) enter(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.stopped:
		return false
	default:
		l.conns[conn] = struct{}{}
		return true
	}
}

// leave closes a connection.
func (l *listener) leave(conn net.Conn) {
	l.mu.Lock()
	delete(l.conns, conn)
	l.mu.Unlock()
	conn.Close()
}

// stop closes the listener and its connections, and waits until their handlers have
// returned. It may be called once.
func (l *listener) stop() {
	l.mu.Lock()
	close(l.stopped)
	for conn := range l.conns {
		conn.Close()
	}
	l.mu.Unlock()
	l.Close()
	l.running.Wait()
}
