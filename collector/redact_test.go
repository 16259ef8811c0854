package collector

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// repetitions are texts in which a server could repeat a secret.
func repetitions(secret string) map[string]string {
	out := map[string]string{
		"as it is":   "250 " + secret + " ok",
		"upper case": "220 " + strings.ToUpper(secret),
		"in words":   strings.Join(strings.Split(secret, ""), " "),
		"split":      secret[:4] + "\r\n" + secret[4:],
		"with marks": strings.Join(strings.Split(secret, ""), "-"),
		"hex":        hex.EncodeToString([]byte(secret)),
		"hex, upper": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"hex, dots":  fmt.Sprintf("% x", secret),
		"quoted":     fmt.Sprintf("%q", secret),
		"url":        url.QueryEscape(secret),
		"cut short":  "xx" + secret + "yy",
	}
	var percent, escapes, qp strings.Builder
	for _, b := range []byte(secret) {
		fmt.Fprintf(&percent, "%%%02x", b)
		fmt.Fprintf(&escapes, `\x%02x`, b)
		fmt.Fprintf(&qp, "=%02X", b)
	}
	out["every byte in percent"], out["every byte escaped"], out["quoted-printable"] = percent.String(), escapes.String(), qp.String()
	for i := range 6 {
		text := strings.Repeat("~", i) + secret + strings.Repeat("~", i%4)
		out[fmt.Sprint("base64 ", i)] = "334 " + base64.StdEncoding.EncodeToString([]byte(text))
		out[fmt.Sprint("base64 for URLs ", i)] = base64.RawURLEncoding.EncodeToString([]byte(text))
	}
	return out
}

// TestRedactor finds a secret in every form, and nothing where there is none.
func TestRedactor(t *testing.T) {
	for _, secret := range []string{"hunter2-Battery", "correct horse staple", "пароль-для-почты", `p%41ss\w"ord=x`, "0123456789"} {
		r := newRedactor([]string{"another-secret", secret}, nil)
		for how, text := range repetitions(secret) {
			if how == "split" && secret[0] >= 0x80 {
				continue // In the middle of a letter.
			}
			if !r.repeats(text) {
				t.Errorf("%q, %s: %q is not seen", secret, how, text)
			}
		}
		for _, text := range []string{"", "220 mx.example.org ESMTP", "550 5.1.1 user unknown", strings.Repeat("a", 5000), secret[:len(secret)/2], base64.StdEncoding.EncodeToString([]byte("no secret at all is in here"))} {
			if r.repeats(text) {
				t.Errorf("%q is seen in %.80q", secret, text)
			}
		}
	}
	earlier := newRedactor([]string{"first-password"}, nil)
	if r := newRedactor([]string{"second-password"}, earlier); !r.repeats("first-password") || !r.repeats("second-password") {
		t.Error("the password before a change, or that after it, is not seen")
	}
	if r := newRedactor(nil, nil); r != nil || r.repeats("anything") {
		t.Error("without secrets there is something to find")
	}
	if r := newRedactor([]string{"abc"}, nil); r.repeats("abc abc abcdefgh") {
		t.Error("a secret of three letters takes every text away")
	}
}

// TestSecretInEvidence: what a server repeats of a secret, in whichever session, is neither shown nor kept.
func TestSecretInEvidence(t *testing.T) {
	const secret = "hunter2-Battery"
	for how, text := range repetitions(secret) {
		j := &journal{}
		cfg := config(server("mx.example.org:587", "smtp", time.Hour))
		cfg.Targets[0].Server.Credentials = &targets.Credentials{Username: "monitor", Password: targets.NewSecret(secret)}
		smtp := j.fake("smtp", func(_ context.Context, r *checks.Round) error {
			p := r.Part("192.0.2.1", checks.HoldReplies)
			p.EmitBool(fakeUp, true, "192.0.2.1")
			p.Evidence = append([]string{"S: 220 mx.example.org"}, strings.Split(text, "\r\n")...)
			p.Find("smtp_slow", "critical", catalog.Text{EN: text, RU: "Сервер: " + text}, catalog.Values{catalog.ValueHost: text})
			p.Name = text
			r.Part("192.0.2.2", checks.HoldReplies).Unknown = errors.New("it said " + text)
			return nil
		})
		failing := j.fake("mx", func(context.Context, *checks.Round) error { return errors.New("it said " + text) })
		var log strings.Builder
		c := keeping(t, t.TempDir(), &log, cfg, smtp, failing)
		st := stateOf(c, "mx.example.org:587")
		c.round(t.Context(), st, st.plans, time.Now())
		c.saveLast(time.Now())
		seen := newRedactor([]string{secret}, nil)
		for where, shown := range map[string]string{
			"the dialogue": c.Target("mx.example.org:587").Dialogue(), "the snapshot": fmt.Sprintf("%+v", c.Target("mx.example.org:587").Problems), "the file": unpacked(t, c), "the log": log.String(),
		} {
			for line := range strings.Lines(shown) {
				if seen.repeats(line) {
					t.Errorf("%s: %s holds %s", how, where, line)
				}
			}
		}
		if got := c.Target("mx.example.org:587").Dialogue(); !strings.Contains(got, withheld) || !strings.Contains(got, "smtp_slow") {
			t.Errorf("%s: the dialogue is %s", how, got)
		}
	}
}

// TestEvidenceBound: peers that say much do not fill memory, neither by one target nor by many.
func TestEvidenceBound(t *testing.T) {
	const parts = 32
	j := &journal{}
	smtp := j.fake("smtp", func(_ context.Context, r *checks.Round) error {
		for i := range parts {
			p := r.Part(fmt.Sprint("192.0.2.", i), checks.HoldReplies)
			p.Evidence = []string{"short", strings.Repeat("я", 32<<10), "more", "and more"}
			p.Find("smtp_slow", "critical", catalog.Text{EN: strings.Repeat("x", 64<<10), RU: strings.Repeat("я", 64<<10)})
		}
		return nil
	})
	c := collectorOf(t, config(server("a.example.org:25", "smtp", time.Hour), server("b.example.org:25", "smtp", time.Hour)), smtp)
	round := func(name string) *Snapshot {
		st := stateOf(c, name)
		c.round(t.Context(), st, st.plans, time.Now())
		return c.Target(name)
	}
	s := round("a.example.org:25")
	if n := c.evidence.Load(); n > 4*maxRunEvidence || n < maxRunEvidence {
		t.Errorf("%d bytes are kept", n)
	}
	got := s.Checks[0].Parts[0].Evidence
	if len(got) != 3 || got[0] != "short" || !strings.HasSuffix(got[1], " bytes more)") || got[2] != "(2 more lines are left out)" || strings.Contains(got[1], "\ufffd") {
		t.Errorf("the evidence is %.200q", got)
	}
	one := c.evidence.Load()
	c.evidence.Add(maxAllEvidence)
	round("b.example.org:25")
	if n := c.evidence.Load() - maxAllEvidence - one; n > 4*parts*leastEvidence || n <= 0 {
		t.Errorf("above the bound of all %d bytes more are kept", n)
	}
	c.evidence.Add(-maxAllEvidence)
	if err := c.Apply(config(server("b.example.org:25", "smtp", time.Hour))); err != nil {
		t.Fatal(err)
	}
	if n := c.evidence.Load(); n >= one {
		t.Errorf("%d bytes are counted after one of two targets went", n)
	}
}
