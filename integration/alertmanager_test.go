//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A notification is what Alertmanager sends to a webhook.
type notification struct {
	Receiver string
	Alerts   []told
}

// A told is one alert in a notification.
type told struct {
	Status      string
	Labels      map[string]string
	Annotations map[string]string
}

// A receiver is a webhook that remembers what it was told.
type receiver struct {
	url           string
	mu            sync.Mutex
	notifications []notification
}

func startReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		var n notification
		if err := json.NewDecoder(req.Body).Decode(&n); err != nil {
			t.Errorf("a notification: %v", err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.notifications = append(r.notifications, n)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// all returns the notifications so far.
func (r *receiver) all() []notification {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.notifications)
}

// forget forgets them.
func (r *receiver) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notifications = nil
}

// firing returns every alert that was told of as firing, by its labels.
func (r *receiver) firing() map[string]told {
	out := map[string]told{}
	for _, n := range r.all() {
		for _, a := range n.Alerts {
			if a.Status == "firing" {
				out[series{name: "ALERTS", labels: a.Labels}.String()] = a
			}
		}
	}
	return out
}

// An alertmanager is Alertmanager with the configuration that the program writes.
type alertmanager struct {
	*program
	address string
}

func startAlertmanager(t *testing.T, dir string, r *receiver) *alertmanager {
	t.Helper()
	a := &alertmanager{address: freePort()}
	edit(t, filepath.Join(dir, "alertmanager.yml"), "http://127.0.0.1:9099/mailprobe", r.url)
	ready := func() error {
		resp, err := http.Get("http://" + a.address + "/-/ready")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	}
	var err error
	a.program, err = startProgram(filepath.Join(dir, "alertmanager.log"), ready, "prometheus-alertmanager", "--config.file", filepath.Join(dir, "alertmanager.yml"),
		"--storage.path", filepath.Join(dir, "alertmanager"), "--web.listen-address", a.address, "--cluster.listen-address", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.stop(syscall.SIGTERM) })
	return a
}

// edit replaces a text that is in a file once.
func edit(t *testing.T, path, old, replacement string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || strings.Count(string(text), old) != 1 {
		t.Fatalf("%s: %q is there %d times: %v", path, old, strings.Count(string(text), old), err)
	}
	write(t, path, strings.Replace(string(text), old, replacement, 1))
}

// post hands Alertmanager alerts, as Prometheus does. They end at once where ended is set.
func (a *alertmanager) post(t *testing.T, ended bool, alerts ...map[string]string) {
	t.Helper()
	type alert struct {
		Labels   map[string]string `json:"labels"`
		StartsAt time.Time         `json:"startsAt"`
		EndsAt   time.Time         `json:"endsAt"`
	}
	now := time.Now()
	var body []alert
	for _, labels := range alerts {
		one := alert{labels, now, now.Add(time.Hour)} // Of an older one Alertmanager tells before it has waited for others.
		if ended {
			one.StartsAt, one.EndsAt = now.Add(-time.Minute), now
		}
		body = append(body, one)
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post("http://"+a.address+"/api/v2/alerts", "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("alerts were not taken: %s", resp.Status)
	}
}

// silenced returns whether each alert is inhibited now, by its labels.
func (a *alertmanager) silenced(t *testing.T) map[string]bool {
	t.Helper()
	resp, err := http.Get("http://" + a.address + "/api/v2/alerts")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var alerts []struct {
		Labels map[string]string
		Status struct{ InhibitedBy []string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&alerts); err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, one := range alerts {
		out[series{name: "ALERTS", labels: one.Labels}.String()] = len(one.Status.InhibitedBy) > 0
	}
	return out
}

// labels reads `name=value name=value`.
func labels(text string) map[string]string {
	out := map[string]string{}
	for pair := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(pair, "=")
		out[name] = value
	}
	return out
}

// alertOf is how firing and silenced call an alert with such labels.
func alertOf(text string) string { return series{name: "ALERTS", labels: labels(text)}.String() }
