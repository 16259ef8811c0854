package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"regexp"
	"testing"
	"time"
)

// A program is the exporter running in this process, as a user starts it.
type program struct {
	t      *testing.T
	url    string
	client *http.Client
	status chan int
	ended  bool
	ctx    context.Context

	stdout, log bytes.Buffer  // To be read when it has ended.
	logged      chan struct{} // Closed when the log is whole.
}

var listeningOn = regexp.MustCompile(`Listening on"[ ,]"?address"?[=:]"?([^\s",]+)`)

// startProgram starts the exporter on a free port and waits until it listens. transport says how to reach it.
func startProgram(t *testing.T, transport *http.Transport, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute) // Seen only by a program that hangs.
	t.Cleanup(cancel)
	p := &program{t: t, client: &http.Client{Transport: transport}, status: make(chan int, 1), ctx: ctx, logged: make(chan struct{})}
	log, stderr := io.Pipe()
	go func() {
		p.status <- run(append(args, "--web.listen-address=127.0.0.1:0"), nil, &p.stdout, stderr)
		stderr.Close()
	}()
	address := make(chan string, 1)
	go func() {
		defer close(p.logged)
		defer close(address)
		lines := bufio.NewScanner(io.TeeReader(log, &p.log))
		for lines.Scan() {
			if found := listeningOn.FindStringSubmatch(lines.Text()); found != nil {
				select {
				case address <- found[1]:
				default:
				}
			}
		}
	}()
	select {
	case a := <-address:
		if a == "" {
			t.Fatalf("the exporter ended with status %d:\n%s", <-p.status, p.log.String())
		}
		p.url = "http://" + a
		if transport.TLSClientConfig != nil {
			p.url = "https://" + a
		}
	case <-ctx.Done():
		t.Fatal("the exporter does not listen")
	}
	return p
}

// signal sends a signal as an operator does.
func (p *program) signal(s os.Signal) {
	p.t.Helper()
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Signal(s)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// stop ends the exporter by a signal and returns what it wrote for people. It may be called again.
func (p *program) stop(s os.Signal) string {
	p.t.Helper()
	p.client.CloseIdleConnections()
	if !p.ended {
		p.ended = true
		p.signal(s)
		if status := <-p.status; status != 0 {
			p.t.Errorf("the exporter ended with status %d", status)
		}
		<-p.logged
	}
	return p.stdout.String()
}

// until waits for a condition. It looks less and less often, for a look at all metrics costs as much as many probes.
func (p *program) until(what string, done func() bool) {
	p.t.Helper()
	for pause := 50 * time.Millisecond; !done(); pause = min(2*pause, time.Second) {
		select {
		case <-p.ctx.Done():
			p.t.Fatalf("gave up on %s", what)
		case <-time.After(pause):
		}
	}
}

// get asks for a page.
func (p *program) get(path, accept string) (status int, body, contentType string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.ctx, http.MethodGet, p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	return p.do(r)
}

// do sends a request and reads the answer.
func (p *program) do(r *http.Request) (status int, body, contentType string) {
	p.t.Helper()
	answer, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header.Get("Content-Type")
}
