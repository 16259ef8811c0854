package checks

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// TestEgressSeen: what sessions that were held anyway show of port 25.
func TestEgressSeen(t *testing.T) {
	const one, two, three = "mx.example.org 192.0.2.1:25 ", "mx.example.net 192.0.2.2:25 ", "mx.example.com 192.0.2.3:25 "
	for _, test := range []struct {
		name, seen, egress, want string
	}{
		{"nothing seen", "", "", ""},
		{"one greets", one + "greets", "", "egress_25 1"},
		{"one greets, the others are silent", one + "greets|" + two + "silent|" + three + "silent", "", "egress_25 1"},
		{"one is silent", one + "silent", "", ""},
		{"two are", one + "silent|" + two + "silent", "", ""},
		{"three are", one + "silent|" + two + "silent|" + three + "silent", "", "egress_25 0"},
		{"three of one owner", "a.example.org 192.0.2.1:25 silent|b.example.org 192.0.2.2:25 silent|c.example.org 192.0.2.3:25 silent", "", ""},
		{"three names of one address", "mx.example.org 192.0.2.1:25 silent|mx.example.net 192.0.2.1:25 silent|mx.example.com 192.0.2.1:25 silent", "", ""},
		{"refusals prove nothing", one + "refuses|" + two + "refuses|" + three + "refuses", "", ""},
		{"silent, and 587 greets", one + "silent|smtp.example.org 192.0.2.1:587 greets", "", "egress_25 0"},
		{"silent, and 587 of another greets", one + "silent|smtp.example.net 192.0.2.2:587 greets", "", ""},
		{"silent, 587 greets, and somebody else greets on 25", one + "silent|smtp.example.org 192.0.2.1:587 greets|" + two + "greets", "", "egress_25 1"},
		{"it came back", one + "silent|" + two + "silent|" + three + "silent|" + one + "greets", "", "egress_25 1"},
		{"vantage.egress tells", one + "silent|" + two + "silent|" + three + "silent", "mx.example.com:25", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := NewWitnesses()
				env := &Env{Config: &targets.Config{}}
				if test.egress != "" {
					env.Config.Vantage.Egress = []string{test.egress}
				}
				for seen := range strings.SplitSeq(test.seen, "|") {
					if seen != "" {
						sawSession(w, env, seen)
					}
				}
				if got := told(w); got != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
				time.Sleep(time.Hour)
				if got := told(w); got != "" {
					t.Errorf("an hour later it is still told: %q", got)
				}
			})
		})
	}
}

// sawSession has witnesses see a session, written as "mx.example.org 192.0.2.1:25 greets".
func sawSession(w *Witnesses, env *Env, what string) {
	f := strings.Fields(what)
	s := &smtpclient.Session{Address: netip.MustParseAddrPort(f[1])}
	switch f[2] {
	case "greets":
		s.Steps = []smtpclient.Step{{Stage: smtpclient.StageConnect}, {Stage: smtpclient.StageBanner, Reply: &smtpclient.Reply{Code: 220}}}
	case "silent":
		s.Steps = []smtpclient.Step{{Stage: smtpclient.StageConnect, Failure: smtpclient.FailureTimeout}}
	case "refuses":
		s.Steps = []smtpclient.Step{{Stage: smtpclient.StageConnect, Failure: smtpclient.FailureRefused}}
	}
	t := &targets.Target{Name: f[0] + ":25", Kind: targets.KindServer, Server: &targets.Server{Host: f[0]}}
	w.sawWay(&Round{Target: t, Env: env, Time: time.Now(), Every: 5 * time.Minute}, s)
}
