package checks

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// started returns what an Env has noted in one that is started anew, after a while; list is in both.
func started(t *testing.T, old *Env, noted time.Time, passed time.Duration, lists *Lists) *Env {
	t.Helper()
	env := &Env{Memory: NewMemory(), Policies: &Policies{}, Lists: lists}
	for _, n := range old.Notes(noted) {
		text, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		var read Note
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		env.Recall(read, noted.Add(passed))
	}
	return env
}

// TestNotes: what is written down is known again as long as it counts, and at a clock that was set back.
func TestNotes(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	auth, relay := question{"auth", "smtp.example.org:587"}, question{"relay", "smtp.example.org:587"}
	password := targets.NewSecret("correct horse")
	login := basis{open: digestOfTexts("monitor"), secret: digestOfTexts(password.Value()), mark: password.Mark()}
	asked := basis{open: digestOfTexts("outside@example.net")}
	put := attempt{"smtp.example.org:587", netip.MustParseAddr("192.0.2.1"), "a@example.net", "b@example.org"}

	old := &Env{Memory: NewMemory(), Policies: &Policies{}}
	part := Part{Key: "login", Hold: HoldReplies, Evidence: []string{"S: 535"}, Unknown: errors.New("no")}
	part.Emit(smtpReplyCode, 535, "192.0.2.1", "auth")
	part.Emit(smtpStageDuration, math.NaN(), "192.0.2.1", "auth")
	part.Emit(dnsblListed, 1, "192.0.2.1", "x")
	part.Find("auth_failed", catalog.SeverityWarning, same("535"), catalog.Values{catalog.ValueUser: "monitor", catalog.ValueRecord: strings.Repeat("x", 2*notedOctets)})
	refused := []Finding{{
		Problem: "auth_failed", Severity: catalog.SeverityWarning, Receiving: catalog.SeverityInfo, Evidence: same("535"), Transient: true,
		Values: catalog.Values{catalog.ValueUser: "monitor"},
	}}
	part.Findings[0].Receiving, part.Findings[0].Transient = catalog.SeverityInfo, true
	part.Find("no_such_problem", "", catalog.Text{})
	old.Memory.keep(auth, answer{login, now, part})
	old.Memory.keep(relay, answer{asked, now, Part{Key: "relay"}})
	old.Memory.putOff(put, deferral{at: now, told: true})
	r := &Round{Env: old, Target: &targets.Target{Name: "example.org"}, Time: now.Add(-time.Hour)}
	r.watchRecord(recordMX, "example.org", []string{"10 a"}, nil)
	r.Time = now
	r.watchRecord(recordMX, "example.org", []string{"10 b"}, nil)
	old.Policies.differs("example.org", "1", [32]byte{1}, 14*24*time.Hour, now)

	for _, c := range []struct {
		passed                                  time.Duration
		relay, deferral, record, change, policy bool
	}{
		{0, true, true, true, true, true},
		{23 * time.Hour, true, true, true, true, true},
		{25 * time.Hour, false, true, true, true, true},
		{49 * time.Hour, false, false, true, true, true},
		{8 * 24 * time.Hour, false, false, false, false, true},
		{15 * 24 * time.Hour, false, false, false, false, false},
		{-30 * 24 * time.Hour, true, true, true, false, true},
	} {
		at := now.Add(c.passed)
		env := started(t, old, now, c.passed, nil)
		a, ok := env.Memory.answer(auth, login)
		if !ok || a.at.After(at) {
			t.Fatalf("after %v: the login is not known to be refused: %v", c.passed, a.at)
		}
		if p := a.part; len(p.Samples) != 1 || p.Samples[0].Metric != smtpReplyCode || p.Samples[0].Value != 535 || len(p.Findings) != 1 ||
			!reflect.DeepEqual(p.Findings, refused) || p.Unknown == nil || p.Evidence[0] != "S: 535" {
			t.Errorf("after %v: the part is %+v", c.passed, p)
		}
		if _, ok := env.Memory.answer(relay, asked); ok != c.relay {
			t.Errorf("after %v: the relay test is known: %v", c.passed, ok)
		}
		if d, ok := env.Memory.deferral(put, at); ok != c.deferral || ok && !d.told {
			t.Errorf("after %v: the deferral is known: %v", c.passed, ok)
		}
		s := env.Memory.sighting(watched{"example.org", recordMX, "example.org"})
		if (s.digest != [32]byte{}) != c.record || s.changed.IsZero() == c.change || s.at.After(at) || c.change && s.before != `"10 a"` {
			t.Errorf("after %v: the record is known: %+v", c.passed, s)
		}
		if got := env.Policies.differs("example.org", "1", [32]byte{2}, time.Hour, at); got != c.policy {
			t.Errorf("after %v: the policy is known: %v", c.passed, got)
		}
	}
}

