package dnsclient

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

func TestRedact(t *testing.T) {
	const key = "S3cretKey"
	name := "2.0.0.127." + key + ".zen.example"
	owner := "A 2.0.0.127." + strings.ToLower(key) + ".zen.example."
	var calls atomic.Int32
	s := serve(t, map[string]reply{owner: func(network string, q *dns.Msg) [][]byte {
		switch calls.Add(1) {
		case 1:
			return say{rcode: dns.RcodeServerFailure}.reply(network, q)
		case 2:
			return say{answer: []string{q.Question[0].Name + ` 60 CNAME \000.` + key + ".example."}}.reply(network, q)
		case 3:
			return say{answer: []string{q.Question[0].Name + " 60 CNAME " + q.Question[0].Name}}.reply(network, q)
		}
		return [][]byte{{}}
	}})
	c := newClient(t, Options{Servers: []string{s.addr}, Timeout: brief, Redact: []string{"", " ", key + "\n", "s3", "\xff"}})
	var errs []error
	for range 6 {
		_, err := c.Addresses(t.Context(), 4, name)
		errs = append(errs, err)
	}
	_, err := c.TXT(t.Context(), name+"\xff")
	errs = append(errs, err)
	_, err = c.Addresses(t.Context(), 7, strings.ToUpper(name))
	errs = append(errs, err)
	for _, err := range errs {
		if err == nil {
			t.Fatal("no error")
		}
		for _, e := range append(unwrapAll(err), err) {
			if text := strings.ToLower(e.Error()); strings.Contains(text, strings.ToLower(key)) || strings.Contains(text, "s3") || strings.Contains(text, "cretkey") {
				t.Errorf("error has the key: %v", e)
			}
			if strings.Contains(e.Error(), "\x00") || strings.Contains(e.Error(), "\xff") {
				t.Errorf("error has a peer's octets: %q", e)
			}
		}
	}
	if !strings.Contains(errs[0].Error(), `A of "2.0.0.127.***.zen.example"`) {
		t.Errorf("error does not say what was asked: %v", errs[0])
	}
}

func unwrapAll(err error) (all []error) {
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			all = append(append(all, inner), unwrapAll(inner)...)
		}
	case interface{ Unwrap() error }:
		all = append(append(all, e.Unwrap()), unwrapAll(e.Unwrap())...)
	}
	return all
}

func TestReason(t *testing.T) {
	for want, err := range map[string]error{"": nil, "timeout": context.DeadlineExceeded, "error": context.Canceled} {
		if got := Reason(err); got != want {
			t.Errorf("%v: %q", err, got)
		}
	}
}
