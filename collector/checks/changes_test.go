package checks

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/collector/mailworld"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

var (
	changesBegin = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	errLost      = errors.New("lost")
)

// TestRecordChanges follows one record from round to round, an hour each.
func TestRecordChanges(t *testing.T) {
	env := &Env{Memory: NewMemory()}
	for i, step := range []struct {
		texts  []string
		err    error
		hour   int // Of the last change; 0: none.
		before string
	}{
		{texts: []string{"a", "b"}},
		{texts: []string{"b", "a"}},
		{err: errLost},
		{texts: []string{"a", "b"}},
		{texts: []string{"a", "c"}, hour: 4, before: `"a", "b"`},
		{texts: []string{"c", "a"}, hour: 4, before: `"a", "b"`},
		{err: errLost, hour: 4},
		{texts: []string{"a", "c"}, hour: 4, before: `"a", "b"`},
		{texts: []string{"a", "b"}, hour: 8, before: `"a", "c"`},
		{hour: 9, before: `"a", "b"`},
		{err: errLost, hour: 9},
		{hour: 9, before: `"a", "b"`},
		{texts: []string{"\x00" + strings.Repeat("x", 900)}, hour: 12, before: "no such record"},
		{texts: []string{"\x00" + strings.Repeat("x", 900) + "y"}, hour: 13, before: `"\x00` + strings.Repeat("x", 299) + `"...`},
	} {
		r := &Round{Env: env, Target: &targets.Target{Name: "example.org"}, Time: changesBegin.Add(time.Duration(i) * time.Hour)}
		r.watchRecord(recordSPF, "example.org", step.texts, step.err)
		if step.hour == 0 {
			if len(r.Result.Parts) > 0 {
				t.Errorf("step %d: a part", i)
			}
			continue
		}
		p := r.Part("change spf example.org", HoldRecords)
		if !errors.Is(p.Unknown, step.err) || step.err != nil && len(p.Samples) > 0 {
			t.Errorf("step %d: unknown is %v, samples %v", i, p.Unknown, p.Samples)
		}
		if step.err != nil {
			continue
		}
		at := changesBegin.Add(time.Duration(step.hour) * time.Hour)
		if len(p.Samples) != 1 || p.Samples[0].Value != float64(at.Unix()) || p.Evidence[1] != "before: "+step.before {
			t.Errorf("step %d: samples %v, evidence %q", i, p.Samples, p.Evidence)
		}
	}
	r := &Round{Env: env, Target: &targets.Target{Name: "example.net"}}
	r.watchRecord(recordSPF, "example.org", []string{"z"}, nil)
	r.Env = &Env{}
	r.watchRecord(recordSPF, "example.org", nil, nil)
	if len(r.Result.Parts) > 0 {
		t.Error("another target's sight counts, or nothing remembers")
	}
}

// TestTruncatedChanges: of an answer that was cut it cannot be told whether it changed.
func TestTruncatedChanges(t *testing.T) {
	r := &Round{Env: &Env{Memory: NewMemory()}, Target: &targets.Target{Name: "example.org"}, Time: changesBegin}
	for i, a := range []dnsclient.Answer[string]{{Records: []string{"a"}}, {Records: []string{"b"}, Truncated: true}, {Records: []string{"a"}}, {Records: []string{"a"}, Invalid: 1}} {
		watchAnswer(r, recordPTR, "name", a, nil, sameText)
		if got := len(r.Result.Parts); (got > 0) != (i == 3) {
			t.Errorf("step %d: %d parts", i, got)
		}
	}
}

// TestChangesAreBounded: what is watched goes on, and places of what is not asked for any more are given away.
func TestChangesAreBounded(t *testing.T) {
	m := NewMemory()
	w := func(i int) watched { return watched{fmt.Sprint(i), recordMX, "x"} }
	for i := range maxSightings + 1 {
		m.see(w(i), nil, changesBegin)
	}
	later := changesBegin.Add(forgetSighting)
	if s := m.see(w(0), []string{"a"}, later); len(m.sightings) != maxSightings || !s.changed.Equal(later) {
		t.Errorf("%d are watched; the first: %+v", len(m.sightings), s)
	}
	m.see(w(maxSightings), nil, later)
	if len(m.sightings) != 2 {
		t.Errorf("%d are watched after the others were not for long", len(m.sightings))
	}
}

// TestChecksWatch: every check that looks records up tells their changes, each once.
func TestChecksWatch(t *testing.T) {
	const zone = `example.org. MX 10 mx.example.org.
example.org. TXT "v=spf1 %[1]s -all"
s1._domainkey.example.org. TXT "v=DKIM1; n=%[1]s; p="
_dmarc.example.org. TXT "v=DMARC1; p=reject; rua=mailto:%[1]s@example.org"
_mta-sts.example.org. TXT "v=STSv1; id=%[1]s"
default._bimi.example.org. TXT "v=BIMI1; l=https://www.example.org/logo.svg"
mx.example.org. A 192.0.2.1
1.2.0.192.in-addr.arpa. PTR %[1]s.example.org.
_25._tcp.mx.example.org. TLSA 3 1 1 %[2]s
`
	old := newSignedScene(t, fmt.Sprintf(zone, "a", strings.Repeat("aa", 32)))
	changed := newSignedScene(t, strings.Replace(fmt.Sprintf(zone, "b", strings.Repeat("bb", 32)), "MX 10", "MX 20", 1))
	for _, s := range []*scene{old, changed} {
		s.Secure("in-addr.arpa", false)
		s.Fault("mta-sts.example.org", mailworld.FaultServFail)
	}
	memory := NewMemory()
	old.env.Memory, changed.env.Memory = memory, memory
	domain := &targets.Target{Name: "example.org", Kind: targets.KindDomain, Domain: &targets.Domain{DKIMSelectors: []string{"s1"}}}
	server := serverAt("mx.example.org", 25)
	server.Every = map[string]time.Duration{"smtp": time.Minute}
	for _, c := range []struct {
		check  *Check
		target *targets.Target
		want   string
	}{
		{mxCheck, domain, "mx example.org"},
		{spfCheck, domain, "spf example.org"},
		{dkimCheck, domain, "dkim s1._domainkey.example.org"},
		{dmarcCheck, domain, "dmarc _dmarc.example.org"},
		{bimiCheck, domain, ""}, // It reads the DMARC record, which dmarc watches.
		{bulkCheck, domain, ""}, // It reads what others watch.
		{mtaSTSCheck, domain, "mta_sts _mta-sts.example.org"},
		{rdnsCheck, senderAt("192.0.2.1", ""), "ptr 1.2.0.192.in-addr.arpa"},
		{daneCheck, server, "tlsa _25._tcp.mx.example.org"},
		{spfCheck, senderAt("192.0.2.1", "example.org"), "spf example.org"},
	} {
		for i, s := range []*scene{old, old, changed} {
			r := s.round(c.target)
			r.Time = changesBegin
			if err := c.check.Run(t.Context(), r); err != nil {
				t.Fatalf("%s: %v", c.check.Name, err)
			}
			var got []string
			for _, p := range r.Result.Parts {
				for _, sample := range p.Samples {
					if sample.Metric == recordChange {
						got = append(got, strings.Join(sample.Labels, " "))
					}
				}
			}
			want := ""
			if i == 2 {
				want = c.want
			}
			if strings.Join(got, ", ") != want {
				t.Errorf("%s, round %d: %q, want %q", c.check.Name, i, got, want)
			}
		}
	}
}