// TestRefusedLoginAfterRestart: it stands until something changes, and the disk has nothing by which the password is found.
func TestRefusedLoginAfterRestart(t *testing.T) {
	const name = "smtp.example.org:587"
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	on := func(user, password string) basis {
		s := targets.NewSecret(password)
		return basis{open: digestOfTexts(user), secret: digestOfTexts(s.Value()), mark: s.Mark()}
	}
	old := &Env{Memory: NewMemory()}
	old.Memory.keep(question{"auth", name}, answer{on("monitor", "correct horse"), now, Part{}})
	env := started(t, old, now, time.Hour, nil)
	for _, c := range []struct {
		user, password string
		want           bool
	}{{"monitor", "correct horse", true}, {"probe", "correct horse", false}, {"monitor", "battery staple", false}, {"monitor", "", false}} {
		if _, ok := env.Memory.answer(question{"auth", name}, on(c.user, c.password)); ok != c.want {
			t.Errorf("%s with %q was refused: %v", c.user, c.password, ok)
		}
	}
	text, err := json.Marshal(old.Notes(now))
	if err != nil {
		t.Fatal(err)
	}
	secret := digestOfTexts("correct horse")
	for _, found := range []string{"correct horse", hex.EncodeToString(secret[:4]), base64.StdEncoding.EncodeToString(secret[:3])} {
		if strings.Contains(string(text), found) {
			t.Errorf("%q is on the disk", found)
		}
	}
}

// TestListNotes: a list is not tested again before its time, and its budget is not new, unless another list is meant.
func TestListNotes(t *testing.T) {
	now := time.Now()
	made := func(change func(*list)) *Lists {
		bl := &catalog.Blocklist{ID: "one", Zone: "one.example", KeyedZone: "{key}.one.example"}
		l := &list{List: targets.List{Blocklist: bl, Key: targets.NewSecret("k3y")}, zone: "k3y.one.example", budget: rate.NewLimiter(rate.Every(time.Hour), 10)}
		if change != nil {
			change(l)
		}
		return &Lists{lists: []*list{l}}
	}
	for name, c := range map[string]struct {
		was, is func(*list)
		passed  time.Duration
		state   string
		tokens  float64
	}{
		"good":            {is: nil, state: listOK, tokens: 3},
		"later":           {passed: 2 * time.Hour, state: listOK, tokens: 5},
		"much later":      {passed: 200 * time.Hour, state: listOK, tokens: 10},
		"clock set back":  {passed: -2 * time.Hour, state: listOK, tokens: 3},
		"sick":            {was: func(l *list) { l.health = health{listDead, sickBecause(errors.New("silent")), now, now} }, state: listDead, tokens: 3},
		"another zone":    {is: func(l *list) { l.zone, l.Key = "two.example", targets.Secret{} }, tokens: 10},
		"through another": {is: func(l *list) { l.Resolver = "192.0.2.53:53" }, tokens: 3},
		"a smaller one":   {is: func(l *list) { l.budget = rate.NewLimiter(rate.Every(time.Hour), 5) }, state: listOK, tokens: 0},
		"no budget":       {is: func(l *list) { l.budget = rate.NewLimiter(rate.Inf, 0) }, state: listOK, tokens: 0},
		"not tested":      {was: func(l *list) { l.health = health{} }, tokens: 3},
	} {
		lists := made(c.was)
		l := lists.lists[0]
		if c.was == nil {
			l.health = health{state: listOK, since: now, good: now}
		}
		l.budget.AllowN(now, 7)
		old := &Env{Lists: lists}
		text, err := json.Marshal(old.Notes(now))
		if err != nil || strings.Contains(string(text), "k3y") {
			t.Errorf("%s: %s, %v", name, text, err)
		}
		got := started(t, old, now, c.passed, made(c.is)).Lists.lists[0]
		if tokens := got.budget.TokensAt(now.Add(c.passed)); got.health.state != c.state || math.Abs(tokens-c.tokens) > 0.01 && got.budget.Limit() != rate.Inf {
			t.Errorf("%s: state %q and %v questions, want %q and %v", name, got.health.state, tokens, c.state, c.tokens)
		}
		if got.health.since.After(now.Add(c.passed)) || c.state == listDead && got.health.why.Error() != l.health.why.Error() {
			t.Errorf("%s: %+v", name, got.health)
		}
	}
}

// TestNoteEvidence: evidence is cut, whatever a peer said.
func TestNoteEvidence(t *testing.T) {
	got := NoteEvidence(slices.Repeat([]string{strings.Repeat("ü\xff", 2000)}, 100))
	if len(got) != notedLines+1 || got[notedLines] != "-- 60 lines more" || len(got[0]) > notedOctets+3 || strings.ContainsRune(got[0], '\xff') {
		t.Errorf("%d lines, the first of %d octets", len(got), len(got[0]))
	}
}
